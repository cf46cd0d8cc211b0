"""Users with sessions and money, made in bulk."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import insert

from auth import sessions
from domain.ids import new_id
from domain.ledger import Transaction, Transfer
from models.user import User, UserKey
from services import ledger
from wiring.container import Container


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody signed in."""

    user_id: UUID
    public_key: str
    token: str


def settle(container: Container, count: int, *, asset_id: str, amount_minor: int) -> list[Person]:
    """So many signed-in users, each owning this much of the asset by an ordinary transfer in the ledger."""
    now = datetime.now(UTC)
    people = []
    with container.transaction() as session:
        rows = [{"id": (user_id := new_id()), "public_key": _key(user_id), "created_at": now} for _ in range(count)]
        session.execute(insert(User), rows)
        session.execute(
            insert(UserKey),
            [
                {"id": new_id(), "user_id": row["id"], "subject": row["public_key"], "kind": "public_key", "name": "",
                 "added_at": now}
                for row in rows
            ],
        )  # fmt: skip
        for row in rows:
            opened = sessions.begin(session, row["id"], now=now)
            people.append(Person(row["id"], row["public_key"], opened.token))
        hot = ledger.system_account(session, "hot_wallet", asset_id)
        accounts = [ledger.user_account(session, person.user_id, asset_id) for person in people]
    with container.transaction() as session:
        given = [
            Transaction(f"bench:{new_id()}", "bench", (Transfer(hot, account, amount_minor),), now)
            for account in accounts
        ]
        ledger.post(session, given)
    return people


def _key(user_id: UUID) -> str:
    """Shaped like a compressed public key; nobody signs with it."""
    return f"02{user_id.hex}{user_id.hex}"
