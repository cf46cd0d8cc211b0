"""Signing in with a Lightning wallet that we did not write, through the page in Chromium."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from playwright.sync_api import expect

from tests.api.house import House
from tests.auth.wallet import answer_to
from tests.browser.chromium import DESKTOP, PHONE
from tests.browser.conftest import OpenWindow
from tests.browser.serving import serving
from wiring.container import Container


@pytest.fixture
def address(container: Container) -> Iterator[str]:
    """The real application, served where its wallets are told to call."""
    with serving(House(container).app) as url:
        yield url


def call(address: str, lnurl: str) -> str:
    """The wallet answers over HTTP at the served address; the key that it showed."""
    wallet = answer_to(lnurl)
    assert httpx.get(f"{address}{wallet.path}").json() == {"status": "OK"}
    return wallet.key


def test_the_page_moves_on_by_itself_when_the_wallet_answers(address: str, open_window: OpenWindow) -> None:
    window = open_window(address)
    page = window.page
    page.goto("/login?next=/history")
    for width in (PHONE, DESKTOP):
        window.resize(width)
        assert window.faults() == []
    expect(page.get_by_role("img", name="QR code to scan")).to_be_visible()
    assert page.get_by_role("img", name="QR code to scan").evaluate("image => image.naturalWidth") > 0
    expect(page.get_by_text(re.compile("good for (4 min|5 min)"))).to_be_visible()
    lnurl = page.locator("#wallet [data-copy]").get_attribute("data-copy")
    assert lnurl is not None
    key = call(address, lnurl)
    expect(page.get_by_role("heading", level=1)).to_have_text("History")
    page.goto("/account")
    expect(page.get_by_text("This browser")).to_be_visible()
    assert key[:10] in page.locator("main").inner_text()
    assert window.faults() == []


def test_an_expired_code_is_replaced_by_itself(container: Container, open_window: OpenWindow) -> None:
    passed = [0.0]
    house = House(replace(container, clock=lambda: container.now() + timedelta(seconds=passed[0])))
    with serving(house.app) as url:
        page = open_window(url).page
        page.goto("/login")
        before = page.locator("#wallet [data-copy]").get_attribute("data-copy")
        passed[0] = 301.0
        expect(page.locator("#wallet [data-copy]")).not_to_have_attribute("data-copy", str(before))
        lnurl = page.locator("#wallet [data-copy]").get_attribute("data-copy")
        assert lnurl is not None
        call(url, lnurl)
        expect(page.get_by_role("heading", level=1)).to_have_text("Your money")


def test_a_phone_is_offered_the_link_instead(address: str, open_window: OpenWindow) -> None:
    window = open_window(address, has_touch=True, is_mobile=True)
    window.page.goto("/login")
    link = window.page.get_by_role("button", name="Open my wallet")
    expect(link).to_be_visible()
    assert str(link.get_attribute("href")).startswith("lightning:LNURL1")
    expect(window.page.get_by_role("img", name="QR code to scan")).to_be_hidden()
    assert window.faults() == []


def test_without_scripts_a_link_looks_whether_the_wallet_answered(address: str, open_window: OpenWindow) -> None:
    window = open_window(address, java_script_enabled=False)
    page = window.page
    page.goto("/login?next=/history")
    lnurl = page.locator("#wallet [data-copy]").get_attribute("data-copy")
    assert lnurl is not None
    call(address, lnurl)
    page.get_by_role("link", name="I have confirmed it in my wallet").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("History")


def test_a_wallet_is_linked_from_the_account_page(address: str, open_window: OpenWindow) -> None:
    page = open_window(address).page
    page.goto("/login?next=/account")
    first = page.locator("#wallet [data-copy]").get_attribute("data-copy")
    assert first is not None
    call(address, first)
    expect(page.get_by_role("heading", level=1)).to_have_text("Account")
    page.get_by_text("Link another key").click()
    page.get_by_role("link", name="With a Lightning wallet").click()
    second = page.locator("#wallet [data-copy]").get_attribute("data-copy")
    assert second is not None
    key = call(address, second)
    expect(page.locator("main")).to_contain_text(key[:10])
    expect(page.locator("#keys ~ .cards > li")).to_have_count(2)
