"""Signing in with a Lightning wallet through the real endpoints: who gets a session, and who gets an error that wallets
understand."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from coincurve import PrivateKey
from flask.testing import FlaskClient
from sqlalchemy import select

from auth import lnurl, users
from models.audit import AuditLog
from models.user import UserKey
from tests.api.house import House, Person
from tests.auth.wallet import answer_to

OTHER = PrivateKey(bytes([9]) * 32).public_key
CALLBACK = "/api/lnurl-auth/callback"


def ask(client: FlaskClient, action: str | None = None, **options: Any) -> dict[str, Any]:
    answer = client.post("/api/lnurl-auth/create", json={"action": action} if action else {}, **options)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.get_json()
    return body


def k1_of(asked: dict[str, Any]) -> str:
    url: str = asked["keyauth"]
    return parse_qs(urlsplit(url).query)["k1"][0]


def signed(key: PrivateKey, asked: dict[str, Any]) -> dict[str, str]:
    k1 = k1_of(asked)
    signature = key.sign(bytes.fromhex(k1), hasher=None).hex()
    return {"k1": k1, "sig": signature, "key": key.public_key.format().hex()}


def answer(house: House, asked: dict[str, Any], signer: PrivateKey, /, **changed: str | None) -> dict[str, Any]:
    """What a wallet is told."""
    query = {name: value for name, value in {**signed(signer, asked), **changed}.items() if value is not None}
    response = house.visitor().get(f"{CALLBACK}/{asked['session_id']}", query_string=query)
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    body: dict[str, Any] = response.get_json()
    return body


def status(client: FlaskClient, asked: dict[str, Any]) -> str:
    return str(client.get(f"/api/lnurl-auth/check/{asked['session_id']}").get_json()["status"])


def browser(house: House) -> FlaskClient:
    return house.visitor(use_cookies=True)


def bearer(person: Person) -> dict[str, str]:
    return {"Authorization": f"Bearer {person.token}"}


def test_a_wallet_signs_the_browser_in_that_asked(own_house: House) -> None:
    client, key = browser(own_house), PrivateKey()
    asked = ask(client)
    assert set(asked) == {"session_id", "lnurl", "qr_code_data", "keyauth", "expires_at"}
    assert asked["lnurl"].startswith("LNURL1")
    assert asked["lnurl"] == asked["lnurl"].upper()
    assert status(client, asked) == "waiting"
    assert answer(own_house, asked, key) == {"status": "OK"}
    done = client.get(f"/api/lnurl-auth/check/{asked['session_id']}").get_json()
    assert done["status"] == "verified"
    assert done["session"]["user"]["public_key"] == key.public_key.format().hex()
    assert client.get("/api/v1/balances").status_code == 200
    assert status(client, asked) == "claimed"
    with own_house.container.reading() as session:
        rows = session.scalars(select(AuditLog).order_by(AuditLog.id)).all()
        assert [(row.event, row.success, row.user_id is not None) for row in rows] == [
            ("lnurl_answered", True, True),
            ("login", True, True),
        ]


def test_a_wallet_that_we_did_not_write_signs_in(house: House) -> None:
    client = browser(house)
    asked = ask(client)
    wallet = answer_to(asked["lnurl"])
    assert wallet.url.startswith(house.container.settings.public_url)
    assert house.visitor().get(wallet.path).get_json() == {"status": "OK"}
    done = client.get(f"/api/lnurl-auth/check/{asked['session_id']}").get_json()
    assert done["session"]["user"]["public_key"] == wallet.key


def test_the_question_can_be_read_by_its_session(house: House) -> None:
    asked = ask(browser(house), "login")
    told = house.visitor().get("/api/lnurl-auth/params", query_string={"session_id": asked["session_id"]}).get_json()
    assert (told["tag"], told["k1"], told["action"]) == ("login", k1_of(asked), "login")
    assert told["callback"].startswith(f"{house.container.settings.public_url}{CALLBACK}/{asked['session_id']}")


def test_the_host_that_wallets_derive_their_key_from_is_ours_whatever_was_asked(house: House) -> None:
    elsewhere = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    asked = ask(browser(house), headers=elsewhere)
    public = house.container.settings.public_url
    assert asked["keyauth"].startswith(f"keyauth://{urlsplit(public).netloc}{CALLBACK}/")
    query = {"session_id": asked["session_id"]}
    told = house.visitor().get("/api/lnurl-auth/params", query_string=query, headers=elsewhere).get_json()
    assert told["callback"].startswith(f"{public}{CALLBACK}/")
    assert asked["lnurl"] == lnurl.encoded(told["callback"])


def test_only_the_browser_that_asked_learns_anything(house: House) -> None:
    client, thief = browser(house), browser(house)
    ask(thief)
    asked = ask(client)
    answer(house, asked, PrivateKey())
    for stranger in (thief, house.visitor()):
        refused = stranger.get(f"/api/lnurl-auth/check/{asked['session_id']}")
        assert (refused.status_code, refused.get_json()["error"]) == (404, "lnurl_not_found")
    assert status(client, asked) == "verified"


def test_the_secret_of_the_browser_is_not_in_what_it_shows(house: House) -> None:
    client = browser(house)
    asked = ask(client)
    cookie = client.get_cookie("wallet")
    assert cookie is not None
    assert cookie.value not in str(asked)
    assert ask(client)["session_id"] != asked["session_id"]
    assert status(client, asked) == "waiting", "a second question of a browser must not take the first away"


def test_a_wallet_that_drops_the_query_still_signs_in(house: House) -> None:
    asked = ask(browser(house))
    assert answer(house, asked, PrivateKey(), k1=None) == {"status": "OK"}


@pytest.mark.parametrize(
    "changed",
    [
        {"k1": "00" * 32},
        {"k1": "\x00"},
        {"sig": None},
        {"key": None},
        {"sig": "3006"},
        {"sig": "\x00\x00"},
        {"key": "02" + "ff" * 32},
        {"key": OTHER.format().hex()},
        {"key": OTHER.format(compressed=False).hex()},
        {"key": "\ud7ff"},
        {"key": "\x00"},
    ],
    ids=str,
)
def test_a_wrong_answer_is_an_error_that_wallets_understand_and_uses_nothing_up(
    house: House, changed: dict[str, str | None]
) -> None:
    client, key = browser(house), PrivateKey()
    asked = ask(client)
    refused = answer(house, asked, key, **changed)
    assert refused["status"] == "ERROR"
    assert refused["reason"]
    assert status(client, asked) == "waiting"
    assert answer(house, asked, key) == {"status": "OK"}


def test_an_unknown_question_is_the_same_kind_of_error(house: House) -> None:
    asked = ask(browser(house)) | {"session_id": "01a1fc2b-bf4b-788d-9cb4-0771b20f873c"}
    assert answer(house, asked, PrivateKey())["status"] == "ERROR"


def test_a_second_wallet_cannot_replace_the_first(house: House) -> None:
    client, first = browser(house), PrivateKey()
    asked = ask(client)
    assert answer(house, asked, first) == {"status": "OK"}
    assert answer(house, asked, PrivateKey())["status"] == "ERROR"
    assert answer(house, asked, first)["status"] == "ERROR", "k1 is good for one answer, whoever gives it"
    done = client.get(f"/api/lnurl-auth/check/{asked['session_id']}").get_json()
    assert done["session"]["user"]["public_key"] == first.public_key.format().hex()


def test_of_fifty_wallets_at_once_one_answers_and_of_fifty_looks_one_signs_in(own_house: House) -> None:
    client = browser(own_house)
    asked = ask(client)
    own_house.app  # noqa: B018 - made once, before the threads
    with ThreadPoolExecutor(20) as pool:
        told = list(pool.map(lambda key: answer(own_house, asked, key), [PrivateKey() for _ in range(50)]))
    assert [body["status"] for body in told].count("OK") == 1
    assert own_house.user_count() == 1
    cookie = client.get_cookie("wallet")
    assert cookie is not None

    def look(_: int) -> str:
        headers = {"Cookie": f"wallet={cookie.value}"}
        return str(own_house.visitor().get(f"/api/lnurl-auth/check/{asked['session_id']}", headers=headers).get_json())

    with ThreadPoolExecutor(20) as pool:
        looks = list(pool.map(look, range(50)))
    assert sum("session_token" in body for body in looks) == 1


def test_an_answer_after_five_minutes_is_too_late(house: House) -> None:
    client = browser(house)
    asked = ask(client)
    container = house.container
    late = House(replace(container, clock=lambda: container.now() + timedelta(minutes=5)))
    told = answer(late, asked, PrivateKey())
    assert (told["status"], "has expired" in told["reason"]) == ("ERROR", True)
    cookie = client.get_cookie("wallet")
    assert cookie is not None
    seen = late.visitor().get(
        f"/api/lnurl-auth/check/{asked['session_id']}", headers={"Cookie": f"wallet={cookie.value}"}
    )
    assert seen.get_json()["status"] == "expired"


def test_each_action_does_what_its_name_says(house: House) -> None:
    key = PrivateKey()
    assert answer(house, ask(browser(house), "login"), key)["status"] == "ERROR"
    assert answer(house, ask(browser(house), "register"), key) == {"status": "OK"}
    assert answer(house, ask(browser(house), "register"), key)["status"] == "ERROR"
    assert answer(house, ask(browser(house), "login"), key) == {"status": "OK"}


@pytest.mark.parametrize("action", ["link", "auth"])
def test_actions_on_an_account_need_its_session(house: House, action: str) -> None:
    refused = browser(house).post("/api/lnurl-auth/create", json={"action": action})
    assert (refused.status_code, refused.get_json()["error"]) == (401, "not_signed_in")


def test_a_linked_wallet_signs_in_to_the_account_and_stops_withdrawals_for_a_while(house: House) -> None:
    person, key, client = house.person(funds_minor=10**9), PrivateKey(), browser(house)
    asked = ask(client, "link", headers=bearer(person))
    assert answer(house, asked, key) == {"status": "OK"}
    with house.container.reading() as session:
        found = users.find(session, key.public_key.format().hex())
        assert (found.user_id, found.public_key) == (person.user_id, person.public_key)
    assert person.withdraw().get_json()["error"] == "key_cooldown"
    again = browser(house)
    asked = ask(again, "login")
    assert answer(house, asked, key) == {"status": "OK"}
    done = again.get(f"/api/lnurl-auth/check/{asked['session_id']}").get_json()
    assert done["session"]["user"]["id"] == str(person.user_id)


def test_a_key_that_has_an_account_cannot_be_linked_to_another(house: House) -> None:
    person, other = house.person(), house.person()
    asked = ask(browser(house), "link", headers=bearer(person))
    assert answer(house, asked, other.key)["status"] == "ERROR"
    with house.container.reading() as session:
        owners = session.scalars(select(UserKey.user_id).where(UserKey.subject == other.public_key)).all()
    assert owners == [other.user_id]


def test_proving_oneself_again_takes_a_key_of_ones_own(house: House) -> None:
    person, other = house.person(), house.person()
    asked = ask(browser(house), "auth", headers=bearer(person))
    assert answer(house, asked, other.key)["status"] == "ERROR"
    assert answer(house, asked, person.key) == {"status": "OK"}


@pytest.mark.parametrize("path", ["/logout", "/account/sessions/end"])
def test_who_signed_out_is_not_linked_to_a_wallet_by_a_question_from_before(house: House, path: str) -> None:
    """Whoever took a session over could keep the account with it for ever."""
    person, thief = house.person(), browser(house)
    asked = ask(thief, "link", headers=bearer(person))
    assert house.visitor().post(path, headers=bearer(person)).status_code in {204, 303}
    assert answer(house, asked, PrivateKey())["status"] == "ERROR"
    assert status(thief, asked) == "expired"
    with house.container.reading() as session:
        assert session.scalars(select(UserKey.subject).where(UserKey.user_id == person.user_id)).all() == [
            person.public_key
        ]


def test_an_answer_that_opened_nothing_yet_opens_nothing_after_signing_out_everywhere(house: House) -> None:
    person, other = house.person(), browser(house)
    asked = ask(other, "login")
    assert answer(house, asked, person.key) == {"status": "OK"}
    assert house.visitor().post("/account/sessions/end", headers=bearer(person)).status_code == 303
    assert status(other, asked) == "expired"


def test_the_page_moves_on_to_whatever_the_address_spells(house: House) -> None:
    client, key = browser(house), PrivateKey()
    asked = ask(client)
    assert answer(house, asked, key) == {"status": "OK"}
    look = {"query_string": {"next": "/flows/\u65e5\u672c"}, "headers": {"HX-Request": "true"}}
    moved = client.get(f"/login/wallet/{asked['session_id']}", **look)
    assert (moved.status_code, moved.headers["HX-Redirect"]) == (200, "/flows/%E6%97%A5%E6%9C%AC")
    assert client.get("/api/v1/balances").status_code == 200
