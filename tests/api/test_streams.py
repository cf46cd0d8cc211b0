"""The event streams over HTTP: pages from any place, and the same as it happens."""

import json
from collections.abc import Iterator
from itertools import takewhile
from threading import BoundedSemaphore
from typing import Any

import pytest

from api.v1 import streams, streams_live
from api.v1.streams_live import Pace
from tests import horizon
from tests.api.house import House, Person
from tests.services.test_streams import raised
from wiring.supervisor import STOP_PATIENCE_S

LIVE = {"Accept": "text/event-stream"}
PATH = "/streams/ops.alert"
QUICK = Pace(look_s=0.01, heartbeat_s=0.03, open_s=0.1)


@pytest.fixture(autouse=True)
def pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quick looks; what ends by itself ends at once."""
    monkeypatch.setattr(streams, "PACE", QUICK)


@pytest.fixture
def viewer(house: House) -> Person:
    return house.person(role="viewer")


def happened(house: House, *scopes: str) -> None:
    raised(house.container, *scopes)
    horizon.reached(house.container.engine)


def end(viewer: Person) -> str:
    horizon.reached(viewer.house.container.engine)
    answer = viewer.get(f"{PATH}?after=end").get_json()
    assert (answer["items"], answer["at_end"]) == ([], True)
    place: str = answer["next"]
    return place


def blocks(answer: Any) -> Iterator[dict[str, str]]:
    """Each event of an answer, by the fields of its lines (a comment's is empty)."""
    lines = (line for chunk in answer.iter_encoded() for line in chunk.decode().splitlines())
    while True:
        block = [line.partition(":") for line in takewhile(bool, lines)]
        if not block:
            return
        yield {name: value.strip() for name, _, value in block}


def test_pages_are_read_from_any_place_to_the_end(house: House, viewer: Person) -> None:
    start = end(viewer)
    happened(house, "page a", "page b", "page c")
    first = viewer.get(f"{PATH}?after={start}&limit=2").get_json()
    assert [item["data"]["service_scope"] for item in first["items"]] == ["page a", "page b"]
    assert (first["next"], first["at_end"]) == (first["items"][-1]["position"], False)
    assert first["items"][0]["type"] == "alert.raised"
    rest = viewer.get(f"{PATH}?after={first['next']}&limit=2").get_json()
    assert ([item["data"]["service_scope"] for item in rest["items"]], rest["at_end"]) == (["page c"], True)
    again = viewer.get(f"{PATH}?after={start}").get_json()
    assert again["items"] == [*first["items"], *rest["items"]]


def test_events_are_streamed_as_they_happen_and_no_connection_is_held_meanwhile(
    house: House, viewer: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "PACE", Pace(look_s=0.01, heartbeat_s=0.03, open_s=60))
    start = end(viewer)
    happened(house, "live a")
    answer = viewer.get(f"{PATH}?after={start}", headers=LIVE, buffered=False)
    assert (answer.status_code, answer.mimetype) == (200, "text/event-stream")
    assert answer.headers["X-Accel-Buffering"] == "no"
    told = blocks(answer)
    assert next(told) == {"retry": "1000", "id": start}
    first = next(told)
    assert json.loads(first["data"])["data"]["service_scope"] == "live a"
    assert next(told) == {"": ""}  # a heartbeat
    assert "Current Checked out connections: 0" in house.container.engine.pool.status()
    raised(house.container, "live b")
    second = next(block for block in told if "data" in block)
    item = json.loads(second["data"])
    assert (second["id"], item["data"]["service_scope"]) == (item["position"], "live b")
    answer.close()
    monkeypatch.setattr(streams, "PACE", QUICK)
    # A browser comes back with the last id that it heard, and the address it began with.
    back = viewer.get(f"{PATH}?after={start}", headers={**LIVE, "Last-Event-ID": first["id"]}, buffered=False)
    assert [json.loads(block["data"]) for block in blocks(back) if "data" in block] == [item]


def test_an_answer_ends_so_that_its_process_can(viewer: Person) -> None:
    start = end(viewer)
    told = list(blocks(viewer.get(f"{PATH}?after=end", headers=LIVE, buffered=False)))
    assert told[0]["id"] == start
    assert all(block == {"": ""} for block in told[1:])
    assert Pace().open_s + Pace().look_s < STOP_PATIENCE_S


def test_a_process_has_a_limited_number_of_listeners(viewer: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams_live, "_places", BoundedSemaphore(1))
    first = viewer.get(PATH, headers=LIVE, buffered=False)
    assert viewer.get(PATH, headers=LIVE).get_json()["error"] == "too_many_sockets"
    first.close()
    assert viewer.get(PATH, headers=LIVE, buffered=True).status_code == 200


def test_one_operator_leaves_room_for_the_others(house: House, viewer: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams_live, "LISTENERS_PER_USER_MAX", 1)
    other = house.person(role="viewer")
    first = viewer.get(PATH, headers=LIVE, buffered=False)
    assert viewer.get(PATH, headers=LIVE).get_json()["error"] == "too_many_sockets"
    second = other.get(PATH, headers=LIVE, buffered=False)
    assert (first.status_code, second.status_code) == (200, 200)
    first.close()
    again = viewer.get(PATH, headers=LIVE, buffered=False)
    assert again.status_code == 200
    for answer in (second, again):
        answer.close()


def test_what_cannot_be_read_is_refused_by_name(viewer: Person) -> None:
    unknown = viewer.get("/streams/ops.nothing")
    assert (unknown.status_code, unknown.get_json()["error"]) == (404, "unknown_stream")
    for answer in (
        viewer.get(f"{PATH}?after=yesterday"),
        viewer.get(f"{PATH}?after=1-2-3", headers=LIVE),
        viewer.get(PATH, headers={**LIVE, "Last-Event-ID": "x"}),
    ):
        assert (answer.status_code, answer.get_json()["error"]) == (422, "invalid_position")
    assert viewer.get(f"{PATH}?limit=501").status_code == 422


def test_only_operators_read_streams(house: House) -> None:
    assert house.person().get(PATH).status_code == 403
    assert house.visitor().get(f"/api/v1{PATH}").status_code == 401
