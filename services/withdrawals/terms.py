"""What a request for a withdrawal depends on, read in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from models.asset import Asset, WithdrawalPolicy
from models.prepared import Prepared, Rows
from services import ledger
from services.assets import UnknownAsset

_COLUMNS_OF_POLICY = (
    "minimum_minor",
    "fee_minor",
    "network_fee_cap_minor",
    "auto_limit_minor",
    "daily_user_limit_minor",
    "daily_system_limit_minor",
    "two_approvals_above_minor",
    "key_cooldown_s",
    "allowlist_only",
    "confirmations",
    "paused",
)
_ACCOUNTS: Final = slice(5, 8)


def question(user: str) -> str:
    """What `among` reads: a SELECT of the terms, asset by asset, of the user whom this SQL expression names."""
    house = "SELECT id FROM ledger_accounts WHERE owner_id IS NULL AND asset_id = a.asset_id AND shard = 0 AND code ="
    return f"""
    SELECT a.asset_id, a.chain, a.symbol, a.name, a.decimals,
        (SELECT id FROM ledger_accounts
         WHERE owner_id = {user} AND code = 'user' AND asset_id = a.asset_id AND shard = 0) AS owner_account,
        ({house} 'hot_wallet') AS hot_wallet_account, ({house} 'withdrawal_fees') AS fees_account,
        ARRAY(SELECT added_at FROM user_keys WHERE user_id = {user}) AS keys_added_at,
        ARRAY(SELECT removed_at FROM user_keys WHERE user_id = {user} AND removed_at IS NOT NULL) AS keys_removed_at,
        {", ".join(f"p.{column}" for column in _COLUMNS_OF_POLICY)}
    FROM assets AS a JOIN withdrawal_policies AS p ON p.asset_id = a.asset_id
    """  # noqa: S608 - an expression and names of ours


_READ = Prepared("withdrawal_terms", "uuid, text", f"{question('$1')} WHERE a.asset_id = $2")


@dataclass(frozen=True, slots=True)
class Terms:
    """The asset and its policy as they stand (to be read, not changed), the accounts, and changes of the keys."""

    asset: Asset
    policy: WithdrawalPolicy
    owner_account: int
    hot_wallet_account: int
    fees_account: int
    keys_added_at: Sequence[datetime]
    keys_removed_at: Sequence[datetime]


def read(session: Session, *, user_id: UUID, asset_id: str) -> Terms:
    """What applies to this user's withdrawals of this asset. Raises UnknownAsset."""
    return among(_READ.rows(session, user_id, asset_id), session, user_id=user_id, asset_id=asset_id)


def among(rows: Rows, session: Session, *, user_id: UUID, asset_id: str) -> Terms:
    """The terms of this asset among the answers to `question`; opens accounts that are missing. Raises UnknownAsset."""
    row = _row(rows, asset_id)
    if row is None:
        raise UnknownAsset(f"there is no asset {asset_id!r} here", fields={"asset": ["is not an asset of this house"]})
    owner, hot_wallet, fees = row[_ACCOUNTS]
    return _terms(
        row,
        owner or ledger.user_account(session, user_id, asset_id),
        hot_wallet or ledger.system_account(session, "hot_wallet", asset_id),
        fees or ledger.system_account(session, "withdrawal_fees", asset_id),
    )


def standing(rows: Rows, *, asset_id: str) -> Terms | None:
    """The same where nothing is to be opened; None when there is no such asset, or an account is missing."""
    row = _row(rows, asset_id)
    return None if row is None or None in row[_ACCOUNTS] else _terms(row, *row[_ACCOUNTS])


def _row(rows: Rows, asset_id: str) -> tuple[Any, ...] | None:
    return next((row for row in rows if row[0] == asset_id), None)


def _terms(row: tuple[Any, ...], owner: int, hot_wallet: int, fees: int) -> Terms:
    asset_id, chain, symbol, name, decimals, _, _, _, added, removed, *policy = row
    return Terms(
        asset=Asset(asset_id=asset_id, chain=chain, symbol=symbol, name=name, decimals=decimals),
        policy=WithdrawalPolicy(asset_id=asset_id, **dict(zip(_COLUMNS_OF_POLICY, map(_whole, policy), strict=True))),
        owner_account=owner,
        hot_wallet_account=hot_wallet,
        fees_account=fees,
        keys_added_at=added,
        keys_removed_at=removed,
    )


def _whole(value: object) -> object:
    """Amounts as integers: NUMERIC comes from the driver as Decimal."""
    return value if value is None or isinstance(value, bool) else int(value)  # type: ignore[call-overload]
