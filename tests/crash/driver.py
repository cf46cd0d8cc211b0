"""One step of the work, in a process of its own that may be told to die on the way."""

import multiprocessing
import os
from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from domain.crash import CRASH_AT
from services import addresses, deposits, withdrawals
from tasks.addresses import refill_chain
from tasks.app import app
from tasks.backfilling import backfill_chain, reread_chain
from tasks.chains import watch_chain
from tasks.outbox import relay_promises
from tasks.payouts import bump_chain, send_chain
from tasks.screening import screen_chain
from tasks.sweeps import sweep_chain
from tasks.watch_wallets import derive_chain, scan_chain
from tasks.withdrawals import pay_chain
from tests.rail import BY, COIN, POOL, Rail
from wiring.container import Container, build_container
from wiring.environ import to_environ
from wiring.settings import read_settings

PATIENCE_S: Final = 60.0
REQUESTED_MINOR: Final = COIN // 10
_OF_CHAIN: Final[Mapping[str, Callable[..., object]]] = {
    "watch": watch_chain,
    "pay": pay_chain,
    "send": send_chain,
    "bump": bump_chain,
    "sweep": sweep_chain,
    "backfill": backfill_chain,
    "reread": reread_chain,
    "screen": screen_chain,
    "derive": derive_chain,
    "scan": lambda container, chain, _: scan_chain(container, chain),
}

# A server that has everything imported and forks: a fresh interpreter for every step would take seconds each.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([__name__])


def die_at(rail: Rail, step: str, crash_at: str, *arguments: str) -> int | None:
    """Do one step on the rail's database and node in another process; returns how that ended (-9: killed)."""
    environ = {**to_environ(rail.container.settings), CRASH_AT: crash_at}
    process = _processes.Process(target=_run, args=(environ, step, arguments))
    process.start()
    process.join(PATIENCE_S)
    assert process.exitcode is not None, "the step did not end"
    return process.exitcode


def keep_a_small_pool() -> None:
    """Have this process fill pools of addresses with few, because making them is slow."""
    addresses.POOL_TARGET, addresses.POOL_LOW = 2 * POOL, POOL + 1


def _run(environ: dict[str, str], step: str, arguments: tuple[str, ...]) -> None:
    os.environ.update(environ)
    settings = read_settings(environ)
    app.conf.broker_url = environ["REDIS_URL"]
    container = build_container(settings)
    [chain] = container.chains.values()
    if step in _OF_CHAIN:
        _OF_CHAIN[step](container, chain, BY)
    elif step == "refill":
        keep_a_small_pool()
        refill_chain(container, chain)
    elif step == "relay":
        relay_promises(container)
    elif step == "request":
        _request(container, *arguments)
    elif step == "decide":
        _decide(container, *arguments)


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


def _decide(container: Container, deposit_id: str, decider_id: str, destination: str) -> None:
    """Release a deposit that is set aside; with a destination, pay it back."""
    facts: dict[str, Any] = {"decider_id": UUID(decider_id), "reason": "seen", "now": container.now(), "by": BY}
    with container.transaction() as session:
        if destination:
            deposits.give_back(session, UUID(deposit_id), destination=destination, **facts)
        else:
            deposits.release(session, UUID(deposit_id), **facts)
