"""The operator's page of pairs: what it shows, who may change what there, and that it is on record."""

from datetime import timedelta

import pytest

from models.audit import AuditLog
from models.conversion import ConversionPair
from services import conversions
from tests.api.house import House
from tests.conversions.desk import BOUGHT, BY, COIN, ETHER, SOLD, SOLD_PRICE, Desk
from tests.pages.reader import Reader, words

PLACE = "/operator/conversions"
PAIR = {"from": SOLD, "to": BOUGHT}


@pytest.fixture
def house(desk: Desk) -> House:
    """The desk, with pages in front of it."""
    return House(desk.container)


@pytest.fixture
def admin(house: House) -> Reader:
    return Reader(house, house.person(role="admin"))


def pair(house: House) -> ConversionPair:
    with house.container.reading() as session:
        return conversions.every(session)[0]


def test_a_pair_is_shown_with_its_rate_its_terms_and_what_is_set_aside(admin: Reader) -> None:
    shown = admin.text(PLACE)
    for told in (
        f"{SOLD} into {BOUGHT} open",
        f"1 {SOLD} is worth 0.03333333333 {BOUGHT}",
        f"Set aside 10{'.000' + ' 000' * 5} {BOUGHT}",
        f"Smallest 0.010 000 00 {SOLD}",
        f"Largest 100.000 000 00 {SOLD}",
        "Spread 0.5 %",
        "users can gain by waiting for that",
    ):
        assert told in shown


def test_what_keeps_people_from_a_quote_is_said(desk: Desk, admin: Reader) -> None:
    with desk.container.transaction() as session:
        conversions.draw(session, BOUGHT, 10 * ETHER, now=desk.container.now(), by=BY)
    shown = admin.text(PLACE)
    assert "nothing set aside Nobody is quoted" in shown
    assert "no rate" not in shown
    desk.later(timedelta(minutes=20))
    shown = Reader(House(desk.container), admin.person).text(PLACE)
    assert f"no rate {SOLD_PRICE}: 0 of 1 sources have a price that is fresh. Nobody is quoted" in shown


def test_an_admin_pauses_resumes_and_changes_limits_and_it_is_on_record(house: House, admin: Reader) -> None:
    assert admin.post(f"{PLACE}/pause", **PAIR).location == PLACE
    assert (pair(house).is_open, "paused" in admin.text(PLACE)) == (False, True)
    assert admin.post(f"{PLACE}/resume", **PAIR).location == PLACE
    assert pair(house).is_open
    before = pair(house)
    assert admin.post(f"{PLACE}/limits", **PAIR, minimum="0.5", maximum="1\u2009000").location == PLACE
    after = pair(house)
    assert (after.minimum_minor, after.maximum_minor) == (COIN // 2, 1_000 * COIN)
    assert (after.fee_ppm, after.from_price, after.tolerance_ppm) == (
        before.fee_ppm,
        before.from_price,
        before.tolerance_ppm,
    )
    with house.container.reading() as session:
        rows = session.query(AuditLog).filter_by(user_id=admin.person.user_id).order_by(AuditLog.id)
        told = [row.event for row in rows if row.event.startswith("conversion.")]
    assert told == ["conversion.paused", "conversion.resumed", "conversion.terms_set"]


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"minimum": "2", "maximum": "1"}, "at most the maximum"),
        ({"minimum": "", "maximum": "1"}, "The minimum: "),
        ({"minimum": "1", "maximum": "0.000000001"}, "The maximum: "),
        ({"to": "nothing", "minimum": "1", "maximum": "1"}, "is not offered"),
    ],
)
def test_limits_that_cannot_be_meant_are_refused_by_name(
    house: House, admin: Reader, form: dict[str, str], told: str
) -> None:
    before = pair(house).minimum_minor
    refused = admin.post(f"{PLACE}/limits", **{**PAIR, **form})
    assert refused.status_code in {404, 422}
    assert "Nothing was changed" in words(refused)
    assert told in words(refused)
    assert pair(house).minimum_minor == before


def test_others_see_it_at_most(house: House) -> None:
    assert Reader(house, house.person()).get(PLACE).status_code == 403
    viewer = Reader(house, house.person(role="viewer"))
    assert "needs the role admin" in viewer.text(PLACE)
    for control in ("pause", "resume", "limits"):
        assert viewer.post(f"{PLACE}/{control}", **PAIR, minimum="1", maximum="1").status_code == 403
    assert pair(house).is_open
