"""Sign-in with an address of every kind, over HTTP: who comes in, what is refused by which name, and nothing twice."""

import re
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from coincurve import PrivateKey
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from werkzeug.test import TestResponse

from auth.ecdsa import ORDER
from auth.signed_messages import digest
from models.session import AuthChallenge
from models.user import User, UserKey
from tests.api.house import NETWORK, House
from tests.auth.signer import Wallet, addresses_of, p2wsh, spell_witness, wallets

CHAIN = NETWORK.chain
OTHERS = (PrivateKey.from_int(8), PrivateKey.from_int(9))
KINDS = ("p2pkh", "p2wpkh", "p2tr", "p2sh-p2wpkh", "p2wsh single", "p2wsh multisig", "p2sh-p2wsh", "p2sh multisig")
SINGLE_KEY_KINDS = frozenset({"p2pkh", "p2wpkh", "p2sh-p2wpkh"})
COMPACT_HEADERS = {"p2pkh": (31,), "p2sh": (31, 35), "p2wpkh": (31, 39)}


def ask(client: FlaskClient, subject: str) -> dict[str, Any]:
    answer = client.post("/api/auth/challenge", json={"subject": subject})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.get_json()
    return body


def prove(client: FlaskClient, challenge: dict[str, Any], signature: str) -> TestResponse:
    body = {"challenge_id": challenge["challenge_id"], "subject": challenge["subject"], "signature": signature}
    return client.post("/verify_signature", json=body)


def compact(key: PrivateKey, message: str, header: int) -> bytes:
    signed = key.sign_recoverable(digest(NETWORK.message_magic, message.encode()), hasher=None)
    return bytes([header + signed[64]]) + signed[:64]


def spelled(raw: bytes) -> str:
    return b64encode(raw).decode()


def error_of(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["error"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_address_of_every_kind_signs_in_with_a_proof(house: House, kind: str) -> None:
    key, client = PrivateKey(), house.visitor()
    wallet = wallets(key, *OTHERS, chain=CHAIN)[kind]
    seen = set()
    for prefix in ("ful", ""):
        challenge = ask(client, wallet.address)
        answer = prove(client, challenge, prefix + wallet.full(challenge["message"]))
        assert answer.status_code == 200, answer.text
        user = answer.get_json()["user"]
        seen.add(user["id"])
        expected = key.public_key.format().hex() if kind in SINGLE_KEY_KINDS else wallet.address
        assert user["public_key"] == expected
    assert len(seen) == 1


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in {"p2pkh", "p2sh multisig"}])
def test_a_simple_proof_is_enough_for_segwit(house: House, kind: str) -> None:
    client, wallet = house.visitor(), wallets(PrivateKey(), *OTHERS, chain=CHAIN)[kind]
    for prefix in ("smp", ""):
        challenge = ask(client, wallet.address)
        assert prove(client, challenge, prefix + wallet.simple(challenge["message"])).status_code == 200


@pytest.mark.parametrize("form", ["", "ful"])
def test_the_largest_multisig_signs_in_with_all_its_keys(house: House, form: str) -> None:
    keys = tuple(PrivateKey() for _ in range(20))
    pushed = b"".join(b"\x21" + key.public_key.format() for key in keys)
    script = b"\x01\x14" + pushed + b"\x01\x14\xae"
    client, wallet = house.visitor(), Wallet("p2wsh", p2wsh(script, CHAIN), keys, script)
    challenge = ask(client, wallet.address)
    signature = form + (wallet.full if form else wallet.simple)(challenge["message"])
    assert len(signature) > 2_500
    assert prove(client, challenge, signature).status_code == 200
    # The same through the page, broken into lines as wallets show it.
    browser = house.visitor(use_cookies=True)
    challenge = ask(browser, wallet.address)
    signature = form + (wallet.full if form else wallet.simple)(challenge["message"])
    path = f"/login/{challenge['challenge_id']}"
    shown = browser.get(path, headers={"Accept": "text/html"}).text
    cap, token = (re.search(pattern, shown) for pattern in (r'maxlength="(\d+)"', r'name="csrf_token" value="([^"]+)"'))
    assert cap is not None
    lines = "\r\n".join(signature[start : start + 64] for start in range(0, len(signature), 64))
    assert len(lines) < int(cap[1])
    answer = browser.post(path, data={"signature": lines, "csrf_token": token[1] if token else ""})
    assert answer.status_code == 303, answer.text


def test_all_single_key_addresses_of_a_key_are_one_person(own_house: House) -> None:
    key, client = PrivateKey(), own_house.visitor()
    found = addresses_of(key, CHAIN)
    ids = set()
    for kind, headers in COMPACT_HEADERS.items():
        for header in headers:
            challenge = ask(client, found[kind])
            answer = prove(client, challenge, spelled(compact(key, challenge["message"], header)))
            assert answer.status_code == 200, answer.text
            ids.add(answer.get_json()["user"]["id"])
    assert len(ids) == own_house.user_count() == 1


@pytest.mark.parametrize("kind", ["p2wsh multisig", "p2tr"])
def test_an_address_without_a_single_key_is_an_identity_of_its_own(own_house: House, kind: str) -> None:
    wallet, client = wallets(PrivateKey(), *OTHERS, chain=CHAIN)[kind], own_house.visitor()
    challenge = ask(client, wallet.address.upper())
    assert challenge["subject"] == wallet.address
    assert prove(client, challenge, wallet.simple(challenge["message"])).status_code == 200
    with own_house.container.reading() as session:
        assert list(session.scalars(select(User.public_key))) == [wallet.address]
        assert list(session.execute(select(UserKey.kind, UserKey.subject))) == [("address", wallet.address)]


def test_no_other_spelling_of_a_signature_uses_a_challenge_again(house: House) -> None:
    """The challenge is what is used up: twins, other headers and other forms of the proof all come too late."""
    key, client = PrivateKey(), house.visitor()
    wallet = wallets(key, *OTHERS, chain=CHAIN)["p2wpkh"]
    challenge = ask(client, wallet.address)
    message = challenge["message"]
    first = compact(key, message, 39)
    twin = bytes([39 + ((first[0] - 39) ^ 1)]) + first[1:33] + (ORDER - int.from_bytes(first[33:])).to_bytes(32)
    assert prove(client, challenge, spelled(first)).status_code == 200
    later = [spelled(first), spelled(twin), spelled(compact(key, message, 31))]
    later += [
        wallet.simple(message),
        "smp" + wallet.simple(message),
        wallet.full(message),
        "ful" + wallet.full(message),
    ]
    for signature in later:
        assert error_of(prove(client, challenge, signature)) == (409, "challenge_used")


def test_a_bare_keys_other_spellings_come_too_late_as_well(house: House) -> None:
    key, client = PrivateKey(), house.visitor()
    challenge = ask(client, key.public_key.format().hex())
    der = key.sign(challenge["message"].encode())
    assert prove(client, challenge, der.hex()).status_code == 200
    for signature in (der.hex(), der.hex().upper()):
        assert error_of(prove(client, challenge, signature)) == (409, "challenge_used")


@pytest.mark.parametrize("kind", KINDS)
def test_a_proof_of_something_else_is_refused_by_name(house: House, kind: str) -> None:
    client, wallet = house.visitor(), wallets(PrivateKey(), *OTHERS, chain=CHAIN)[kind]
    challenge = ask(client, wallet.address)
    message = challenge["message"]
    locked = replace(wallet, version=2, lock_time=1)
    odd = replace(wallet, version=3)
    raw = b64decode(wallet.full(message))
    for signature, expected in (
        (wallet.full(message + "."), (401, "invalid_signature")),
        (locked.full(message), (401, "time_locked_signature")),
        (odd.full(message), (401, "inconclusive_signature")),
        ("pof" + wallet.full(message), (400, "proof_of_funds_refused")),
        ("ful" + spelled(raw[:-1]), (400, "malformed_signature")),
        ("ful" + spelled(raw) + "!", (400, "malformed_signature")),
        ("smp" + spelled(raw), (400, "malformed_signature")),
    ):
        assert error_of(prove(client, challenge, signature)) == expected
    assert prove(client, challenge, wallet.full(message)).status_code == 200


def test_a_script_that_needs_no_key_signs_nobody_in(house: House) -> None:
    """Who brings it could sign in as its address, and so could everybody else."""
    client, script = house.visitor(), b"\x51"
    challenge = ask(client, p2wsh(script, CHAIN))
    refused = prove(client, challenge, spelled(spell_witness((script,))))
    assert error_of(refused) == (401, "inconclusive_signature")


def test_an_old_challenge_of_an_address_is_gone(own_house: House) -> None:
    wallet, client = wallets(PrivateKey(), *OTHERS, chain=CHAIN)["p2tr"], own_house.visitor()
    challenge = ask(client, wallet.address)
    with own_house.container.transaction() as session:
        session.scalars(select(AuthChallenge)).one().expires_at -= timedelta(minutes=5, seconds=1)
    assert error_of(prove(client, challenge, wallet.simple(challenge["message"]))) == (410, "challenge_expired")


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(KINDS),
    st.sampled_from(["", "smp", "ful", "pof", "SMP"]),
    st.binary(min_size=1, max_size=200).map(spelled) | st.text(min_size=1, max_size=60),
)
def test_whatever_is_sent_as_a_signature_is_refused_as_the_callers_mistake(
    house: House, kind: str, prefix: str, text: str
) -> None:
    client = house.visitor()
    challenge = ask(client, wallets(PrivateKey.from_int(7), *OTHERS, chain=CHAIN)[kind].address)
    assert prove(client, challenge, prefix + text).status_code in {400, 401, 422}


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(min_size=1, max_size=130)
    | st.from_regex(r"(bc|tb|ltc|rltc|tltc|bcrt)1[02-9ac-hj-np-z]{6,80}", fullmatch=True)
)
def test_whatever_is_sent_as_a_subject_is_refused_as_the_callers_mistake(house: House, subject: str) -> None:
    answer = house.visitor().post("/api/auth/challenge", json={"subject": subject})
    assert answer.status_code in {400, 422}
