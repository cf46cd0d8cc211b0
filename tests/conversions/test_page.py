"""The pages of converting: offered only where something is, agreed to once, and told as it ended."""

import re
from datetime import timedelta

import pytest

from services import conversions
from tests.api.house import House
from tests.conversions.desk import BOUGHT, BY, COIN, SOLD, SOLD_PRICE, Desk
from tests.pages.reader import Reader, words


@pytest.fixture
def house(desk: Desk) -> House:
    """The desk, with pages in front of it."""
    return House(desk.container)


@pytest.fixture
def reader(house: House) -> Reader:
    return Reader(house, house.person(funds_minor=10 * COIN))


def quoted(reader: Reader, amount: str = "1") -> str:
    answer = reader.post("/convert", **{"from": SOLD, "to": BOUGHT, "amount": amount})
    assert answer.status_code == 303, answer.text
    return answer.location


def set_open(desk: Desk, *, is_open: bool) -> None:
    with desk.container.transaction() as session:
        conversions.set_open(session, SOLD, BOUGHT, is_open=is_open, now=desk.container.now(), by=BY)


def test_an_amount_is_quoted_accepted_and_converted(desk: Desk, reader: Reader) -> None:
    place = quoted(reader, "1.00000001")
    shown = reader.text(place)
    assert "0.033 083 333 333 333 333" in shown.replace("\u2009", " ")
    assert "cannot be converted exactly, and stays yours" in shown
    key = reader.value(place, "idempotency_key")
    first = reader.post(place, idempotency_key=key)
    assert (first.status_code, reader.post(place, idempotency_key=key).location) == (303, first.location)
    assert "The amount to be sold is held until it is carried out." in reader.text(first.location)
    assert reader.get(place).location == first.location  # it leads to what became of it
    desk.settle()
    shown = reader.text(first.location)
    assert "Converted. What was bought is yours." in shown
    assert f"1 {SOLD} is worth 0.03" in shown
    assert re.search(rf"into 0\.033[\d\s\u2009]+ {BOUGHT}", reader.text("/"))
    statement = reader.text(f"/history?asset={SOLD}")
    assert "conversion fee" in statement
    assert "conversion spread" in statement


def test_one_that_fails_says_why_on_its_page(desk: Desk, reader: Reader) -> None:
    place = quoted(reader)
    made = reader.post(place, idempotency_key="page-1").location
    desk.price(SOLD_PRICE, "50")
    desk.settle()
    shown = reader.text(made)
    assert "What was held is yours again, in full." in shown
    assert "The price moved too far between the quote and the conversion." in shown


def test_a_refusal_stands_beside_the_amount(reader: Reader) -> None:
    answer = reader.post("/convert", **{"from": SOLD, "to": BOUGHT, "amount": "0.001"})
    assert answer.status_code == 422
    assert 'id="amount-error"' in answer.text
    assert "Must be between 0.01000000 and 100.00000000 rLTC." in words(answer)


def test_more_than_is_there_is_quoted_and_not_converted(reader: Reader) -> None:
    answer = reader.post(quoted(reader, "11"), idempotency_key="page-1")
    assert answer.status_code == 409
    assert "which is more than is available" in words(answer)


def test_an_expired_quote_offers_nothing_but_another_one(desk: Desk, reader: Reader) -> None:
    place = quoted(reader)
    desk.later(timedelta(minutes=1))
    late = Reader(House(desk.container), reader.person)
    shown = late.get(place)
    assert "This quote has expired." in words(shown)
    assert 'name="idempotency_key"' not in shown.text
    assert late.post(place, idempotency_key="page-1").status_code == 410


def test_another_persons_quote_is_not_found(house: House, reader: Reader) -> None:
    other = Reader(house, house.person())
    assert other.get(quoted(reader)).status_code == 404


def test_it_is_in_the_navigation_only_while_something_is_converted(desk: Desk, reader: Reader) -> None:
    assert 'href="/convert"' in reader.get("/").text
    set_open(desk, is_open=False)
    assert 'href="/convert"' not in reader.get("/").text
    assert "Nothing is converted here at present." in reader.text("/convert")
