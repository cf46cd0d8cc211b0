"""The page of watched wallets: a form that refuses beside its fields, and a list that says how each wallet stands."""

import pytest

from services.watch_wallets import FRESH_FOR
from tests.api.house import House
from tests.pages.reader import Reader, words
from tests.rail import Rail
from tests.wallet_tools.keys import TPRV_VERSION, extended, public_hex, wif
from tests.wallet_tools.test_scans import claimed, report
from tests.wallet_tools.test_watching import age, unique
from tests.wallet_tools.watcher import Watcher


@pytest.fixture
def reader(house: House, watcher: Watcher) -> Reader:
    """The watcher's browser."""
    return Reader(house, watcher.person)


def take_in(reader: Reader, descriptor: str, *, label: str = "", last_index: str = "") -> str:
    answer = reader.post("/wallets", descriptor=descriptor, label=label, last_index=last_index)
    assert (answer.status_code, answer.location) == (303, "/wallets")
    return reader.text("/wallets")


def test_a_wallet_is_followed_from_the_form_to_its_balance(reader: Reader, watcher: Watcher, rail: Rail) -> None:
    assert "Nothing is watched yet." in reader.text("/wallets")
    shown = take_in(reader, unique(), label="Cold store", last_index="3")
    assert "Cold store balance not known yet" in shown
    assert "checking The node is asked whether it can watch this." in shown
    watcher.derive()
    assert "next in turn The node looks for its coins in a moment." in reader.text("/wallets")
    order = claimed(rail)
    report(rail, order, 42)
    page = reader.get("/wallets")
    assert "looking 42 % of the chain's coins looked through." in words(page)
    assert 'data-hx-get="/wallets"' in page.text


def test_a_balance_shows_its_age_and_is_looked_up_again_when_old(reader: Reader, watcher: Watcher, rail: Rail) -> None:
    take_in(reader, unique(), last_index="0")
    watcher.work()
    page = reader.get("/wallets")
    assert "0.000 000 00 rLTC" in words(page)
    assert "0 coins on 1 address" in words(page)
    assert "Look again" not in words(page)
    assert "data-poll" not in page.text
    age(rail, FRESH_FOR)
    assert "Look again" in reader.text("/wallets")
    wallet_id = watcher.wallets()[0]["id"]
    assert reader.post(f"/wallets/{wallet_id}/refresh").location == "/wallets"
    assert "next in turn" in reader.text("/wallets")


def test_a_refused_descriptor_stands_in_the_form_with_its_reason(reader: Reader) -> None:
    typed = f"wpkh({public_hex('a')})#aaaaaaaa"
    answer = reader.post("/wallets", descriptor=typed, label="mine", last_index="")
    assert answer.status_code == 422
    assert 'id="descriptor-error"' in answer.text
    assert "Does not match its checksum" in words(answer)
    assert typed in words(answer)
    assert 'value="mine"' in answer.text


def test_a_range_that_cannot_be_derived_is_refused_beside_its_field(reader: Reader) -> None:
    for last_index, reason in (("10000", "May hold 10000 addresses at most."), ("many", "Must be [first, last]")):
        answer = reader.post("/wallets", descriptor=unique(), last_index=last_index)
        assert answer.status_code == 422
        assert 'id="last_index-error"' in answer.text
        assert reason in words(answer)


@pytest.mark.parametrize("secret", [wif("a"), extended("a", version=TPRV_VERSION)])
@pytest.mark.parametrize("field", ["descriptor", "label"])
def test_a_private_key_is_not_sent_back(reader: Reader, secret: str, field: str) -> None:
    form = {"descriptor": f"wpkh({public_hex('a')})", "label": "mine", field: f"wpkh({secret})"[:80]}
    answer = reader.post("/wallets", **form)
    assert answer.status_code == 422
    assert "a private key" in words(answer).lower()
    assert secret[5:40] not in answer.text
    assert reader.text("/wallets").count("Nothing is watched yet.") == 1


def test_what_the_node_refuses_is_said_in_its_words(reader: Reader, watcher: Watcher) -> None:
    take_in(reader, f"wpkh(02{'00' * 32})")
    watcher.derive()
    assert "refused The node does not accept this descriptor: Pubkey" in reader.text("/wallets")


def test_a_wallet_can_be_forgotten_and_exported(reader: Reader, watcher: Watcher) -> None:
    shown = take_in(reader, unique(), label="Short-lived")
    assert "Export all as JSON" in shown
    assert reader.get("/export_wallet").get_json()["descriptors"][0]["label"] == "Short-lived"
    wallet_id = watcher.wallets()[0]["id"]
    assert reader.post(f"/wallets/{wallet_id}/forget").location == "/wallets"
    assert "Nothing is watched yet." in reader.text("/wallets")
    assert reader.post(f"/wallets/{wallet_id}/forget").status_code == 404


def test_another_site_cannot_send_the_form(reader: Reader, watcher: Watcher) -> None:
    assert reader.post("/wallets", csrf_token="guessed", descriptor=unique()).status_code == 403
    assert watcher.wallets() == []


def test_the_page_is_for_the_signed_in(house: House) -> None:
    answer = house.visitor().get("/wallets", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.location) == (303, "/login?next=/wallets")
