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
        made = [(user_id, f"02{user_id.hex}{user_id.hex}") for user_id in (new_id() for _ in range(count))]
        session.execute(insert(User), [{"id": who, "public_key": key, "created_at": now} for who, key in made])
        session.execute(
            insert(UserKey),
            [
                {"id": new_id(), "user_id": who, "subject": key, "kind": "public_key", "name": "", "added_at": now}
                for who, key in made
            ],
        )
        # Shaped like compressed public keys; nobody signs with them.
        people += [Person(who, key, sessions.begin(session, who, now=now).token) for who, key in made]
        hot = ledger.system_account(session, "hot_wallet", asset_id)
        accounts = [ledger.user_account(session, person.user_id, asset_id) for person in people]
    with container.transaction() as session:
        given = [
            Transaction(f"bench:{new_id()}", "bench", (Transfer(hot, account, amount_minor),), now)
            for account in accounts
        ]
        ledger.post(session, given)
    return people
