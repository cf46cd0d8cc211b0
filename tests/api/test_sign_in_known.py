"""Signing in once more: one statement does what the long way of a first time does, and no more often."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from coincurve import PrivateKey
from sqlalchemy import event, func, select

from auth import lnurl, roles
from models.audit import AuditLog
from models.session import AuthChallenge, UserSession
from models.user import User, UserKey
from tests.api import test_lnurl as wallets
from tests.api.house import House, Person
from tests.api.test_sign_in import ask, error_of, prove, public_key

AGENT = {"User-Agent": "purse/2"}


def statements(house: House, run: Any) -> tuple[Any, list[str]]:
    """What the run answers, and what was said to PostgreSQL through SQLAlchemy's sessions meanwhile."""
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    event.listen(house.container.engine, "before_cursor_execute", note)
    try:
        return run(), said
    finally:
        event.remove(house.container.engine, "before_cursor_execute", note)


def recorded(house: House, kind: str) -> list[AuditLog]:
    with house.container.reading() as session:
        return list(session.scalars(select(AuditLog).where(AuditLog.event == kind).order_by(AuditLog.id)))


def count(house: House, table: type) -> int:
    with house.container.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


@pytest.mark.parametrize("named", ["challenge_id", "message"])
def test_a_second_sign_in_leaves_what_the_first_left(own_house: House, named: str) -> None:
    key, client = PrivateKey(), own_house.visitor()
    prove(client, key, ask(client, public_key(key)), headers=AGENT)
    with own_house.container.transaction() as session:
        user = session.scalars(select(User)).one()
        roles.grant(session, user.id, "approver", by="test", now=own_house.container.now())
    asked = ask(client, public_key(key))
    shown = {named: asked[named], "signature": key.sign(asked["message"].encode()).hex()}
    answer, said = statements(own_house, lambda: client.post("/verify_signature", json=shown, headers=AGENT))
    assert said == []
    assert answer.get_json()["user"]["roles"] == ["approver", "viewer"]
    first, second = recorded(own_house, "login")
    assert set(first.detail) == set(second.detail)
    assert (first.detail["first"], second.detail["first"]) == (True, False)
    for column in ("user_id", "actor", "success", "address", "user_agent"):
        assert getattr(first, column) == getattr(second, column), column
    assert second.request_id == answer.headers["X-Request-ID"]
    with own_house.container.reading() as session:
        opened = session.scalars(select(UserSession).order_by(UserSession.created_at)).all()
        assert [(row.user_id, row.address, row.user_agent) for row in opened] == [(user.id, "127.0.0.1", "purse/2")] * 2
        assert second.detail["session_id"] == str(opened[1].id)
        assert session.scalars(select(User.last_login_at)).one() == opened[1].created_at
        assert opened[1].expires_at - opened[1].created_at == timedelta(hours=24)
    headers = {"Authorization": f"Bearer {answer.get_json()['session_token']}"}
    assert client.get("/api/v1/balances", headers=headers).status_code == 200


def test_of_fifty_simultaneous_proofs_of_somebody_known_one_succeeds(own_house: House) -> None:
    person = own_house.person()
    challenge = ask(own_house.visitor(), person.public_key)
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: prove(own_house.visitor(), person.key, challenge), range(50)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 49
    assert count(own_house, UserSession) == 2
    assert [line.success for line in recorded(own_house, "login")].count(True) == 1


@pytest.mark.parametrize("named", ["challenge_id", "message"])
def test_everybody_who_signs_in_at_one_moment_is_themselves(own_house: House, named: str) -> None:
    """They are looked up together, with somebody among them whose challenge is not theirs."""
    crowd = [own_house.person() for _ in range(12)]
    given = [ask(own_house.visitor(), person.public_key) for person in crowd]
    given[5] = given[4]

    def sign_in(person: Person, asked: dict[str, Any]) -> tuple[int, str | None]:
        shown = {named: asked[named], "signature": person.key.sign(asked["message"].encode()).hex()}
        answer = own_house.visitor().post("/verify_signature", json=shown)
        return answer.status_code, answer.get_json().get("user", {}).get("id")

    with ThreadPoolExecutor(len(crowd)) as pool:
        told = list(pool.map(sign_in, crowd, given))
    assert told[5] == (401, None)
    assert told[:5] + told[6:] == [(200, str(person.user_id)) for person in crowd if person is not crowd[5]]
    lines = [line for line in recorded(own_house, "login") if line.success]
    assert len({line.request_id for line in lines}) == len(lines) == 11
    with own_house.container.reading() as session:
        opened = {str(row.id): row.user_id for row in session.scalars(select(UserSession))}
    assert all(opened[line.detail["session_id"]] == line.user_id for line in lines)


def test_somebody_known_is_refused_for_the_same_reasons(own_house: House) -> None:
    person, client = own_house.person(), own_house.visitor()
    used = ask(client, person.public_key)
    assert error_of(prove(client, PrivateKey(), used, body={"subject": person.public_key})) == (
        401,
        "invalid_signature",
    )
    assert prove(client, person.key, used).status_code == 200
    assert error_of(prove(client, person.key, used)) == (409, "challenge_used")
    old, removed = ask(client, person.public_key), ask(client, person.public_key)
    with own_house.container.transaction() as session:
        session.get_one(AuthChallenge, old["challenge_id"]).expires_at -= timedelta(minutes=6)
    assert error_of(prove(client, person.key, old)) == (410, "challenge_expired")
    with own_house.container.transaction() as session:
        session.scalars(
            select(UserKey).where(UserKey.user_id == person.user_id)
        ).one().removed_at = own_house.container.now()
    assert error_of(prove(client, person.key, removed)) == (401, "key_removed")
    assert [line.detail.get("reason") for line in recorded(own_house, "login")] == [
        "invalid_signature", None, "challenge_used", "challenge_expired", "key_removed",
    ]  # fmt: skip
    assert count(own_house, UserSession) == 2


@pytest.mark.parametrize("action", [None, "login"])
def test_a_known_wallet_answers_once_and_is_on_record(own_house: House, action: str | None) -> None:
    person, client = own_house.person(), wallets.browser(own_house)
    asked = wallets.ask(client, action)
    told = answers(own_house, person, asked)
    assert told.count("OK") == 1
    [line] = recorded(own_house, "lnurl_answered")
    [failed, *_] = [row for row in recorded(own_house, "login") if not row.success]
    assert (line.user_id, line.actor.split(":")[0], line.success) == (person.user_id, "user", True)
    assert line.detail == {"challenge_id": asked["session_id"], "subject": person.public_key, "action": action}
    assert failed.detail["reason"] == "lnurl_used"
    assert wallets.status(client, asked) == "verified"


def answers(house: House, person: Person, asked: dict[str, Any]) -> list[str]:
    """What the wallet is told when it answers twenty times at once."""
    house.app  # noqa: B018 - made once, before the threads
    with ThreadPoolExecutor(20) as pool:
        return [body["status"] for body in pool.map(lambda _: wallets.answer(house, asked, person.key), range(20))]


def test_of_two_answers_that_both_found_the_question_open_one_is_kept(
    own_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, real, meeting = own_house.person(), lnurl.verify, Barrier(2)

    def verify(*arguments: str) -> None:
        real(*arguments)
        if recorded(own_house, "lnurl_answered") == []:
            meeting.wait(10)

    asked = wallets.ask(wallets.browser(own_house))
    monkeypatch.setattr(lnurl, "verify", verify)
    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(lambda _: wallets.answer(own_house, asked, person.key), range(2)))
    assert sorted(body["status"] for body in told) == ["ERROR", "OK"]
    assert len(recorded(own_house, "lnurl_answered")) == 1


def test_a_known_wallet_with_a_wrong_answer_uses_nothing_up(own_house: House) -> None:
    person, client = own_house.person(), wallets.browser(own_house)
    asked = wallets.ask(client)
    other = wallets.signed(PrivateKey(), asked)["sig"]
    assert wallets.answer(own_house, asked, person.key, sig=other)["status"] == "ERROR"
    assert wallets.answer(own_house, asked, person.key, k1="00" * 32)["status"] == "ERROR"
    assert wallets.answer(own_house, asked, person.key)["status"] == "OK"
