"""A key is proved by a signature of a text made for that, and shows the caller's wallets that are its."""

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from coincurve import PrivateKey
from sqlalchemy import text
from werkzeug.test import TestResponse

from domain.base58 import encode_base58check
from domain.ids import new_id
from models.audit import AuditLog
from services import watch_wallets
from services.watch_wallets import child_keys
from tests.api.house import House
from tests.rail import Rail
from tests.wallet_tools.keys import child_key, extended, public_hex, secret_of
from tests.wallet_tools.test_watching import age
from tests.wallet_tools.watcher import Watcher

PATH = "/verify_pubkey_and_list"


def ask(watcher: Watcher, subject: str) -> dict[str, Any]:
    answer = watcher.call("POST", PATH, {"pubkey": subject})
    assert answer.status_code == 201, answer.text
    given: dict[str, Any] = answer.get_json()
    return given


def sign(key: PrivateKey, given: dict[str, Any]) -> dict[str, str]:
    return {"challenge_id": given["challenge_id"], "signature": key.sign(given["message"].encode()).hex()}


def prove(watcher: Watcher, key: PrivateKey) -> TestResponse:
    return watcher.call("POST", PATH, sign(key, ask(watcher, key.public_key.format().hex())))


def ids(answer: TestResponse) -> set[str]:
    assert answer.status_code == 200, answer.text
    return {wallet["id"] for wallet in answer.get_json()["wallets"]}


def test_a_proved_key_shows_every_wallet_that_is_its_and_no_other(watcher: Watcher) -> None:
    seed = new_id().hex
    key = public_hex(seed)
    forms = (f"pkh({key})", f"wpkh({key})", f"sh(wpkh({key}))", f"wsh(multi(1,{key},{public_hex('other')}))")
    its = {watcher.watch(form)["id"] for form in forms}
    watcher.watch(f"wpkh({public_hex('other')})")
    answer = prove(watcher, secret_of(seed))
    assert ids(answer) == its
    assert answer.get_json()["pubkey"] == key
    assert {wallet["balance"]["amount"] for wallet in answer.get_json()["wallets"]} == {"0.00000000"}


def test_a_key_derived_by_a_wallet_belongs_to_it(watcher: Watcher) -> None:
    seed = new_id().hex
    wallet = watcher.watch(f"wpkh({extended(seed)}/*)", range=9)
    assert ids(prove(watcher, child_key(seed, 9))) == {wallet["id"]}
    assert ids(prove(watcher, child_key(seed, 10))) == set()


@pytest.mark.parametrize(
    "form",
    [
        "wsh(multi(2,{a}/0/*,{b}/*))",
        "sh(wsh(sortedmulti(1,{b}/*,{a}/0/*)))",
        "sh(multi(1,{a}/0/*))",
        "wsh(pkh({a}/0/*))",
    ],
)
def test_a_key_derived_for_a_script_belongs_to_its_wallet(watcher: Watcher, form: str) -> None:
    seed, other = new_id().hex, new_id().hex
    wallet = watcher.watch(form.format(a=extended(seed), b=extended(other)), range=[3, 9])
    for index, its in ((3, {wallet["id"]}), (9, {wallet["id"]}), (2, set()), (10, set())):
        assert ids(prove(watcher, child_key(seed, 0, index))) == its
    if "{b}" in form:
        assert ids(prove(watcher, child_key(other, 5))) == {wallet["id"]}
        assert ids(prove(watcher, child_key(other, 0, 5))) == set()


def test_a_key_is_looked_for_at_whole_places_only() -> None:
    key = "02" + "aa" * 32
    assert child_keys.holds(bytes(8) + b"\xaa" * 8, key)
    assert not child_keys.holds(bytes(4) + b"\xaa" * 8 + bytes(4), key)
    assert child_keys.holds(bytes(7) + b"\xaa" * 9, key)
    assert not child_keys.holds(None, key)


def test_an_address_shows_the_wallets_that_hold_it(watcher: Watcher) -> None:
    seed = new_id().hex
    key = secret_of(seed)
    digest = hashlib.new("ripemd160", hashlib.sha256(key.public_key.format()).digest()).digest()
    address = encode_base58check(bytes([watcher.rail.chain.network.p2pkh_prefix]) + digest)
    wallet = watcher.watch(f"addr({address})")
    given = ask(watcher, address)
    magic, message = watcher.rail.chain.network.message_magic.encode(), given["message"].encode()
    framed = bytes([len(magic)]) + magic + bytes([len(message)]) + message
    signed = key.sign_recoverable(hashlib.sha256(hashlib.sha256(framed).digest()).digest(), hasher=None)
    signature = base64.b64encode(bytes([31 + signed[64]]) + signed[:64]).decode()
    answer = watcher.call("POST", PATH, {"challenge_id": given["challenge_id"], "signature": signature})
    assert ids(answer) == {wallet["id"]}


def test_old_balances_are_looked_for_again(watcher: Watcher) -> None:
    seed = new_id().hex
    watcher.watch(f"wpkh({public_hex(seed)})")
    age(watcher.rail, watch_wallets.FRESH_FOR)
    [wallet] = prove(watcher, secret_of(seed)).get_json()["wallets"]
    assert (wallet["balance"]["is_fresh"], wallet["scan"]["state"]) == (False, "waiting")
    assert watcher.scan() == 1
    [wallet] = prove(watcher, secret_of(seed)).get_json()["wallets"]
    assert (wallet["balance"]["is_fresh"], wallet["scan"]["state"]) == (True, "none")


def test_a_challenge_serves_once_also_when_answered_fifty_times_at_once(watcher: Watcher) -> None:
    key = secret_of("fifty")
    answer = sign(key, ask(watcher, public_hex("fifty")))
    with ThreadPoolExecutor(10) as threads:
        statuses = list(threads.map(lambda _: watcher.call("POST", PATH, answer).status_code, range(50)))
    assert sorted(statuses) == [200] + [409] * 49


def test_a_wrong_signature_does_not_use_the_challenge_up(watcher: Watcher) -> None:
    given = ask(watcher, public_hex("a"))
    wrong = watcher.call("POST", PATH, sign(secret_of("b"), given))
    assert (wrong.status_code, wrong.get_json()["error"]) == (401, "invalid_signature")
    assert watcher.call("POST", PATH, sign(secret_of("a"), given)).status_code == 200
    events = [(row.success, row.detail) for row in watcher.rail.rows(AuditLog) if row.event == "wallet.key_proved"]
    assert events == [(False, {"reason": "invalid_signature"}), (True, {"signer": public_hex("a"), "wallets": 0})]


def test_a_challenge_expires_and_is_one_users(watcher: Watcher, house: House, rail: Rail) -> None:
    given = ask(watcher, public_hex("a"))
    answer = sign(secret_of("a"), given)
    stranger = Watcher(rail, house.person())
    assert stranger.call("POST", PATH, answer).get_json()["error"] == "challenge_not_found"
    with rail.container.transaction() as session:
        session.execute(text("UPDATE watch_challenges SET expires_at = expires_at - :by"), {"by": timedelta(minutes=5)})
    late = watcher.call("POST", PATH, answer)
    assert (late.status_code, late.get_json()["error"]) == (410, "challenge_expired")


def test_a_proof_signs_nobody_in_and_a_sign_in_proves_nothing_here(watcher: Watcher) -> None:
    key = secret_of("purpose")
    given = ask(watcher, public_hex("purpose"))
    assert "Sign in" not in given["message"]
    body = {**sign(key, given), "subject": public_hex("purpose")}
    assert watcher.person.house.visitor().post("/verify_signature", json=body).status_code == 404
    told = watcher.person.house.visitor().post("/api/auth/challenge", json={"subject": public_hex("purpose")})
    assert watcher.call("POST", PATH, sign(key, told.get_json())).status_code == 404


def test_another_users_wallets_stay_theirs(watcher: Watcher, house: House, rail: Rail) -> None:
    seed = new_id().hex
    watcher.watch(f"wpkh({public_hex(seed)})")
    assert ids(prove(Watcher(rail, house.person()), secret_of(seed))) == set()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "invalid_request"),
        ({"pubkey": "hello"}, 400, "malformed_key"),
        ({"pubkey": "02" + "ff" * 32}, 400, "malformed_key"),
        ({"signature": "00"}, 422, "invalid_request"),
        ({"challenge_id": str(new_id())}, 422, "invalid_request"),
        ({"challenge_id": "x", "signature": "00"}, 422, "invalid_request"),
        ({"challenge_id": str(new_id()), "signature": "00"}, 404, "challenge_not_found"),
        ({"pubkey": public_hex("a"), "challenge_id": str(new_id()), "signature": "00"}, 422, "invalid_request"),
    ],
)
def test_anything_else_is_refused_by_name(watcher: Watcher, body: dict[str, str], status: int, code: str) -> None:
    answer = watcher.call("POST", PATH, body)
    assert (answer.status_code, answer.get_json()["error"]) == (status, code)
