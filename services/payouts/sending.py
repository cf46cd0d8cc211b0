"""Offer stored payments to the network, always the same bytes, and record the answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.chain_facts import Located
from domain.crash import crash_point
from domain.wallet_facts import BroadcastAnswer
from models.asset import WithdrawalPolicy
from models.chain import ChainCursor
from models.payout import Payout, PayoutTransaction
from services import alerts, leases
from services.payouts.doubting import doubt, wait_because
from services.payouts.reading import advance, forms_of

BATCH_MAX = 20
# How long a payment that the network took is left alone before it is offered again.
OFFER_AGAIN_AFTER = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One stored payment to be offered: the newest signed form of its payout, and the ids of the earlier ones."""

    payout_id: UUID
    generation: int
    txid: str
    raw_tx: str
    earlier_txids: tuple[str, ...] = ()
    provider_id: str = ""


def claim_unconfirmed(session: Session, chain: str, *, owner: str, now: datetime) -> Sequence[Outgoing]:
    """Lease the payouts that are in no block and due to be offered: for the first time, unless paused, or again.

    A completed one whose block left the chain is offered again, too.
    """
    query = (
        select(Payout)
        .where(Payout.chain == chain, Payout.block_height.is_(None), Payout.state != "failed", may_leave())
        # Longest waiting first: repeated offers must not always come before new ones.
        .order_by(Payout.due_at.nulls_first(), Payout.id)
        .limit(BATCH_MAX)
    )
    claimed = leases.claim(session, query, Payout, owner=owner, now=now)
    forms: dict[UUID, list[PayoutTransaction]] = {payout.id: [] for payout in claimed}
    for form in session.scalars(
        select(PayoutTransaction).where(PayoutTransaction.payout_id.in_(forms)).order_by(PayoutTransaction.form)
    ):
        forms[form.payout_id].append(form)
    outgoing = []
    for payout in claimed:
        *earlier, newest = forms[payout.id]
        earlier_txids = tuple(form.txid for form in earlier)
        outgoing.append(Outgoing(payout.id, payout.lease_generation, newest.txid, newest.raw_tx, earlier_txids))
    return outgoing


def of_provider(session: Session, claimed: Sequence[Payout]) -> list[Outgoing]:
    """These payments of a provider's, each with the one form that it has there."""
    rows = session.scalars(
        select(PayoutTransaction).where(PayoutTransaction.payout_id.in_([payout.id for payout in claimed]))
    )
    forms = {form.payout_id: form for form in rows}
    return [
        Outgoing(
            payout.id,
            payout.lease_generation,
            forms[payout.id].txid,
            forms[payout.id].raw_tx,
            provider_id=payout.provider_id or "",
        )
        for payout in claimed
    ]


def record_answer(session: Session, outgoing: Outgoing, answer: BroadcastAnswer, *, now: datetime, by: Actor) -> None:
    """Record that the network took the payment, or would not take it now. Raises LeaseLost."""
    payout = _held_unless_in_a_block(session, outgoing)
    if payout is None:
        return
    if answer.outcome == "rejected":
        doubt(session, payout, code="broadcast_rejected", reason=answer.reason, now=now, by=by)
        return
    leases.settle(payout)
    payout.due_at, payout.reason = now + OFFER_AGAIN_AFTER, None
    wait_because(session, payout, None, noted=False, now=now, by=by)
    if payout.state in {"signed", "uncertain"}:
        advance(session, payout, "broadcast", {"txid": outgoing.txid, "answer": answer.outcome}, now=now, by=by)
    alerts.clear(session, "withdrawal_uncertain", scope=f"payout:{payout.id}", now=now, reason="the network has it")
    session.flush()
    crash_point("withdrawal.recording")


def record_unsent(session: Session, outgoing: Outgoing, *, code: str, now: datetime, by: Actor) -> None:
    """Record that the node could not be asked at all, so that nothing happened. Raises LeaseLost."""
    payout = _held_unless_in_a_block(session, outgoing)
    if payout is None:
        return
    leases.release(payout, due_at=now + leases.back_off(payout.attempts))
    payout.reason = code
    wait_because(session, payout, code, noted=True, now=now, by=by)


def record_uncertain(session: Session, outgoing: Outgoing, *, code: str, now: datetime, by: Actor) -> None:
    """Record that no answer came: the payment may have left, and the funds stay held. Raises LeaseLost."""
    payout = _held_unless_in_a_block(session, outgoing)
    if payout is not None:
        doubt(session, payout, code=code, reason=code, now=now, by=by)


def record_located(
    session: Session, outgoing: Outgoing, located: Located | None, *, reason: str, now: datetime, by: Actor
) -> None:
    """Record where the wallet finds a payment that the network did not take. Raises LeaseLost.

    In the mempool or a block: it was taken before. Made impossible by another transaction in a block that was read:
    kept as proof, to fail the payment once that block is deep enough. A block that was not read yet proves nothing, for
    it could be undone unseen; nor does anything else.
    """
    if located is not None and (located.in_mempool or located.confirmations > 0):
        record_answer(session, outgoing, BroadcastAnswer("already_known"), now=now, by=by)
        return
    payout = _held_unless_in_a_block(session, outgoing)
    if payout is None:
        return
    ours = {form.txid for form in forms_of(session, payout.id)}
    cursor = session.get(ChainCursor, payout.chain)
    if located is not None and located.conflicted_by not in {None, *ours} and cursor is not None:
        at = located.block_height
        if at is not None and at <= cursor.height:
            payout.conflicted_by, payout.conflict_height = located.conflicted_by, at
    if payout.conflicted_by is not None:
        reason = f"{payout.conflicted_by} spends its inputs"
        doubt(session, payout, code="conflicted", reason=reason, now=now, by=by)
        return
    doubt(session, payout, code="broadcast_rejected", reason=reason, now=now, by=by)


def may_leave(payout: type[Payout] = Payout) -> ColumnElement[bool]:
    """Whether a payout was offered before, or its asset is not paused: until it is offered it need never leave.

    One with a form that pays nobody may: that is its newest form, and the only one still offered.
    """
    is_paused = exists().where(WithdrawalPolicy.asset_id == payout.asset_id, WithdrawalPolicy.paused)
    cancelled = exists().where(PayoutTransaction.payout_id == payout.id, PayoutTransaction.is_cancellation)
    return or_(payout.state != "signed", payout.purpose != "withdrawal", ~is_paused, cancelled)


def held(session: Session, outgoing: Outgoing) -> Payout:
    """The payout, locked, while the lease under which it was claimed holds. Raises LeaseLost."""
    return leases.locked(session, select(Payout).where(Payout.id == outgoing.payout_id), outgoing.generation)


def _held_unless_in_a_block(session: Session, outgoing: Outgoing) -> Payout | None:
    """The same, unless a block decided its fate while the answer was awaited: that outweighs any answer."""
    payout = held(session, outgoing)
    if payout.block_height is None and payout.state != "failed":
        return payout
    leases.settle(payout)
    return None
