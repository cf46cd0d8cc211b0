"""The account page: keys linked, named and removed, sessions listed and ended, each with its consequences."""

import re
from datetime import timedelta

from coincurve import PrivateKey
from sqlalchemy import select

from auth import sessions, users
from models.audit import AuditLog
from models.user import UserKey
from tests.api.house import House
from tests.pages.reader import Reader, words


def hex_of(key: PrivateKey) -> str:
    return key.public_key.format().hex()


def link(owner: Reader, key: PrivateKey, name: str = "phone") -> int:
    """Link a key as a person does; the status of the last form."""
    place = owner.post("/account/keys", subject=hex_of(key)).headers["Location"]
    found = re.search(r'id="challenge"[^>]*>([^<]*)<', owner.get(place).text)
    assert found is not None
    answer = owner.post(place, signature=key.sign(found[1].encode()).hex(), name=name)
    follow(owner, answer)
    return answer.status_code


def follow(owner: Reader, answer: object) -> None:
    """Keep the new session token, as a browser does."""
    cookie = owner._client.get_cookie("session")
    assert cookie is not None
    owner.person.token = cookie.value


def keys_of(house: House, owner: Reader) -> dict[str, UserKey]:
    with house.container.reading() as session:
        rows = session.scalars(select(UserKey).where(UserKey.user_id == owner.person.user_id)).all()
    return {row.name: row for row in rows if row.removed_at is None}


def events_of(house: House, owner: Reader) -> list[str]:
    with house.container.reading() as session:
        return list(
            session.scalars(
                select(AuditLog.event).where(AuditLog.user_id == owner.person.user_id).order_by(AuditLog.id)
            )
        )


def opens(house: House, token: str) -> bool:
    return house.visitor().get("/api/v1/balances", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_a_key_that_signs_is_linked_signs_in_and_changes_the_session(house: House, owner: Reader) -> None:
    before, key = owner.person.token, PrivateKey()
    assert link(owner, key) == 303
    assert not opens(house, before), "a session begun before the change must not outlive it under its old token"
    assert opens(house, owner.person.token)
    with house.container.reading() as session:
        assert users.find(session, hex_of(key)).user_id == owner.person.user_id
    assert owner.person.withdraw().get_json()["error"] == "key_cooldown"
    assert events_of(house, owner) == ["key_linked"]


def test_a_key_that_did_not_sign_is_not_linked(house: House, owner: Reader) -> None:
    key = PrivateKey()
    place = owner.post("/account/keys", subject=hex_of(key)).headers["Location"]
    refused = owner.post(place, signature=PrivateKey().sign(b"something else").hex(), name="phone")
    assert refused.status_code == 401
    assert list(keys_of(house, owner)) == ["first"]


def test_a_text_for_linking_signs_nobody_in_and_is_of_use_to_its_user_alone(house: House, owner: Reader) -> None:
    other, key = Reader(house, house.person()), PrivateKey()
    place = owner.post("/account/keys", subject=hex_of(key)).headers["Location"]
    challenge_id = place.split("/")[3]
    found = re.search(r'id="challenge"[^>]*>([^<]*)<', owner.get(place).text)
    assert found is not None
    signature = key.sign(found[1].encode()).hex()
    body = {"challenge_id": challenge_id, "signature": signature}
    signed_in = house.visitor().post("/verify_signature", json=body)
    assert signed_in.get_json()["error"] == "challenge_for_another"
    assert other.post(place, signature=signature, name="mine").status_code == 401
    assert list(keys_of(house, other)) == ["first"]


def test_a_key_of_somebody_else_is_refused(house: House, owner: Reader) -> None:
    other = house.person()
    assert link(owner, other.key) == 409
    assert list(keys_of(house, owner)) == ["first"]


def test_a_key_is_renamed_and_removed_and_the_other_sessions_end(house: House, owner: Reader) -> None:
    link(owner, PrivateKey())
    with house.container.transaction() as session:
        elsewhere = sessions.begin(session, owner.person.user_id, now=house.container.now())
    key = keys_of(house, owner)["phone"]
    assert owner.post(f"/account/keys/{key.id}/rename", name="old phone").status_code == 303
    assert "old phone" in owner.text("/account")
    assert opens(house, elsewhere.token)
    assert owner.post(f"/account/keys/{key.id}/remove").status_code == 303
    assert list(keys_of(house, owner)) == ["first"]
    assert not opens(house, elsewhere.token)
    assert "Account" in owner.text("/account"), "the browser that removed it stays signed in"
    assert events_of(house, owner)[-1] == "key_removed"


def test_the_last_key_stays(house: House, owner: Reader) -> None:
    key = keys_of(house, owner)["first"]
    refused = owner.post(f"/account/keys/{key.id}/remove")
    assert (refused.status_code, "the last key" in words(refused)) == (409, True)
    assert list(keys_of(house, owner)) == ["first"]


def test_nobody_touches_the_keys_and_sessions_of_another(house: House, owner: Reader) -> None:
    other = Reader(house, house.person())
    link(other, PrivateKey())
    key = keys_of(house, other)["phone"]
    assert owner.post(f"/account/keys/{key.id}/remove").status_code == 404
    with house.container.reading() as session:
        [theirs] = sessions.open_of(session, other.person.user_id, now=house.container.now())
    owner.post(f"/account/sessions/{theirs.id}/end")
    assert opens(house, other.person.token)


def test_one_session_is_ended_and_then_all(house: House, owner: Reader) -> None:
    with house.container.transaction() as session:
        elsewhere = sessions.begin(session, owner.person.user_id, now=house.container.now(), user_agent="A tablet")
    assert opens(house, elsewhere.token)
    assert "A tablet" in owner.text("/account")
    assert owner.post(f"/account/sessions/{elsewhere.session_id}/end").headers["Location"] == "/account"
    assert not opens(house, elsewhere.token)
    assert "A tablet" not in owner.text("/account")
    assert owner.post("/account/sessions/end").headers["Location"] == "/login"
    assert not opens(house, owner.person.token)
    assert events_of(house, owner)[-2:] == ["sessions_ended", "sessions_ended"]


def test_an_ended_session_is_not_listed(house: House, owner: Reader) -> None:
    with house.container.transaction() as session:
        sessions.begin(
            session, owner.person.user_id, now=house.container.now() - timedelta(days=2), user_agent="Long ago"
        )
    assert "Long ago" not in owner.text("/account")
