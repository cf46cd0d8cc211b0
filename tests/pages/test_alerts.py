"""Alerts on their page: seen by viewers, acknowledged by approvers, silenced by administrators."""

import re

import pytest
from werkzeug.test import TestResponse

from domain.ids import new_id
from services import alerts
from tests.api.house import House
from tests.pages.reader import Reader, words

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


def test_one_alert_has_a_page_that_explains_it_and_takes_decisions(house: House) -> None:
    viewer, admin = (Reader(house, house.person(role=name)) for name in ("viewer", "admin"))
    place = linked(viewer.get(PAGE))
    shown = viewer.text(place)
    assert "Row 7 is not what was sealed" in shown
    assert "Ledger rows no longer match their seal." in shown
    assert "Raised: critical." in shown
    assert "I look after it" not in shown
    event = place.rpartition("/")[2]
    assert admin.post(f"{PAGE}/acknowledge", **WHICH, note="mine", event=event).location == place
    assert admin.post(f"{PAGE}/silence", **WHICH, hours="8", reason="", event=event).status_code == 422
    assert admin.post(f"{PAGE}/silence", **WHICH, hours="8", reason="being mended", event=event).location == place
    told = viewer.text(place)
    assert "Somebody looks after it. mine" in told
    assert "being mended" in told
    assert "silence ends" in told
    answer = admin.post(f"{PAGE}/settle", **WHICH, note="never mind", event=event)
    assert answer.status_code == 409
    assert "Row 7 is not what was sealed" in words(answer)
    with house.container.transaction() as session:
        now = house.container.now()
        alerts.clear(session, WHICH["code"], scope=WHICH["scope"], now=now, reason="it was restored")
    assert "Over: It was restored." in viewer.text(place)
    assert viewer.get(f"{PAGE}/{new_id()}").status_code == 404


def test_what_nothing_else_ends_is_settled_on_its_page(house: House) -> None:
    approver = Reader(house, house.person(role="approver"))
    which = {"code": "chain_backfill_found", "scope": "block:anvil:7"}
    with house.container.transaction() as session:
        now = house.container.now()
        alerts.raise_alert(session, which["code"], scope=which["scope"], severity="warning", reason="missed", now=now)
    place = linked(approver.get(PAGE), "chain backfill found")
    assert "It is settled" in approver.text(place)
    event = place.rpartition("/")[2]
    assert approver.post(f"{PAGE}/settle", **which, note="", event=event).status_code == 422
    assert approver.post(f"{PAGE}/settle", **which, note="a new node", event=event).location == place
    assert ": a new node" in approver.text(place)


def linked(answer: TestResponse, name: str = "seal broken") -> str:
    """Where the name of an alert leads to."""
    found = re.search(rf'href="({PAGE}/[0-9a-f-]+)"><strong>{name}', answer.text)
    assert found is not None
    return found[1]


def test_an_alert_is_silenced_and_the_silence_ended(house: House) -> None:
    admin = Reader(house, house.person(role="admin"))
    assert admin.post(f"{PAGE}/silence", **WHICH, hours="8", reason="").status_code == 422
    assert admin.post(f"{PAGE}/silence", **WHICH, hours="8", reason="being mended").location == PAGE
    assert "silence ends" in admin.text(PAGE)
    found = house.person(role="viewer").get("/alerts").get_json()["silences"][0]["id"]
    assert admin.post(f"{PAGE}/silences/{found}/end").location == PAGE
    assert "silence ends" not in admin.text(PAGE)
