"""An installation with the fake Circle as its provider, over real PostgreSQL and real HTTP."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from adapters.circle.notifications import CircleNotifications
from adapters.provider_http import ProviderEndpoint
from domain.actor import Actor
from domain.ids import new_id
from domain.providers import PROVIDERS, Custodian
from models.asset import WithdrawalPolicy
from models.deposit import Deposit
from models.payout import Payout
from models.user import User
from models.withdrawal import Withdrawal
from services import addresses, alerts, assets, invariants, ledger, withdrawals
from tasks.addresses import refill_provider
from tasks.buffers import compare_provider
from tasks.notifications_in import process_provider
from tasks.providers import collect_provider
from tasks.reports import follow_provider
from tasks.withdrawals import pay_provider
from tests.application import application_of
from tests.fakes.circle import KEY, SECRET, WALLET, Delivery, FakeCircle
from wiring.container import Container, build_container
from wiring.secret import Secret
from wiring.settings import ProviderSettings, Settings

BY = Actor("test")
NAME = "circle-sandbox"
ASSET = "tUSDC.circle-sandbox"
USDC = 10**6
FEE = 100_000
OUTSIDE = "ETH:0x2222222222222222222222222222222222222222"
LATER = timedelta(minutes=11)


def with_circle(settings: Settings, circle: FakeCircle, **own: str) -> Settings:
    configured = ProviderSettings(
        chain=NAME,
        url=circle.url,
        api_key=Secret(KEY),
        webhook_secret=Secret(SECRET),
        poll_interval_s=0.05,
        own={name: Secret(value) for name, value in {"WALLET_ID": WALLET, **own}.items()},
    )
    return replace(settings, providers=(configured,))


class House:
    """A container, and the work that beat schedules."""

    def __init__(self, settings: Settings, circle: FakeCircle, **own: str) -> None:
        self.circle = circle
        rail = PROVIDERS[NAME]
        assert isinstance(rail, Custodian)
        container = build_container(with_circle(settings, circle, **own))
        endpoint = ProviderEndpoint(circle.url, KEY)
        self.reader = CircleNotifications(endpoint, rail, secret=SECRET, fetch=circle.amazon)
        self.container: Container = replace(container, readers={NAME: self.reader})
        self.provider = self.container.providers[NAME]
        self.client: FlaskClient = application_of(self.container).test_client()
        with self.container.transaction() as session:
            assets.ensure_rail(session, rail)
            session.execute(
                update(WithdrawalPolicy).values(fee_minor=FEE, auto_limit_minor=10_000 * USDC, minimum_minor=USDC)
            )

    def close(self) -> None:
        self.provider.close()
        self.reader.close()
        self.container.engine.dispose()

    # --------------------------------------------------------------------------------------------------- people

    def user(self) -> UUID:
        user_id = new_id()
        with self.container.transaction() as session:
            session.add(User(id=user_id, public_key="02" + user_id.hex * 2, created_at=self.container.now()))
        return user_id

    def address(self, user_id: UUID, network: str = "ETH") -> str:
        with self.container.transaction() as session:
            made = addresses.issue(
                session, user_id=user_id, asset_id=ASSET, network=network, now=self.container.now(), by=BY
            )
        return made.address

    def funded(self, amount: str = "500.00") -> UUID:
        """A user with this balance."""
        user_id = self.user()
        self.circle.arrives(self.address(user_id), amount)
        self.collect()
        return user_id

    def withdraw(self, user_id: UUID, amount_minor: int = 20 * USDC) -> UUID:
        with self.container.transaction() as session:
            made = withdrawals.request(
                session, user_id=user_id, asset_id=ASSET, amount_minor=amount_minor, destination=OUTSIDE,
                now=self.container.now(), by=BY,
            )  # fmt: skip
        return made.id

    # ----------------------------------------------------------------------------------------------------- work

    def refill(self) -> None:
        refill_provider(self.container, self.provider)

    def collect(self) -> int:
        self.travel(timedelta(seconds=1))
        return collect_provider(self.container, self.provider, BY)

    def pay(self) -> None:
        pay_provider(self.container, self.provider, BY)

    def follow(self) -> int:
        return follow_provider(self.container, self.provider, BY)

    def process(self) -> int:
        return process_provider(self.container, NAME, BY)

    def travel(self, by: timedelta = LATER) -> None:
        clock = self.container.clock
        self.container = replace(self.container, clock=lambda: clock() + by)

    def sweep(self) -> None:
        """Run all scheduled work, with every lease and back-off over."""
        self.travel()
        self.process()
        self.collect()
        self.pay()
        self.follow()

    def post(self, delivery: Delivery) -> int:
        path = f"/webhooks/{NAME}/{delivery.topic}"
        return self.client.post(path, data=delivery.body, headers=dict(delivery.headers)).status_code

    # -------------------------------------------------------------------------------------------- what is on record

    def balance(self, user_id: UUID) -> tuple[int, int]:
        with self.container.reading() as session:
            found = {balance.asset_id: balance for balance in ledger.balances(session, user_id)}
        mine = found.get(ASSET)
        return (mine.available_minor, mine.held_minor) if mine else (0, 0)

    def deposits(self) -> Mapping[str, str]:
        with self.container.reading() as session:
            return {row.txid: row.state for row in session.scalars(select(Deposit))}

    def payout(self) -> Payout:
        with self.container.reading() as session:
            return session.scalars(select(Payout)).one()

    def withdrawal(self) -> Withdrawal:
        with self.container.reading() as session:
            return session.scalars(select(Withdrawal)).one()

    def count(self, model: type[Any]) -> int:
        with self.container.reading() as session:
            return session.scalar(select(func.count()).select_from(model)) or 0

    def compare(self) -> str:
        return compare_provider(self.container, self.provider)

    def standing(self) -> set[str]:
        with self.container.reading() as session:
            assert invariants.check(session) == []
            return {alert.alert_code for alert in alerts.standing(session)}
