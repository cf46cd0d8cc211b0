"""Webhook endpoints through the API: one's own for everybody, the house's for those with a role."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tasks import webhooks
from tasks.couriers import Couriers
from tests import horizon
from tests.api.house import House
from tests.pages.reader import Reader
from tests.webhooks.receiver import Receiver
from wiring.container import Container
from wiring.embedded.redis import RedisServer
from wiring.secret import Secret
from wiring.settings import Settings

PATH = "/webhook-endpoints"
BODY = {"url": "https://shop.example/hooks", "kinds": ["deposit.*"]}


@pytest.fixture
def house(container: Container) -> House:
    made = House(replace(container, settings=replace(container.settings, webhook_private=True)))
    _ = made.app
    webhooks.write(made.container)
    return made


def test_an_endpoint_lives_from_its_making_to_its_end(house: House, receiver: Receiver) -> None:
    owner, couriers = house.person(funds_minor=10**9), Couriers("test", count=2)
    made = owner.post(PATH, {**BODY, "url": receiver.url, "kinds": ["withdrawal.*"], "description": "shop"})
    assert made.status_code == 201
    place, secret = f"{PATH}/{made.get_json()['id']}", made.get_json()["secret"]
    assert secret.startswith("whsec_")
    assert "secret" not in owner.get(place).get_json()
    assert owner.withdraw().status_code in {201, 202}
    horizon.reached(house.container.engine)
    webhooks.write(house.container)
    webhooks.send_due(house.container, couriers)
    couriers.await_all()
    told = [call.verified(secret) for call in receiver.calls]
    assert {event["user_id"] for event in told} == {str(owner.user_id)}
    assert told[0]["type"].startswith("withdrawal.")
    items = owner.get(f"{place}/deliveries?state=delivered&limit=1").get_json()["items"]
    assert items[0]["attempts"][0]["status"] == 200
    assert owner.post(f"{place}/deliveries/{items[0]['id']}/redeliver").get_json()["state"] == "waiting"
    assert owner.post(f"{place}/redeliver", {"since": "2020-01-01T00:00:00Z"}).get_json() == {"count": 0}
    assert owner.post(f"{place}/test").get_json()["type"] == "endpoint.test"
    assert owner.post(f"{place}/rotate-secret").get_json()["secret"] not in {secret, None}
    assert owner.post(place, {"kinds": ["*"]}).get_json()["kinds"] == ["*"]
    assert owner.post(f"{place}/disable").get_json()["disabled_because"] == "owner"
    assert owner.post(f"{place}/enable").get_json()["disabled_at"] is None
    assert [row["id"] for row in owner.get(PATH).get_json()["items"]] == [made.get_json()["id"]]
    assert owner._send("DELETE", place).status_code == 204
    assert owner.get(place).get_json()["error"] == "webhook_endpoint_not_found"


def test_nobody_sees_or_moves_what_is_not_theirs(house: House) -> None:
    owner, other = house.person(), house.person()
    admin, viewer = house.person(role="admin"), house.person(role="viewer")
    place = f"{PATH}/{owner.post(PATH, BODY).get_json()['id']}"
    for tried in (
        other.get(place),
        other.post(f"{place}/test"),
        other.post(f"{place}/rotate-secret"),
        admin.get(place),
    ):
        assert tried.status_code == 404
    assert owner.post(f"{PATH}?house=true", BODY).get_json()["error"] == "role_missing"
    assert viewer.post(f"{PATH}?house=true", BODY).get_json()["error"] == "role_missing"
    assert admin.post(f"{PATH}?house=true", BODY).status_code == 201
    assert len(viewer.get(f"{PATH}?house=true").get_json()["items"]) == 1
    assert owner.get(f"{PATH}?house=true").status_code == 403
    assert admin.get(PATH).get_json()["items"] == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"url": "ftp://example.com"}, "invalid_webhook_url"),
        ({"kinds": ["deposit.flying"]}, "invalid_webhook_kind"),
        ({"kinds": []}, "invalid_request"),
        ({"client_id": "nobody"}, "client_not_found"),
        ({"more": 1}, "invalid_request"),
    ],
)
def test_what_cannot_be_meant_is_refused(house: House, change: dict[str, object], code: str) -> None:
    assert house.person().post(PATH, {**BODY, **change}).get_json()["error"] == code


def test_nobody_has_more_endpoints_than_they_may(house: House) -> None:
    owner = house.person()
    answers = [owner.post(PATH, BODY).status_code for _ in range(21)]
    assert answers == [201] * 20 + [409]


def test_nobody_has_us_call_somebody_without_end(
    house: House, own_redis: RedisServer, build: Callable[[Settings], Container]
) -> None:
    settings = replace(house.container.settings, redis_url=Secret(own_redis.url), user_limit=2)
    counting = House(build(settings))
    owner = replace(house.person(), house=counting)
    place = f"{PATH}/{owner.post(PATH, BODY).get_json()['id']}"
    assert [owner.post(f"{place}/test").status_code for _ in range(3)] == [202, 202, 429]
    assert owner.post(f"{place}/redeliver", {"since": "2020-01-01T00:00:00Z"}).status_code == 429
    reader = Reader(counting, owner)
    page = f"/developer/webhooks/{place.rpartition('/')[2]}"
    assert reader.post(f"{page}/test").status_code == 429
    assert reader.post(f"{page}/disable").status_code == 303
