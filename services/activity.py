"""What one person's money did lately: their flows with the deposit or withdrawal behind each, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.chain import ChainCursor, DepositAddress
from models.deposit import Deposit
from models.flow import Flow
from models.withdrawal import Withdrawal
from services import flows

# States in which money is on its way in, or held on its way out.
COMING = ("seen", "confirming", "reorged", "quarantined")
HELD = ("requested", "pending_approval", "approved", "signed", "broadcast", "confirming", "uncertain")
OPEN_MAX = 100


@dataclass(frozen=True, slots=True)
class Movement:
    """One flow as its owner sees it; `received` where another user of this house sent it to them."""

    flow: Flow
    deposit: Deposit | None = None
    withdrawal: Withdrawal | None = None
    received: bool = False


# The recipient of an internal transfer does not own its flow; the ledger says what reached their accounts.
_RECEIVED = text(
    """
    SELECT moved.flow_id FROM ledger_accounts AS account
    CROSS JOIN LATERAL (
        SELECT transaction.flow_id FROM ledger_transfers AS transfer
        JOIN ledger_transactions AS transaction ON transaction.id = transfer.transaction_id
        WHERE transfer.credit_account_id = account.id AND transaction.kind = 'internal_transfer'
            AND (CAST(:before AS uuid) IS NULL OR transaction.flow_id < :before)
        ORDER BY transfer.credit_version DESC LIMIT :limit
    ) AS moved
    WHERE account.owner_id = :user_id AND account.code = 'user'
    """
)


def newest(session: Session, user_id: UUID, *, before: UUID | None, limit: int) -> list[Movement]:
    """A page of a user's movements of money, sent and received, newest first, older than the flow `before`."""
    own = list(session.scalars(flows.newest(user_id=user_id, before=before, limit=limit)))
    received_ids = session.execute(_RECEIVED, {"user_id": user_id, "before": before, "limit": limit}).scalars().all()
    received = list(session.scalars(select(Flow).where(Flow.group_id.in_(received_ids)))) if received_ids else []
    page = sorted([*own, *received], key=lambda flow: flow.group_id, reverse=True)[:limit]
    ids = [flow.group_id for flow in page]
    deposits = {row.flow_id: row for row in session.scalars(select(Deposit).where(Deposit.flow_id.in_(ids)))}
    withdrawals = {row.flow_id: row for row in session.scalars(select(Withdrawal).where(Withdrawal.flow_id.in_(ids)))}
    return [
        Movement(flow, deposits.get(flow.group_id), withdrawals.get(flow.group_id), received=flow.user_id != user_id)
        for flow in page
    ]


def coming(session: Session, user_id: UUID) -> Sequence[Deposit]:
    """What a user has been sent and does not own yet, newest first: shown, never spendable."""
    return session.scalars(
        select(Deposit)
        .where(Deposit.user_id == user_id, Deposit.state.in_(COMING))
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
    """How many blocks stand on a deposit, its own included; none while it is not in a block."""
    if deposit.block_height is None or height is None:
        return 0
    return max(height - deposit.block_height + 1, 1)
