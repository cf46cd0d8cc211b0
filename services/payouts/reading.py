"""Read payouts, and move one together with the withdrawals that it carries."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CompoundSelect, and_, func, literal_column, or_, select, union_all
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.chain_facts import OutPoint
from domain.errors import StrongroomError
from domain.flows import WITHDRAWAL, move
from models.chain import ChainCursor
from models.payout import Payout, PayoutInput, PayoutTransaction
from models.withdrawal import Withdrawal
from services import flows
from services.finality import UNDONE_MAX
from services.payouts.sweeping import follow
from services.withdrawals.deciding import SelfApproval

CLOSED = ("completed", "failed")
# As an index of payouts has it, which holds no more than these.
_MAY_BE_NEXT = and_(
    Payout.block_height.is_(None), or_(Payout.state != literal_column("'failed'"), Payout.conflict_height.is_(None))
)


class PayoutNotFound(StrongroomError):
    """There is no such payout."""

    code: ClassVar[str] = "payout_not_found"


def one(session: Session, payout_id: UUID) -> Payout:
    """A payout, locked until the transaction ends and read afresh. Raises PayoutNotFound."""
    payout = session.get(Payout, payout_id, with_for_update=True, populate_existing=True)
    if payout is None:
        raise PayoutNotFound
    return payout


def locked(session: Session, payout_ids: Collection[UUID]) -> Sequence[Payout]:
    """These payouts, locked in the order of their ids."""
    if not payout_ids:
        return []
    return session.scalars(select(Payout).where(Payout.id.in_(payout_ids)).order_by(Payout.id).with_for_update()).all()


def forms_of(session: Session, payout_id: UUID) -> Sequence[PayoutTransaction]:
    """Every signed form of a payout, oldest first."""
    return session.scalars(
        select(PayoutTransaction).where(PayoutTransaction.payout_id == payout_id).order_by(PayoutTransaction.form)
    ).all()


def withdrawals_of(session: Session, payout_id: UUID) -> Sequence[Withdrawal]:
    """The withdrawals that a payout carries, locked."""
    return session.scalars(
        select(Withdrawal).where(Withdrawal.payout_id == payout_id).order_by(Withdrawal.id).with_for_update()
    ).all()


def first_asked_at(payout: Payout) -> datetime:
    """When a provider may have heard of this payment first; one that was stored before that was kept, when it was."""
    return payout.asked_at or payout.created_at


def refuse_own(carried: Sequence[Withdrawal], by: Actor) -> None:
    """Nobody gives funds back to themselves. Raises SelfApproval."""
    if by.user_id is not None and any(withdrawal.user_id == by.user_id for withdrawal in carried):
        raise SelfApproval


def inputs_in_flight(session: Session, chain: str) -> list[OutPoint]:
    """The inputs of every payout that may still confirm, or again: no other payment may spend them."""
    on_chain = Payout.chain == chain
    fell_out = (on_chain, _MAY_BE_NEXT, Payout.state == "completed", Payout.conflict_height.is_(None))
    wanted = union_all(
        select(Payout.id).where(on_chain, Payout.state.not_in(CLOSED)), select(Payout.id).where(*fell_out)
    )
    rows = session.execute(select(PayoutInput.txid, PayoutInput.vout).where(PayoutInput.payout_id.in_(wanted)))
    return [OutPoint(txid, vout) for txid, vout in rows]


def senders(session: Session, chain: str) -> frozenset[str]:
    """On a chain of accounts: our accounts with payments that are in no block yet, or no longer."""
    query = select(PayoutInput.txid).where(PayoutInput.payout_id.in_(awaited(session, chain)))
    return frozenset(session.scalars(query.distinct()))


def committed(session: Session, chain: str) -> Mapping[str, int]:
    """On a chain of accounts: what the hot wallet's stored payments outside blocks take at most, by asset.

    A node's balance does not include payments that it was not offered, and not every node includes pending ones.
    """
    rows = session.execute(
        select(
            Payout.asset_id,
            Payout.fee_asset_id,
            func.max(func.coalesce(PayoutTransaction.amount_minor, 0)),
            func.max(PayoutTransaction.fee_minor),
        )
        .join(PayoutTransaction, PayoutTransaction.payout_id == Payout.id)
        .where(Payout.chain == chain, _MAY_BE_NEXT, Payout.state != "failed", Payout.purpose != "sweep")
        .group_by(Payout.id)
    )
    taken: dict[str, int] = defaultdict(int)
    for asset_id, fee_asset_id, amount_minor, fee_minor in rows:
        taken[asset_id] += int(amount_minor)
        taken[fee_asset_id] += int(fee_minor)
    return taken


def awaited(session: Session, chain: str) -> CompoundSelect[UUID]:
    """The payouts of a chain that the next block may contain.

    Of the failed ones, which grow, only those few whose proof a reorganisation has undone, or still could.
    """
    height = session.scalar(select(ChainCursor.height).where(ChainCursor.chain == chain)) or 0
    may_come_back = (Payout.state == "failed", Payout.conflict_height > height - UNDONE_MAX)
    return union_all(
        select(Payout.id).where(Payout.chain == chain, _MAY_BE_NEXT),
        select(Payout.id).where(Payout.chain == chain, Payout.block_height.is_(None), *may_come_back),
    )


def advance(
    session: Session, payout: Payout, state: str, detail: Mapping[str, Any], *, now: datetime, by: Actor
) -> Sequence[Withdrawal]:
    """Move a payout and all its withdrawals along the table, recording each flow. Raises WrongState."""
    carried = withdrawals_of(session, payout.id)
    move(WITHDRAWAL, payout.state, state)
    flows.record_many(
        session,
        [flows.Step(withdrawal.flow_id, WITHDRAWAL, withdrawal.state, state, detail) for withdrawal in carried],
        now=now,
        by=by,
    )
    for withdrawal in carried:
        withdrawal.state, withdrawal.state_changed_at = state, now
        withdrawal.closed_at = now if WITHDRAWAL.closed(state) else None
    payout.state, payout.state_changed_at = state, now
    session.flush()
    follow(session, payout, detail, now=now, by=by)
    return carried
