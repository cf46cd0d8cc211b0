"""Operators' switches and the list of destinations on pages: who may, what it does, and that it is on record."""

import pytest

from models.audit import AuditLog
from services import chains
from tests.api.house import ASSET, DESTINATION, NETWORK, House
from tests.pages.reader import Reader, words

CONTROLS = "/operator/controls"
LIST = "/account/destinations"


@pytest.fixture
def house(own_house: House) -> House:
    """These tests switch what a whole house shares."""
    _ = own_house.app
    with own_house.container.transaction() as session:
        chains.follow(session, NETWORK.chain, height=7, hashes=["ab" * 32], now=own_house.container.now())
    return own_house


@pytest.fixture
def admin(house: House) -> Reader:
    person = house.person(role="admin")
    return Reader(house, person)


def events(house: House, prefix: str) -> list[str]:
    with house.container.reading() as session:
        rows = session.query(AuditLog).filter(AuditLog.event.startswith(prefix)).order_by(AuditLog.id)
        return [row.event for row in rows]


def test_an_observer_is_paused_and_resumed(house: House, admin: Reader) -> None:
    path = f"{CONTROLS}/observers/{NETWORK.chain}"
    for control, told in (("pause", "paused by"), ("resume", "at the tip"), ("refresh", "at the tip")):
        assert admin.post(f"{path}/{control}").location == CONTROLS
        assert told in admin.text(CONTROLS)
    assert events(house, "observer.") == [
        "observer.paused",
        "observer.resumed",
        "observer.refreshed",
        "observer.refreshed",
    ]


def test_withdrawals_are_paused_and_resumed(house: House, admin: Reader, owner: Reader) -> None:
    admin.post(f"{CONTROLS}/withdrawals/{ASSET}/pause")
    assert "paused" in admin.text(CONTROLS)
    assert owner.withdraw().status_code != 303
    admin.post(f"{CONTROLS}/withdrawals/{ASSET}/resume")
    assert owner.withdraw(key="page-2").status_code == 303
    assert events(house, "withdrawals.") == ["withdrawals.paused", "withdrawals.resumed"]


def test_looking_for_alerts_is_paused_with_a_reason_and_resumed(house: House, admin: Reader) -> None:
    path = f"{CONTROLS}/alerts"
    for wrong in ({"hours": "1", "reason": ""}, {"hours": "25", "reason": "x"}, {"hours": "x", "reason": "x"}):
        assert admin.post(f"{path}/pause", **wrong).status_code == 422
    assert admin.post(f"{path}/pause", hours="2", reason="the node moves house").location == CONTROLS
    shown = admin.text(CONTROLS)
    assert "Nobody looks for alerts: that none are told means nothing." in shown
    assert "the node moves house" in shown
    viewer = Reader(house, house.person(role="viewer"))
    assert "Resume" not in viewer.text(CONTROLS)
    for control in ("pause", "resume"):
        assert viewer.post(f"{path}/{control}", hours="1", reason="x").status_code == 403
    assert admin.post(f"{path}/resume").location == CONTROLS
    assert "Nobody looks" not in admin.text(CONTROLS)
    assert events(house, "alerts.") == ["alerts.paused", "alerts.resumed"]


def test_what_does_not_exist_is_not_switched(admin: Reader) -> None:
    assert "Nothing was changed" in words(admin.post(f"{CONTROLS}/observers/nothing/pause"))
    assert admin.post(f"{CONTROLS}/withdrawals/nothing/pause").status_code == 422
    assert admin.post(f"{CONTROLS}/observers/{NETWORK.chain}/explode").status_code == 404


def test_a_viewer_sees_the_switches_and_turns_none(house: House) -> None:
    viewer = Reader(house, house.person(role="viewer"))
    shown = viewer.text(CONTROLS)
    assert "needs the role admin" in shown
    assert "Resume" not in shown
    for path in (f"withdrawals/{ASSET}/pause", f"observers/{NETWORK.chain}/pause"):
        assert viewer.post(f"{CONTROLS}/{path}").status_code == 403
    assert events(house, "withdrawals.") == events(house, "observer.") == []


def test_no_switch_is_turned_and_no_address_added_by_another_site(house: House, admin: Reader) -> None:
    for path in (f"{CONTROLS}/withdrawals/{ASSET}/pause", LIST, "/operator/deposits"):
        refused = admin.post(path, csrf_token="of another site", asset=ASSET, destination=DESTINATION)
        assert refused.status_code in {400, 403, 405}
    assert events(house, "withdrawals.") == events(house, "destination.") == []


def test_a_destination_is_added_waits_for_its_cool_down_and_is_removed(house: House, owner: Reader) -> None:
    house.policy(allowlist_only=True, key_cooldown_s=3_600)
    assert "No address is on your list." in owner.text(LIST)
    assert owner.post(LIST, asset=ASSET, destination=DESTINATION).location == LIST
    shown = owner.text(LIST)
    assert "leaves only to addresses on this list" in shown
    assert "not yet It can be paid in" in shown
    assert "on your list of allowed destinations yet" in words(owner.withdraw()).lower()
    house.policy(key_cooldown_s=0)
    assert "ready It can be paid." in owner.text(LIST)
    assert owner.withdraw(key="page-2").status_code == 303
    found = owner.get(LIST).text.partition(f"{LIST}/")[2].partition("/remove")[0]
    other = Reader(house, house.person())
    other.post(f"{LIST}/{found}/remove")
    assert DESTINATION in owner.text(LIST)
    assert owner.post(f"{LIST}/{found}/remove").location == LIST
    assert "No address is on your list." in owner.text(LIST)
    assert events(house, "destination.") == ["destination.allowed", "destination.forgotten"]


def test_a_mistyped_destination_is_said_beside_its_field(owner: Reader) -> None:
    answer = owner.post(LIST, asset=ASSET, destination=DESTINATION[:-1])
    assert answer.status_code == 422
    assert 'aria-describedby="destination-error"' in answer.text
    assert DESTINATION[:-1] in answer.text
