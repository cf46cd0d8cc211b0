"""What belongs to somebody is shown to nobody else and moved by nobody else, whichever address leads to it."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from api.guards import guard_of
from models.base import Base
from tests.api.house import DESTINATION, House, Person
from tests.oauth.app import allow, register
from tests.pages.reader import Reader

# Whoever holds one of these was given it, signed in or not.
ANYBODYS = ("/login/", "/mail/unsubscribe/", "/api/lnurl-auth/", "/static/", "/webhooks/")
# Ending what has ended, or never was one's own, is done already.
DONE_ALREADY = {
    "/account/destinations/<uuid:destination_id>/remove",
    "/account/sessions/<uuid:session_id>/end",
    "/api/v1/allowed-destinations/<uuid:destination_id>",
}
FORM = {"name": "mine", "reason": "x", "since": "2020-01-01T00:00:00Z"}


@pytest.fixture
def owner(house: House) -> Person:
    """Somebody who has one of almost everything that a person can have."""
    person = house.person(funds_minor=10**9)
    house.policy(key_cooldown_s=0)
    house.fill_pool(1)
    assert person.withdraw().status_code == 201
    assert person.post("/deposit-addresses", {"asset": "rLTC"}).status_code == 201
    assert person.post("/allowed-destinations", {"asset": "rLTC", "destination": DESTINATION}).status_code == 201
    made = person.post("/webhook-endpoints", {"url": "https://shop.example/hooks", "kinds": ["*"]}).get_json()
    assert person.post(f"/webhook-endpoints/{made['id']}/test").status_code == 202
    assert allow(person, register(house, person).query()).status_code in {200, 303}
    return person


def belongings(house: House, owner: Person) -> dict[str, list[Any]]:
    """Every row of theirs, by its table."""
    found = {}
    with house.container.reading() as session:
        for table in Base.metadata.tables.values():
            for column in {"user_id", "owner_id"} & set(table.columns.keys()):
                rows = session.execute(select(table).where(table.columns[column] == owner.user_id)).mappings().all()
                found[f"{table.name}.{column}"] = sorted(map(dict, rows), key=str)
    return found


def names(rows: dict[str, list[Any]]) -> set[str]:
    """Every name under which something is known: of each kind of thing one."""
    known = ("id", "group_id", "client_id", "short_id")
    return {str(of_table[0][name]) for of_table in rows.values() if of_table for name in known if name in of_table[0]}


def addresses(house: House, named: set[str]) -> Iterator[tuple[str, str, str]]:
    """Every address that names something, with each of the names that it can have."""
    for rule in house.app.url_map.iter_rules():
        guard = guard_of(house.app.view_functions[rule.endpoint]) or ""
        if "<" not in rule.rule or rule.rule.startswith(ANYBODYS) or guard.startswith("role:"):
            continue
        for name in named:
            if "<uuid:" not in rule.rule or _is_uuid(name):
                path = re.sub(r"<(\w+:)?\w+>", name, rule.rule.replace("<move>", "disable"))
                for method in sorted((rule.methods or set()) & {"GET", "POST", "DELETE"}):
                    yield rule.rule, method, path


def browser(house: House, person: Person) -> tuple[FlaskClient, dict[str, str]]:
    """A browser that would rather read refusals as JSON, which is quicker."""
    client = house.visitor(use_cookies=True)
    client.set_cookie("session", person.token)
    return client, {"X-CSRF-Token": Reader(house, person).value("/", "csrf_token"), "Accept": "application/json"}


def test_a_stranger_is_shown_nothing_and_moves_nothing(house: House, owner: Person) -> None:
    before = belongings(house, owner)
    client, headers = browser(house, house.person())
    asked = list(addresses(house, names(before)))
    let_in = set()
    for rule, method, path in asked:
        body: dict[str, Any] = {"json": FORM} if path.startswith("/api/") else {"data": FORM}
        answer = client.open(path, method=method, headers=headers, **(body if method == "POST" else {}))
        if answer.status_code < 400:
            let_in.add(rule)
    assert let_in <= DONE_ALREADY
    assert belongings(house, owner) == before
    # And these are the right addresses: behind them is what the owner reads.
    client, headers = browser(house, owner)
    flow, endpoint = before["flows.user_id"][0]["short_id"], before["webhook_endpoints.user_id"][0]["id"]
    for path in (f"/flows/{flow}", f"/api/v1/flows/{flow}", f"/developer/webhooks/{endpoint}"):
        assert client.get(path, headers=headers).status_code == 200, path


def _is_uuid(name: str) -> bool:
    try:
        UUID(name)
    except ValueError:
        return False
    return True
