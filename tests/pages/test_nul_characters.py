"""A NUL, which PostgreSQL cannot hold, is refused wherever it comes in: it is nobody's bug but its sender's."""

import re
from collections.abc import Iterator

import pytest

from tests.api.house import House
from tests.pages.reader import Reader

NOBODY = "0b54b1f0-8c0e-4d5c-9d3a-6a1f1f6f2a11"
FIELDS = (
    "asset",
    "chain",
    "client_id",
    "description",
    "destination",
    "from",
    "kinds",
    "reason",
    "search",
    "to",
    "url",
    "user",
)
ELSEWHERE = ("/api/", "/oauth/", "/webhooks/")
SIGNS_OUT = {"/logout", "/account/sessions/end"}


def forms(house: House) -> Iterator[str]:
    """Where pages send their forms."""
    for rule in house.app.url_map.iter_rules():
        if "POST" in (rule.methods or set()) and not rule.rule.startswith(ELSEWHERE) and rule.rule not in SIGNS_OUT:
            yield re.sub(r"<\w+>", "a", re.sub(r"<uuid:\w+>", NOBODY, rule.rule))


def test_no_form_breaks_on_a_nul(house: House) -> None:
    admin = Reader(house, house.person(role="admin"))
    form = dict.fromkeys(FIELDS, "a\0b") | {"csrf_token": admin.value("/", "csrf_token")}
    for path in forms(house):
        assert admin.post(path, **form).status_code < 500, path


@pytest.mark.parametrize("path", ["/deposit", "/developer/webhooks", "/claims", "/account/destinations"])
def test_a_form_with_a_nul_is_refused_with_a_page(owner: Reader, path: str) -> None:
    form = dict.fromkeys(FIELDS, "a\0b") | {"kinds": "*", "url": "https://shop.example/hooks"}
    refused = owner.post(path, **form)
    assert refused.status_code == 400
    assert "text/html" in refused.headers["Content-Type"]


def test_an_address_with_a_nul_is_refused_and_what_only_looks_like_one_is_not(house: House, owner: Reader) -> None:
    admin = Reader(house, house.person(role="admin"))
    assert admin.get("/operator/screening?search=%00").status_code == 400
    assert admin.get("/operator/screening?search=%2500").status_code == 200
    assert owner.post("/developer/a%00b/secret").status_code == 400
    told = owner.get("/oauth/authorize?client_id=a&redirect_uri=https://app.example/%00")
    assert (told.status_code, "Location" in told.headers) == (400, False)
