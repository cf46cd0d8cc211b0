"""From an imported descriptor to a balance, over HTTP and through the tasks, on a real node."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from domain.descriptors import parse_descriptor
from domain.ids import new_id
from models.audit import AuditLog
from models.watch_wallet import WatchWallet
from services import watch_wallets
from tests.api.house import House, Person
from tests.databases import Database
from tests.rail import Rail
from tests.stored import everything_stored
from tests.wallet_tools.keys import TPRV_VERSION, child_key, extended, public_hex, summed, wif
from tests.wallet_tools.watcher import Watcher

KEY = public_hex("watched")


def addresses_of(rail: Rail, body: str, indexes: tuple[int, int] | None = None) -> list[str]:
    return rail.chain.derive(parse_descriptor(body, rail.chain.network), indexes)


def unique() -> str:
    """A descriptor of a key that no other test pays."""
    return f"wpkh({extended(new_id().hex)}/0/*)"


@pytest.mark.parametrize("form", ["pkh({})", "wpkh({})", "sh(wpkh({}))", "wsh(multi(1,{},{}))", "sh(multi(1,{},{}))"])
def test_coins_on_every_kind_of_descriptor_are_found(watcher: Watcher, form: str) -> None:
    body = form.format(public_hex(new_id().hex), KEY)
    [address] = addresses_of(watcher.rail, body)
    watcher.rail.send_to(address, 123_456_789)
    watcher.rail.mine()
    wallet = watcher.watch(summed(body))
    assert wallet["state"] == "ready"
    assert wallet["descriptor"] == summed(body)
    assert wallet["range"] is None
    assert wallet["addresses"] == 1
    assert wallet["balance"]["amount"] == "1.23456789"
    assert wallet["balance"]["outputs"] == 1
    assert wallet["balance"]["height"] == watcher.rail.chain.tip().height
    assert wallet["balance"]["is_fresh"] is True
    assert wallet["scan"] == {"state": "none", "progress": None, "reason": None}


def test_an_address_and_a_range_are_watched_to_their_last_coin(watcher: Watcher) -> None:
    body = unique()
    first, last, beyond = (addresses_of(watcher.rail, body, (index, index))[0] for index in (3, 40, 41))
    for address, amount_minor in ((first, 100_000_000), (first, 50_000_000), (last, 7_000_000), (beyond, 900_000_000)):
        watcher.rail.send_to(address, amount_minor)
    watcher.rail.mine()
    ranged = watcher.watch(body, range=[3, 40], label="cold store")
    assert ranged["addresses"] == 38
    assert ranged["range"] == [3, 40]
    assert ranged["label"] == "cold store"
    assert (ranged["balance"]["amount"], ranged["balance"]["outputs"]) == ("1.57000000", 3)
    single = watcher.watch(f"addr({last})")
    assert single["balance"]["amount"] == "0.07000000"


def test_import_answers_at_once_and_says_what_happens_next(watcher: Watcher) -> None:
    answer = watcher.ask(unique(), range=5)
    assert answer.status_code == 202
    wallet = answer.get_json()
    assert (wallet["state"], wallet["waiting_reason"], wallet["balance"]) == ("pending", None, None)
    watcher.derive()
    derived = watcher.wallet(wallet["id"])
    assert (derived["state"], derived["addresses"], derived["balance"]) == ("ready", 6, None)
    assert derived["scan"]["state"] == "waiting"
    assert watcher.scan() == 1
    assert watcher.wallet(wallet["id"])["balance"]["amount"] == "0.00000000"


def test_the_same_descriptor_is_the_same_wallet(watcher: Watcher) -> None:
    body = unique()
    first = watcher.watch(body, range=3, label="one")
    again = watcher.ask(summed(body), range=[0, 3], label="two")
    assert again.status_code == 200
    assert again.get_json()["id"] == first["id"]
    assert again.get_json()["label"] == "two"
    assert again.get_json()["balance"] == first["balance"]
    wider = watcher.watch(body, range=9)
    assert wider["id"] == first["id"]
    assert wider["addresses"] == 10
    assert wider["label"] == "two"
    assert len(watcher.wallets()) == 1


def test_what_the_node_refuses_is_shown_with_its_words_and_can_be_tried_again(watcher: Watcher) -> None:
    body = f"wpkh(02{'00' * 32})"  # no point of the curve
    wallet = watcher.watch(body)
    assert (wallet["state"], wallet["error"]) == ("refused", "descriptor_refused")
    assert "is invalid" in wallet["error_description"]
    assert watcher.scan() is None
    again = watcher.ask(body)
    assert (again.status_code, again.get_json()["state"]) == (202, "pending")


@pytest.mark.parametrize(
    ("fields", "status", "code", "field"),
    [
        ({"descriptor": f"wpkh({KEY})#aaaaaaaa"}, 422, "wrong_descriptor_checksum", "descriptor"),
        ({"descriptor": "wpkh(hello)"}, 422, "invalid_descriptor", "descriptor"),
        ({"descriptor": f"combo({KEY})"}, 422, "unsupported_descriptor", "descriptor"),
        ({"descriptor": f"wpkh({wif('a')})"}, 422, "private_descriptor", "descriptor"),
        ({"descriptor": f"wpkh({KEY})", "label": wif("a")}, 422, "private_descriptor", "label"),
        ({"descriptor": 7}, 422, "invalid_descriptor", "descriptor"),
        ({"descriptor": f"wpkh({KEY})", "range": 5}, 422, "invalid_range", "range"),
        ({"descriptor": unique(), "range": [0, 10_000]}, 422, "invalid_range", "range"),
        ({"descriptor": f"wpkh({KEY})", "asset": "DOGE"}, 422, "unknown_asset", "asset"),
        ({"descriptor": f"wpkh({KEY})", "label": "x" * 81}, 422, "invalid_request", "label"),
        ({}, 422, "invalid_request", "descriptor"),
    ],
)
def test_bad_input_is_refused_at_once_beside_its_field(
    watcher: Watcher, fields: dict[str, object], status: int, code: str, field: str
) -> None:
    answer = watcher.call("POST", "/import_descriptor", fields)
    assert (answer.status_code, answer.get_json()["error"]) == (status, code)
    assert field in answer.get_json()["fields"]
    assert watcher.wallets() == []


@pytest.mark.parametrize(
    "secret", [extended("secret", version=TPRV_VERSION), wif("secret"), extended("secret", version=TPRV_VERSION)[:-1]]
)
def test_a_private_key_is_neither_stored_nor_logged(
    watcher: Watcher, own_database: Database, secret: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with structlog.testing.capture_logs() as logs:
        for fields in ({"descriptor": f"wpkh({secret})"}, {"descriptor": f"wpkh({KEY})", "label": secret[:80]}):
            answer = watcher.call("POST", "/import_descriptor", fields)
            assert answer.get_json()["error"] == "private_descriptor"
            assert secret not in answer.text
    assert watcher.derive() == 0
    said = capfd.readouterr()
    piece = secret[8:40]
    stored = everything_stored(own_database.owner_url)
    assert "private_descriptor" in stored["audit_logs"]
    assert not any(piece in text for text in (repr(logs), said.out, said.err, *stored.values()))
    refusals = [row for row in watcher.rail.rows(AuditLog) if not row.success]
    assert [row.detail for row in refusals] == [{"reason": "private_descriptor"}] * 2


@pytest.mark.parametrize("secret", [extended("secret", version=TPRV_VERSION), wif("secret"), wif("secret", 0xB0)])
def test_the_database_itself_refuses_a_private_key(rail: Rail, secret: str) -> None:
    user_id = rail.new_user()
    row = WatchWallet(
        id=new_id(), user_id=user_id, chain="x", label="", descriptor=f"wpkh({secret})", digest=b"", public_keys=[],
        state="pending", created_at=rail.container.now(),
    )  # fmt: skip
    with pytest.raises(IntegrityError, match="holds_no_private_key"), rail.container.transaction() as session:
        session.add(row)


def test_a_balance_is_kept_for_ten_minutes(watcher: Watcher) -> None:
    body = unique()
    wallet = watcher.watch(body, range=1)
    watcher.rail.send_to(addresses_of(watcher.rail, body, (0, 0))[0], 200_000_000)
    watcher.rail.mine()
    path = f"/api/v1/watch-wallets/{wallet['id']}/refresh"
    fresh = watcher.call("POST", path)
    assert fresh.status_code == 202
    assert fresh.get_json()["scan"]["state"] == "none"
    assert watcher.scan() is None
    age(watcher.rail, watch_wallets.FRESH_FOR)
    old = watcher.call("POST", path).get_json()
    assert (old["balance"]["is_fresh"], old["balance"]["amount"], old["scan"]["state"]) == (
        False,
        "0.00000000",
        "waiting",
    )
    assert watcher.scan() == 1
    new = watcher.wallet(wallet["id"])["balance"]
    assert (new["is_fresh"], new["amount"]) == (True, "2.00000000")


def age(rail: Rail, by: timedelta) -> None:
    """Make every balance on record older."""
    with rail.container.transaction() as session:
        session.execute(text("UPDATE watch_wallets SET balance_at = balance_at - :by"), {"by": by})


def test_one_pass_serves_everyone_who_waits(watcher: Watcher, house: House) -> None:
    other = Watcher(watcher.rail, house.person())
    body = unique()
    watcher.rail.send_to(addresses_of(watcher.rail, body, (0, 0))[0], 300_000_000)
    watcher.rail.mine()
    for person in (watcher, other):
        assert person.ask(body, range=2).status_code == 202
    assert watcher.derive() == 2
    assert watcher.scan() == 2
    assert {person.wallets()[0]["balance"]["amount"] for person in (watcher, other)} == {"3.00000000"}


def test_a_wallet_is_its_owners_alone(watcher: Watcher, house: House) -> None:
    wallet = watcher.watch(unique(), range=0)
    stranger = Watcher(watcher.rail, house.person())
    assert stranger.wallets() == []
    path = f"/api/v1/watch-wallets/{wallet['id']}"
    for method, address in (("GET", path), ("DELETE", path), ("POST", f"{path}/refresh")):
        answer = stranger.call(method, address)
        assert (answer.status_code, answer.get_json()["error"]) == (404, "watch_wallet_not_found")
    assert watcher.wallet(wallet["id"])


def test_a_forgotten_wallet_leaves_nothing_behind(watcher: Watcher) -> None:
    wallet = watcher.watch(unique(), range=10)
    assert watcher.call("DELETE", f"/api/v1/watch-wallets/{wallet['id']}").status_code == 204
    assert watcher.wallets() == []
    with watcher.rail.container.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM watch_addresses")) == 0


def test_nobody_watches_more_than_fifty(watcher: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.watch_wallets.importing.WALLETS_MAX", 2)
    body = unique()
    for descriptor in (body, unique()):
        assert watcher.ask(descriptor).status_code == 202
    refused = watcher.ask(unique())
    assert (refused.status_code, refused.get_json()["error"]) == (409, "too_many_watch_wallets")
    assert watcher.ask(body).status_code == 202  # known already


def test_nobody_watches_without_being_signed_in(house: House) -> None:
    visitor = house.visitor()
    for method, path in (
        ("POST", "/import_descriptor"),
        ("POST", "/verify_pubkey_and_list"),
        ("GET", "/export_wallet"),
        ("GET", "/api/v1/watch-wallets"),
    ):
        assert visitor.open(path, method=method, json={} if method == "POST" else None).status_code == 401


def test_every_decision_is_on_record(watcher: Watcher) -> None:
    wallet = watcher.watch(unique(), range=0)
    watcher.call("GET", "/export_wallet")
    watcher.call("DELETE", f"/api/v1/watch-wallets/{wallet['id']}")
    events = [row.event for row in watcher.rail.rows(AuditLog) if row.event.startswith("wallet.")]
    assert events == ["wallet.imported", "wallet.derived", "wallet.exported", "wallet.forgotten"]


def test_an_export_is_what_a_node_takes_back(watcher: Watcher) -> None:
    body = unique()
    watcher.watch(body, range=[2, 5], label="savings")
    watcher.watch(f"wpkh({KEY})")
    answer = watcher.call("GET", "/export_wallet")
    assert "attachment" in answer.headers["Content-Disposition"]
    by_text = {entry["desc"]: entry for entry in answer.get_json()["descriptors"]}
    assert set(by_text) == {summed(body), summed(f"wpkh({KEY})")}
    ranged = by_text[summed(body)]
    assert (ranged["range"], ranged["label"], ranged["timestamp"]) == ([2, 5], "savings", 0)
    assert "range" not in by_text[summed(f"wpkh({KEY})")]
    for entry in by_text.values():
        told = watcher.rail.node.call("getdescriptorinfo", entry["desc"])
        assert told["hasprivatekeys"] is False
        assert len(
            watcher.rail.node.call("deriveaddresses", entry["desc"], *([entry["range"]] if "range" in entry else []))
        )


def test_a_house_without_a_rail_says_so(watcher: Watcher, tmp_path: Path) -> None:
    bare = House(replace(watcher.rail.container, chains={}))
    person = Person(bare, watcher.person.key, watcher.person.user_id, watcher.person.token)
    answer = Watcher(watcher.rail, person).ask(f"wpkh({KEY})")
    assert (answer.status_code, answer.get_json()["error"]) == (422, "unknown_asset")


def test_a_child_key_of_the_wallet_belongs_to_it(watcher: Watcher) -> None:
    """Checks the arithmetic of the test keys against the node's, which the tests of proofs rely on."""
    body = f"wpkh({extended('watched')}/*)"
    assert addresses_of(watcher.rail, body, (5, 5)) == addresses_of(
        watcher.rail, f"wpkh({child_key('watched', 5).public_key.format().hex()})"
    )
