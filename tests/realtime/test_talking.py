"""Two people on two processes: who is here, what they say, and how they call each other."""

import pytest

from tests.api.house import House
from tests.realtime.client import Client

"""The longest that somebody is thought to be here who left without a word."""


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_people_see_each_other_and_talk_across_processes(
    house: House, processes: tuple[str, str], transport: str
) -> None:
    alice, bob = house.person(), house.person()
    with Client(processes[0], alice.token, transport=transport) as one:
        assert alice.public_key in one.await_event("online_users")["users"]
        with Client(processes[1], bob.token, transport=transport) as other:
            one.await_event("user_joined", lambda data: data == {"pubkey": bob.public_key})
            here = other.await_event("online_users")["users"]
            assert {alice.public_key, bob.public_key} <= set(here)

            answer = one.ask("message", {"to": bob.public_key, "message": "Hello,\nyou there?"})
            assert (answer["ok"], answer["sequence"]) == (True, 1)
            told = other.await_event("message")
            assert told == {
                "from": alice.public_key,
                "message": "Hello,\nyou there?",
                "timestamp": answer["timestamp"],
            }
            other.ask("message", {"to": alice.public_key, "message": "Yes"})
            assert one.await_event("message")["message"] == "Yes"
        one.await_event("user_left", lambda data: data == {"pubkey": bob.public_key})


def test_who_is_blocked_neither_writes_nor_rings_and_their_call_ends(house: House, processes: tuple[str, str]) -> None:
    alice, bob = house.person(), house.person()
    with Client(processes[0], alice.token) as one, Client(processes[1], bob.token) as other:
        one.await_event("user_joined", lambda data: data == {"pubkey": bob.public_key})
        offer = {"to": alice.public_key, "offer": {"type": "offer", "sdp": "v=0"}}
        assert other.ask("rtc:offer", offer)["ok"]
        one.await_event("rtc:offer")
        assert alice.post("/blocked-people", {"person": bob.public_key}).status_code == 204
        assert one.await_event("rtc:hangup") == {"from": bob.public_key}
        assert other.await_event("rtc:hangup") == {"from": alice.public_key}
        told = len(one.heard)
        assert other.ask("rtc:offer", offer)["error"] == "blocked"
        assert other.ask("rtc:ice", {"to": alice.public_key, "candidate": None})["error"] == "blocked"
        assert other.ask("message", {"to": alice.public_key, "message": "Hello"})["error"] == "blocked"
        assert one.ask("message", {"to": bob.public_key, "message": "Hello"})["error"] == "blocked"
        # Others who share the processes come and go meanwhile.
        assert not {event for event, _ in one.heard[told:]} & {"rtc:offer", "rtc:ice", "message"}
