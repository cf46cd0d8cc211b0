"""A payment that was completed and came back: told at once, given back once, and only by an operator."""

from datetime import timedelta
from uuid import UUID

import pytest

from domain.actor import Actor
from domain.errors import StrongroomError
from domain.ids import short_id
from models.payout import Payout
from models.payout_return import PayoutReturn
from models.withdrawal import Withdrawal
from services import payouts
from tasks.notifications_in import process_provider
from tasks.reports import follow_provider
from tests.api.house import House as Offices
from tests.elsewhere.house import BY, FEE, FLOAT, NAME, House
from tests.fakes.flutterwave import FakeFlutterwave
from tests.pages.reader import Reader, words
from tests.services.threads import at_once

AMOUNT = 1_500_050
RETURNED = "completed_payout_returned"
PAID = (FLOAT - AMOUNT - FEE, 0)


@pytest.fixture
def paid(house: House, fake: FakeFlutterwave) -> UUID:
    """A payment that its provider has made."""
    house.withdraw(amount_minor=AMOUNT)
    house.pay()
    fake.decides("SUCCESSFUL")
    house.later()
    payout: Payout = house.one(Payout)
    assert (payout.state, house.balance(), house.standing()) == ("completed", PAID, set())
    return payout.id


def book(house: House, payout_id: UUID, *, by: Actor = BY) -> str:
    """What becomes of an operator's word that the payment came back."""
    try:
        with house.container.transaction() as session:
            payouts.book_return(session, payout_id, now=house.container.now(), by=by)
    except StrongroomError as refusal:
        return refusal.code
    return "booked"


@pytest.mark.causes("completed_payout_returned")
@pytest.mark.parametrize("status", ["FAILED", "REVERSED"])
def test_a_returned_payment_is_reported_and_refunded_once(
    house: House, fake: FakeFlutterwave, paid: UUID, status: str
) -> None:
    assert book(house, paid) == "not_returned"
    fake.sends_back("ACCOUNT CLOSED", status)
    for _ in range(3):
        assert house.post(*fake.webhook(event="transfer.reversed")) == 200
    at_once(*[lambda: process_provider(house.container, NAME, BY)] * 2)
    assert house.one(PayoutReturn).reason == "ACCOUNT CLOSED"
    assert (house.balance(), house.standing()) == (PAID, {RETURNED})
    assert sorted(at_once(*[lambda: book(house, paid)] * 3)) == ["already_booked", "already_booked", "booked"]
    assert (house.balance(), house.one(Payout).fee_minor) == ((FLOAT, 0), 0)
    assert house.post(*fake.webhook(event="transfer.reversed")) == 200
    house.later(timedelta(days=2))
    assert (house.balance(), house.standing(), house.one(Withdrawal).state) == ((FLOAT, 0), set(), "completed")


def test_nobody_gives_back_to_themselves_what_came_back(house: House, fake: FakeFlutterwave, paid: UUID) -> None:
    fake.sends_back("ACCOUNT CLOSED", "FAILED")
    house.later(timedelta(hours=2))
    owner = Actor("operator:owner", user_id=house.one(Withdrawal).user_id)
    assert (book(house, paid, by=owner), book(house, paid)) == ("self_approval", "booked")


def test_polling_finds_what_no_notification_reported(house: House, fake: FakeFlutterwave, paid: UUID) -> None:
    kept = dict(fake.transfers)
    fake.transfers.clear()
    house.later(timedelta(hours=2))
    assert house.standing() == set()
    fake.transfers.update(kept)
    fake.server.breaks.append(("GET /v3/transfers", 500))
    fake.sends_back()
    asked = len(fake.server.requests)
    house.later()
    assert len(fake.server.requests) == asked
    house.later(timedelta(hours=5))
    house.later()
    assert house.standing() == {RETURNED}
    assert book(house, paid) == "booked"


def test_a_provider_may_take_its_word_back_and_is_told_of_when_that_comes_too_late(
    house: House, fake: FakeFlutterwave, paid: UUID
) -> None:
    def says(status: str) -> set[str]:
        [told] = fake.transfers.values()
        told["status"] = status
        with house.container.transaction() as session:
            payouts.hurry(session, NAME, provider_ids={str(told["id"])}, references=set(), now=house.container.now())
        follow_provider(house.container, house.provider, BY)
        with house.container.reading() as session:
            return house.alerts(session)

    assert says("FAILED") == {RETURNED}
    assert says("PENDING") == {RETURNED}
    assert says("SUCCESSFUL") == set()
    assert (book(house, paid), house.balance()) == ("not_returned", PAID)
    assert says("FAILED") == {RETURNED}
    assert book(house, paid) == "booked"
    assert says("SUCCESSFUL") == {RETURNED}
    assert (book(house, paid), house.balance()) == ("already_booked", (FLOAT, 0))
    assert says("FAILED") == set()


def test_an_operator_sees_it_on_its_page_and_books_it_there(house: House, fake: FakeFlutterwave, paid: UUID) -> None:
    fake.sends_back("ACCOUNT CLOSED")
    house.later(timedelta(hours=2))
    withdrawal: Withdrawal = house.one(Withdrawal)
    offices = Offices(house.container)
    operator = Reader(offices, offices.person(role="approver"))
    page = f"/flows/{short_id(withdrawal.flow_id)}"
    told = operator.text(page)
    assert "its provider says that it came back" in told
    assert "ACCOUNT CLOSED" in told
    assert "completed payout returned" in told
    path = f"/operator/withdrawals/{withdrawal.id}/resolve"
    form = {"action": "book_return", "from_flow": "1"}
    assert operator.post(path, **form).status_code == 409
    assert operator.post(path, **form, typed=short_id(withdrawal.flow_id)).status_code == 303
    again = operator.post(path, **form, typed=short_id(withdrawal.flow_id))
    assert (again.status_code, "The ledger already has this transaction" in words(again)) == (409, True)
    assert house.balance() == (FLOAT, 0)
    assert "Book the return" not in operator.text(page)
