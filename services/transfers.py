"""Transfer money between two users of this house: one ledger transaction and one flow, nothing else."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import StrongroomError, ensure
from domain.flows import INTERNAL_TRANSFER
from domain.house import HOUSE_ID
from domain.ids import new_id
from domain.ledger import InsufficientFunds, Transaction, Transfer
from models.asset import Asset
from models.deferred import Deferred
from models.prepared import Prepared, Rows
from services import audit, flows, ledger, spending
from services.assets import UnknownAsset
from services.withdrawals import policy, terms


class RecipientNotFound(StrongroomError):
    """No user has this key."""

    code: ClassVar[str] = "recipient_not_found"


class SelfTransfer(StrongroomError):
    """Sender and recipient are the same user."""

    code: ClassVar[str] = "self_transfer"


RECEIVED = Deferred(
    "transfer_received", "uuid, uuid", "INSERT INTO received_transfers (user_id, flow_id) VALUES ($1, $2)"
)
"""What it moved is in the ledger; this is where its recipient finds it among all that ever reached them."""


def question(user: str) -> str:
    """What `among` reads: a SELECT of every asset, with the account in it of the user whom this expression names."""
    return f"""
    SELECT a.asset_id, a.chain, a.symbol, a.name, a.decimals,
        (SELECT id FROM ledger_accounts
         WHERE owner_id = {user} AND code = 'user' AND asset_id = a.asset_id AND shard = 0) AS account,
        (SELECT transfers_count FROM withdrawal_policies WHERE asset_id = a.asset_id) AS is_limited
    FROM assets AS a
    """  # noqa: S608 - an expression of ours


_PURSE = Prepared("transfer_purse", "uuid, text", f"{question('$1')} WHERE a.asset_id = $2")
# By any of their keys, or by the first one, which stays their name. One index look-up each: a condition with OR over
# two tables would be evaluated for every user.
_RECIPIENT = Prepared(
    "transfer_recipient",
    "text, text",
    """
    SELECT known.id, (SELECT id FROM ledger_accounts
                      WHERE owner_id = known.id AND code = 'user' AND asset_id = $2 AND shard = 0)
    FROM (SELECT id FROM users WHERE public_key = $1
          UNION ALL
          SELECT user_id FROM user_keys WHERE subject = $1 AND removed_at IS NULL) AS known (id)
    LIMIT 1
    """,
)


@dataclass(frozen=True, slots=True)
class Purse:
    """An asset (not to be changed), the sender's account in it, and whether transfers count against the daily limit."""

    asset: Asset
    account: int
    is_limited: bool


def purse(session: Session, sender_id: UUID, asset_id: str) -> Purse:
    """The account that this user pays from. Raises UnknownAsset."""
    return among(_PURSE.rows(session, sender_id, asset_id), session, sender_id=sender_id, asset_id=asset_id)


def among(rows: Rows, session: Session, *, sender_id: UUID, asset_id: str) -> Purse:
    """The purse of this asset among the answers to `question`, its account opened if need be. Raises UnknownAsset."""
    row = next((row for row in rows if row[0] == asset_id), None)
    if row is None:
        raise UnknownAsset(f"there is no asset {asset_id!r} here", fields={"asset": ["is not an asset of this house"]})
    _, chain, symbol, name, decimals, account, is_limited = row
    asset = Asset(asset_id=asset_id, chain=chain, symbol=symbol, name=name, decimals=decimals)
    return Purse(asset, account or ledger.user_account(session, sender_id, asset_id), bool(is_limited))


@dataclass(frozen=True, slots=True)
class InternalTransfer:
    """A transfer that was carried out; it has the id of its flow."""

    flow_id: UUID
    transaction_id: int
    sender_id: UUID
    recipient_id: UUID
    asset_id: str
    amount_minor: int
    at: datetime


def transfer(
    session: Session,
    *,
    sender_id: UUID,
    recipient: str,
    paid_from: Purse,
    amount_minor: int,
    note: str | None,
    now: datetime,
    by: Actor,
) -> InternalTransfer:
    """Move an amount to the user known by the key or address `recipient`.

    Raises RecipientNotFound, SelfTransfer, InsufficientFunds, SpendingLimitExceeded (for an app); where the asset's
    policy has transfers count, also KeyCooldown and DailyLimitExceeded.
    """
    asset = paid_from.asset
    recipient_id, paid_to = _recipient(session, recipient, asset.asset_id)
    if recipient_id == sender_id:
        raise SelfTransfer(fields={"to": ["is yourself"]})
    # Before the sender's account is locked: reading this may open accounts, as it does for a withdrawal.
    limits = terms.read(session, user_id=sender_id, asset_id=asset.asset_id) if paid_from.is_limited else None
    detail = {"to": str(recipient_id), "note": note}
    opening = flows.Opening(INTERNAL_TRANSFER, "completed", sender_id, asset.asset_id, amount_minor, detail)
    flow_id = flows.open_one(session, opening, now=now, by=by)
    legs = Transfer(debit_account=paid_from.account, credit_account=paid_to, amount_minor=amount_minor)
    transaction = Transaction(
        key=f"transfer:{new_id()}", kind="internal_transfer", legs=(legs,), flow_id=flow_id, effective_at=now
    )
    [outcome] = ledger.post(session, [transaction])
    if outcome.refused == "insufficient_funds":
        raise InsufficientFunds("amount: is more than is available", fields={"amount": ["is more than is available"]})
    ensure(outcome.refused is None, f"the ledger refused a transfer: {outcome.refused}")
    if limits is not None:
        policy.check_transfer(session, limits, user_id=sender_id, amount_minor=amount_minor, now=now)
    RECEIVED.later(session, recipient_id, flow_id)
    spending.count(session, asset, flow_id=flow_id, amount_minor=amount_minor, now=now, by=by)
    audit.record(session, "transfer.made", by=by, now=now, detail={"flow_id": str(flow_id)})
    return InternalTransfer(flow_id, outcome.transaction_id, sender_id, recipient_id, asset.asset_id, amount_minor, now)


def _recipient(session: Session, recipient: str, asset_id: str) -> tuple[UUID, int]:
    """The recipient, and their account in the asset, opened if need be."""
    for user_id, account in _RECIPIENT.rows(session, recipient, asset_id):
        # The house's own user can never spend anything.
        if user_id != HOUSE_ID:
            return user_id, account or ledger.user_account(session, user_id, asset_id)
    raise RecipientNotFound(fields={"to": ["is not the key of anybody here"]})
