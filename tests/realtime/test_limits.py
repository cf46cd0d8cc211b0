"""Nonsense, too much and too often: answered by name, at the cost of whoever sends it and of nobody else."""

import contextlib
import json
import string
from typing import Any

import httpx
import pytest
import websocket
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.bus import user_room
from api.realtime.rounds import UNHEARD_MAX
from tests.api.house import House, Person
from tests.realtime.client import Client, NotAdmitted
from tests.waiting import eventually

Sites = tuple[str, str]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
EVENTS = st.sampled_from(("message", "rtc:offer", "rtc:answer", "rtc:ice", "rtc:hangup"))
NEAR = st.fixed_dictionaries(
    {},
    optional={
        "to": JSON | st.text(string.hexdigits, min_size=66, max_size=66),
        "message": JSON,
        "offer": JSON | st.fixed_dictionaries({"type": JSON, "sdp": JSON}),
        "answer": JSON,
        "candidate": JSON,
    },
)


def connected(url: str, person: Person) -> websocket.WebSocket:
    """A connection on which anything can be said."""
    raw = websocket.create_connection(f"{url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket", timeout=20)
    assert str(raw.recv()).startswith("0{")
    raw.send(f'40{{"token":"{person.token}"}}')
    assert str(raw.recv()).startswith("40{")
    return raw


def end(raw: websocket.WebSocket) -> None:
    raw.close()
    # close() alone leaves open what the server closed first.
    raw.shutdown()  # type: ignore[no-untyped-call]


@pytest.fixture
def talking(house: House, processes: Sites) -> Any:
    with Client(processes[0], house.person().token) as client:
        yield client


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(event=EVENTS, data=NEAR | JSON)
def test_every_event_is_answered_by_name_whatever_is_in_it(
    house: House, processes: Sites, event: str, data: Any
) -> None:
    # A new person for each, so that what is counted is never the answer.
    with Client(processes[0], house.person().token) as client:
        answer = client.ask(event, data)
        assert answer["error"] in {"invalid_request", "user_not_found", "user_offline"}, answer
        assert {"error_description", "timestamp"} <= set(answer)


def test_who_takes_nothing_of_what_they_are_told_is_gone_though_they_answer_every_ping(
    house: House, processes: Sites
) -> None:
    person = house.person()
    with httpx.Client(base_url=processes[0], params={"EIO": "4", "transport": "polling"}, timeout=20) as http:
        params = {**http.params, "sid": json.loads(http.get("/socket.io/").text[1:])["sid"]}
        http.post("/socket.io/", params=params, content=f'40{{"token":"{person.token}"}}')
        eventually(lambda: house.container.presence.among([person.public_key]), what="presence")
        # From here on it never asks what it was told, and says that it hears.
        for number in range(UNHEARD_MAX + 100):
            house.container.bus.say("flow", {"number": number}, [user_room(person.user_id)])
        http.post("/socket.io/", params=params, content="3")
        eventually(lambda: not house.container.presence.among([person.public_key]), what="the end of it")


def test_what_is_no_event_is_answered_by_name(talking: Client) -> None:
    assert talking.ask("deposit", {"amount": "1"})["error"] == "unknown_event"
    assert talking.ask("connect_error", None)["error"] == "unknown_event"
    assert talking.connected


def test_a_field_is_named_that_is_not_as_it_must_be(house: House, talking: Client) -> None:
    person = house.person()
    assert talking.ask("message", {"to": person.public_key})["fields"] == {"message": ["is missing"]}
    assert "message" in talking.ask("message", {"to": person.public_key, "message": "x" * 4001})["fields"]
    assert "message" in talking.ask("message", {"to": person.public_key, "message": "a\x00b"})["fields"]
    assert "extra" in talking.ask("message", {"to": person.public_key, "message": "x", "extra": 1})["fields"]
    assert talking.ask("message", {"to": person.public_key, "message": "ok"})["ok"]


def test_nobody_is_called_who_is_not_there(house: House, talking: Client) -> None:
    offer = {"type": "offer", "sdp": "v=0"}
    assert talking.ask("rtc:offer", {"to": house.person().public_key, "offer": offer})["error"] == "user_offline"


def test_too_often_is_too_often_in_all_windows_together(house: House, processes: Sites) -> None:
    alice, bob = house.person(), house.person()
    with Client(processes[0], alice.token) as first, Client(processes[1], alice.token) as second:
        said = {"to": bob.public_key, "message": "x"}
        answers = [window.ask("message", said) for _ in range(18) for window in (first, second)]
        refusals = [answer for answer in answers if not answer.get("ok")]
        # 20 at once and two more each second; either window alone had sent 18.
        assert 20 <= len(answers) - len(refusals) < 36
        assert {answer["error"] for answer in refusals} == {"rate_limited"}
        assert bob.house.person().public_key
        answer = alice.post(f"/conversations/{bob.public_key}/messages", {"message": "x"})
        assert answer.status_code in {201, 429}


@pytest.mark.parametrize(
    "packet",
    [
        "",
        "x",
        "9",
        "4",
        "42",
        "42[]",
        "42{}",
        '42["message"]',
        '42["message",1,2,3]',
        "4" + "2" + "[" * 12_000,
        '451-["message",{"_placeholder":true,"num":0}]',
        "4" * 15_000,
        "2probe",
        "\x00\ud7ff",
    ],
    ids=range(14),
)
def test_nonsense_costs_nobody_else_anything(house: House, processes: Sites, talking: Client, packet: str) -> None:
    raw = connected(processes[0], house.person())
    with contextlib.suppress(websocket.WebSocketException, OSError):
        raw.send(packet)
        raw.send(b"\x00\x01")
        raw.send('42["message",{}]')
    end(raw)
    assert talking.ask("message", {"to": house.person().public_key, "message": "still here"})["ok"]


def test_more_than_16_kilobytes_close_the_connection(house: House, processes: Sites) -> None:
    packet = f'42["message",{{"to":"x","message":"{"x" * 17_000}"}}]'
    raw = connected(processes[0], house.person())
    raw.send(packet)
    with contextlib.suppress(websocket.WebSocketException, OSError):
        while raw.recv():
            pass
    assert not raw.connected
    end(raw)
    address = f"{processes[0]}/socket.io/?EIO=4&transport=polling"
    sid = json.loads(httpx.get(address).text[1:])["sid"]
    assert httpx.post(f"{address}&sid={sid}", content=packet).status_code == 400
    assert httpx.get(f"{address}&sid={sid}").status_code == 400


def test_a_flood_costs_its_sender_the_connection(house: House, processes: Sites, talking: Client) -> None:
    with Client(processes[0], house.person().token) as client:

        def is_out() -> bool:
            for _ in range(50):
                with contextlib.suppress(Exception):
                    client.say("nonsense")
            return not client.connected

        eventually(is_out, what="the end of the connection")
    assert talking.ask("message", {"to": house.person().public_key, "message": "x"})["ok"]


def test_nobody_connects_without_end(house: House, processes: Sites) -> None:
    person = house.person()
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(Client(processes[0], person.token))
        with pytest.raises(NotAdmitted, match="too_many_sockets"):
            stack.enter_context(Client(processes[0], person.token))
