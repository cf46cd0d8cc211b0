"""Run one step of work in a process of its own, which may be killed at a crash point."""

import multiprocessing
import os
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import configure_mappers

from cli.recover_account import book_account
from domain.crash import CRASH_AT
from services import addresses, conversions, deposits, idempotency, losses, payouts, withdrawals
from services.idempotency import Answer
from services.withdrawals import terms, together
from tasks import flows, mail, webhooks
from tasks.addresses import refill_chain
from tasks.app import app
from tasks.backfilling import backfill_chain, reread_chain
from tasks.chains import watch_chain
from tasks.conversions import settle_due
from tasks.couriers import Couriers
from tasks.notifications_in import process_provider
from tasks.outbox import relay_promises
from tasks.payouts import bump_chain, send_chain
from tasks.providers import collect_provider
from tasks.reports import follow_provider
from tasks.screening import screen_chain
from tasks.sweeps import sweep_chain
from tasks.verifications import check_batch
from tasks.watch_wallets import derive_chain, scan_chain
from tasks.withdrawals import pay_chain, pay_provider
from tests.rail import BY, COIN, POOL
from wiring import accepting
from wiring.container import Container, build_container
from wiring.environ import to_environ
from wiring.mailing import mailer_of
from wiring.settings import read_settings

PATIENCE_S: Final = 60.0
REQUESTED_MINOR: Final = COIN // 10

# A fork server with everything imported: a fresh interpreter would take seconds for every step.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([__name__])


def die_at(container: Container, step: str, crash_at: str, *arguments: str) -> int | None:
    """Run one step in another process with this container's settings; returns its exit code (-9: killed)."""
    environ = {**to_environ(container.settings), CRASH_AT: crash_at}
    process = _processes.Process(target=_run, args=(environ, step, arguments))
    process.start()
    process.join(PATIENCE_S)
    assert process.exitcode is not None, "the step did not end"
    return process.exitcode


def keep_a_small_pool() -> None:
    """Keep address pools small in this process, because making addresses is slow."""
    addresses.POOL_TARGET, addresses.POOL_LOW = 2 * POOL, POOL + 1


def _run(environ: dict[str, str], step: str, arguments: tuple[str, ...]) -> None:
    os.environ.update(environ)
    settings = read_settings(environ)
    app.conf.broker_url = environ["REDIS_URL"]
    container = build_container(settings)
    if step in _OF_CHAIN:
        [chain] = container.chains.values()
        _OF_CHAIN[step](container, chain, BY)
    elif step in _OF_PROVIDER:
        [provider] = container.providers.values()
        _OF_PROVIDER[step](container, provider, BY)
    else:
        _OF_HOUSE[step](container, *arguments)


def _refill(container: Container) -> None:
    [chain] = container.chains.values()
    keep_a_small_pool()
    refill_chain(container, chain)


def _request(container: Container, user_id: str, asset_id: str, destination: str) -> None:
    with container.transaction() as session:
        withdrawals.request(
            session,
            user_id=UUID(user_id),
            asset_id=asset_id,
            amount_minor=REQUESTED_MINOR,
            destination=destination,
            now=container.now(),
            by=BY,
        )


def _accept(container: Container, user_id: str, asset_id: str, destination: str) -> None:
    """Request a withdrawal as the API does, with the Idempotency-Key "once"."""
    asked = idempotency.asked(UUID(user_id), "once", {"destination": destination})
    with container.reading() as session:
        known = terms.read(session, user_id=asked.user_id, asset_id=asset_id)
    withdrawal = together.usual(
        known,
        user_id=asked.user_id,
        amount_minor=REQUESTED_MINOR,
        destination=destination,
        beneficiary_name=None,
        now=container.now(),
    )
    assert withdrawal is not None
    answer = Answer(201, {"id": str(withdrawal.id)})
    accepting.accept(container, known, withdrawal, asked=asked, answer=answer, by=BY)


def _convert(container: Container, user_id: str, quote_id: str) -> None:
    with container.transaction() as session:
        conversions.request(session, UUID(quote_id), user_id=UUID(user_id), now=container.now(), by=BY)


def _decide(container: Container, deposit_id: str, decider_id: str, destination: str) -> None:
    """Release a deposit that is set aside; with a destination, pay it back."""
    facts: dict[str, Any] = {"decider_id": UUID(decider_id), "reason": "seen", "now": container.now(), "by": BY}
    with container.transaction() as session:
        if destination:
            deposits.give_back(session, UUID(deposit_id), destination=destination, **facts)
        else:
            deposits.release(session, UUID(deposit_id), **facts)


def _agree(container: Container, loss_id: str) -> None:
    with container.transaction() as session:
        losses.agree(session, UUID(loss_id), now=container.now(), by=BY)


def _bear(container: Container, payout_id: str) -> None:
    with container.transaction() as session:
        payouts.book_as_lost(session, UUID(payout_id), now=container.now(), by=BY)


def _write_letters(container: Container) -> None:
    mailer = mailer_of(container.settings)
    assert mailer is not None
    mail.send_due(container, mailer)


def _deliver(container: Container) -> None:
    couriers = Couriers("test", count=1)
    webhooks.send_due(container, couriers)
    couriers.await_all()


_OF_CHAIN: Final[Mapping[str, Callable[..., object]]] = {
    "watch": watch_chain,
    "pay": pay_chain,
    "send": send_chain,
    "bump": bump_chain,
    "recover_account": lambda container, chain, _: book_account(container, chain),
    "sweep": sweep_chain,
    "backfill": backfill_chain,
    "reread": reread_chain,
    "screen": screen_chain,
    "derive": derive_chain,
    "scan": lambda container, chain, _: scan_chain(container, chain),
}
_OF_PROVIDER: Final[Mapping[str, Callable[..., object]]] = {
    "collect": collect_provider,
    "ask": pay_provider,
    "follow": follow_provider,
    "process": lambda container, provider, by: process_provider(container, provider.rail.chain, by),
}
_OF_HOUSE: Final[Mapping[str, Callable[..., object]]] = {
    "refill": _refill,
    "relay": relay_promises,
    "request": _request,
    "accept": _accept,
    "decide": _decide,
    "agree": _agree,
    "bear": _bear,
    "convert": _convert,
    "carry out": lambda container: settle_due(container, BY),
    "verify": lambda container: check_batch(container, BY),
    "write letters": _write_letters,
    "deliver": _deliver,
    "archive": lambda _: flows.archive(),
}

# What a process does once is done before it forks: it is most of what a step takes.
configure_mappers()
import_module("prometheus_client")
