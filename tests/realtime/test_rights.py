"""Who may connect, and how soon they are shown out."""

from typing import Any

import pytest
from sqlalchemy import text

from api.realtime import admission
from api.realtime.seats import Seat
from auth import roles, sessions
from tests.api.house import House, Person
from tests.oauth.app import register
from tests.oauth.test_endings import press
from tests.realtime.client import Client, NotAdmitted
from tests.waiting import eventually

Sites = tuple[str, str]


def cookie(person: Person) -> dict[str, str]:
    return {"Cookie": f"session={person.token}"}


def refusal(url: str, **options: Any) -> str:
    """Why one is not let in."""
    with pytest.raises(NotAdmitted) as refused, Client(url, **options):
        pass
    return str(refused.value)


def sign_out(person: Person) -> None:
    answer = person.house.visitor().post("/logout", headers={"Authorization": f"Bearer {person.token}"})
    assert answer.status_code == 204


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_only_who_is_signed_in_may_connect(house: House, processes: Sites, transport: str) -> None:
    assert "not_signed_in" in refusal(processes[0], transport=transport)
    for token in ("nonsense", "x" * 200, "\x00"):
        assert "not_signed_in" in refusal(processes[0], token=token, transport=transport)
    assert "invalid_token" in refusal(processes[0], token="a.b.c", transport=transport)
    assert "not_signed_in" in refusal(processes[0], auth=["token"], transport=transport)
    person = house.person()
    for headers in (cookie(person), {"Authorization": f"Bearer {person.token}"}):
        with Client(processes[0], transport=transport, headers=headers) as admitted:
            admitted.await_event("online_users")


def test_another_sites_page_cannot_use_the_cookie(house: House, processes: Sites) -> None:
    person = house.person()
    for transport in ("polling", "websocket"):
        refusal(processes[0], headers={**cookie(person), "Origin": "https://evil.example"}, transport=transport)
    elsewhere = {**cookie(person), "Sec-Fetch-Site": "cross-site"}
    assert "cross_site_refused" in refusal(processes[0], headers=elsewhere, transport="polling")
    ours = {**cookie(person), "Origin": house.container.settings.public_url}
    with Client(processes[0], headers=ours, transport="polling") as page:
        page.await_event("online_users")


def test_signing_out_closes_the_sockets_of_that_session_alone(house: House, processes: Sites) -> None:
    person, other = house.person(), house.person()
    with house.container.transaction() as session:
        second = sessions.begin(session, person.user_id, now=house.container.now()).token
    with (
        Client(processes[0], person.token) as first_tab,
        Client(processes[1], person.token, transport="polling") as second_tab,
        Client(processes[1], second) as other_session,
        Client(processes[0], other.token) as stranger,
    ):
        sign_out(person)
        eventually(lambda: not first_tab.connected and not second_tab.connected, what="being shown out")
        assert other_session.connected
        assert stranger.connected
        # They are still here, with the other session.
        assert ("user_left", {"pubkey": person.public_key}) not in stranger.heard


def test_a_revocation_that_the_bus_lost_is_noticed_at_the_next_look(house: House) -> None:
    person = house.person()
    with house.container.reading() as session:
        found = sessions.find(session, person.token, now=house.container.now())
    assert found is not None
    token_hash = sessions.digest(person.token)
    seat = Seat("sid", found, frozenset({token_hash.hex()}), token_hash, None, checked_at=0.0)
    assert admission.look_again(house.container, [seat]) == []
    assert seat.checked_at > 0
    with house.container.transaction() as session:
        session.execute(text("UPDATE sessions SET revoked_at = now() WHERE token_hash = :hash"), {"hash": token_hash})
    assert admission.look_again(house.container, [seat]) == [seat]


def test_an_app_hears_of_what_it_may_see_and_says_nothing(house: House, processes: Sites) -> None:
    app, person = register(house), house.person()
    api = f"{house.container.settings.public_url}/api/v1"
    seeing = app.tokens(person, scope="profile:read deposits:read", resource=api)["access_token"]
    blind = app.tokens(person, scope="profile:read", resource=api)["access_token"]
    assert "insufficient_scope" in refusal(processes[0], token=blind)
    with Client(processes[0], seeing) as client:
        answer = client.ask("message", {"to": house.person().public_key, "message": "Buy!"})
        assert answer["error"] == "insufficient_scope"
        assert client.count("online_users") == 0
        assert app.post("/oauth/revoke", token=seeing).status_code == 200
        eventually(lambda: not client.connected, what="being shown out")


def test_taking_back_what_an_app_may_do_shows_it_out(house: House, processes: Sites) -> None:
    app, person = register(house), house.person()
    api = f"{house.container.settings.public_url}/api/v1"
    token = app.tokens(person, scope="wallet:read", resource=api)["access_token"]
    with Client(processes[0], token) as client, Client(processes[1], person.token) as owner:
        with house.container.reading() as session:
            grant_id = session.scalar(
                text("SELECT id FROM oauth_grants WHERE user_id = :user_id"), {"user_id": person.user_id}
            )
        assert press(person, f"/apps/{grant_id}/revoke") == 303
        eventually(lambda: not client.connected, what="being shown out")
        assert owner.connected


def test_a_role_that_is_given_opens_the_operators_room_at_once(house: House, processes: Sites) -> None:
    person = house.person()
    alert = {"type": "alert.raised", "data": {}}
    with Client(processes[0], person.token) as client:
        client.await_event("online_users")
        house.container.bus.say("alert", alert, ["operators"])
        with house.container.transaction() as session:
            roles.grant(session, person.user_id, "viewer", by="test", now=house.container.now())

        def is_told() -> bool:
            house.container.bus.say("alert", alert, ["operators"])
            return client.count("alert") > 0

        eventually(is_told, what="an alert")
