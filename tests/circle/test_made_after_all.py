"""A payment that failed, whose funds went back, and that Circle shows all the same: told at once, and borne once."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update

from domain.actor import Actor
from domain.errors import StrongroomError
from domain.ids import short_id
from models.loss import Loss
from models.payout import Payout
from models.payout_made_after_all import PayoutMadeAfterAll
from models.withdrawal import Withdrawal
from services import losses, payouts
from tests.api.house import House as Offices
from tests.circle.house import FEE, USDC, House
from tests.circle.test_never_made import ASKED, KILLED, doubtful, never_made, operator
from tests.dying import die_at
from tests.fakes.circle import FakeCircle
from tests.pages.reader import Reader
from tests.services.threads import at_once

ALERT = "failed_payout_made"
SENT = 20 * USDC
BACK = (500 * USDC, 0)
BORNE = (500 * USDC - SENT - FEE, 0)


def given_back(house: House, circle: FakeCircle) -> tuple[UUID, str]:
    """A payment that Circle hides until two operators have said that there is none. Returns whose, and its id there."""
    user_id = doubtful(house, circle, is_made=True)
    [transfer] = circle.outgoing()
    circle.hidden.add(transfer["id"])
    assert [never_made(house, operator(house)), never_made(house, operator(house))] == ["", ""]
    house.follow()
    assert (house.payout().state, house.balance(user_id), house.standing()) == ("failed", BACK, set())
    return user_id, transfer["id"]


def says(house: House, circle: FakeCircle, transfer_id: str, status: str, *, fee: str = "") -> None:
    """Circle decides, and posts that."""
    circle.decides(transfer_id, status, fee=fee)
    assert house.post(circle.notification(transfer_id)) == 200
    house.process()


def settle(house: House, how: str, by: Actor) -> str:
    """The code of the refusal; "" where there was none."""
    act = {"recover": payouts.recover, "book_as_lost": payouts.book_as_lost, "book_return": payouts.book_return}[how]
    try:
        with house.container.transaction() as session:
            act(session, house.payout().id, now=house.container.now(), by=by)
    except StrongroomError as refusal:
        return refusal.code
    return ""


def word(house: House) -> tuple[str, str | None]:
    with house.container.reading() as session:
        row = session.scalars(select(PayoutMadeAfterAll)).one()
    return row.said, row.settled_how


def loss(house: House) -> Loss:
    with house.container.reading() as session:
        return session.scalars(select(Loss).order_by(Loss.id.desc()).limit(1)).one()


def carried(house: House) -> int:
    with house.container.reading() as session:
        return losses.carried(session, "tUSDC.circle-sandbox")


@pytest.mark.causes("failed_payout_made")
def test_what_circle_makes_after_all_is_told_at_once_and_recovered_from_its_owner_once(
    house: House, circle: FakeCircle
) -> None:
    user_id, transfer_id = given_back(house, circle)
    asked = circle.server.count(ASKED)
    says(house, circle, transfer_id, "pending")
    assert (house.standing(), word(house)) == ({ALERT}, ("pending", None))
    assert settle(house, "recover", operator(house)) == "not_made_after_all"
    says(house, circle, transfer_id, "complete", fee="0.35")
    assert (house.standing(), word(house), house.compare()) == ({ALERT}, ("completed", None), "ok")
    assert (house.withdrawal().waiting_reason, house.payout().provider_id) == ("made_after_all", transfer_id)
    assert settle(house, "recover", Actor("operator:owner", user_id=user_id)) == "self_approval"
    tried = at_once(*[lambda: settle(house, "recover", operator(house))] * 3)
    assert sorted(tried) == ["", "already_booked", "already_booked"]
    assert (house.balance(user_id), house.standing(), house.compare()) == (BORNE, set(), "ok")
    house.travel(timedelta(days=2))
    house.sweep()
    assert (house.withdrawal().waiting_reason, house.payout().fee_booked_minor) == (None, 350_000)
    assert (house.balance(user_id), house.standing(), circle.server.count(ASKED)) == (BORNE, set(), asked)


def test_polling_finds_it_where_nothing_is_posted_and_ends_after_a_month(house: House, circle: FakeCircle) -> None:
    user_id, transfer_id = given_back(house, circle)
    circle.decides(transfer_id, "complete")
    house.travel(timedelta(hours=2))
    house.sweep()
    assert (house.standing(), house.payout().provider_id) == (set(), None)
    circle.hidden.clear()
    circle.server.breaks.append(("GET /v1/transfers", 500))
    house.travel(timedelta(hours=5))
    house.follow()
    assert house.standing() == set()
    house.sweep()
    assert (house.standing(), word(house), house.balance(user_id)) == ({ALERT}, ("completed", None), BACK)
    house.travel(timedelta(days=31))
    house.sweep()
    asked = len(circle.server.requests)
    house.travel(timedelta(days=31))
    house.follow()
    assert (house.standing(), len(circle.server.requests)) == ({ALERT}, asked)


def test_the_house_bears_it_once_a_second_operator_agrees_and_its_owner_if_that_one_does_not(
    house: House, circle: FakeCircle
) -> None:
    user_id, transfer_id = given_back(house, circle)
    says(house, circle, transfer_id, "complete")
    first, second = operator(house), operator(house)
    payout_id = str(house.payout().id)
    assert die_at(house.container, "bear", "payout.bearing", payout_id) == KILLED
    assert (house.count(Loss), carried(house), house.standing()) == (0, 0, {ALERT})
    assert [settle(house, "book_as_lost", first), settle(house, "book_as_lost", first)] == ["", "already_booked"]
    assert (loss(house).state, loss(house).txid, carried(house)) == ("proposed", transfer_id, SENT)
    assert short_id(house.withdrawal().flow_id) in loss(house).reason
    assert (house.standing(), house.compare(), settle(house, "recover", second)) == (set(), "ok", "already_booked")
    with house.container.transaction() as session:
        losses.refuse(session, loss(house).id, reason="it is theirs", now=house.container.now(), by=second)
    assert settle(house, "recover", second) == ""
    assert (loss(house).state, carried(house), word(house)) == ("returned", 0, ("completed", "recovered"))
    assert (house.balance(user_id), house.standing(), house.compare()) == (BORNE, set(), "ok")


@pytest.mark.parametrize("how", ["recover", "book_as_lost", "booked"])
def test_what_comes_back_once_it_was_settled_is_told_and_undone_once(
    house: House, circle: FakeCircle, how: str
) -> None:
    user_id, transfer_id = given_back(house, circle)
    says(house, circle, transfer_id, "complete")
    first, second = operator(house), operator(house)
    assert settle(house, "recover" if how == "recover" else "book_as_lost", first) == ""
    if how == "booked":
        with house.container.transaction() as session:
            losses.agree(session, loss(house).id, now=house.container.now(), by=second)
    assert settle(house, "book_return", first) == "not_returned"
    says(house, circle, transfer_id, "failed")
    assert (house.standing(), house.compare()) == ({ALERT}, "ok")
    tried = at_once(*[lambda: settle(house, "book_return", second)] * 2)
    assert sorted(tried) == ["", "not_returned"]
    assert (house.balance(user_id), house.standing(), word(house)) == (BACK, set(), ("failed", None))
    # What was an expense already is proposed as come back, by two.
    assert (carried(house), house.compare()) == (-SENT if how == "booked" else 0, "ok")
    says(house, circle, transfer_id, "complete")
    assert house.standing() == {ALERT}


def test_a_provider_that_takes_its_word_back_ends_it_and_nothing_is_taken_that_is_not_there(
    house: House, circle: FakeCircle
) -> None:
    user_id, transfer_id = given_back(house, circle)
    says(house, circle, transfer_id, "complete")
    house.withdraw(user_id, 495 * USDC)
    with house.container.reading() as session:
        payout_id = session.scalars(select(Payout.id)).one()
    with pytest.raises(StrongroomError) as refusal, house.container.transaction() as session:
        payouts.recover(session, payout_id, now=house.container.now(), by=operator(house))
    assert refusal.value.code == "insufficient_funds"
    says(house, circle, transfer_id, "failed")
    with house.container.reading() as session:
        assert session.get_one(PayoutMadeAfterAll, payout_id).said == "failed"
    assert house.standing() == set()


def test_while_another_payment_may_be_the_one_it_is_waited_for(house: House, circle: FakeCircle) -> None:
    user_id, _ = given_back(house, circle)
    [hidden] = circle.outgoing()
    del circle.transfers[hidden["id"]]
    circle.balance_minor += SENT
    # The same again, whose answer is lost: Circle shows one payment, and two of ours have no name.
    circle.clock = house.container.now() - timedelta(hours=2)
    house.withdraw(user_id)
    circle.server.swallows.append(ASKED)
    house.pay()
    circle.server.breaks += [("POST", 500)] * 2
    [transfer] = circle.outgoing()
    assert house.post(circle.notification(transfer["id"])) == 200
    house.process()
    assert (house.standing(), house.count(PayoutMadeAfterAll)) == ({"withdrawal_uncertain"}, 0)
    circle.server.breaks.clear()
    house.sweep()
    assert (house.standing(), house.count(PayoutMadeAfterAll)) == (set(), 0)
    with house.container.reading() as session:
        assert sorted(session.scalars(select(Withdrawal.state))) == ["broadcast", "failed"]
        assert set(session.scalars(select(Payout.provider_id))) == {None, transfer["id"]}


def test_an_operator_sees_it_on_its_page_and_settles_it_there_and_the_owner_reads_what_happened(
    house: House, circle: FakeCircle
) -> None:
    user_id, transfer_id = given_back(house, circle)
    says(house, circle, transfer_id, "complete")
    offices = Offices(house.container)
    person = offices.person(role="approver")
    withdrawal = house.withdrawal()
    page = f"/flows/{short_id(withdrawal.flow_id)}"
    path = f"/operator/withdrawals/{withdrawal.id}/resolve"
    reader = Reader(offices, person)
    told = reader.text(page)
    assert "its provider says that it was made all the same" in told
    assert "failed payout made" in told
    assert "Recover it from its owner" in told
    assert "Stands failed, and made after all" in told
    shown = person.get(f"/operator/withdrawals/{withdrawal.id}").get_json()
    assert (shown["waiting_reason"], shown["made_after_all"]["said"]) == ("made_after_all", "completed")
    form = {"action": "recover", "from_flow": "1"}
    assert reader.post(path, **form).status_code == 409
    assert reader.post(path, **form, typed=short_id(withdrawal.flow_id)).status_code == 303
    told = reader.text(page)
    assert "What it takes was taken since." in told
    assert "Recover it from its owner" not in told
    assert house.balance(user_id) == BORNE
    again = person.post(path, {"action": "book_as_lost"})
    assert (again.status_code, again.get_json()["error"]) == (409, "already_booked")


def test_what_was_refused_and_completes_later_is_told_too(house: House, circle: FakeCircle) -> None:
    user_id = house.funded()
    house.withdraw(user_id)
    house.pay()
    [transfer] = circle.outgoing()
    circle.decides(transfer["id"], "failed", error="transfer_failed")
    house.sweep()
    assert (house.payout().void_because, house.balance(user_id), house.standing()) == ("refused", BACK, set())
    circle.balance_minor -= SENT
    says(house, circle, transfer["id"], "complete")
    assert (house.standing(), word(house), house.compare()) == ({ALERT}, ("completed", None), "ok")


def test_one_that_failed_before_it_was_looked_for_is_found_as_soon_as_it_is_named(
    house: House, circle: FakeCircle
) -> None:
    _, transfer_id = given_back(house, circle)
    with house.container.transaction() as session:
        session.execute(update(Payout).values(due_at=house.container.now() + timedelta(days=3)))
    says(house, circle, transfer_id, "complete")
    assert (house.standing(), house.payout().provider_id) == ({ALERT}, transfer_id)
