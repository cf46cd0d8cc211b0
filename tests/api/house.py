"""An installation without a chain: an application on its own database, and signed-in users with money."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from coincurve import PrivateKey
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text, update
from werkzeug.test import TestResponse

from auth import roles, sessions, users
from domain.bech32 import encode_segwit
from domain.ids import new_id
from domain.ledger import Transaction, Transfer
from domain.networks import NETWORKS
from domain.wallet_facts import NewAddress
from models.asset import WithdrawalPolicy
from models.user import User
from services import addresses, assets, ledger
from tests.application import application_of
from wiring.container import Container
from wiring.tallies import Tally

NETWORK = NETWORKS["litecoin-regtest"]
ASSET = NETWORK.asset_id
COIN = 100_000_000
DESTINATION = encode_segwit(NETWORK.hrp, 0, bytes(range(20)))


@dataclass
class Person:
    """A user with a key, a session and a client that sends requests as them."""

    house: "House"
    key: PrivateKey
    user_id: UUID
    token: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def public_key(self) -> str:
        return self.key.public_key.format().hex()

    def get(self, path: str, **options: Any) -> TestResponse:
        return self._send("GET", path, **options)

    def post(self, path: str, body: Any | None = None, *, key: str | None = None, **options: Any) -> TestResponse:
        headers = {"Idempotency-Key": key} if key is not None else {}
        if body is not None:
            options["json"] = body
        return self._send("POST", path, headers={**headers, **options.pop("headers", {})}, **options)

    def delete(self, path: str, **options: Any) -> TestResponse:
        return self._send("DELETE", path, **options)

    def _send(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}", **self.headers, **options.pop("headers", {})}
        path = path if path.startswith("/api") else f"/api/v1{path}"
        return self.house.visitor().open(path, method=method, headers=headers, **options)

    def balance(self) -> dict[str, str]:
        [item] = [item for item in self.get("/balances").get_json()["items"] if item["asset"] == ASSET]
        return {name: amount for name, amount in item.items() if name != "asset"}

    def withdraw(self, amount: str = "1.5", *, key: str | None = None) -> TestResponse:
        body = {"asset": ASSET, "amount": amount, "destination": DESTINATION}
        return self.post("/withdrawals", body, key=key or str(new_id()))


@dataclass
class House:
    """The application and its container; with a tally, requests are counted."""

    container: Container
    tally: Tally[datetime] | None = None

    @cached_property
    def app(self) -> Flask:
        with self.container.transaction() as session:
            assets.ensure_rail(session, NETWORK)
        return application_of(self.container, self.tally)

    def visitor(self, *, use_cookies: bool = False) -> FlaskClient:
        return self.app.test_client(use_cookies=use_cookies)

    def person(self, *, role: str | None = None, funds_minor: int = 0) -> Person:
        key = PrivateKey()
        now = self.container.now()
        with self.container.transaction() as session:
            known = users.of_subject(session, key.public_key.format().hex(), now=now)
            if role is not None:
                roles.grant(session, known.user_id, role, by="test", now=now)
            opened = sessions.begin(session, known.user_id, now=now)
        person = Person(self, key, known.user_id, opened.token)
        _ = self.app
        if funds_minor:
            self.fund(person.user_id, funds_minor)
        return person

    def fund(self, user_id: UUID, amount_minor: int) -> None:
        with self.container.transaction() as session:
            legs = Transfer(
                debit_account=ledger.system_account(session, "hot_wallet", ASSET),
                credit_account=ledger.user_account(session, user_id, ASSET),
                amount_minor=amount_minor,
            )
            transaction = Transaction(
                key=f"test:{new_id()}", kind="deposit_credit", legs=(legs,), effective_at=self.container.now()
            )
            ledger.post_one(session, transaction)

    def fill_pool(self, count: int) -> None:
        fresh = [NewAddress(f"address-{new_id()}", new_id().bytes) for _ in range(count)]
        with self.container.transaction() as session:
            addresses.add_to_pool(session, NETWORK.chain, fresh, now=self.container.now())

    def policy(self, **values: Any) -> None:
        """Change the withdrawal policy of the one asset. Raises for an unknown name."""
        with self.container.transaction() as session:
            assets.ensure_rail(session, NETWORK)
            session.execute(
                update(WithdrawalPolicy).where(WithdrawalPolicy.asset_id == ASSET).values(**values),
                execution_options={"synchronize_session": False},
            )

    def fingerprint(self) -> dict[str, int]:
        """The number of rows in every table that money touches: unchanged by a request that changed nothing."""
        tables = (
            "ledger_transactions",
            "ledger_transfers",
            "withdrawals",
            "flows",
            "flow_events",
            "outbox",
            "withdrawal_approvals",
            "withdrawal_days",
        )
        counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in tables)
        with self.container.reading() as session:
            return dict(zip(tables, session.execute(text(f"SELECT {counts}")).one(), strict=True))

    def user_count(self) -> int:
        with self.container.reading() as session:
            return session.query(User).count()
