"""Between two of whom one has blocked the other nothing is said, and the one who did may take it back."""

import pytest

from services import blocked
from tests.api.house import House, Person
from tests.pages.reader import Reader


def say(sender: Person, recipient: Person) -> tuple[int, str | None]:
    answer = sender.post(f"/conversations/{recipient.public_key}/messages", {"message": "Hello"})
    return answer.status_code, answer.get_json().get("error")


def listed(person: Person) -> list[str]:
    return [item["person"] for item in person.get("/blocked-people").get_json()["items"]]


def test_no_message_passes_between_two_until_the_block_is_lifted(house: House) -> None:
    alice, bob, carol = house.person(), house.person(), house.person()
    assert say(bob, alice) == (201, None)
    for _ in range(2):
        assert alice.post("/blocked-people", {"person": bob.public_key}).status_code == 204
    assert say(bob, alice) == say(alice, bob) == (403, "blocked")
    assert say(carol, alice) == say(bob, carol) == (201, None)
    assert (listed(alice), listed(bob)) == ([bob.public_key], [])
    # What was said stays, and who was blocked cannot undo it.
    assert len(bob.get(f"/conversations/{alice.public_key}/messages").get_json()["items"]) == 1
    assert bob.delete(f"/blocked-people/{alice.public_key}").status_code == 204
    assert say(bob, alice) == (403, "blocked")
    assert alice.delete(f"/blocked-people/{bob.public_key}").status_code == 204
    assert (listed(alice), say(bob, alice)) == ([], (201, None))


def test_one_blocks_somebody_else_who_is_here_and_not_everybody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob = house.person(), house.person()
    own = alice.post("/blocked-people", {"person": alice.public_key})
    assert (own.status_code, own.get_json()["fields"]) == (422, {"person": ["is yourself"]})
    assert alice.post("/blocked-people", {"person": "nobody"}).get_json()["error"] == "user_not_found"
    monkeypatch.setattr(blocked, "BLOCKED_MAX", 1)
    for _ in range(2):
        assert alice.post("/blocked-people", {"person": bob.public_key}).status_code == 204
    more = alice.post("/blocked-people", {"person": house.person().public_key})
    assert (more.status_code, more.get_json()["error"]) == (429, "too_many_blocked")


def test_the_pages_block_and_unblock(house: House) -> None:
    alice, bob = house.person(), house.person()
    reader = Reader(house, alice)
    assert "You have blocked nobody" in reader.get("/chat/blocked").text
    assert "Block this person" in reader.get(f"/chat/{bob.public_key}").text
    assert reader.post("/chat/blocked", person=bob.public_key).status_code == 303
    thread = reader.get(f"/chat/{bob.public_key}").text
    assert "You have blocked this person" in thread
    assert 'id="message"' not in thread
    assert "data-peer" not in thread
    assert bob.public_key in reader.get("/chat/blocked").text
    # Who was blocked is told so, and loses nothing of what they wrote.
    refused = Reader(house, bob).post(f"/chat/{alice.public_key}", message="Are you there?")
    assert refused.status_code == 403
    assert "blocked the other" in refused.text
    assert "Are you there?" in refused.text
    assert reader.post("/chat/blocked/end", person=bob.public_key).status_code == 303
    assert 'id="message"' in reader.get(f"/chat/{bob.public_key}").text
