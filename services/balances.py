"""What a user has: spendable, held and, as a separate figure, on its way."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.prepared import Prepared, Rows


class Funds(NamedTuple):
    """One asset of one person, in the smallest unit; `on_its_way_minor` is evidence from a chain, not a balance."""

    asset_id: str
    decimals: int
    posted_minor: int
    held_minor: int
    on_its_way_minor: int

    @property
    def available_minor(self) -> int:
        """What may be spent."""
        return self.posted_minor - self.held_minor


def question(user: str) -> str:
    """What `read` reads: a SELECT of the balances of the user whom this SQL expression names."""
    return f"""
    SELECT a.asset_id, a.decimals, coalesce(l.posted, 0) AS posted, coalesce(l.held, 0) AS held,
        coalesce(d.total, 0) AS coming
    FROM assets a
    LEFT JOIN ledger_accounts l ON l.owner_id = {user} AND l.code = 'user' AND l.asset_id = a.asset_id
    LEFT JOIN (
        SELECT asset_id, sum(amount_minor) AS total FROM deposits
        WHERE user_id = {user} AND state IN ('seen', 'confirming') GROUP BY asset_id
    ) d ON d.asset_id = a.asset_id
    """  # noqa: S608 - an expression of ours


# One statement, because it is asked more often than anything else.
_OF_USER = Prepared("balances_of_user", "uuid", question("$1"))
_ACCOUNT = text(
    "SELECT id FROM ledger_accounts WHERE owner_id = :user_id AND code = 'user' AND asset_id = :asset_id AND shard = 0"
)


def of_user(session: Session, user_id: UUID) -> Sequence[Funds]:
    """Every asset of this house with what the user has of it, zeros included."""
    return read(_OF_USER.rows(session, user_id))


def read(rows: Rows) -> Sequence[Funds]:
    """The answer to `question`, by asset."""
    return [
        Funds(asset_id, decimals, int(posted), int(held), int(coming))
        for asset_id, decimals, posted, held, coming in sorted(rows)
    ]


def account_of(session: Session, user_id: UUID, asset_id: str) -> int | None:
    """The user's ledger account in an asset, or None while they never had any of it: reading opens no account."""
    found: int | None = session.execute(_ACCOUNT, {"user_id": user_id, "asset_id": asset_id}).scalar()
    return found
