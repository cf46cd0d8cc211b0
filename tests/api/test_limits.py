"""How often sign-in may be tried: by address, by name, and what happens while nothing can be counted."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from coincurve import PrivateKey
from werkzeug.test import TestResponse

from tests.api.house import House
from tests.api.test_lnurl import answer
from tests.api.test_lnurl import ask as ask_wallet
from tests.api.test_sign_in import SOMEBODY, public_key
from wiring.container import Container
from wiring.embedded.redis import RedisServer
from wiring.secret import Secret
from wiring.settings import Settings

SUBJECTS = [public_key(PrivateKey()) for _ in range(12)]
Limited = Callable[..., House]


@pytest.fixture
def limited(container: Container, own_redis: RedisServer, build: Callable[[Settings], Container]) -> Limited:
    """A house with limits of its own, on a Redis of its own."""

    def make(**changed: Any) -> House:
        settings = replace(container.settings, redis_url=Secret(own_redis.url), **changed)
        return House(build(settings))

    return make


def try_once(house: House, subject: str = SOMEBODY, *, address: str = "192.0.2.1") -> TestResponse:
    return house.visitor().post(
        "/api/auth/challenge", json={"subject": subject}, environ_overrides={"REMOTE_ADDR": address}
    )


def test_an_address_has_a_limit_of_attempts_and_gets_retry_after(limited: Limited) -> None:
    house = limited(sign_in_limit=5)
    told = [try_once(house, subject).status_code for subject in SUBJECTS]
    assert told == [201] * 5 + [429] * 7
    refused = try_once(house)
    assert refused.get_json()["error"] == "rate_limited"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert try_once(house, address="192.0.2.2").status_code == 201


def test_attempts_of_one_moment_are_counted_each_against_its_own_address(limited: Limited) -> None:
    house, wide = limited(sign_in_limit=5), 24
    house.app  # noqa: B018 - made once, before the threads
    addresses = [f"192.0.2.{number % 3}" for number in range(wide)]
    with ThreadPoolExecutor(wide) as pool:
        told = list(
            pool.map(lambda address: try_once(house, public_key(PrivateKey()), address=address).status_code, addresses)
        )
    for address in set(addresses):
        own = [status for status, asked_from in zip(told, addresses, strict=True) if asked_from == address]
        assert sorted(own) == [201] * 5 + [429] * 3
    assert 1 <= int(try_once(house, address=addresses[0]).headers["Retry-After"]) <= 60


def test_a_key_has_so_many_attempts_from_one_place_and_nobody_elsewhere_uses_them_up(limited: Limited) -> None:
    house = limited(user_limit=5)
    told = [try_once(house).status_code for _ in range(8)]
    assert told == [201] * 5 + [429] * 3
    assert try_once(house, SUBJECTS[0]).status_code == 201
    assert try_once(house, address="192.0.2.2").status_code == 201


def test_who_has_a_whole_network_of_addresses_is_counted_once(limited: Limited) -> None:
    """An IPv6 host has a /64 to itself, and may be read as IPv4."""
    house = limited(sign_in_limit=2)
    own = [f"2001:db8:1:2:{number:x}::{number}" for number in range(3)]
    assert [try_once(house, address=address).status_code for address in own] == [201, 201, 429]
    assert try_once(house, address="2001:db8:1:3::1").status_code == 201
    mapped = ["::ffff:192.0.2.9", "192.0.2.9", "::ffff:192.0.2.9"]
    assert [try_once(house, address=address).status_code for address in mapped] == [201, 201, 429]
    assert try_once(house, address="::ffff:192.0.2.8").status_code == 201


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/verify_signature"),
        ("POST", "/api/lnurl-auth/create"),
        ("POST", "/login"),
        ("POST", "/login/01a1fc2b-bf4b-788d-9cb4-0771b20f873c"),
        ("GET", "/api/lnurl-auth/params?session_id=01a1fc2b-bf4b-788d-9cb4-0771b20f873c"),
        ("GET", "/api/lnurl-auth/check/01a1fc2b-bf4b-788d-9cb4-0771b20f873c"),
    ],
)
def test_every_way_in_is_counted(limited: Limited, method: str, path: str) -> None:
    house = limited(sign_in_limit=2, read_limit=2)
    body: dict[str, str] | None = {} if "login" not in path and method == "POST" else None
    told = [house.visitor().open(path, method=method, json=body) for _ in range(4)]
    assert [response.status_code == 429 for response in told] == [False, False, True, True]
    assert all("Retry-After" in response.headers for response in told[2:])


def test_a_wallet_gets_its_errors_in_the_form_of_lud_04(limited: Limited) -> None:
    house = limited(sign_in_limit=3)
    asked = ask_wallet(house.visitor())
    told = [answer(house, asked, PrivateKey(), sig="3006")["reason"] for _ in range(4)]
    assert "Too many attempts" in told[-1]
    assert "Too many attempts" not in told[0]


def test_the_sign_in_page_still_takes_keys_when_it_has_no_more_codes(limited: Limited) -> None:
    house = limited(user_limit=1)
    pages = [house.visitor().get("/login").text for _ in range(2)]
    assert ["QR code" in page for page in pages] == [True, False]
    assert "Show me what to sign" in pages[1]
    assert "Too many attempts" in pages[1]


def test_while_nothing_can_be_counted_nobody_signs_in_and_looking_goes_on(
    limited: Limited, own_redis: RedisServer
) -> None:
    house = limited()
    client = house.visitor(use_cookies=True)
    asked = ask_wallet(client)
    own_redis.stop()
    refused = try_once(house)
    assert (refused.status_code, refused.get_json()["error"]) == (503, "limits_unavailable")
    assert "Retry-After" in refused.headers
    assert client.get(f"/api/lnurl-auth/check/{asked['session_id']}").get_json()["status"] == "waiting"
    assert "Show me what to sign" in client.get("/login").text


def test_settings_turn_both_around(limited: Limited, own_redis: RedisServer) -> None:
    house = limited(sign_in_fails_open=True, reads_fail_open=False)
    client = house.visitor(use_cookies=True)
    asked = ask_wallet(client)
    own_redis.stop()
    assert try_once(house).status_code == 201
    assert client.get(f"/api/lnurl-auth/check/{asked['session_id']}").status_code == 503
