"""Webhooks on the developer's and the operator's pages."""

import re

from api.pages.webhooks import OF_THE_HOUSE
from domain import webhooks
from tests.api.house import House
from tests.pages.reader import Reader, words

URL = "https://shop.example/hooks"


def test_a_developer_makes_tries_turns_off_and_removes_one(house: House, owner: Reader) -> None:
    made = owner.post("/developer/webhooks", url=URL, description="Shop", kinds="withdrawal.*")
    found = re.search(r"/developer/webhooks/([0-9a-f-]{36})/test", made.text)
    assert found is not None
    assert "whsec_" in made.text
    place = f"/developer/webhooks/{found[1]}"
    assert "whsec_" not in owner.get(place).text
    assert owner.post(f"{place}/test").status_code == 303
    assert "endpoint.test" in owner.text(place)
    assert "whsec_" in owner.post(f"{place}/rotate").text
    assert "two: the secret before also signs" in owner.text(place)
    assert owner.post(f"{place}/change", url="http://x.example", kinds="*").status_code == 422
    owner.post(f"{place}/change", url="https://new.example/", kinds="*", description="Stall")
    assert "https://new.example/" in owner.text(place)
    owner.post(f"{place}/disable")
    assert "switched off" in owner.text("/developer/webhooks")
    owner.post(f"{place}/enable")
    assert owner.post(f"{place}/redeliver", since="day", which="all").status_code == 303
    assert owner.post(f"{place}/redeliver", delivery_id="x").status_code == 404
    assert owner.post(f"{place}/nothing").status_code == 404
    assert owner.post(f"{place}/remove").status_code == 303
    assert owner.get(place).status_code == 404


def test_what_cannot_be_meant_is_said_beside_what_was_typed(owner: Reader) -> None:
    answer = owner.post("/developer/webhooks", url="https://10.0.0.1/", kinds="*")
    assert answer.status_code == 422
    assert "The address: must be a public host." in words(answer)
    assert 'value="https://10.0.0.1/"' in answer.text


def test_the_houses_own_are_for_admins_to_change_and_viewers_to_see(house: House, owner: Reader) -> None:
    admin, viewer = Reader(house, house.person(role="admin")), Reader(house, house.person(role="viewer"))
    assert admin.post("/operator/webhooks", url=URL, kinds="alert.*").status_code == 200
    assert URL in viewer.text("/operator/webhooks")
    assert "needs the role admin" in viewer.text("/operator/webhooks")
    assert viewer.post("/operator/webhooks", url=URL, kinds="*").status_code == 403
    assert owner.get("/operator/webhooks").status_code == 403
    assert "alert" not in owner.text("/developer/webhooks")


def test_the_house_is_offered_every_kind_and_people_what_happens_to_their_own_money(owner: Reader) -> None:
    assert set(OF_THE_HOUSE) == set(webhooks.KINDS)
    shown = owner.get("/developer/webhooks").text
    offered = {kind for kind in webhooks.KINDS if f'value="{kind}.*"' in shown}
    assert offered == set(webhooks.KINDS) - {"alert", "loss", "replenishment", "sweep"}
