"""What a request for a withdrawal depends on, read in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from models.asset import Asset, WithdrawalPolicy
from models.prepared import Prepared
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
_READ = Prepared(
    "withdrawal_terms",
    "uuid, text",
    f"""
    SELECT a.chain, a.symbol, a.name, a.decimals,
        (SELECT id FROM ledger_accounts WHERE owner_id = $1 AND code = 'user' AND asset_id = $2 AND shard = 0),
        (SELECT id FROM ledger_accounts
         WHERE owner_id IS NULL AND code = 'hot_wallet' AND asset_id = $2 AND shard = 0),
        (SELECT id FROM ledger_accounts
         WHERE owner_id IS NULL AND code = 'withdrawal_fees' AND asset_id = $2 AND shard = 0),
        ARRAY(SELECT added_at FROM user_keys WHERE user_id = $1),
        ARRAY(SELECT removed_at FROM user_keys WHERE user_id = $1 AND removed_at IS NOT NULL),
        {", ".join(f"p.{column}" for column in _COLUMNS_OF_POLICY)}
    FROM assets AS a JOIN withdrawal_policies AS p ON p.asset_id = a.asset_id WHERE a.asset_id = $2
    """,  # noqa: S608 - only the names above
)


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
    rows = _READ.rows(session, user_id, asset_id)
    if not rows:
        raise UnknownAsset(f"there is no asset {asset_id!r} here", fields={"asset": ["is not an asset of this house"]})
    [(chain, symbol, name, decimals, owner, hot_wallet, fees, added, removed, *policy)] = rows
    return Terms(
        asset=Asset(asset_id=asset_id, chain=chain, symbol=symbol, name=name, decimals=decimals),
        policy=WithdrawalPolicy(asset_id=asset_id, **dict(zip(_COLUMNS_OF_POLICY, map(_whole, policy), strict=True))),
        owner_account=owner or ledger.user_account(session, user_id, asset_id),
        hot_wallet_account=hot_wallet or ledger.system_account(session, "hot_wallet", asset_id),
        fees_account=fees or ledger.system_account(session, "withdrawal_fees", asset_id),
        keys_added_at=added,
        keys_removed_at=removed,
    )


def _whole(value: object) -> object:
    """Amounts as integers: NUMERIC comes from the driver as Decimal."""
    return value if value is None or isinstance(value, bool) else int(value)  # type: ignore[call-overload]
