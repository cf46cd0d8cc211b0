"""The doctor on custodians, on those who are asked about claims, and on prices."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from domain.prices import PriceRule
from services import prices
from tests.circle.house import BY, NAME, House, with_circle
from tests.fakes.chains import Solana
from tests.fakes.circle import FakeCircle
from tests.fakes.provider import FakeProvider
from wiring.container import Container, build_container
from wiring.examining_rails import examine_rails
from wiring.finding import Finding
from wiring.secret import Secret
from wiring.settings import Settings
from wiring.verify_settings import VerifySettings


@pytest.fixture
def chain() -> Iterator[FakeProvider]:
    with closing(Solana().serve()) as provider:
        yield provider


def found(container: Container) -> list[tuple[str, str, str]]:
    findings = [told(one) for one in examine_rails(container)]
    for provider in container.providers.values():
        provider.close()
    container.engine.dispose()
    return findings


def told(one: Finding) -> tuple[str, str, str]:
    return one.subject, one.state, f"{one.fact} {one.remedy}"


def test_a_custodian_says_what_it_holds_or_what_is_wrong(settings: Settings, circle: FakeCircle) -> None:
    circle.balance_minor = 1_250_000
    container = build_container(with_circle(settings, circle))
    [(subject, state, words)] = found(container)
    assert (subject, state) == (NAME, "ok")
    assert "1.250000 USDC" in words
    [provider] = container.settings.providers
    stranger = replace(provider, api_key=Secret("TEST_API_KEY:9:9"))
    [(subject, state, words)] = found(build_container(replace(settings, providers=(stranger,))))
    assert (subject, state) == (NAME, "wrong")
    assert "STRONGROOM_CIRCLE_SANDBOX_API_KEY" in words
    assert "9:9" not in words


def test_each_provider_that_is_asked_about_claims_is_tried(
    settings: Settings, circle: FakeCircle, chain: FakeProvider
) -> None:
    down = Secret("http://127.0.0.1:9/a-key-that-nobody-may-read")
    asked = VerifySettings("solana", (Secret(chain.url), down), quorum=2)
    well, ill = found(build_container(replace(with_circle(settings, circle), verify_chains=(asked,))))[1:]
    assert well[:2] == ("claims", "ok")
    assert ill[:2] == ("claims", "wrong")
    assert "127.0.0.1:9, asked about claims on solana" in ill[2]
    assert "STRONGROOM_SOLANA_VERIFY_URLS" in ill[2]
    assert "a-key" not in ill[2]


def test_a_price_is_told_and_so_is_a_stale_one(house: House) -> None:
    now = house.container.now()
    with house.container.transaction() as session:
        prices.set_rule(session, "USDC/USD", PriceRule(timedelta(minutes=1), 1, 100), now=now, by=BY)
        prices.set_manually(session, "USDC/USD", Decimal("0.9998"), now=now, by=BY)
    assert ("prices", "ok") in [line[:2] for line in found(house.container)]
    house.travel(timedelta(hours=1))
    [line] = [line for line in found(house.container) if line[0] == "prices"]
    assert line[1] == "note"
    assert "USDC/USD has no price to go by" in line[2]
