"""What people say to each other: kept in order, read by the two of them alone, and counted while unread."""

import base64
import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from domain.turn_credentials import credential
from services import chat
from tests.api.house import House, Person
from tests.pages.reader import Reader
from wiring.secret import Secret


def say(sender: Person, recipient: Person, message: str) -> int:
    answer = sender.post(f"/conversations/{recipient.public_key}/messages", {"message": message})
    assert answer.status_code == 201, answer.text
    return int(answer.get_json()["sequence"])


def said(reader: Person, other: Person, **query: str) -> list[tuple[int, bool, str]]:
    items = reader.get(f"/conversations/{other.public_key}/messages", query_string=query).get_json()["items"]
    return [(item["sequence"], item["mine"], item["message"]) for item in items]


def test_a_conversation_is_read_by_the_two_of_them_alone(house: House) -> None:
    alice, bob, eve = house.person(), house.person(), house.person()
    assert [say(alice, bob, "One"), say(bob, alice, "Two"), say(alice, bob, "Three")] == [1, 2, 3]
    assert said(alice, bob) == [(3, True, "Three"), (2, False, "Two"), (1, True, "One")]
    assert said(bob, alice) == [(3, False, "Three"), (2, True, "Two"), (1, False, "One")]
    assert said(eve, alice) == said(eve, bob) == []
    first = alice.get(f"/conversations/{bob.public_key}/messages", query_string={"limit": 2}).get_json()
    assert said(alice, bob, cursor=first["next_cursor"]) == [(1, True, "One")]


def test_unread_messages_are_counted_until_they_are_read(house: House) -> None:
    alice, bob = house.person(), house.person()
    for number in range(3):
        say(alice, bob, f"{number}")
    [thread] = bob.get("/conversations").get_json()["items"]
    assert (thread["with"], thread["unread"], thread["online"]) == (alice.public_key, 3, False)
    path = f"/conversations/{alice.public_key}/read"
    assert bob.post(path, {"sequence": 2}).get_json() == {"unread": 1}
    assert bob.post(path, {"sequence": 1}).get_json() == {"unread": 1}  # it never goes back
    assert alice.get("/conversations").get_json()["items"][0]["read_by_peer"] == 2
    say(bob, alice, "an answer is also a reading")
    assert bob.get("/conversations").get_json()["items"][0]["unread"] == 0
    assert bob.post(path, {"sequence": 2**62}).get_json() == {"unread": 0}
    assert house.person().post(path, {"sequence": 1}).get_json()["error"] == "conversation_not_found"


def test_one_writes_to_somebody_else_who_is_here(house: House) -> None:
    alice = house.person()
    own = alice.post(f"/conversations/{alice.public_key}/messages", {"message": "x"})
    assert (own.status_code, own.get_json()["error"]) == (422, "self_message")
    nobody = alice.post("/conversations/nobody/messages", {"message": "x"})
    assert (nobody.status_code, nobody.get_json()["error"]) == (404, "user_not_found")
    empty = alice.post(f"/conversations/{house.person().public_key}/messages", {"message": " \n "})
    assert empty.get_json()["error"] == "invalid_request"


def test_nobody_writes_to_the_whole_house(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat, "STRANGERS_MAX", 2)
    alice, people = house.person(), [house.person() for _ in range(3)]
    say(alice, people[0], "x")
    say(alice, people[1], "x")
    refused = alice.post(f"/conversations/{people[2].public_key}/messages", {"message": "x"})
    assert refused.get_json()["error"] == "too_many_strangers"
    say(alice, people[1], "to them, still")
    say(people[0], alice, "I know you")
    say(alice, people[2], "x")


def test_the_page_keeps_what_was_typed_and_lets_nothing_through(house: House) -> None:
    alice, bob = house.person(), house.person()
    page, path = Reader(house, alice), f"/chat/{bob.public_key}"
    assert page.post(path, message="<script>alert(1)</script>").status_code == 303
    assert "<script>alert" not in page.get(path).text
    assert "<script>alert(1)</script>" in page.text(path)
    refused = page.post(path, message="bad\x07bell")
    assert refused.status_code == 422
    assert "Must not contain control characters." in refused.text
    assert page.get(path).headers["Permissions-Policy"] == "camera=(self), geolocation=(), microphone=(self)"
    assert "1 new message" in Reader(house, bob).text("/chat")


def test_a_turn_credential_is_what_coturn_computes(house: House) -> None:
    given = credential("north", "alice", now=datetime(2026, 1, 1, tzinfo=UTC))
    assert given.username == f"{1767225600 + 3600}:alice"
    mac = hmac.new(b"north", given.username.encode(), hashlib.sha1).digest()
    assert given.password == base64.b64encode(mac).decode()
    person = house.person()
    assert person.get("/turn-credentials").get_json() == {"ice_servers": [], "expires_at": None}
    settings = replace(house.container.settings, turn_urls="turn:a:3478, turns:a:5349", turn_secret=Secret("n" * 16))
    other = House(replace(house.container, settings=settings))
    [server] = (
        Person(other, person.key, person.user_id, person.token).get("/turn-credentials").get_json()["ice_servers"]
    )
    assert server["urls"] == ["turn:a:3478", "turns:a:5349"]
    assert server["username"].partition(":")[2]
