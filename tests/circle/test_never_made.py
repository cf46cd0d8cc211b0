"""A payment that Circle was asked for and knows nothing of: operators say what became of it, Circle bears them out."""

import signal
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from auth import roles
from domain.actor import Actor
from domain.errors import StrongroomError
from domain.ids import short_id
from models.payout import Payout
from models.payout_assertion import PayoutAssertion
from models.withdrawal import Withdrawal
from services import payouts
from tests.api.house import House as Offices
from tests.circle.house import BY, FEE, USDC, House
from tests.dying import die_at
from tests.fakes.circle import FakeCircle
from tests.pages.reader import Reader
from tests.services.threads import at_once

KILLED = -signal.SIGKILL
ASKED = "POST /v1/transfers"
HELD = (500 * USDC - 20 * USDC - FEE, 20 * USDC + FEE)


def operator(house: House, role: str = "approver") -> Actor:
    user_id = house.user()
    with house.container.transaction() as session:
        roles.grant(session, user_id, role, by="test", now=house.container.now())
    return Actor(f"operator:{user_id}", user_id=user_id)


def doubtful(house: House, circle: FakeCircle, *, is_made: bool) -> UUID:
    """A payment whose answer was lost, so long ago that the same request would be another. Returns whose it is."""
    user_id = house.funded()
    circle.clock = house.container.now()
    if is_made:
        circle.server.swallows.append(ASKED)
    else:
        circle.server.breaks.append((ASKED, 500))
    house.withdraw(user_id)
    house.pay()
    circle.by_key.clear()
    house.travel(timedelta(hours=3))
    house.follow()
    assert doubted(house).reason == "provider_unknown"
    return user_id


def refusal(house: House, said: Callable[..., object], by: Actor, **more: str) -> str:
    """The code of the refusal; "" where there was none."""
    payout_id = doubted(house).id
    try:
        with house.container.transaction() as session:
            said(session, payout_id, now=house.container.now(), by=by, **more)
    except StrongroomError as error:
        return error.code
    return ""


def doubted(house: House) -> Payout:
    with house.container.reading() as session:
        return session.scalars(select(Payout).where(Payout.state == "uncertain")).one()


def never_made(house: House, by: Actor) -> str:
    return refusal(house, payouts.say_never_made, by)


def it_is(house: House, provider_id: str, by: Actor = BY) -> str:
    return refusal(house, payouts.say_it_is, by, provider_id=provider_id)


def answer(house: House) -> tuple[bool | None, str | None]:
    with house.container.reading() as session:
        row = session.scalars(select(PayoutAssertion)).one()
    return row.is_upheld, row.answer


def test_what_two_operators_say_was_never_made_and_circle_does_not_show_gives_the_funds_back(
    house: House, circle: FakeCircle
) -> None:
    user_id = doubtful(house, circle, is_made=False)
    first, second = operator(house), operator(house)
    asked = circle.server.count(ASKED)
    assert never_made(house, Actor("operator:owner", user_id=user_id)) == "self_approval"
    assert [never_made(house, first), never_made(house, first)] == ["", "already_said"]
    house.sweep()
    assert (house.payout().state, house.balance(user_id)) == ("uncertain", HELD)
    answers = at_once(*[lambda by=by: never_made(house, by) for by in (second, operator(house))])
    assert sorted(answers) == ["", "already_said"]
    circle.server.breaks.append(("GET /v1/transfers", 500))
    house.follow()
    assert (house.payout().state, answer(house)) == ("uncertain", (None, None))
    house.sweep()
    assert (house.payout().state, house.payout().void_because) == ("failed", "never_made")
    assert (house.balance(user_id), house.standing(), house.compare()) == ((500 * USDC, 0), set(), "ok")
    assert (circle.server.count(ASKED), circle.outgoing()) == (asked, [])


def test_the_funds_are_back_once_whenever_the_one_who_looks_into_it_dies(house: House, circle: FakeCircle) -> None:
    user_id = doubtful(house, circle, is_made=False)
    asked = circle.server.count(ASKED)
    assert [never_made(house, operator(house)), never_made(house, operator(house))] == ["", ""]
    # The other process has no clock of ours.
    with house.container.transaction() as session:
        session.get_one(Payout, house.payout().id).due_at = None
    assert die_at(house.container, "follow", "payout.looking_into") == KILLED
    assert (house.payout().state, answer(house), house.balance(user_id)) == ("uncertain", (None, None), HELD)
    house.sweep()
    house.sweep()
    assert (house.payout().state, house.payout().void_because) == ("failed", "never_made")
    assert (house.balance(user_id), house.standing(), house.compare()) == ((500 * USDC, 0), set(), "ok")
    assert circle.server.count(ASKED) == asked


def test_whoever_may_not_decide_any_more_is_not_one_of_the_two(house: House, circle: FakeCircle) -> None:
    doubtful(house, circle, is_made=False)
    first, second = operator(house), operator(house)
    never_made(house, first)
    assert first.user_id is not None
    with house.container.transaction() as session:
        roles.revoke(session, first.user_id, "approver")
    assert never_made(house, second) == ""
    house.sweep()
    assert house.payout().state == "uncertain"
    assert never_made(house, Actor("cli")) == ""
    house.follow()
    assert house.payout().state == "failed"


def test_while_the_same_request_may_be_repeated_nobody_can_say_that_it_was_never_made(
    house: House, circle: FakeCircle
) -> None:
    user_id = house.funded()
    circle.server.breaks.append((ASKED, 500))
    house.withdraw(user_id)
    house.pay()
    house.travel(timedelta(minutes=90))
    assert never_made(house, operator(house)) == "may_still_be_made"


def test_what_was_made_after_all_is_shown_and_completes_once_it_is_named(house: House, circle: FakeCircle) -> None:
    user_id = doubtful(house, circle, is_made=True)
    [transfer] = circle.outgoing()
    for by in (operator(house), operator(house)):
        assert never_made(house, by) == ""
    house.follow()
    assert answer(house) == (False, f"the provider shows what may be this payment: {transfer['id']}")
    assert (house.payout().state, house.balance(user_id)) == ("uncertain", HELD)
    assert it_is(house, transfer["id"]) == ""
    circle.decides(transfer["id"], "complete", fee="0.35")
    house.follow()
    assert (house.payout().state, house.payout().fee_minor, answer(house)) == ("completed", 350_000, (True, None))
    house.sweep()
    assert (house.balance(user_id), house.standing(), house.compare()) == ((HELD[0], 0), set(), "ok")
    assert len(circle.outgoing()) == 1


def test_it_is_none_that_goes_elsewhere_or_is_of_another_amount_or_time_or_is_anothers(
    house: House, circle: FakeCircle
) -> None:
    settled = house.funded()
    circle.clock = house.container.now()
    house.withdraw(settled)
    house.pay()
    [others] = circle.outgoing()
    user_id = doubtful(house, circle, is_made=True)
    [made] = [told for told in circle.outgoing() if told is not others]

    def like(**changes: object) -> str:
        transfer_id = f"copy-{len(circle.transfers)}"
        circle.transfers[transfer_id] = {**made, "id": transfer_id, **changes}
        circle.made[transfer_id] = circle.made[made["id"]]
        return transfer_id

    elsewhere = {**made["destination"], "address": "0x3333333333333333333333333333333333333333"}
    wrong = [
        like(destination=elsewhere),
        like(destination={**made["destination"], "chain": "BASE"}),
        like(amount={"amount": "20.01", "currency": "USD"}),
        like(amount={"amount": "20.00", "currency": "EUR"}),
        like(source={"type": "wallet", "id": "1"}),
        like(createDate="2026-01-01T00:00:00Z"),
        others["id"],
        "nobody-has-this",
    ]
    for provider_id in wrong:
        assert it_is(house, provider_id) == ""
        house.follow()
        assert answer(house)[0] is False, provider_id
        house.travel()
    assert it_is(house, "../wallets") == "invalid_provider_id"
    assert (doubted(house).provider_id, house.balance(user_id)) == (None, HELD)
    for transfer_id in wrong[:6]:
        del circle.transfers[transfer_id]
    assert it_is(house, made["id"]) == ""
    house.follow()
    with house.container.reading() as session:
        assert set(session.scalars(select(Payout.state))) == {"broadcast"}
        assert set(session.scalars(select(Payout.provider_id))) == {others["id"], made["id"]}


def test_operators_say_it_on_its_page_and_by_the_interface(house: House, circle: FakeCircle) -> None:
    user_id = doubtful(house, circle, is_made=False)
    offices = Offices(house.container)
    first, second = offices.person(role="approver"), offices.person(role="approver")
    withdrawal: Withdrawal = house.withdrawal()
    page = f"/flows/{short_id(withdrawal.flow_id)}"
    path = f"/operator/withdrawals/{withdrawal.id}/resolve"
    reader = Reader(offices, first)
    assert "What the provider calls it" in reader.text(page)
    form = {"action": "never_made", "from_flow": "1"}
    assert reader.post(path, **form).status_code == 409
    assert reader.post(path, **form, typed=short_id(withdrawal.flow_id)).status_code == 303
    told = reader.text(page)
    assert "Another has to say so too" in told
    assert "It was never made" not in told
    assert "Another operator says so already" in Reader(offices, second).text(page)
    said = first.post(path, {"action": "it_is", "provider_id": "no such"})
    assert (said.status_code, said.get_json()["error"]) == (422, "invalid_provider_id")
    assert first.get(f"/operator/withdrawals/{withdrawal.id}").get_json()["assertion"]["agreed_by"] is None
    answered = second.post(path, {"action": "never_made"}).get_json()["assertion"]
    assert (answered["provider_id"], answered["upheld"]) == (None, None)
    house.follow()
    assert house.balance(user_id) == (500 * USDC, 0)
    assert "it was never made; that is so" in reader.text(page)


def test_one_payment_of_circles_never_settles_two_of_ours(house: House, circle: FakeCircle) -> None:
    user_id = house.funded()
    house.withdraw(user_id)
    house.pay()
    house.withdraw(user_id)
    [transfer] = circle.outgoing()
    answered = circle._transfer
    circle._transfer = lambda body: (200, {"data": transfer}) if body else answered(body)  # type: ignore[method-assign]
    house.pay()
    assert doubted(house).reason == "provider_unknown"
    with house.container.reading() as session:
        assert sorted(session.scalars(select(Withdrawal.state))) == ["broadcast", "uncertain"]
