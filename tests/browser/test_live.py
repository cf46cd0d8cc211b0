"""Two people in two browsers: they see each other, talk, call, and see money arrive without reading anything again."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from api.app import create_app
from tasks import feed
from tests import horizon
from tests.browser.chromium import Window, launch
from tests.browser.person import Person
from tests.browser.serving import serving
from tests.rail import COIN, Rail
from tests.realtime.processes import RealtimeProcess
from wiring.container import build_container
from wiring.embedded.redis import free_port

SOON_MS = 12_000
# A camera that draws, a microphone that beeps, and nobody to ask whether they may.
DEVICES = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@pytest.fixture
def talkative(playwright: Playwright) -> Iterator[Browser]:
    browser = launch(playwright, *DEVICES)
    yield browser
    browser.close()


@pytest.fixture
def live_site(rail: Rail, tmp_path: Path) -> Iterator[str]:
    """The pages on one port, and the sockets, in a process of their own, on another."""
    port = free_port()
    settings = replace(rail.container.settings, public_url=f"http://127.0.0.1:{port}")
    process = RealtimeProcess(settings, tmp_path / "realtime.log")
    settings = replace(settings, realtime_url=process.url)
    web = build_container(settings)
    try:
        process.await_answer()
        with serving(create_app(web), port=port) as url:
            yield url
    finally:
        process.stop()
        web.engine.dispose()


def is_told(page: Page) -> None:
    """The page hears: from now on it polls every 15 seconds at most, and waits below are shorter than that."""
    expect(page.locator("html[data-sockets=connected]")).to_have_count(1, timeout=SOON_MS)


def test_two_people_see_each_other_talk_and_call(talkative: Browser, live_site: str, tmp_path: Path) -> None:
    alice, bob = Person(_made(tmp_path / "alice")), Person(_made(tmp_path / "bob"))
    one, other = Window(talkative, live_site), Window(talkative, live_site, scheme="dark")
    alice.sign_in(one.page, "/chat")
    one.page.get_by_label("Write to somebody").fill("nobody")
    one.page.get_by_role("button", name="Open the conversation").click()
    expect(one.page.locator("#to-error")).to_be_visible()
    bob.sign_in(other.page, "/chat")
    one.page.get_by_label("Write to somebody").fill(bob.public_key)
    one.page.get_by_role("button", name="Open the conversation").click()
    expect(one.page.get_by_text("here now")).to_be_visible(timeout=SOON_MS)

    is_told(one.page)
    is_told(other.page)
    one.page.get_by_label("Your message").fill("Is this\n<b>safe</b>?")
    one.page.get_by_role("button", name="Send").click()
    expect(one.page.locator(".messages .mine .said")).to_have_text("Is this\n<b>safe</b>?", timeout=SOON_MS)
    expect(other.page.get_by_text("1 new message")).to_be_visible(timeout=SOON_MS)
    assert one.faults() == other.faults() == []
    other.page.locator(".threads a").click()
    expect(other.page.locator(".messages .theirs .said")).to_have_text("Is this\n<b>safe</b>?")
    is_told(other.page)
    other.page.get_by_label("Your message").fill("As safe as it gets.")
    other.page.get_by_role("button", name="Send").click()
    expect(one.page.locator(".messages .theirs .said")).to_have_text("As safe as it gets.", timeout=SOON_MS)

    one.page.get_by_role("button", name="Call with video").click()
    other.page.get_by_role("button", name="Take the call").click(timeout=SOON_MS)
    for window in (one, other):
        expect(window.page.locator("#call-words")).to_contain_text("You are talking to", timeout=SOON_MS)
        playing = (
            "document.getElementById('theirs').videoWidth > 0 && document.getElementById('theirs').currentTime > 0"
        )
        window.page.wait_for_function(playing, timeout=SOON_MS)
        assert window.faults() == []
    other.page.get_by_role("button", name="Hang up").click()
    expect(one.page.locator("#call-words")).to_have_text("The call has ended.", timeout=SOON_MS)
    other.page.close()
    expect(one.page.get_by_text("away")).to_be_visible(timeout=SOON_MS)
    assert one.said == other.said == []
    one.close()


def test_a_deposit_appears_without_a_reload(talkative: Browser, live_site: str, rail: Rail, tmp_path: Path) -> None:
    person = Person(_made(tmp_path / "person"))
    window = Window(talkative, live_site)
    page = window.page
    person.sign_in(page, "/deposit")
    page.get_by_role("button", name="Get an address").click()
    address = page.locator(".address code").inner_text()
    feed.push_events(rail.container)
    page.goto("/")
    is_told(page)
    rail.send_to(address, 2 * COIN)
    rail.watch()
    horizon.reached(rail.container.engine)
    feed.push_events(rail.container)
    expect(page.get_by_text("seen · 0 of 3 confirmations")).to_be_visible(timeout=SOON_MS)
    rail.mine(6)
    rail.watch()
    horizon.reached(rail.container.engine)
    feed.push_events(rail.container)
    expect(page.locator(".available .digits")).to_have_text("2.000\u2009000\u200900", timeout=SOON_MS)
    assert window.said == []
    window.close()


def test_chat_works_without_scripts(talkative: Browser, live_site: str, tmp_path: Path) -> None:
    alice, bob = Person(_made(tmp_path / "alice")), Person(_made(tmp_path / "bob"))
    one = Window(talkative, live_site, java_script_enabled=False)
    other = Window(talkative, live_site, java_script_enabled=False)
    bob.sign_in(other.page, "/chat")
    alice.sign_in(one.page, f"/chat/{bob.public_key}")
    one.page.get_by_label("Your message").fill("Plain.")
    one.page.get_by_role("button", name="Send").click()
    expect(one.page.locator(".messages .mine .said")).to_have_text("Plain.")
    other.page.goto("/chat")
    other.page.locator(".threads a").click()
    expect(other.page.locator(".messages .theirs .said")).to_have_text("Plain.")
    one.page.reload()
    expect(one.page.get_by_text("· read")).to_be_visible()
    assert one.said == other.said == []
    one.close()
    other.close()


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory
