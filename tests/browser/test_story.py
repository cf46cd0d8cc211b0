"""One person's coin comes in, is credited and goes out again, through the pages and on a real chain."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from auth import roles, users
from tests.browser.chromium import DESKTOP, PHONE, Window
from tests.browser.conftest import OpenWindow
from tests.browser.person import Person
from tests.rail import COIN, Rail

# Pages read themselves again every two seconds; a busy machine gets some more.


def look(window: Window) -> None:
    """The page as it stands has no fault that a machine can find, on a phone, and fits on a desk too.

    Its example is looked at in every way there is: see test_samples.py.
    """
    window.resize(DESKTOP)
    assert window.too_wide() == [], window.page.url
    window.resize(PHONE)
    assert window.faults() == [], window.page.url


def make_operator(rail: Rail, person: Person) -> None:
    with rail.container.transaction() as session:
        known = users.of_subject(session, person.public_key, now=rail.container.now())
        roles.grant(session, known.user_id, "approver", by="test", now=rail.container.now())


def until_read_again(page: Page) -> None:
    """Wait until the page has asked for its fragment twice, so that the first answer is on the screen."""
    for _ in range(2):
        with page.expect_response(lambda response: response.request.headers.get("hx-request") == "true"):
            pass


def ask_for_withdrawal(page: Page, destination: str, amount: str) -> None:
    page.goto("/withdraw")
    page.get_by_label("address", exact=False).fill(destination)
    page.get_by_label("Amount in").fill(amount)
    page.get_by_role("button", name="Ask for the withdrawal").click()


@pytest.mark.long
def test_a_coin_comes_in_and_goes_out_while_its_owner_watches(
    rail: Rail, site: str, open_window: OpenWindow, tmp_path: Path
) -> None:
    (tmp_path / "owner").mkdir()
    (tmp_path / "operator").mkdir()
    owner, operator = Person(tmp_path / "owner"), Person(tmp_path / "operator")
    window = open_window(site)
    page = window.page
    page.goto("/")
    look(window)
    owner.sign_in(page)
    expect(page.get_by_text("Nothing yet.")).to_be_visible()
    look(window)

    page.get_by_role("link", name="Get an address").click()
    page.get_by_role("button", name="Get an address").click()
    address = page.locator(".address code").inner_text()
    assert page.locator("img.qr").evaluate("image => image.naturalWidth") > 0
    look(window)
    rail.send_to(address, 20 * COIN)
    assert rail.watch() == 1
    # Nobody reloads the page from here on: it finds out by itself.
    expect(page.get_by_text("Seen on the network. 0 of 3 confirmations.")).to_be_visible()
    look(window)

    page.goto("/")
    balance = page.locator(".balance")
    expect(balance.get_by_text("seen · 0 of 3 confirmations")).to_be_visible()
    expect(balance.locator(".available .digits")).to_have_text("0.000\u2009000\u200900")
    rail.mine()
    rail.watch()
    expect(balance.get_by_text("in a block · 1 of 3 confirmations")).to_be_visible()
    rail.mine(2)
    rail.watch()
    expect(balance.locator(".available .digits")).to_have_text("20.000\u2009000\u200900")
    expect(page.get_by_text("Credited. It is part of your available balance.")).to_be_visible()

    destination = rail.outside_address()
    ask_for_withdrawal(page, destination, "10.000\u2009000\u200900")
    expect(page.locator(".standing")).to_contain_text("Waiting for an operator to approve it.")
    page.get_by_text("Ledger transfers").click()
    until_read_again(page)
    expect(page.get_by_role("cell", name="hot wallet")).to_be_visible()
    look(window)

    board = open_window(site, scheme="dark")
    make_operator(rail, operator)
    operator.sign_in(board.page, "/operator")
    expect(board.page.get_by_role("heading", name="Waiting for approval (1)")).to_be_visible()
    look(board)
    board.page.get_by_text("Reject", exact=True).first.click()
    board.page.get_by_label("Reason").fill("half a thought")
    board.page.get_by_role("button", name="Approve").focus()
    until_read_again(board.page)
    expect(board.page.get_by_label("Reason")).to_have_value("half a thought")
    board.page.get_by_role("button", name="Approve").click()
    expect(board.page.get_by_text("Nothing waits for you.")).to_be_visible()
    look(board)

    expect(page.locator(".standing")).to_contain_text("Approved.")
    rail.pay()
    rail.mine()
    rail.watch()
    expect(page.locator(".standing")).to_contain_text("Sent and final.")
    assert rail.received(destination, 1) == 10 * COIN
    page.get_by_text("Chain transactions").click()
    look(window)

    page.get_by_role("link", name="History").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    look(window)
    page.goto("/send")
    look(window)
    page.goto("/withdraw")
    look(window)
    page.get_by_label("Your key", exact=False).click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in with your key")
    rail.assert_sound()


def test_everything_works_without_scripts(rail: Rail, site: str, open_window: OpenWindow, tmp_path: Path) -> None:
    person = Person(tmp_path)
    window = open_window(site, java_script_enabled=False)
    page = window.page
    person.sign_in(page, "/deposit")
    page.get_by_role("button", name="Get an address").click()
    rail.send_to(page.locator(".address code").inner_text(), 2 * COIN)
    rail.mine(3)
    rail.watch()
    page.goto("/")
    expect(page.locator(".available .digits")).to_have_text("2.000\u2009000\u200900")

    ask_for_withdrawal(page, "nowhere", "1")
    expect(page.locator("#destination-error")).to_be_visible()
    expect(page.get_by_label("Amount in")).to_have_value("1")
    ask_for_withdrawal(page, rail.outside_address(), "3")
    expect(page.locator("#amount-error")).to_contain_text("more than is available")
    ask_for_withdrawal(page, rail.outside_address(), "1")
    # Small enough to leave without asking anyone.
    expect(page.locator(".standing")).to_contain_text("Approved.")
    page.get_by_role("button", name="Cancel this withdrawal").click()
    expect(page.locator(".standing")).to_contain_text("Cancelled before it was sent. The funds are yours again.")
    rail.assert_sound()


def test_a_form_sent_twice_asks_once(rail: Rail, site: str, open_window: OpenWindow, tmp_path: Path) -> None:
    person = Person(tmp_path)
    page = open_window(site).page
    person.sign_in(page)
    with rail.container.transaction() as session:
        user_id = users.of_subject(session, person.public_key, now=rail.container.now()).user_id
    rail.fund(user_id, 4 * COIN)
    page.goto("/withdraw")
    names = ("csrf_token", "idempotency_key", "asset")
    form: dict[str, str | float | bool] = {name: page.locator(f"main [name={name}]").input_value() for name in names}
    form |= {"destination": rail.outside_address(), "amount": "1"}
    first, second = (page.request.post("/withdraw", form=form, headers={"Origin": site}) for _ in range(2))
    assert first.ok
    assert first.url == second.url
    assert "/flows/" in first.url
    assert rail.withdrawal().amount_minor == COIN
