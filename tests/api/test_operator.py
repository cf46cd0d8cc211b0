"""What operators see and switch: observers, queues, alerts, buffers, pauses."""

from dataclasses import replace
from datetime import timedelta

import pytest

from models.audit import AuditLog
from models.buffer import BufferSnapshot
from services import alerts, chains, heartbeats
from tests.api.house import ASSET, COIN, NETWORK, House
from wiring.secret import Secret
from wiring.settings import ChainSettings

HASH = "ab" * 32


def follow(house: House) -> None:
    _ = house.app
    with house.container.transaction() as session:
        chains.follow(session, NETWORK.chain, height=7, hashes=[HASH], now=house.container.now())


def with_rail(house: House) -> House:
    rail = ChainSettings(NETWORK.chain, Secret("http://user:secret@127.0.0.1:1"), "strongroom")
    return House(replace(house.container, settings=replace(house.container.settings, chains=(rail,)), chains={}))


def test_the_state_shows_observers_queues_switches_and_standing_alerts(own_house: House) -> None:
    viewer, now = own_house.person(role="viewer"), own_house.container.now()
    follow(own_house)
    with own_house.container.transaction() as session:
        heartbeats.beat(session, "money", worker="here", now=now)
        for code in ("chain_source_stale", "withdrawal_stuck"):
            alerts.raise_alert(session, code, scope="test", severity="critical", reason="a test", now=now)
        alerts.clear(session, "withdrawal_stuck", scope="test", now=now + timedelta(seconds=1), reason="over")
    state = viewer.get("/state").get_json()
    assert [(row["chain"], row["height"], row["paused_at"]) for row in state["observers"]] == [(NETWORK.chain, 7, None)]
    assert [row["queue"] for row in state["queues"]] == ["money"]
    assert state["withdrawals"] == [{"asset": ASSET, "paused": False}]
    assert [row["alert_code"] for row in state["alerts"]] == ["chain_source_stale"]


@pytest.mark.parametrize(("control", "is_paused"), [("pause", True), ("resume", False), ("refresh", False)])
def test_an_observer_is_controlled_and_the_control_is_on_record(
    own_house: House, control: str, is_paused: bool
) -> None:
    admin = own_house.person(role="admin")
    follow(own_house)
    if control == "resume":
        admin.post(f"/observers/{NETWORK.chain}/pause")
    answer = admin.post(f"/observers/{NETWORK.chain}/{control}")
    assert answer.status_code == 200
    assert (answer.get_json()["paused_at"] is not None) is is_paused
    with own_house.container.reading() as session:
        row = (
            session.query(AuditLog).filter(AuditLog.event.startswith("observer.")).order_by(AuditLog.id.desc()).first()
        )
        assert row is not None
        assert row.user_id == admin.user_id
        assert row.actor.startswith("operator:")


def test_pausing_withdrawals_stops_them_until_they_are_resumed(own_house: House) -> None:
    admin, person = own_house.person(role="admin"), own_house.person(funds_minor=5 * COIN)
    path = f"/operator/assets/{ASSET}/withdrawals"
    assert admin.post(f"{path}/pause").get_json() == {"asset": ASSET, "paused": True}
    assert person.withdraw().get_json()["error"] == "withdrawals_paused"
    assert admin.get("/assets").get_json()["items"][0]["withdrawal"]["paused"] is True
    assert admin.post(f"{path}/resume").get_json() == {"asset": ASSET, "paused": False}
    assert person.withdraw().status_code == 201


@pytest.mark.parametrize("name", ["nothing", "%00", "%F0%9F%92%A9"])
def test_what_is_not_here_cannot_be_switched(house: House, name: str) -> None:
    admin = house.person(role="admin")
    assert admin.post(f"/observers/{name}/pause").get_json()["error"] == "unknown_chain"
    assert admin.post(f"/operator/assets/{name}/withdrawals/pause").get_json()["error"] == "unknown_asset"


def test_a_buffer_is_unknown_until_it_was_compared_and_then_as_it_was_found(own_house: House) -> None:
    viewer = own_house.person(role="viewer")
    [item] = viewer.get("/buffers").get_json()["items"]
    assert (item["verdict"], item["holding"]) == ("unknown", None)
    with own_house.container.transaction() as session:
        session.add(
            BufferSnapshot(
                id=viewer.user_id,
                asset_id=ASSET,
                chain=NETWORK.chain,
                at=own_house.container.now(),
                verdict="mismatch",
                reason=None,
                height=7,
                holding_minor=3 * COIN,
                ledger_minor=2 * COIN,
                difference_minor=-COIN // 2,
                lines=[["deposits that are not credited yet", str(COIN)]],
            )
        )
    [item] = viewer.get("/buffers").get_json()["items"]
    assert (item["verdict"], item["holding"], item["difference"]) == ("mismatch", "3.00000000", "-0.50000000")
    assert item["lines"] == [{"label": "deposits that are not credited yet", "amount": "1.00000000"}]


def test_health_tells_of_each_chain_and_degrades_with_it(own_house: House) -> None:
    house = with_rail(own_house)
    visitor = house.visitor()
    unknown = visitor.get("/health").get_json()
    assert (unknown["status"], unknown["bitcoin_rpc"]) == ("degraded", "disconnected")
    follow(house)
    well = visitor.get("/health").get_json()
    assert (well["status"], well["bitcoin_rpc"]) == ("healthy", "connected")
    assert well["chains"][NETWORK.chain]["height"] == 7
    with house.container.transaction() as session:
        cursor = chains.get(session, NETWORK.chain)
        cursor.failing_since, cursor.error = house.container.now(), "node_refused"
    ill = visitor.get("/health")
    assert (ill.status_code, ill.get_json()["status"]) == (200, "degraded")
    assert ill.get_json()["chains"][NETWORK.chain]["error"] == "node_refused"
    assert "secret" not in ill.text
