"""Two people in two browsers: they see each other, talk, call, and see money arrive without reading anything again."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from api.app import create_app
from services import rollups
from tasks import feed
from tests import horizon
from tests.browser.chromium import Window
from tests.browser.person import Person
from tests.browser.serving import serving
from tests.browser.test_story import ask_for_withdrawal, make_operator
from tests.conftest import GENEROUS
from tests.databases import Server
from tests.rail import COIN, Rail, make_rail
from tests.realtime.processes import RealtimeProcess
from tests.waiting import eventually
from wiring.container import build_container
from wiring.embedded.node import NodeServer
from wiring.embedded.redis import free_port
from wiring.secret import Secret
from wiring.settings import read_settings

PLAYING = "document.getElementById('theirs').videoWidth > 0 && document.getElementById('theirs').currentTime > 0"


@dataclass
class Live:
    """A rail, its pages on one port, and their sockets, in a process of their own, on another."""

    rail: Rail
    url: str


@pytest.fixture(scope="module")
def live(
    server: Server, node: NodeServer, redis_url: Secret, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    """One for all tests here: each brings people of its own."""
    database, directory, port = server.lend(), tmp_path_factory.mktemp("live"), free_port()
    settings = replace(
        read_settings({"STRONGROOM_VAR_DIR": str(directory / "var")}),
        database_url=database.url,
        redis_url=redis_url,
        public_url=f"http://127.0.0.1:{port}",
        **GENEROUS,
    )
    rail = make_rail(settings, node)
    process = RealtimeProcess(rail.container.settings, directory / "realtime.log")
    web = build_container(replace(rail.container.settings, realtime_url=process.url))
    try:
        process.await_answer()
        with serving(create_app(web), port=port) as url:
            yield Live(rail, url)
    finally:
        process.stop()
        web.engine.dispose()
        rail.leave()
        server.give_back(database)


def is_told(page: Page) -> None:
    """The page hears: from now on it polls every 15 seconds at most, and waits below are shorter than that."""
    expect(page.locator("html[data-sockets=connected]")).to_have_count(1)


def tell(rail: Rail) -> None:
    """Have the windows hear of what was just committed."""
    horizon.reached(rail.container.engine)
    feed.push_events(rail.container)


def test_two_people_see_each_other_talk_and_call(browser: Browser, live: Live, tmp_path: Path) -> None:
    alice, bob = Person(_made(tmp_path / "alice")), Person(_made(tmp_path / "bob"))
    one, other = Window(browser, live.url), Window(browser, live.url, scheme="dark")
    alice.sign_in(one.page, "/chat")
    one.page.get_by_label("Write to somebody").fill("nobody")
    one.page.get_by_role("button", name="Open the conversation").click()
    expect(one.page.locator("#to-error")).to_be_visible()
    bob.sign_in(other.page, "/chat")
    one.page.get_by_label("Write to somebody").fill(bob.public_key)
    one.page.get_by_role("button", name="Open the conversation").click()
    expect(one.page.get_by_text("here now")).to_be_visible()

    is_told(one.page)
    is_told(other.page)
    one.page.get_by_label("Your message").fill("Is this\n<b>safe</b>?")
    one.page.get_by_role("button", name="Send").click()
    expect(one.page.locator(".messages .mine .said")).to_have_text("Is this\n<b>safe</b>?")
    expect(other.page.get_by_text("1 new message")).to_be_visible()
    assert one.faults() == other.faults() == []
    other.page.locator(".threads a").click()
    expect(other.page.locator(".messages .theirs .said")).to_have_text("Is this\n<b>safe</b>?")
    is_told(other.page)
    other.page.get_by_label("Your message").fill("As safe as it gets.")
    other.page.get_by_role("button", name="Send").click()
    expect(one.page.locator(".messages .theirs .said")).to_have_text("As safe as it gets.")

    one.page.get_by_role("button", name="Call with video").click()
    other.page.get_by_role("button", name="Take the call").click()
    for window in (one, other):
        expect(window.page.locator("#call-words")).to_contain_text("You are talking to")
        # Asked from outside: a page that waits by itself may have to evaluate words, which its policy forbids.
        eventually(lambda page=window.page: page.evaluate(PLAYING), what="a picture that moves")  # type: ignore[misc]
        assert window.faults() == []
    other.page.get_by_role("button", name="Hang up").click()
    expect(one.page.locator("#call-words")).to_have_text("The call has ended.")
    other.page.close()
    expect(one.page.get_by_text("away")).to_be_visible()
    assert one.said == other.said == []
    one.close()


def test_money_moves_on_both_peoples_pages_without_a_reload(browser: Browser, live: Live, tmp_path: Path) -> None:
    """A deposit arrives while its owner looks on, and goes out again while an operator and its owner do."""
    rail, owner, operator = live.rail, Person(_made(tmp_path / "owner")), Person(_made(tmp_path / "operator"))
    window, board = Window(browser, live.url), Window(browser, live.url, scheme="dark")
    page = window.page
    owner.sign_in(page, "/deposit")
    page.get_by_role("button", name="Get an address").click()
    address = page.locator(".address code").inner_text()
    make_operator(rail, operator)
    operator.sign_in(board.page, "/operator/overwatch")
    feed.push_events(rail.container)
    page.goto("/")
    is_told(page)
    rail.send_to(address, 20 * COIN)
    rail.watch()
    tell(rail)
    expect(page.get_by_text("seen · 0 of 3 confirmations")).to_be_visible()
    rail.mine(6)
    rail.watch()
    tell(rail)
    expect(page.locator(".available .digits")).to_have_text("20.000\u2009000\u200900")

    is_told(board.page)
    destination = rail.outside_address()
    ask_for_withdrawal(page, destination, "10")
    page.goto("/")
    is_told(page)
    expect(page.get_by_text("withdrawal waiting for approval, fee included")).to_be_visible()
    horizon.reached(rail.container.engine)
    with rail.container.transaction() as session:
        assert rollups.fold(session, owner="test", now=rail.container.now())
    tell(rail)
    asked = board.page.get_by_role("link", name="1 withdrawal waits for a person")
    expect(asked).to_be_visible()
    # What is drawn by a script is drawn too when it comes with a fragment.
    expect(board.page.locator("#chart-moves canvas")).to_have_count(1)
    asked.click()
    is_told(board.page)
    board.page.get_by_role("button", name="Approve").click()
    expect(board.page.get_by_text("Waiting for approval")).to_have_count(0)
    tell(rail)
    expect(page.get_by_text("withdrawal approved, not sent yet, fee included")).to_be_visible()
    rail.pay()
    rail.mine(6)
    rail.watch()
    tell(rail)
    expect(page.locator(".activity").get_by_text("Sent and final.")).to_be_visible()
    assert rail.received(destination) == 10 * COIN
    assert window.said == board.said == []
    window.close()
    board.close()


def test_chat_works_without_scripts(browser: Browser, site: str, tmp_path: Path) -> None:
    alice, bob = Person(_made(tmp_path / "alice")), Person(_made(tmp_path / "bob"))
    one = Window(browser, site, java_script_enabled=False)
    other = Window(browser, site, java_script_enabled=False)
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
