"""Accounts: finding or opening them, and reading balances."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from domain.ledger import CHART, FLOORS, USER_CODE, USER_KIND
from models.prepared import Prepared

# What the hot read path sends; also through a bare AUTOCOMMIT connection.
BALANCES_SQL = text(
    "SELECT asset_id, posted, held FROM ledger_accounts WHERE owner_id = :owner_id AND code = 'user' ORDER BY asset_id"
)
_FIND_USER = Prepared(
    "ledger_account_of_user",
    "uuid, text, text",
    "SELECT id FROM ledger_accounts WHERE owner_id = $1 AND code = $2 AND asset_id = $3 AND shard = 0",
)
_FIND_SYSTEM = Prepared(
    "ledger_account_of_house",
    "text, text",
    "SELECT id FROM ledger_accounts WHERE owner_id IS NULL AND code = $1 AND asset_id = $2 AND shard = 0",
)
_OPEN = text("SELECT ledger_open_account(:code, :kind, :asset_id, :owner_id, :floor)")
_SPLIT = text("SELECT ledger_split_account(:account_id, :shards)")
_TOTAL = text("SELECT sum(posted), sum(held) FROM ledger_accounts WHERE id = :account_id OR shard_of = :account_id")


_TOTALS = text(
    "SELECT asset_id, kind, code, sum(posted) AS posted, sum(held) AS held FROM ledger_accounts "
    "GROUP BY asset_id, kind, code ORDER BY asset_id, kind, code"
)


@dataclass(frozen=True, slots=True)
class Total:
    """All accounts of one code in one asset together, in the smallest unit."""

    asset_id: str
    kind: str
    code: str
    posted_minor: int
    held_minor: int


@dataclass(frozen=True, slots=True)
class Balance:
    """One asset of one user, in the smallest unit. What may be spent is `available_minor`."""

    asset_id: str
    posted_minor: int
    held_minor: int

    @property
    def available_minor(self) -> int:
        """Posted less held."""
        return self.posted_minor - self.held_minor


def user_account(session: Session, user_id: UUID, asset_id: str) -> int:
    """The id of the user's account in this asset, opened if need be. It can never be overdrawn."""
    for (found,) in _FIND_USER.rows(session, user_id, USER_CODE, asset_id):
        return int(found)
    facts = {"owner_id": user_id, "code": USER_CODE, "asset_id": asset_id, "kind": USER_KIND, "floor": 0}
    return int(session.execute(_OPEN, facts).scalar_one())


def system_account(session: Session, code: str, asset_id: str) -> int:
    """The id of the house's account of this code (a key of domain.ledger.CHART), opened if need be.

    Only those of domain.ledger.FLOORS have a floor.
    """
    for (found,) in _FIND_SYSTEM.rows(session, code, asset_id):
        return int(found)
    facts = {"owner_id": None, "code": code, "asset_id": asset_id, "kind": CHART[code], "floor": FLOORS.get(code)}
    return int(session.execute(_OPEN, facts).scalar_one())


def split(session: Session, account_id: int, *, shards: int) -> None:
    """Spread a house account over so many rows, once and for good, so that what moves it need not queue."""
    session.execute(_SPLIT, {"account_id": account_id, "shards": shards})


def balances(session: Session | Connection, user_id: UUID) -> list[Balance]:
    """What the user has, one item per asset that an account was opened for."""
    rows = session.execute(BALANCES_SQL, {"owner_id": user_id})
    return [Balance(asset_id, int(posted), int(held)) for asset_id, posted, held in rows]


def account_balance(session: Session, account_id: int) -> tuple[int, int]:
    """Posted and held of one account in the smallest unit, shards included."""
    posted, held = session.execute(_TOTAL, {"account_id": account_id}).one()
    return int(posted), int(held)


def system_balance(session: Session, code: str, asset_id: str) -> int:
    """What the house's account of this code has posted, in the smallest unit, shards included."""
    return account_balance(session, system_account(session, code, asset_id))[0]


def totals(session: Session) -> list[Total]:
    """What stands under each code, per asset; all users' accounts are one line."""
    return [Total(row.asset_id, row.kind, row.code, int(row.posted), int(row.held)) for row in session.execute(_TOTALS)]
