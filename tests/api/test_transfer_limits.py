"""Where an asset's policy says so, what goes to others of the house counts on the sender's day and waits as well."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from domain.ids import new_id
from models.user import UserKey
from tests.api.house import ASSET, COIN, House, Person
from tests.services.threads import at_once


@pytest.fixture
def house(own_house: House) -> House:
    """A house in which ten coins may leave each person a day, whichever way."""
    own_house.policy(daily_user_limit_minor=10 * COIN, fee_minor=0, transfers_count=True)
    return own_house


def send(person: Person, to: Person, amount: str) -> TestResponse:
    return person.post("/transfers", {"asset": ASSET, "amount": amount, "to": to.public_key}, key=str(new_id()))


def error_of(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["error"]


def test_both_ways_out_count_on_one_sliding_day(house: House) -> None:
    person, friend = house.person(funds_minor=100 * COIN), house.person()
    assert send(person, friend, "6").status_code == 201
    assert person.withdraw("3").status_code == 201
    before = house.fingerprint()
    for refused in (send(person, friend, "1.00000001"), person.withdraw("1.00000001")):
        assert error_of(refused) == (409, "daily_limit_exceeded")
        assert "is above what is left of your daily limit: 1.00000000" in refused.get_json()["error_description"]
    assert house.fingerprint() == before
    assert send(person, friend, "1").status_code == 201
    assert error_of(send(person, friend, "0.00000001")) == (409, "daily_limit_exceeded")
    # What came in is the friend's own, and so is their day.
    assert send(friend, person, "7").status_code == 201
    with house.container.transaction() as session:
        session.execute(text("UPDATE flows SET opened_at = opened_at - interval '1 day'"))
    assert send(person, friend, "7").status_code == 201


def test_transfers_do_not_count_unless_the_policy_says_so(house: House) -> None:
    house.policy(transfers_count=False)
    person, friend = house.person(funds_minor=100 * COIN), house.person()
    assert send(person, friend, "50").status_code == 201
    assert person.withdraw("10").status_code == 201
    terms = person.get("/assets").get_json()["items"][0]["withdrawal"]
    assert terms["transfers_count"] is False


def test_however_many_ask_at_once_no_more_leaves_than_may(house: House) -> None:
    person, friend = house.person(funds_minor=100 * COIN), house.person()

    def ask(number: int) -> Callable[[], int]:
        return lambda: (send(person, friend, "1") if number % 2 else person.withdraw("1")).status_code

    answers = at_once(*(ask(number) for number in range(16)))
    assert (answers.count(201), answers.count(409)) == (10, 6)
    assert person.balance()["available"] == "90.00000000"


def test_after_a_change_of_keys_nothing_is_sent_either_until_the_cool_down_is_over(house: House) -> None:
    house.policy(key_cooldown_s=3_600)
    person, friend = house.person(funds_minor=10 * COIN), house.person()
    now = house.container.now()
    with house.container.transaction() as session:
        session.add(
            UserKey(id=new_id(), user_id=person.user_id, kind="public_key", subject="another", name="", added_at=now)
        )
    assert error_of(send(person, friend, "1")) == (409, "key_cooldown")
    later = replace(person, house=House(replace(house.container, clock=lambda: now + timedelta(hours=1, seconds=1))))
    assert send(later, friend, "1").status_code == 201
