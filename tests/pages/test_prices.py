"""Prices on pages: shown with their age, absent when there is none to go by, and said by admins alone."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from api.pages.shapes import AssetName, Money
from api.pages.worths import worth
from domain.actor import Actor
from domain.prices import Price, PriceRule
from models.audit import AuditLog
from models.price import PriceSource
from services import prices
from tests.api.house import House
from tests.pages.reader import Reader, words

BY = Actor("test")
PLACE = "/operator/prices"
PAIR = "LTC/USD"


@pytest.fixture
def house(own_house: House) -> House:
    """These tests look at every price."""
    return own_house


@pytest.fixture
def admin(house: House) -> Reader:
    parts = house.container
    with parts.transaction() as session:
        prices.set_rule(session, PAIR, PriceRule(timedelta(minutes=5), 1, 500), now=parts.now(), by=BY)
        url = "http://127.0.0.1:9/secret"
        prices.add_source(session, PAIR, "far-away", interval_s=60, url=url, price_path="price", now=parts.now(), by=BY)
    return Reader(house, house.person(role="admin"))


def test_an_admin_says_a_price_and_it_is_on_record(house: House, admin: Reader) -> None:
    assert "no price" in admin.text(PLACE)
    assert admin.post(PLACE, pair=PAIR, price="1 084.5").location == PLACE
    shown = admin.text(PLACE)
    assert "LTC/USD 1084.5" in shown
    assert "operator 1084.5" in shown
    assert "secret" not in admin.get(PLACE).text
    with house.container.reading() as session:
        assert session.query(AuditLog).filter_by(event="price.set").one().user_id == admin.person.user_id


def test_a_price_that_is_none_is_refused_by_name(admin: Reader) -> None:
    for form, told in (
        ({"pair": PAIR, "price": "-1"}, "not a price"),
        ({"pair": "XRP/USD", "price": "1"}, "is not followed"),
        ({"pair": "nothing", "price": "1"}, "not a pair"),
    ):
        assert told in words(admin.post(PLACE, **form))


def test_a_source_is_dropped_once(house: House, admin: Reader) -> None:
    parts = house.container
    with parts.transaction() as session:
        now = parts.now()
        prices.record(session, PAIR, "far-away", Decimal(7), observed_at=now, now=now, by=BY)
    assert "far-away 7 " in admin.text(PLACE)
    assert admin.post(f"{PLACE}/drop", pair=PAIR, source="far-away").location == PLACE
    assert "dropped, it has no say any more" in admin.text(PLACE)
    assert "no price" in admin.text(PLACE)
    assert "no such price source" in words(admin.post(f"{PLACE}/drop", pair=PAIR, source="far-away"))
    with house.container.reading() as session:
        assert session.query(PriceSource).count() == 0


def test_others_see_it_at_most(house: House, admin: Reader, owner: Reader) -> None:
    assert owner.get(PLACE).status_code == 403
    viewer = Reader(house, house.person(role="viewer"))
    assert "needs the role admin" in viewer.text(PLACE)
    assert viewer.post(PLACE, pair=PAIR, price="1").status_code == 403
    assert viewer.post(f"{PLACE}/drop", pair=PAIR, source="far-away").status_code == 403
    assert admin.post(PLACE, pair=PAIR, price="1", csrf_token="wrong").status_code == 403


def test_test_money_is_worth_nothing_on_pages(house: House, admin: Reader, owner: Reader) -> None:
    now = house.container.now()
    with house.container.transaction() as session:
        prices.set_rule(session, "rLTC/USD", PriceRule(timedelta(minutes=5), 1, 500), now=now, by=BY)
    assert admin.post(PLACE, pair="rLTC/USD", price="100").location == PLACE
    assert "USD" not in owner.text("/")
    assert "USD" not in owner.text("/withdraw")


def test_an_amount_has_its_worth_and_the_age_of_the_price(
    house: House, admin: Reader, owner: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin.post(PLACE, pair=PAIR, price="1840.215")
    now = house.container.now()

    def priced(*_: object, **__: object) -> dict[str, Price]:
        with house.container.reading() as session:
            found = prices.current(session, PAIR, now=now)
        return {"rLTC": replace(found, observed_at=now - timedelta(minutes=3))}

    monkeypatch.setattr(prices, "of_assets", priced)
    for place in ("/", "/withdraw"):
        assert "≈ 18\u2009402.15 USD (price 3 min old)".replace("\u2009", " ") in owner.text(place)


def test_nothing_is_worth_nothing_and_worth_is_never_rounded_up() -> None:
    coin = AssetName("X", "X", "X", 8)
    price = Price("X/USD", Decimal("0.999"), None, ("a",))  # type: ignore[arg-type]
    assert worth(Money(0, coin), price) is None
    assert worth(Money(10**8, coin), None) is None
    found = worth(Money(10**8, coin), price)
    assert found is not None
    assert found.words == "0.99 USD"
