"""A ledger for one test: some assets, and short forms for accounts and postings that commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from domain.ids import new_id
from domain.ledger import Leg, Outcome, Transaction, Transfer
from services.ledger import accounts, post
from services.ledger.seals import seal
from tests.waiting import eventually

START = datetime(2030, 1, 1, tzinfo=UTC)
ASSETS = ("GOLD", "TIN")
_numbers = count()


def open_assets(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO assets "
                "(asset_id, chain, symbol, name, decimals, minimum_deposit_minor, confirmation_tiers) "
                "SELECT a, 'none', a, a, 2, 1, '[]' FROM unnest(CAST(:names AS text[])) AS a ON CONFLICT DO NOTHING"
            ),
            {"names": list(ASSETS)},
        )


def transaction(*legs: Leg, key: str | None = None, at: datetime = START, reverses: int | None = None) -> Transaction:
    named = f"test:{next(_numbers)}:{new_id()}" if key is None else key
    return Transaction(named, "test", legs, at, reverses=reverses)


@dataclass(frozen=True)
class Books:
    engine: Engine

    def user(self, asset: str = "GOLD", funds: int = 0) -> int:
        with Session(self.engine) as session, session.begin():
            account = accounts.user_account(session, new_id(), asset)
            if funds:
                post(session, [transaction(Transfer(self.hot(asset), account, funds))])
        return account

    def hot(self, asset: str = "GOLD", code: str = "hot_wallet") -> int:
        with Session(self.engine) as session, session.begin():
            return accounts.system_account(session, code, asset)

    def split(self, account: int, shards: int) -> None:
        with Session(self.engine) as session, session.begin():
            accounts.split(session, account, shards=shards)

    def post(self, transactions: Sequence[Transaction]) -> list[Outcome]:
        with Session(self.engine) as session, session.begin():
            return post(session, transactions)

    def one(self, *legs: Leg, key: str | None = None, at: datetime = START) -> Outcome:
        return self.post([transaction(*legs, key=key, at=at)])[0]

    def balance(self, account: int) -> tuple[int, int]:
        with Session(self.engine) as session:
            return accounts.account_balance(session, account)

    def seal_once(self) -> int:
        with Session(self.engine) as session, session.begin():
            return seal(session)

    def sealed(self) -> dict[str, int]:
        return self._counts("SELECT subject, sum(row_count) FROM ledger_seals GROUP BY subject")

    def seal(self) -> None:
        """Seal everything. Open transactions of other tests on the server may delay it."""
        written = self._counts(
            "SELECT 'accounts', count(*) FROM ledger_accounts UNION ALL "
            "SELECT 'transactions', count(*) FROM ledger_transactions UNION ALL "
            "SELECT 'transfers', count(*) FROM ledger_transfers"
        )
        eventually(lambda: (self.seal_once(), self.sealed() == written)[1], what="everything to be sealed")

    def _counts(self, query: str) -> dict[str, int]:
        with self.engine.connect() as connection:
            return {subject: int(count) for subject, count in connection.exec_driver_sql(query) if count}


def later(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.fixture
def books(own_engine: Engine) -> Books:
    open_assets(own_engine)
    return Books(own_engine)
