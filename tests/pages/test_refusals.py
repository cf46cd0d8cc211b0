"""What a browser gets where a program gets JSON."""

import pytest
from flask.testing import FlaskClient

from api.pages.context import onward
from tests.api.house import House

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PAGES = ("/", "/deposit", "/withdraw", "/send", "/history", "/flows/k7f3m2n9qd", "/operator")


@pytest.fixture
def visitor(house: House) -> FlaskClient:
    return house.visitor()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_asks_for_a_sign_in_and_comes_back(path: str, visitor: FlaskClient) -> None:
    answer = visitor.get(path, headers=BROWSER)
    assert answer.status_code == 303
    assert answer.location == ("/login" if path == "/" else f"/login?next={path}")


def test_a_fragment_of_an_ended_session_is_refused_not_redirected(visitor: FlaskClient) -> None:
    assert visitor.get("/", headers={**BROWSER, "HX-Request": "true"}).status_code == 401


def test_a_page_that_does_not_exist_says_so(visitor: FlaskClient) -> None:
    answer = visitor.get("/nowhere", headers=BROWSER)
    assert answer.status_code == 404
    assert answer.mimetype == "text/html"
    assert "There is nothing here" in answer.text
    assert visitor.get("/api/v1/nowhere", headers=BROWSER).mimetype == "application/json"


def test_the_board_is_for_operators(house: House) -> None:
    person, viewer = house.person(), house.person(role="viewer")
    for someone, status in ((person, 403), (viewer, 200)):
        headers = {**BROWSER, "Authorization": f"Bearer {someone.token}"}
        assert house.visitor().get("/operator", headers=headers).status_code == status


def test_another_persons_flow_address_and_code_are_not_found(house: House) -> None:
    house.person()
    owner, other = house.person(funds_minor=10**9), house.person()
    flow = owner.withdraw().get_json()["flow"]
    headers = {**BROWSER, "Authorization": f"Bearer {other.token}"}
    assert house.visitor().get(f"/flows/{flow}", headers=headers).status_code == 404
    assert house.visitor().post(f"/flows/{flow}/cancel", headers=headers).status_code == 404
    house.fill_pool(1)
    address = owner.post("/deposit-addresses", {"asset": "rLTC"}).get_json()["id"]
    for path in (f"/deposit?address={address}", f"/deposit/{address}/qr.svg"):
        assert house.visitor().get(path, headers=headers).status_code == 404


def test_a_field_that_is_named_by_half_a_character_is_refused_with_a_page(house: House) -> None:
    headers = {**BROWSER, "Authorization": f"Bearer {house.person().token}"}
    told = house.visitor().post(
        "/import_descriptor", data='{"\\ud800": 1}', headers=headers, content_type="application/json"
    )
    assert (told.status_code, told.mimetype) == (422, "text/html")


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "", None]
)
def test_signing_in_never_leads_elsewhere(target: str | None) -> None:
    assert onward(target) == "/"


def test_signing_in_leads_back() -> None:
    assert onward("/flows/k7f3m2n9qd") == "/flows/k7f3m2n9qd"
