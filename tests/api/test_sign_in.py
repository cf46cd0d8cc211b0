"""A challenge, a signature, a session: who gets in, who does not, and what is on record about both."""

import hashlib
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from coincurve import PrivateKey
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from domain.base58 import encode_base58check
from models.audit import AuditLog
from models.session import AuthChallenge, UserSession
from models.user import User, UserKey
from tests.api.house import NETWORK, House
from wiring.container import Container

SOMEBODY = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"


def public_key(key: PrivateKey) -> str:
    return key.public_key.format().hex()


def ask(client: FlaskClient, subject: str) -> dict[str, Any]:
    answer = client.post("/api/auth/challenge", json={"subject": subject})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.get_json()
    return body


def prove(client: FlaskClient, key: PrivateKey, challenge: dict[str, Any], **options: Any) -> TestResponse:
    body = {
        "challenge_id": challenge["challenge_id"],
        "subject": public_key(key),
        "signature": key.sign(challenge["message"].encode()).hex(),
    }
    return client.post("/verify_signature", json={**body, **options.pop("body", {})}, **options)


def error_of(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["error"]


def audited(container: Container) -> list[tuple[str, bool, Any]]:
    with container.reading() as session:
        rows = session.scalars(select(AuditLog).where(AuditLog.event == "login").order_by(AuditLog.id)).all()
        return [(row.event, row.success, row.detail.get("reason")) for row in rows]


def test_the_first_sign_in_makes_the_user_and_a_later_one_finds_them(own_house: House) -> None:
    key, client = PrivateKey(), own_house.visitor()
    first = prove(client, key, ask(client, public_key(key))).get_json()
    assert first["user"] == {"id": first["user"]["id"], "public_key": public_key(key), "roles": [], "is_new": True}
    later = prove(client, key, ask(client, public_key(key))).get_json()
    assert later["user"]["id"] == first["user"]["id"]
    assert not later["user"]["is_new"]
    assert later["session_token"] != first["session_token"]
    assert own_house.user_count() == 1
    assert audited(own_house.container) == [("login", True, None)] * 2


def test_the_challenge_says_where_who_and_until_when(own_house: House) -> None:
    key = PrivateKey()
    challenge = ask(own_house.visitor(), public_key(key))
    message = challenge["message"]
    assert "127.0.0.1:8080" in message
    assert public_key(key) in message
    assert challenge["expires_at"][:19] in message
    assert "\n" not in message


def test_an_uncompressed_key_and_capitals_are_the_same_person(own_house: House) -> None:
    key, client = PrivateKey(), own_house.visitor()
    spelled = key.public_key.format(compressed=False).hex().upper()
    challenge = ask(client, spelled)
    assert challenge["subject"] == public_key(key)
    assert prove(client, key, challenge, body={"subject": spelled}).status_code == 200


def test_the_specifications_field_names_serve_as_well(own_house: House) -> None:
    key, client = PrivateKey(), own_house.visitor()
    message = ask(client, public_key(key))["message"]
    body = {"pubkey": public_key(key), "message": message, "signature": key.sign(message.encode()).hex()}
    assert client.post("/verify_signature", json=body).status_code == 200


def test_an_address_and_the_key_behind_it_are_one_person(own_house: House) -> None:
    key, client = PrivateKey(), own_house.visitor()
    digest = hashlib.new("ripemd160", hashlib.sha256(key.public_key.format()).digest()).digest()
    address = encode_base58check(bytes([NETWORK.p2pkh_prefix]) + digest)
    challenge = ask(client, address)
    magic, message = NETWORK.message_magic.encode(), challenge["message"].encode()
    length = bytes([len(message)]) if len(message) < 0xFD else b"\xfd" + len(message).to_bytes(2, "little")
    framed = bytes([len(magic)]) + magic + length + message
    raw = key.sign_recoverable(hashlib.sha256(hashlib.sha256(framed).digest()).digest(), hasher=None)
    signature = b64encode(bytes([31 + raw[64]]) + raw[:64]).decode()
    by_address = prove(client, key, challenge, body={"subject": address, "signature": signature}).get_json()
    by_key = prove(client, key, ask(client, public_key(key))).get_json()
    assert by_address["user"]["id"] == by_key["user"]["id"]
    with own_house.container.reading() as session:
        assert set(session.scalars(select(UserKey.subject))) == {address, public_key(key)}


def test_a_used_challenge_signs_nobody_in_again(own_house: House) -> None:
    key, client = PrivateKey(), own_house.visitor()
    challenge = ask(client, public_key(key))
    assert prove(client, key, challenge).status_code == 200
    assert error_of(prove(client, key, challenge)) == (409, "challenge_used")
    assert audited(own_house.container)[-1] == ("login", False, "challenge_used")


def test_an_old_challenge_is_gone(own_house: House) -> None:
    key, client = PrivateKey(), own_house.visitor()
    challenge = ask(client, public_key(key))
    with own_house.container.transaction() as session:
        session.scalars(select(AuthChallenge)).one().expires_at -= timedelta(minutes=5, seconds=1)
    assert error_of(prove(client, key, challenge)) == (410, "challenge_expired")
    assert own_house.user_count() == 0


def test_a_wrong_signature_is_refused_and_does_not_use_up_the_challenge(own_house: House) -> None:
    key, client = PrivateKey(), own_house.visitor()
    challenge = ask(client, public_key(key))
    forged = PrivateKey().sign(challenge["message"].encode()).hex()
    assert error_of(prove(client, key, challenge, body={"signature": forged})) == (401, "invalid_signature")
    assert audited(own_house.container) == [("login", False, "invalid_signature")]
    assert prove(client, key, challenge).status_code == 200


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"signature": "zz"}, 400, "malformed_signature"),
        ({"signature": "30"}, 400, "malformed_signature"),
        ({"signature": ""}, 422, "invalid_request"),
        ({"signature": "ab" * 4097}, 422, "invalid_request"),
        ({"signature": None}, 422, "invalid_request"),
        ({"subject": "02" + "00" * 32}, 400, "malformed_key"),
        ({"subject": "nobody"}, 400, "malformed_key"),
        ({"subject": SOMEBODY}, 401, "challenge_for_another"),
        ({"pubkey": "nobody"}, 422, "invalid_request"),
        ({"challenge_id": "17"}, 422, "invalid_request"),
        ({"challenge_id": "01a1fc2b-bf4b-788d-9cb4-0771b20f873c"}, 404, "challenge_not_found"),
        ({"message": "something else"}, 401, "challenge_for_another"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_proof_that_is_not_one_is_refused_by_name(
    house: House, change: dict[str, Any], status: int, code: str
) -> None:
    key, client = PrivateKey(), house.visitor()
    challenge = ask(client, public_key(key))
    users = house.user_count()
    assert error_of(prove(client, key, challenge, body=change)) == (status, code)
    assert house.user_count() == users


@pytest.mark.parametrize(
    "subject", ["", "05" + "ab" * 32, "04" + "ab" * 64, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5"]
)
def test_a_challenge_is_given_to_keys_only(house: House, subject: str) -> None:
    refused = house.visitor().post("/api/auth/challenge", json={"subject": subject})
    assert refused.status_code == (400 if subject else 422)


def test_of_fifty_simultaneous_proofs_one_succeeds(own_house: House) -> None:
    key = PrivateKey()
    challenge = ask(own_house.visitor(), public_key(key))
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: prove(own_house.visitor(), key, challenge), range(50)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 49
    with own_house.container.reading() as session:
        assert session.scalar(select(func.count()).select_from(UserSession)) == 1
        assert session.scalar(select(func.count()).select_from(User)) == 1


def test_ten_first_sign_ins_at_once_make_one_user(own_house: House) -> None:
    key = PrivateKey()
    challenges = [ask(own_house.visitor(), public_key(key)) for _ in range(10)]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda challenge: prove(own_house.visitor(), key, challenge), challenges))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.get_json()["user"]["id"] for answer in answers}) == 1
    assert own_house.user_count() == 1


def test_a_removed_key_signs_in_no_longer(own_house: House) -> None:
    key, client = PrivateKey(), own_house.visitor()
    prove(client, key, ask(client, public_key(key)))
    with own_house.container.transaction() as session:
        session.scalars(select(UserKey)).one().removed_at = own_house.container.now()
    assert error_of(prove(client, key, ask(client, public_key(key)))) == (401, "key_removed")
