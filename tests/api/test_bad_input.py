"""Whatever is wrong with a request is refused by name, with its status, and changes nothing."""

import json
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest

from api import json_body
from tests.api.house import ASSET, COIN, DESTINATION, House

# Fixed, because every test process has to collect the same tests.
NOBODY = UUID("0b54b1f0-8c0e-4d5c-9d3a-6a1f1f6f2a11")

GOOD = {"asset": ASSET, "amount": "1.5", "destination": DESTINATION}
AMOUNTS = [
    ("0", "invalid_amount"),
    ("0.00000000", "invalid_amount"),
    ("-1", "invalid_amount"),
    ("+1", "invalid_amount"),
    ("1e3", "invalid_amount"),
    ("NaN", "invalid_amount"),
    ("Infinity", "invalid_amount"),
    ("0.000000001", "invalid_amount"),
    ("1.500000000", "invalid_amount"),
    ("1,5", "invalid_amount"),
    (" 1.5", "invalid_amount"),
    ("1.5\n", "invalid_amount"),
    ("", "invalid_amount"),
    (".5", "invalid_amount"),
    ("5.", "invalid_amount"),
    ("٣", "invalid_amount"),
    ("\u0000", "invalid_amount"),
    ("9" * 80, "invalid_amount"),
    ("1" * 60_000, "invalid_amount"),
    (1.5, "invalid_amount"),
    (1, "invalid_amount"),
    (True, "invalid_amount"),
    ([], "invalid_amount"),
    ({}, "invalid_amount"),
    ("0.00000001", "amount_below_minimum"),
]
DESTINATIONS = [
    ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "wrong_network_address"),
    ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "wrong_network_address"),
    (DESTINATION[:-4] + DESTINATION[-4:].upper(), "invalid_address"),
    (DESTINATION[:-1] + ("q" if DESTINATION[-1] != "q" else "p"), "invalid_address"),
    ("", "invalid_address"),
    ("\u0000", "invalid_address"),
    ("x" * 60_000, "invalid_address"),
    (7, "invalid_address"),
    ({"address": DESTINATION}, "invalid_address"),
]


def test_the_largest_amounts_are_refused_and_never_a_fault_of_the_books(house: House) -> None:
    # Whose account is older is locked, and moved, first: the money that one has is not to overflow.
    recipient, sender = house.person(funds_minor=COIN), house.person(funds_minor=COIN)
    house.policy(fee_minor=COIN)
    before = house.fingerprint()
    for digits in range(70, 60, -1):
        amount = "9" * digits + ".99999999"
        answers = [
            sender.post("/transfers", {"asset": ASSET, "amount": amount, "to": recipient.public_key}, key=f"t{digits}"),
            sender.withdraw(amount),
        ]
        codes = {answer.get_json()["error"] for answer in answers}
        assert codes <= {"invalid_amount", "insufficient_funds", "daily_limit_exceeded"}, (digits, codes)
    assert house.fingerprint() == before


@pytest.mark.parametrize(("amount", "code"), AMOUNTS, ids=lambda value: repr(value)[:24])
def test_a_withdrawal_of_no_sound_amount_is_refused_and_changes_nothing(house: House, amount: Any, code: str) -> None:
    person = house.person(funds_minor=2 * COIN)
    before = house.fingerprint()
    refused = person.post("/withdrawals", {**GOOD, "amount": amount}, key="k")
    assert (refused.status_code, refused.get_json()["error"]) == (422, code)
    assert list(refused.get_json()["fields"]) == ["amount"]
    assert house.fingerprint() == before
    assert person.balance()["available"] == "2.00000000"


@pytest.mark.parametrize(("amount", "code"), AMOUNTS[:-1], ids=lambda value: repr(value)[:24])
def test_a_transfer_of_no_sound_amount_is_refused_and_changes_nothing(house: House, amount: Any, code: str) -> None:
    person, other = house.person(funds_minor=2 * COIN), house.person()
    before = house.fingerprint()
    refused = person.post("/transfers", {"asset": ASSET, "amount": amount, "to": other.public_key}, key="k")
    assert (refused.status_code, refused.get_json()["error"]) == (422, code)
    assert house.fingerprint() == before


@pytest.mark.parametrize(("destination", "code"), DESTINATIONS, ids=lambda value: repr(value)[:24])
def test_a_withdrawal_to_no_sound_address_is_refused_and_changes_nothing(
    house: House, destination: Any, code: str
) -> None:
    person = house.person(funds_minor=2 * COIN)
    before = house.fingerprint()
    refused = person.post("/withdrawals", {**GOOD, "destination": destination}, key="k")
    assert (refused.status_code, refused.get_json()["error"]) == (422, code)
    assert list(refused.get_json()["fields"]) == ["destination"]
    assert house.fingerprint() == before


@pytest.mark.parametrize(
    ("path", "body"),
    [("/withdrawals", GOOD), ("/transfers", {"asset": ASSET, "amount": "1.5"}), ("/deposit-addresses", {})],
)
def test_an_unknown_asset_is_refused_by_name(house: House, path: str, body: dict[str, Any]) -> None:
    person, other = house.person(funds_minor=2 * COIN), house.person()
    body = {**body, "asset": "DOGE", **({"to": other.public_key} if path == "/transfers" else {})}
    refused = person.post(path, body, key="k")
    assert (refused.status_code, refused.get_json()["error"]) == (422, "unknown_asset")
    assert list(refused.get_json()["fields"]) == ["asset"]


def test_more_than_is_available_is_refused_with_what_it_would_take(house: House) -> None:
    person = house.person(funds_minor=COIN)
    before = house.fingerprint()
    refused = person.withdraw("1.00000000")
    assert (refused.status_code, refused.get_json()["error"]) == (409, "insufficient_funds")
    assert "amount" in refused.get_json()["fields"]
    assert house.fingerprint() == before
    assert person.balance() == {"available": "1.00000000", "held": "0.00000000", "on_its_way": "0.00000000"}


def test_a_transfer_of_more_than_is_available_is_refused(house: House) -> None:
    person, other = house.person(funds_minor=COIN), house.person()
    refused = person.post("/transfers", {"asset": ASSET, "amount": "1.00000001", "to": other.public_key}, key="k")
    assert (refused.status_code, refused.get_json()["error"]) == (409, "insufficient_funds")


def test_a_transfer_to_oneself_or_to_nobody_is_refused(house: House) -> None:
    person = house.person(funds_minor=COIN)
    for to, code in ((person.public_key, "self_transfer"), ("02" + "ab" * 32, "recipient_not_found")):
        refused = person.post("/transfers", {"asset": ASSET, "amount": "1", "to": to}, key=code)
        assert (refused.status_code, refused.get_json()["error"]) == (422, code)


def test_paused_withdrawals_are_refused_for_now_and_the_key_may_be_used_again(own_house: House) -> None:
    person = own_house.person(funds_minor=2 * COIN)
    own_house.policy(paused=True)
    refused = person.withdraw("1.5", key="k")
    assert (refused.status_code, refused.get_json()["error"]) == (503, "withdrawals_paused")
    assert refused.headers["Retry-After"]
    own_house.policy(paused=False)
    assert person.withdraw("1.5", key="k").status_code == 201


def test_a_daily_limit_is_a_limit(own_house: House) -> None:
    person = own_house.person(funds_minor=20 * COIN)
    own_house.policy(daily_user_limit_minor=3 * COIN)
    assert person.withdraw("2").status_code == 201
    refused = person.withdraw("2")
    assert (refused.status_code, refused.get_json()["error"]) == (409, "daily_limit_exceeded")
    assert person.balance()["held"].startswith("2.")


def test_only_allowed_destinations_are_paid_where_the_policy_says_so(own_house: House) -> None:
    person = own_house.person(funds_minor=2 * COIN)
    own_house.policy(allowlist_only=True)
    refused = person.withdraw()
    assert (refused.status_code, refused.get_json()["error"]) == (409, "destination_not_allowed")
    own_house.policy(key_cooldown_s=0)
    added = person.post("/allowed-destinations", {"asset": ASSET, "destination": DESTINATION})
    assert added.status_code == 201
    assert person.withdraw().status_code == 201


@pytest.mark.parametrize(
    "body", [b"{", b"", b"[]", b'"text"', b"\xff\xfe", b'{"amount": NaN}', b"[" * 60_000, b"9" * 9000]
)
def test_malformed_json_is_named(house: House, body: bytes) -> None:
    person = house.person(funds_minor=COIN)
    refused = person.post("/withdrawals", data=body, content_type="application/json", key="k")
    assert (refused.status_code, refused.get_json()["error"]) == (400, "malformed_json")


def test_what_is_nested_beyond_reason_is_refused_before_the_parser_descends_into_it() -> None:
    # With a higher limit of recursion, which a library may set, the parser would overrun the stack of the process.
    for opening in (b"[", b'{"a":'):
        with pytest.raises(ValueError, match="too many brackets"):
            json_body.parse(opening * (json_body.BRACKETS_MAX + 1))


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/xml"])
def test_another_content_type_is_named(house: House, content_type: str) -> None:
    person = house.person(funds_minor=COIN)
    refused = person.post("/withdrawals", data=json.dumps(GOOD), content_type=content_type, key="k")
    assert (refused.status_code, refused.get_json()["error"]) == (415, "unsupported_media_type")


def test_a_body_of_ten_megabytes_is_refused_unread(house: House) -> None:
    person = house.person(funds_minor=COIN)
    body = b'{"asset": "' + b"x" * 10_000_000 + b'"}'
    refused = person.post("/withdrawals", data=body, content_type="application/json", key="k")
    assert (refused.status_code, refused.get_json()["error"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["amount", "asset", "destination"]),
        ({**GOOD, "fee": "0"}, ["fee"]),
        ({**GOOD, "asset": None}, ["asset"]),
        ({**GOOD, "asset": 3}, ["asset"]),
        ({**GOOD, "asset": "A\u0000"}, ["asset"]),
        ({**GOOD, "asset": "\ud800"}, ["asset"]),
        ({**GOOD, "asset": "A" * 256}, ["asset"]),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_each_wrong_field_is_named(house: House, body: dict[str, Any], fields: list[str]) -> None:
    person = house.person(funds_minor=COIN)
    refused = person.post("/withdrawals", body, key="k")
    assert (refused.status_code, refused.get_json()["error"]) == (422, "invalid_request")
    assert sorted(refused.get_json()["fields"]) == fields


@pytest.mark.parametrize("path", ["/deposits", "/withdrawals", "/flows", f"/transactions?asset={ASSET}"])
@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("limit", "0", "invalid_request"),
        ("limit", "201", "invalid_request"),
        ("limit", "ten", "invalid_request"),
        ("cursor", "!", "invalid_cursor"),
        ("cursor", "bm8", "invalid_cursor"),
        ("cursor", "bjk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "invalid_cursor"),
        ("cursor", "x" * 500, "invalid_request"),
        ("offset", "3", "invalid_request"),
    ],
)
def test_a_wrong_page_is_refused(house: House, path: str, name: str, value: str, code: str) -> None:
    refused = house.person().get(f"{path}{'&' if '?' in path else '?'}{name}={value}")
    assert (refused.status_code, refused.get_json()["error"]) == (422, code)
    assert list(refused.get_json()["fields"]) == [name]


@pytest.mark.parametrize(
    "path",
    [
        f"/deposits/{NOBODY}",
        f"/withdrawals/{NOBODY}",
        "/withdrawals/17",
        "/withdrawals/%00",
        f"/flows/{NOBODY}",
        "/flows/nothing",
        "/flows/%00",
        "/flows/%F0%9F%92%A9",
        "/flows/" + "x" * 4000,
    ],
)
def test_what_is_not_there_is_not_found(house: House, path: str) -> None:
    assert house.person(role="admin").get(path).status_code == 404


def test_another_method_is_named_with_those_allowed(house: House) -> None:
    refused = house.visitor().delete("/api/v1/balances")
    assert refused.status_code == 405
    assert refused.get_json()["error"] == "method_not_allowed"
    assert "GET" in refused.headers["Allow"]


def test_an_address_is_refused_while_the_pool_is_empty_and_limited_when_it_is_not(own_house: House) -> None:
    person = own_house.person()
    refused = person.post("/deposit-addresses", {"asset": ASSET})
    assert (refused.status_code, refused.get_json()["error"]) == (503, "address_pool_empty")
    own_house.fill_pool(30)
    answers = [person.post("/deposit-addresses", {"asset": ASSET}) for _ in range(21)]
    assert [answer.status_code for answer in answers] == [201] * 20 + [409]
    assert answers[-1].get_json()["error"] == "too_many_unused_addresses"


def test_a_long_body_in_chunks_is_refused_as_well(house: House) -> None:
    person = house.person(funds_minor=COIN)
    refused = person.post(
        "/withdrawals",
        input_stream=BytesIO(b"x" * 100_000),
        content_type="application/json",
        environ_base={"wsgi.input_terminated": True},
        key="k",
    )
    assert (refused.status_code, refused.get_json()["error"]) == (413, "body_too_large")
