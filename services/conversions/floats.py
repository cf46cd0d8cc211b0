"""The float that the house converts with: the owner's money, set aside for each asset, and never below zero."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import StrongroomError
from domain.ids import new_id
from domain.ledger import Outcome, Transaction, Transfer
from domain.money import format_amount
from models.asset import Asset
from services import assets, audit, ledger

FLOAT = "conversion_float"


class EquityShort(StrongroomError):
    """The owner has less of this asset: the rest of the holdings belongs to users."""

    code: ClassVar[str] = "equity_short"


# Opens no account: a reader may not write.
_AVAILABLE = text(
    "SELECT sum(posted - held) FROM ledger_accounts WHERE owner_id IS NULL AND code = :float AND asset_id = :asset_id"
)
# Losses count, booked or still in suspense; what is set aside does not. What suspense holds of undecided deposits is
# owed to somebody, so it makes up for no loss.
_OWNED = text(
    """
    SELECT coalesce(sum(CASE kind WHEN 'expense' THEN -posted ELSE posted END) FILTER (WHERE kind <> 'suspense'), 0)
        + least(coalesce(sum(posted) FILTER (WHERE kind = 'suspense'), 0) - (
            SELECT coalesce(sum(d.amount_minor), 0)
            FROM deposits AS d JOIN deposit_quarantines AS q ON q.deposit_id = d.id
            WHERE d.asset_id = :asset_id AND d.is_quarantined
                AND q.held_transaction_id IS NOT NULL AND q.return_withdrawal_id IS NULL), 0)
    FROM ledger_accounts
    WHERE asset_id = :asset_id AND kind IN ('equity', 'income', 'expense', 'suspense') AND code <> :float
    """
)


def account(session: Session, asset_id: str) -> int:
    """The id of the float's account in this asset."""
    return ledger.system_account(session, FLOAT, asset_id)


def available(session: Session, asset_id: str) -> int:
    """How much of this asset the house has to convert into, in the smallest unit."""
    return int(session.scalar(_AVAILABLE, {"asset_id": asset_id, "float": FLOAT}) or 0)


def owned(session: Session, asset_id: str) -> int:
    """What is the owner's and not set aside: equity and income less expenses and losses, in the smallest unit."""
    return int(session.scalar(_OWNED, {"asset_id": asset_id, "float": FLOAT}) or 0)


def fund(
    session: Session, asset_id: str, amount_minor: int, *, now: datetime, by: Actor, key: str | None = None
) -> Outcome:
    """Set an amount of the owner's money aside to convert with; the same `key` counts once.

    Only the account in the books changes, not where the money lies. Raises UnknownAsset, EquityShort,
    IdempotencyConflict.
    """
    asset = _locked(session, asset_id)
    owner, aside = ledger.system_account(session, "owner_equity", asset_id), account(session, asset_id)
    owned_minor = owned(session, asset_id)
    outcome = _move(session, asset, Transfer(owner, aside, amount_minor), "funded", key, now=now, by=by)
    if not outcome.replayed and amount_minor > owned_minor:
        spelled = format_amount(max(owned_minor, 0), asset.decimals)
        raise EquityShort(f"{spelled} {asset.symbol} are the owner's and not set aside yet")
    return outcome


def draw(
    session: Session, asset_id: str, amount_minor: int, *, now: datetime, by: Actor, key: str | None = None
) -> Outcome:
    """Give an amount back to the owner's equity. Raises UnknownAsset, InsufficientFunds, IdempotencyConflict."""
    asset = _locked(session, asset_id)
    owner, aside = ledger.system_account(session, "owner_equity", asset_id), account(session, asset_id)
    return _move(session, asset, Transfer(aside, owner, amount_minor), "drawn", key, now=now, by=by)


def _locked(session: Session, asset_id: str) -> Asset:
    """The asset, locked, so that two concurrent fundings of its float do not both count the same money."""
    asset = assets.get(session, asset_id)
    session.refresh(asset, with_for_update={"key_share": True})
    return asset


def _move(
    session: Session, asset: Asset, leg: Transfer, what: str, key: str | None, *, now: datetime, by: Actor
) -> Outcome:
    moving = Transaction(
        f"conversion-float-{what}:{key or new_id()}", f"conversion_float_{what}", (leg,), effective_at=now
    )
    outcome = ledger.post_one(session, moving)
    if not outcome.replayed:
        detail = {
            "asset_id": asset.asset_id, "amount": format_amount(leg.amount_minor, asset.decimals),
            "transaction_id": outcome.transaction_id,
        }  # fmt: skip
        audit.record(session, f"conversion.float_{what}", by=by, now=now, detail=detail)
    return outcome
