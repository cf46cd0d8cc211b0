"""An installation with a float at the fake Flutterwave, over real PostgreSQL and real HTTP."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.ids import new_id
from domain.ledger import Transaction, Transfer
from domain.providers import PROVIDERS
from models.asset import WithdrawalPolicy
from models.user import User
from services import alerts, assets, invariants, ledger, withdrawals
from tasks.buffers import compare_provider
from tasks.notifications_in import process_provider
from tasks.reports import follow_provider
from tasks.withdrawals import pay_provider
from tests.application import application_of
from tests.fakes.flutterwave import KEY, SECRET, FakeFlutterwave
from wiring.container import build_container
from wiring.secret import Secret
from wiring.settings import ProviderSettings, Settings

BY = Actor("test")
NAME, ASSET = "flutterwave-test", "tNGN.flutterwave-test"
NAIRA = 100
FLOAT, FEE = 1_000_000 * NAIRA, 50 * NAIRA


class House:
    """A float at the provider, and a user whose balance is all of it."""

    def __init__(self, settings: Settings, fake: FakeFlutterwave) -> None:
        self.fake = fake
        configured = ProviderSettings(NAME, fake.url, Secret(KEY), Secret(SECRET))
        self.container = build_container(replace(settings, providers=(configured,)))
        self.provider = self.container.providers[NAME]
        self.client = application_of(self.container).test_client()
        self.user_id = new_id()
        with self.container.transaction() as session:
            assets.ensure_rail(session, PROVIDERS[NAME])
            session.add(User(id=self.user_id, public_key="02" + self.user_id.hex * 2, created_at=self.container.now()))
            session.flush()
            session.execute(update(WithdrawalPolicy).values(fee_minor=FEE, auto_limit_minor=FLOAT, minimum_minor=NAIRA))
            hot = ledger.system_account(session, "hot_wallet", ASSET)
            mine = ledger.user_account(session, self.user_id, ASSET)
            funding = Transaction(
                key="float", kind="deposit_credit", legs=(Transfer(hot, mine, FLOAT),), flow_id=None,
                effective_at=self.container.now(),
            )  # fmt: skip
            [outcome] = ledger.post(session, [funding])
            assert outcome.refused is None
        fake.balances["NGN"] += FLOAT // NAIRA

    def close(self) -> None:
        self.provider.close()
        self.container.engine.dispose()

    def withdraw(
        self, destination: str = "bank:044:0690000031", amount_minor: int = 1_500_050, name: object = None
    ) -> UUID:
        with self.container.transaction() as session:
            made = withdrawals.request(
                session, user_id=self.user_id, asset_id=ASSET, amount_minor=amount_minor, destination=destination,
                now=self.container.now(), by=BY, beneficiary_name=name,
            )  # fmt: skip
        return made.id

    def pay(self) -> None:
        pay_provider(self.container, self.provider, BY)

    def later(self, by: timedelta = timedelta(minutes=11)) -> None:
        clock = self.container.clock
        self.container = replace(self.container, clock=lambda: clock() + by)
        process_provider(self.container, NAME, BY)
        self.pay()
        follow_provider(self.container, self.provider, BY)

    def post(self, headers: dict[str, str], body: bytes) -> int:
        return self.client.post(f"/webhooks/{NAME}", data=body, headers=headers).status_code

    def one(self, model: type[Any]) -> Any:
        with self.container.reading() as session:
            return session.scalars(select(model)).one()

    def balance(self) -> tuple[int, int]:
        with self.container.reading() as session:
            [mine] = [row for row in ledger.balances(session, self.user_id) if row.asset_id == ASSET]
        return mine.available_minor, mine.held_minor

    def standing(self) -> set[str]:
        assert compare_provider(self.container, self.provider) == "ok"
        with self.container.reading() as session:
            assert invariants.check(session) == []
            return self.alerts(session)

    def alerts(self, session: Session) -> set[str]:
        return {alert.alert_code for alert in alerts.standing(session)}
