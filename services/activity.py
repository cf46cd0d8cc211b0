"""What a user's money did lately: their flows with the row behind each, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from models.chain import ChainCursor, DepositAddress
from models.conversion import Conversion, ConversionQuote
from models.deposit import Deposit
from models.flow import Flow, ReceivedTransfer
from models.verification import PaymentVerification
from models.withdrawal import Withdrawal
from services import flows

# States of a deposit whose money is not the user's yet, and of a withdrawal whose money is held.
ON_ITS_WAY = ("seen", "confirming")
SET_BACK = ("reorged", "quarantined")
HELD = ("requested", "pending_approval", "approved", "signed", "broadcast", "confirming", "uncertain")
OPEN_MAX = 100


@dataclass(frozen=True, slots=True)
class Movement:
    """One flow as its owner sees it; `received` where another user of this house sent it to them."""

    flow: Flow
    deposit: Deposit | None = None
    withdrawal: Withdrawal | None = None
    quote: ConversionQuote | None = None
    claim: PaymentVerification | None = None
    received: bool = False


def newest(session: Session, user_id: UUID, *, before: UUID | None, limit: int) -> list[Movement]:
    """A page of a user's movements of money, sent and received, newest first, older than the flow `before`."""
    own = list(session.scalars(flows.newest(user_id=user_id, before=before, limit=limit)))
    received = list(session.scalars(_received(user_id, before, limit)))
    page = sorted([*own, *received], key=lambda flow: flow.group_id, reverse=True)[:limit]
    ids = [flow.group_id for flow in page]
    deposits = {row.flow_id: row for row in session.scalars(select(Deposit).where(Deposit.flow_id.in_(ids)))}
    withdrawals = {row.flow_id: row for row in session.scalars(select(Withdrawal).where(Withdrawal.flow_id.in_(ids)))}
    quotes = _quotes(session, [flow.group_id for flow in page if flow.kind == "conversion"])
    claims = _claims(session, [flow.group_id for flow in page if flow.kind == "verification"])
    return [
        Movement(
            flow,
            deposits.get(flow.group_id),
            withdrawals.get(flow.group_id),
            quotes.get(flow.group_id),
            claims.get(flow.group_id),
            received=flow.user_id != user_id,
        )
        for flow in page
    ]


def _quotes(session: Session, flow_ids: Sequence[UUID]) -> dict[UUID, ConversionQuote]:
    """The quotes of conversions, by flow."""
    if not flow_ids:
        return {}
    query = select(Conversion.flow_id, ConversionQuote).join(ConversionQuote, ConversionQuote.id == Conversion.quote_id)
    return dict(session.execute(query.where(Conversion.flow_id.in_(flow_ids))).all())


def _claims(session: Session, flow_ids: Sequence[UUID]) -> dict[UUID, PaymentVerification]:
    """What somebody says they paid, by its flows."""
    if not flow_ids:
        return {}
    rows = session.scalars(select(PaymentVerification).where(PaymentVerification.flow_id.in_(flow_ids)))
    return {row.flow_id: row for row in rows}


def _received(user_id: UUID, before: UUID | None, limit: int) -> Select[Flow]:
    """Transfers that a user received: their flows belong to the sender."""
    query = select(Flow).join(ReceivedTransfer, ReceivedTransfer.flow_id == Flow.group_id)
    query = query.where(ReceivedTransfer.user_id == user_id)
    if before is not None:
        query = query.where(ReceivedTransfer.flow_id < before)
    return query.order_by(ReceivedTransfer.flow_id.desc()).limit(limit)


def coming(session: Session, user_id: UUID) -> Sequence[Deposit]:
    """What a user has been sent and does not own yet, newest first: shown, never spendable."""
    return session.scalars(
        select(Deposit)
        # Two indexes, each of few rows; as one list of states they would fit neither.
        .where(Deposit.user_id == user_id, or_(Deposit.state.in_(ON_ITS_WAY), Deposit.state.in_(SET_BACK)))
        .order_by(Deposit.id.desc())
        .limit(OPEN_MAX)
    ).all()


def held(session: Session, user_id: UUID) -> Sequence[Withdrawal]:
    """The withdrawals whose amount and fee are held, newest first."""
    return session.scalars(
        select(Withdrawal)
        .where(Withdrawal.user_id == user_id, Withdrawal.state.in_(HELD))
        .order_by(Withdrawal.id.desc())
        .limit(OPEN_MAX)
    ).all()


def sent_to(session: Session, address: DepositAddress, *, limit: int) -> Sequence[Deposit]:
    """What was sent to one address, newest first."""
    return session.scalars(
        select(Deposit).where(Deposit.address_id == address.id).order_by(Deposit.id.desc()).limit(limit)
    ).all()


def heights(session: Session) -> dict[str, int]:
    """How far each chain has been read: what confirmations are counted from."""
    return {cursor.chain: cursor.height for cursor in session.scalars(select(ChainCursor))}


def confirmations(deposit: Deposit, height: int | None) -> int:
    """How many blocks confirm a deposit, its own included; 0 while it is in none."""
    if deposit.block_height is None or height is None:
        return 0
    return max(height - deposit.block_height + 1, 1)
