"""A third-party app acts for a person: asked for, limited, refused beyond the limit, ended by the person."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from api.app import create_app
from auth import users
from tests.api.house import ASSET, COIN, DESTINATION, House
from tests.browser.conftest import OpenWindow
from tests.browser.person import Person
from tests.browser.serving import serving
from tests.browser.shop import SCOPE, Shop
from tests.browser.test_story import look
from tests.oauth.app import send_registration
from wiring.container import Container
from wiring.embedded.redis import free_port


@dataclass
class Street:
    """The house and the shop, each on its own address."""

    house: House
    site: str
    shop: Shop


@pytest.fixture
def street(container: Container) -> Iterator[Street]:
    site, address = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    house = House(replace(container, settings=replace(container.settings, public_url=site)))
    metadata = {"client_name": "Corner Shop", "redirect_uris": [f"{address}/callback"], "scope": SCOPE}
    made = send_registration(house, metadata).get_json()
    house.policy(fee_minor=0)
    shop = Shop(site, address, made["client_id"], made["client_secret"], ASSET, DESTINATION)
    with (
        serving(create_app(house.container), port=urlsplit(site).port or 0),
        serving(shop.app(), port=urlsplit(address).port or 0),
    ):
        yield Street(house, site, shop)


def fund(house: House, person: Person) -> None:
    with house.container.transaction() as session:
        user_id = users.of_subject(session, person.public_key, now=house.container.now()).user_id
    house.fund(user_id, 10 * COIN)


def says(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_an_app_is_allowed_limited_and_ended(
    street: Street, open_window: OpenWindow, tmp_path: Path, scripts: bool
) -> None:
    person, shop = Person(tmp_path), street.shop
    fund(street.house, person)
    window = open_window(street.site, java_script_enabled=scripts)
    page = window.page
    # The shop sends its visitor to sign in, and then to the question.
    person.sign_in(page, f"{shop.address}/start")
    says(page, "Let Corner Shop act for you?")
    expect(page.get_by_text("See your balances and your history.")).to_be_visible()
    if scripts:
        look(window)
    page.get_by_label("in rLTC").fill("much")
    page.get_by_role("button", name="Allow", exact=True).click()
    expect(page.locator(f"#limit-{ASSET}-error")).to_be_visible()
    page.get_by_label("in rLTC").fill("2")
    page.get_by_role("button", name="Allow", exact=True).click()
    says(page, "You have 10.00000000")
    assert page.url.startswith(shop.address)

    page.goto(f"{shop.address}/buy/1.5")
    says(page, "Paid 1.50000000")
    page.goto(f"{shop.address}/buy/0.6")
    says(page, "Refused: spending_limit_exceeded")

    page.goto(street.site)
    page.get_by_role("link", name="Apps").click()
    expect(page.get_by_text("At most")).to_contain_text("2.000\u2009000\u200900")
    if scripts:
        look(window)
    page.get_by_role("button", name="Disconnect Corner Shop").click()
    expect(page.get_by_text("Nothing yet")).to_be_visible()
    page.goto(f"{shop.address}/balance")
    says(page, "Refused: invalid_token")
    page.goto(f"{shop.address}/buy/0.1")
    says(page, "Refused: invalid_token")

    # The agreement ended with it; this time the person says no.
    page.goto(f"{shop.address}/start")
    page.get_by_role("button", name="Do not allow").click()
    says(page, "Not connected: access_denied")


def test_an_app_that_was_allowed_before_gets_its_answer_after_signing_in(
    street: Street, open_window: OpenWindow, tmp_path: Path
) -> None:
    person, shop = Person(tmp_path), street.shop
    fund(street.house, person)
    first = open_window(street.site).page
    person.sign_in(first, f"{shop.address}/start")
    first.get_by_role("button", name="Allow", exact=True).click()
    says(first, "You have 10.00000000")
    # Another browser: a form leads here, and the policy of forms would not let it lead on to the shop.
    second = open_window(street.site).page
    person.sign_in(second, f"{shop.address}/start")
    says(second, "You have 10.00000000")


def test_a_developer_registers_an_app_and_tries_the_flow(
    street: Street, open_window: OpenWindow, tmp_path: Path
) -> None:
    person = Person(tmp_path)
    window = open_window(street.site)
    page = window.page
    person.sign_in(page, "/developer")
    page.get_by_label("Its name").fill("Lens")
    page.get_by_label("Where answers may go").fill("http://lens.example/cb")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("alert")).to_contain_text("must use https")
    page.get_by_label("Where answers may go").fill("https://lens.example/cb")
    page.get_by_role("button", name="Register").click()
    look(window)
    old = page.get_by_role("status").locator("code").nth(1).inner_text()
    page.get_by_text("New secret", exact=True).click()
    page.get_by_role("button", name="Make a new secret").click()
    secret = page.get_by_role("status").locator("code").nth(1).inner_text()
    assert secret != old
    page.get_by_role("button", name="Try the flow with Lens").click()
    page.get_by_role("button", name="Allow", exact=True).click()
    says(page, "Back at the app")
    look(window)
    page.get_by_label("The app's secret").fill(secret)
    page.get_by_role("button", name="Redeem the code").click()
    expect(page.locator("pre").first).to_contain_text('"token_type": "Bearer"')
    look(window)


def test_a_device_is_connected_by_its_code(street: Street, open_window: OpenWindow, tmp_path: Path) -> None:
    metadata = {
        "client_name": "Console",
        "grant_types": ["urn:ietf:params:oauth:grant-type:device_code"],
        "scope": "wallet:read",
        "token_endpoint_auth_method": "none",
    }
    client_id = send_registration(street.house, metadata).get_json()["client_id"]
    form = {"client_id": client_id, "scope": "wallet:read"}
    codes = street.house.visitor().post("/oauth/device_authorization", data=form).get_json()
    person = Person(tmp_path)
    window = open_window(street.site)
    page = window.page
    person.sign_in(page, "/device")
    look(window)
    page.get_by_label("The code").fill(codes["user_code"])
    page.get_by_role("button", name="Go on").click()
    says(page, "Let Console act for you?")
    look(window)
    page.get_by_role("button", name="Allow", exact=True).click()
    says(page, "Connected")
