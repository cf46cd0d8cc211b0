"""A withdrawal to a bank or a phone: the same states, one reference for ever, finished by the provider's word."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from domain.actor import Actor
from domain.addresses import InvalidAddress
from domain.ids import new_id
from domain.ledger import Transaction, Transfer
from domain.providers import PROVIDERS
from models.asset import WithdrawalPolicy
from models.payout import Payout, PayoutTransaction
from models.user import User
from models.webhook import ReceivedNotification
from models.withdrawal import Withdrawal
from services import addresses, alerts, assets, invariants, ledger, withdrawals
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
    """A float at the provider, and somebody whom the house owes all of it."""

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

    def withdraw(self, destination: str = "bank:044:0690000031", amount_minor: int = 1_500_050) -> UUID:
        with self.container.transaction() as session:
            made = withdrawals.request(
                session, user_id=self.user_id, asset_id=ASSET, amount_minor=amount_minor, destination=destination,
                now=self.container.now(), by=BY,
            )  # fmt: skip
        return made.id

    def pay(self) -> None:
        pay_provider(self.container, self.provider, BY)

    def later(self) -> None:
        clock = self.container.clock
        self.container = replace(self.container, clock=lambda: clock() + timedelta(minutes=11))
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
            return {alert.alert_code for alert in alerts.standing(session)}


@pytest.fixture
def fake() -> Iterator[FakeFlutterwave]:
    made = FakeFlutterwave()
    yield made
    made.stop()


@pytest.fixture
def house(settings: Settings, fake: FakeFlutterwave) -> Iterator[House]:
    made = House(settings, fake)
    yield made
    made.close()


def test_a_bank_is_paid_once_and_the_fee_is_booked(house: House, fake: FakeFlutterwave) -> None:
    house.withdraw()
    assert fake.transfers == {}
    house.pay()
    [told] = fake.transfers.values()
    assert (told["bank_code"], told["account_number"], told["amount"]) == ("044", "0690000031", 15000.5)
    assert told["reference"] == house.one(PayoutTransaction).txid
    house.later()
    assert house.one(Payout).state == "broadcast"
    fake.decides("SUCCESSFUL")
    house.later()
    assert (house.one(Payout).state, house.one(Payout).fee_minor) == ("completed", 1_075)
    assert house.one(Withdrawal).state == "completed"
    assert house.balance() == (FLOAT - 1_500_050 - FEE, 0)
    assert house.standing() == set()


def test_nothing_is_asked_before_somebody_approved(house: House, fake: FakeFlutterwave) -> None:
    with house.container.transaction() as session:
        session.execute(update(WithdrawalPolicy).values(auto_limit_minor=0))
    withdrawal_id = house.withdraw("mobile:MTN:+233 24 123 4567")
    house.later()
    assert fake.server.requests == []
    approver = new_id()
    with house.container.transaction() as session:
        session.add(User(id=approver, public_key="03" + approver.hex * 2, created_at=house.container.now()))
        session.flush()
        withdrawals.approve(session, withdrawal_id, approver_id=approver, now=house.container.now(), by=BY)
    house.pay()
    [told] = fake.transfers.values()
    assert (told["bank_code"], told["account_number"]) == ("MTN", "233241234567")


def test_a_transfer_that_failed_gives_the_funds_back(house: House, fake: FakeFlutterwave) -> None:
    house.withdraw()
    house.pay()
    fake.decides("FAILED", "DISBURSE FAILED: Invalid account")
    house.later()
    assert (house.one(Payout).state, house.one(Payout).reason) == ("failed", "DISBURSE FAILED: Invalid account")
    assert house.balance() == (FLOAT, 0)
    assert house.standing() == set()


def test_nobody_is_promised_an_address_where_nothing_comes_in(house: House) -> None:
    with pytest.raises(addresses.NothingComesIn), house.container.transaction() as session:
        addresses.issue(session, user_id=house.user_id, asset_id=ASSET, now=house.container.now(), by=BY)


def test_a_refused_account_gives_the_funds_back(house: House, fake: FakeFlutterwave) -> None:
    fake.refuses = "account_number must be numeric"
    house.withdraw()
    house.pay()
    assert (house.one(Payout).state, house.one(Payout).void_because) == ("failed", "refused")
    assert house.balance() == (FLOAT, 0)


@pytest.mark.parametrize("fault", ["lost", "500"])
def test_what_may_have_been_accepted_is_looked_up_by_its_reference(
    house: House, fake: FakeFlutterwave, fault: str
) -> None:
    if fault == "lost":
        fake.server.swallows.append("POST /v3/transfers")
    else:
        fake.server.breaks.append(("POST /v3/transfers", 500))
    house.withdraw()
    house.pay()
    assert house.one(Payout).state == "uncertain"
    house.later()
    fake.decides("SUCCESSFUL")
    house.later()
    assert house.one(Payout).state == "completed"
    assert len(fake.transfers) == 1
    assert house.standing() == set()


def test_a_reference_that_is_known_already_is_our_own_payment(house: House, fake: FakeFlutterwave) -> None:
    house.withdraw()
    house.pay()
    answer = house.provider.broadcast(house.one(PayoutTransaction).raw_tx)
    assert answer.outcome == "already_known"
    assert len(fake.transfers) == 1


def test_its_webhook_hurries_and_decides_nothing(house: House, fake: FakeFlutterwave) -> None:
    house.withdraw()
    house.pay()
    headers, body = fake.webhook()
    lie = body.replace(b'"NEW"', b'"SUCCESSFUL" ')
    assert house.post(headers, lie) == 200
    process_provider(house.container, NAME, BY)
    assert house.one(Payout).state == "broadcast"
    fake.decides("SUCCESSFUL")
    headers, body = fake.webhook()
    assert [house.post(headers, body) for _ in range(3)] == [200, 200, 200]
    process_provider(house.container, NAME, BY)
    assert house.one(Payout).state == "completed"


def test_a_webhook_without_the_secret_is_refused_and_the_secret_is_not_kept(
    house: House, fake: FakeFlutterwave
) -> None:
    house.withdraw()
    house.pay()
    assert house.post(*fake.webhook(secret="guessed")) == 401
    assert house.post({}, fake.webhook()[1]) == 401
    assert house.post(*fake.webhook()) == 200
    assert SECRET not in str(house.one(ReceivedNotification).headers)


@pytest.mark.parametrize(
    "typed", ["", "0690000031", "bank:044", "bank::0690000031", "bank:044:12", "mobile:MTN:abc", "card:1:12345", 7]
)
def test_what_is_no_account_is_refused(typed: object) -> None:
    with pytest.raises(InvalidAddress):
        PROVIDERS["flutterwave"].parse_destination(typed)
