"""Send stored payments, raise their fees, and settle them once they are final."""

from collections.abc import Callable
from functools import partial
from typing import Final
from uuid import UUID

import structlog

from domain.account_ports import cancels, has_sweep_keys
from domain.actor import Actor
from domain.chain_facts import Located
from domain.crash import crash_point
from domain.flows import WrongState
from domain.node_refusals import BumpImpossible, ChainError, ChainUncertain, NodeTimeout
from domain.ports import Chain
from domain.wallet_facts import SignedPayment
from services import chains, payouts
from services.leases import LeaseLost
from services.payouts import Outgoing, Replaceable
from tasks.app import task
from tasks.patience import Patience
from tasks.reports import follow_provider
from tasks.rounds import at, visit
from tasks.runtime import worker_name
from wiring.container import Container

log = structlog.get_logger(__name__)

BATCHES_MAX: Final = 50
"""So many batches are offered in one turn: a burst leaves at once, and nobody waits behind it for ever."""

Replace = Callable[[Replaceable], SignedPayment | None]
"""Signs the form that was asked for, unless another machine has to."""


@task("payouts.send")
def send(container: Container, by: Actor) -> int:
    """Offer every due payment of every chain to its network, and ask providers for theirs. Returns how many."""
    errands = at(container.chains, send_chain, container, by) | at(container.providers, follow_provider, container, by)
    return visit("payouts.send", errands)


@task("payouts.settle")
def settle(container: Container, by: Actor) -> int:
    """Complete every payment that is final. Returns how many."""
    with container.reading() as session:
        names = [cursor.chain for cursor in chains.every(session)]
    return sum(settle_chain(container, name, by) for name in names)


@task("payouts.bump")
def bump(container: Container, by: Actor) -> int:
    """Raise the fee of the payments that operators named, or cancel them; and what is in the way. Returns how many."""
    return visit("payouts.bump", at(container.chains, bump_chain, container, by))


@task("payouts.follow_reports")
def follow_reports(container: Container, by: Actor) -> int:
    """Ask every provider about every open payment that is due. Returns how many."""
    return visit("payouts.follow_reports", at(container.providers, follow_provider, container, by))


def send_chain(container: Container, chain: Chain, by: Actor) -> int:
    """Offer the due payments of one chain, a batch at a time while the node takes them. Returns how many."""
    offered, patience = 0, Patience()
    for _ in range(BATCHES_MAX):
        with container.transaction() as session:
            due = payouts.claim_unconfirmed(session, chain.rail.chain, owner=worker_name(), now=container.now())
        crash_point("withdrawal.sending")
        taken = sum([_offered(container, chain, outgoing, by, patience) for outgoing in due])
        offered += len(due)
        if not taken:
            break
    return offered


def settle_chain(container: Container, chain: str, by: Actor) -> int:
    """Complete the final payments of one chain, a batch at a time, and fail the impossible. Returns how many."""
    with container.transaction() as session:
        settled = payouts.fail_conflicted(session, chain, now=container.now(), by=by)
    while True:
        with container.transaction() as session:
            count = payouts.settle_due(session, chain, now=container.now(), by=by)
            if count:
                crash_point("withdrawal.settling")
        if not count:
            return settled
        settled += count
        crash_point("withdrawal.settled")


def bump_chain(container: Container, chain: Chain, by: Actor) -> int:
    """Sign and store other forms of the payments that operators named, then send them. Returns how many.

    A payment that was signed before its asset was paused, and behind whose nonce others wait, is cancelled: the pause
    is about what it carries, and not about them.
    """
    with container.reading() as session:
        named = payouts.asked_for_bump(session, chain.rail.chain)
        blocking = payouts.in_the_way(session, chain.rail.chain, now=container.now())
    replace = Patience().asking(partial(_replacement, chain))
    bumped = sum(_bump(container, replace, payout_id, by) for payout_id in (*named, *blocking))
    if bumped:
        send_chain(container, chain, by)
    return bumped


def _offered(container: Container, chain: Chain, outgoing: Outgoing, by: Actor, patience: Patience) -> bool:
    try:
        if patience.is_over:  # this one has certainly not left
            _record_unsent(container, outgoing, NodeTimeout.code, by)
            return False
        return _offer(container, chain, outgoing, by, patience)
    except LeaseLost:
        log.warning("lease_lost", payout_id=str(outgoing.payout_id))
        return False


def _record_unsent(container: Container, outgoing: Outgoing, code: str, by: Actor) -> None:
    log.warning("payment_not_sent", payout_id=str(outgoing.payout_id), code=code)
    with container.transaction() as session:
        payouts.record_unsent(session, outgoing, code=code, now=container.now(), by=by)


def _offer(container: Container, chain: Chain, outgoing: Outgoing, by: Actor, patience: Patience) -> bool:
    """Offer one payment and record what came of it; whether the node took it, or had it already."""
    try:
        answer = patience.asking(chain.broadcast)(outgoing.raw_tx)
        crash_point("withdrawal.broadcast")
        located = _locate(chain, outgoing) if answer.outcome == "rejected" else None
    except ChainUncertain as error:
        log.warning("payment_uncertain", payout_id=str(outgoing.payout_id), code=error.code)
        with container.transaction() as session:
            payouts.record_uncertain(session, outgoing, code=error.code, now=container.now(), by=by)
        return False
    except ChainError as error:
        _record_unsent(container, outgoing, error.code, by)
        return False
    with container.transaction() as session:
        if answer.outcome == "rejected":
            payouts.record_located(session, outgoing, located, reason=answer.reason, now=container.now(), by=by)
        else:
            payouts.record_answer(session, outgoing, answer, now=container.now(), by=by)
    log.info("payment_offered", txid=outgoing.txid, outcome=answer.outcome, reason=answer.reason)
    return answer.outcome != "rejected"


def _locate(chain: Chain, outgoing: Outgoing) -> Located | None:
    """Where the newest form is, or an earlier one that the network took and does not want replaced."""
    newest = chain.locate(outgoing.txid)
    if newest is not None and (newest.in_mempool or newest.confirmations > 0):
        return newest
    earlier = [chain.locate(txid) for txid in outgoing.earlier_txids]
    taken = [found for found in earlier if found is not None and (found.in_mempool or found.confirmations > 0)]
    return taken[0] if taken else newest


def _replacement(chain: Chain, replaced: Replaceable) -> SignedPayment | None:
    """The form that was asked for, signed; None where only another machine can sign it."""
    payment, most = replaced.payment, replaced.fee_max_minor
    if replaced.derivation_index is not None:
        if not has_sweep_keys(chain):
            return None
        replace = chain.cancel_sweep if replaced.to_cancel else chain.bump_sweep
        return replace(replaced.derivation_index, payment, fee_max_minor=most)
    if not replaced.to_cancel:
        return chain.bump(payment, fee_max_minor=most)
    if cancels(chain):
        return chain.cancel(payment, fee_max_minor=most)
    raise BumpImpossible(f"payments on {chain.rail.name} cannot be cancelled")


def _bump(container: Container, replace: Replace, payout_id: UUID, by: Actor) -> int:
    try:
        with container.transaction() as session:
            replaced = payouts.bumpable(session, payout_id)
        signed = replace(replaced)
        if signed is None:
            return 0
        crash_point("withdrawal.bump_built")
        with container.transaction() as session:
            payouts.record_bumped(session, payout_id, replaced, signed, now=container.now(), by=by)
    except WrongState:
        return 0
    except ChainError as error:
        with container.transaction() as session:
            payouts.record_not_bumped(session, payout_id, code=error.code, now=container.now(), by=by)
        return 0
    return 1
