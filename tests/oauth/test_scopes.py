"""What an app can reach with which scope, and that it never spends more than it was allowed."""

from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from api.guards import guard_of
from auth.oauth import grants
from tests.api.house import ASSET, COIN, House, Person
from tests.oauth.app import EVERY_SCOPE, App, register
from tests.services.threads import at_once

SPENDING = "withdrawals:read withdrawals:create"


def spender(house: House, limit: str, *, funds: int = 100) -> tuple[App, str]:
    """An app that may spend up to the limit, and its token."""
    app, person = register(house), house.person(funds_minor=funds * COIN)
    return app, app.redeem(app.code(person, limit, scope=SPENDING)).get_json()["access_token"]


def disconnect(house: House, person: Person) -> None:
    """The person ends all of their apps."""
    now = house.container.now()
    with house.container.transaction() as session:
        for one in grants.connected(session, person.user_id):
            grants.revoke(session, one.grant.id, user_id=person.user_id, now=now)


def take_back(house: House, token: str, withdrawal_id: str) -> TestResponse:
    path = f"/api/v1/withdrawals/{withdrawal_id}/cancel"
    return house.visitor().post(path, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/api/v1/balances", "wallet:read"),
        (f"/api/v1/transactions?asset={ASSET}", "wallet:read"),
        ("/api/v1/deposits", "deposits:read"),
        ("/api/v1/withdrawals", "withdrawals:read"),
        ("/api/demo/protected", "profile:read"),
    ],
)
def test_each_door_has_its_scope(house: House, path: str, scope: str) -> None:
    app, person = register(house), house.person()
    assert app.get(path, app.tokens(person, scope=scope)["access_token"]).status_code == 200
    refused = app.get(path, app.tokens(person, scope="openid")["access_token"])
    assert (refused.status_code, refused.get_json()["error"]) == (403, "insufficient_scope")
    assert refused.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope"'


def test_what_has_no_scope_is_closed_to_apps(house: House) -> None:
    app, operator = register(house), house.person(role="admin")
    token = app.tokens(operator, scope=EVERY_SCOPE)["access_token"]
    shut: list[str] = []
    for rule in house.app.url_map.iter_rules():
        guard = guard_of(house.app.view_functions[rule.endpoint]) or ""
        # What is monitored asks for no person's token: tests/metrics knocks there.
        if (
            guard in {"public", "monitored"}
            or guard.startswith("scope:")
            or rule.arguments
            or "GET" not in (rule.methods or ())
        ):
            continue
        assert app.get(rule.rule, token).status_code == 403, rule.rule
        shut.append(rule.rule)
    assert {"/", "/apps", "/developer", "/device", "/api/v1/state", "/api/v1/allowed-destinations"} <= set(shut)


def test_an_app_spends_up_to_its_limit_and_not_beyond(house: House) -> None:
    house.policy(fee_minor=0)
    app, token = spender(house, "3")
    assert app.withdraw(token, "2", key="one").status_code == 201
    refused = app.withdraw(token, "1.00000001", key="two")
    assert (refused.status_code, refused.get_json()["error"]) == (403, "spending_limit_exceeded")
    assert "1.00000000" in refused.get_json()["error_description"]
    assert app.withdraw(token, "1", key="three").status_code == 201


def test_an_app_without_a_limit_spends_nothing(house: House) -> None:
    app, token = spender(house, "")
    assert app.withdraw(token, "1", key="one").get_json()["error"] == "spending_limit_exceeded"


def test_what_was_taken_back_counts_no_longer(house: House) -> None:
    house.policy(fee_minor=0)
    app, token = spender(house, "3")
    made = app.withdraw(token, "3", key="one").get_json()
    assert app.withdraw(token, "3", key="two").status_code == 403
    assert take_back(house, token, made["id"]).status_code == 200
    assert app.withdraw(token, "3", key="three").status_code == 201


def test_an_app_takes_back_only_what_it_asked_for_itself(house: House) -> None:
    house.policy(fee_minor=0)
    app, other, person = register(house), register(house), house.person(funds_minor=10 * COIN)
    theirs = person.withdraw("1").get_json()["id"]
    token = app.redeem(app.code(person, "3", scope=SPENDING)).get_json()["access_token"]
    by_other = other.redeem(other.code(person, "3", scope=SPENDING)).get_json()["access_token"]
    others = other.withdraw(by_other, "1", key="one").get_json()["id"]
    own = app.withdraw(token, "1", key="one").get_json()["id"]
    for withdrawal_id in (theirs, others):
        # It sees them, for it may read.
        assert app.get(f"/api/v1/withdrawals/{withdrawal_id}", token).status_code == 200
        refused = take_back(house, token, withdrawal_id)
        assert (refused.status_code, refused.get_json()["error"]) == (403, "not_this_apps_doing")
    assert person.balance()["held"] == "3.00000000"
    # Ended and allowed again, it is the same app.
    disconnect(house, person)
    token = app.redeem(app.code(person, "3", scope=SPENDING)).get_json()["access_token"]
    assert take_back(house, token, own).get_json()["state"] == "cancelled"
    assert take_back(house, person.token, others).get_json()["state"] == "cancelled"


def test_the_fee_counts_too(house: House) -> None:
    house.policy(fee_minor=COIN)
    app, token = spender(house, "3")
    assert app.withdraw(token, "2.5", key="one").status_code == 403
    assert app.withdraw(token, "2", key="two").status_code == 201
    house.policy(fee_minor=0)


def test_many_withdrawals_at_once_stay_within_the_limit(own_house: House) -> None:
    _ = own_house.app
    own_house.policy(fee_minor=0, daily_user_limit_minor=1000 * COIN)
    app, token = spender(own_house, "5")

    def ask(number: int) -> Callable[[], int]:
        return lambda: app.withdraw(token, "1", key=f"k{number}").status_code

    answers = at_once(*(ask(number) for number in range(20)))
    assert (answers.count(201), answers.count(403)) == (5, 15)


def test_a_person_is_not_bound_by_what_their_apps_may_spend(house: House) -> None:
    person = house.person(funds_minor=10 * COIN)
    app = register(house)
    app.code(person, "0.5", scope=SPENDING)
    assert person.withdraw("3").status_code == 201


def test_the_keys_of_an_app_are_not_those_of_its_user(house: House) -> None:
    app, person = register(house), house.person(funds_minor=10 * COIN)
    house.policy(fee_minor=0)
    token = app.redeem(app.code(person, "5", scope=SPENDING)).get_json()["access_token"]
    assert person.withdraw("1", key="same").status_code == 201
    answer = app.withdraw(token, "1", key="same")
    assert answer.status_code == 201
    assert "Idempotency-Replayed" not in answer.headers
    # And may be as long.
    assert [app.withdraw(token, "1", key="k" * length).status_code for length in (255, 256)] == [201, 400]
