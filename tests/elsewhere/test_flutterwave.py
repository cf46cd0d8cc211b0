"""A withdrawal to a bank or a phone: the same states, one reference for ever, finished by the provider's word."""

from decimal import Decimal

import pytest
from sqlalchemy import update

from domain.addresses import InvalidAddress
from domain.ids import new_id
from domain.providers import PROVIDERS
from models.asset import WithdrawalPolicy
from models.payout import Payout, PayoutTransaction
from models.user import User
from models.webhook import ReceivedNotification
from models.withdrawal import Withdrawal
from services import addresses, withdrawals
from tasks.notifications_in import process_provider
from tests.elsewhere.house import ASSET, BY, FEE, FLOAT, NAME, House
from tests.fakes.flutterwave import SECRET, FakeFlutterwave


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


def test_a_fee_with_its_tax_that_is_finer_than_the_currency_is_booked_as_the_next_whole_one(
    house: House, fake: FakeFlutterwave
) -> None:
    fake.fee = Decimal("26.875")
    house.withdraw()
    house.pay()
    fake.decides("SUCCESSFUL")
    house.later()
    assert (house.one(Payout).state, house.one(Payout).fee_minor) == ("completed", 2_688)
    assert house.standing() == set()


def test_nothing_is_asked_before_somebody_approved(house: House, fake: FakeFlutterwave) -> None:
    with house.container.transaction() as session:
        session.execute(update(WithdrawalPolicy).values(auto_limit_minor=0))
    withdrawal_id = house.withdraw("mobile:MTN:+233 24 123 4567", name="Ama  Mensah-Owusu")
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
    assert (told["full_name"], told["meta"]) == ("Ama Mensah-Owusu", None)


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


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(("status", "state"), [("SUCCESSFUL", "completed"), ("PENDING", "broadcast")])
def test_of_several_under_one_reference_the_one_that_failed_gives_nothing_back(
    house: House, fake: FakeFlutterwave, status: str, state: str, order: int
) -> None:
    house.withdraw()
    fake.server.swallows.append("POST /v3/transfers")
    house.pay()
    [(number, told)] = fake.transfers.items()
    both = [(number, {**told, "status": "FAILED"}), (number + 1, {**told, "id": number + 1, "status": status})]
    fake.transfers = dict(both[::order])
    house.later()
    assert (house.one(Payout).state, house.one(Payout).provider_id) == (state, str(number + 1))


def test_a_transfer_that_failed_and_was_made_after_all_is_told_and_a_negative_fee_is_no_answer(
    house: House, fake: FakeFlutterwave
) -> None:
    house.withdraw()
    house.pay()
    [told] = fake.transfers.values()
    told["fee"] = -1
    fake.decides("SUCCESSFUL")
    house.later()
    assert house.one(Payout).state == "uncertain"
    told["fee"], told["status"] = 10.75, "NEW"
    fake.decides("FAILED")
    house.later()
    assert (house.one(Payout).state, house.balance(), house.standing()) == ("failed", (FLOAT, 0), set())
    told["status"] = "SUCCESSFUL"
    fake.balances["NGN"] -= Decimal(str(told["amount"])) + Decimal("10.75")
    assert house.post(*fake.webhook()) == 200
    process_provider(house.container, NAME, BY)
    assert (house.balance(), house.standing()) == ((FLOAT, 0), {"failed_payout_made"})


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
