"""Alerts on their page: seen by viewers, acknowledged by approvers, silenced by administrators."""

import pytest

from services import alerts
from tests.api.house import House
from tests.pages.reader import Reader

PAGE = "/operator/alerts"
WHICH = {"code": "seal_broken", "scope": "ledger:seals"}


@pytest.fixture
def house(own_house: House) -> House:
    _ = own_house.app
    with own_house.container.transaction() as session:
        alerts.raise_alert(
            session,
            WHICH["code"],
            scope=WHICH["scope"],
            severity="critical",
            reason="row 7 is not what was sealed",
            now=own_house.container.now(),
        )
    return own_house


def test_an_alert_is_shown_with_what_to_do_and_acknowledged(house: House) -> None:
    viewer, approver = (Reader(house, house.person(role=name)) for name in ("viewer", "approver"))
    shown = viewer.text(PAGE)
    assert "row 7 is not what was sealed" in shown
    assert "restore it from a backup" in shown
    assert viewer.post(f"{PAGE}/acknowledge", **WHICH, note="mine").status_code == 403
    assert approver.post(f"{PAGE}/acknowledge", **WHICH, note="mine").location == PAGE
    assert ": mine" in viewer.text(PAGE)
    assert approver.post(f"{PAGE}/acknowledge", code="disk_low", scope="x", note="").status_code == 404


def test_an_alert_is_silenced_and_the_silence_ended(house: House) -> None:
    admin = Reader(house, house.person(role="admin"))
    assert admin.post(f"{PAGE}/silence", **WHICH, hours="8", reason="").status_code == 422
    assert admin.post(f"{PAGE}/silence", **WHICH, hours="8", reason="being mended").location == PAGE
    assert "silenced until" in admin.text(PAGE)
    found = house.person(role="viewer").get("/alerts").get_json()["silences"][0]["id"]
    assert admin.post(f"{PAGE}/silences/{found}/end").location == PAGE
    assert "silenced until" not in admin.text(PAGE)
