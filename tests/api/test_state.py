"""How each part of the house stands: what is seen stays apart from what is had, and every control is on record."""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import select

from adapters.stream_copy import KEY, StreamCopy
from domain.actor import Actor
from domain.alert_rules import RULES
from domain.chain_facts import Block, ChainOutput, ChainTransaction, OutPoint
from domain.host_facts import HostFacts
from models.audit import AuditLog
from models.chain import DepositAddress
from services import alerts, chains, deposits, state
from services.alerts import handling
from services.streams import STREAMS
from tasks import streams
from tasks.alerts import evaluate_rules
from tests import horizon
from tests.api.house import ASSET, COIN, NETWORK, House, Person
from wiring.container import BUS

BY = Actor("test")
HASHES = ["cd" * 32, "ab" * 32]
SPENT = OutPoint("12" * 32, 0)


@dataclass
class Chain:
    """The chain of a house, as far as somebody is paid on it."""

    house: House
    owner: Person
    script: bytes

    def pay(self, txid: str, amount_minor: int = COIN, *, in_block: bool = False) -> None:
        """Show a payment, which spends the same coin as every other one."""
        payment = ChainTransaction(txid, (ChainOutput(0, self.script, amount_minor),), (SPENT,), is_coinbase=False)
        now = self.house.container.now()
        with self.house.container.transaction() as session:
            if in_block:
                block = Block(7, HASHES[1], HASHES[0], now, (payment,))
                deposits.sight_blocks(session, NETWORK.chain, [block], now=now, by=BY)
            else:
                deposits.sight_mempool(session, NETWORK.chain, [payment], now=now, by=BY)

    def confirm(self) -> None:
        with self.house.container.transaction() as session:
            chains.get(session, NETWORK.chain).height = 20
            deposits.credit_due(session, NETWORK.chain, now=self.house.container.now(), by=BY)


@pytest.fixture
def chain(own_house: House) -> Chain:
    _ = own_house.app
    owner = own_house.person()
    own_house.fill_pool(2)
    owner.post("/deposit-addresses", {"asset": ASSET}, key="an address")
    with own_house.container.transaction() as session:
        chains.follow(session, NETWORK.chain, height=7, hashes=HASHES, now=own_house.container.now())
        script = session.scalars(select(DepositAddress.script).where(DepositAddress.user_id == owner.user_id)).one()
    return Chain(own_house, owner, script)


@pytest.fixture
def viewer(own_house: House) -> Person:
    return own_house.person(role="viewer")


def of(viewer: Person, component: str) -> Any:
    answer = viewer.get(f"/state/{component}")
    assert answer.status_code == 200
    return answer.get_json()


def figures(viewer: Person) -> tuple[str, str, str]:
    """What may be spent, what is reserved, and what is merely seen."""
    [item] = of(viewer, "inventory-sync")["items"]
    return item["spendable"], item["pending_outbound"], item["pre_credit_inbound"]


def test_what_is_seen_is_evidence_until_it_is_credited_and_keeps_the_hash_it_came_with(
    chain: Chain, viewer: Person
) -> None:
    first, second = "ef" * 32, "ee" * 32
    chain.pay(first)
    chain.pay(second, 2 * COIN)  # replaces it
    seen = of(viewer, "liquidity-manager")
    [(handle, observations)] = seen["funding_observations_by_handle"].items()
    assert {(row["tx_hash"], row["status"]) for row in observations} == {(first, "replaced"), (second, "mempool")}
    assert seen["uncredited_funding_total_by_asset"] == {ASSET: "2.00000000"}
    assert seen["latest_funding_observation_at"] is not None
    assert figures(viewer) == ("0.00000000", "0.00000000", "2.00000000")
    chain.pay(second, 2 * COIN, in_block=True)
    assert figures(viewer) == ("0.00000000", "0.00000000", "2.00000000")
    assert chain.owner.balance()["available"] == "0.00000000"
    chain.confirm()
    credited = of(viewer, "liquidity")
    assert credited["uncredited_funding_total_by_asset"] == {ASSET: "0.00000000"}
    correlated = {row["tx_hash"]: row for row in credited["credit_correlation"]}
    assert (correlated[first]["status"], correlated[first]["replaced_by"]) == ("replaced", second)
    assert correlated[first]["credit_transaction_id"] is correlated[first]["bridge_deposit_tx_hash"] is None
    assert (correlated[second]["status"], correlated[second]["funding_handle"]) == ("credited", handle)
    assert correlated[second]["credit_transaction_id"] is not None
    assert correlated[second]["bridge_deposit_tx_hash"] == second
    [latest] = [row for row in credited["funding_observations_by_handle"][handle] if row["tx_hash"] == second]
    assert (latest["status"], latest["bridge_deposit_tx_hash"]) == ("credited", second)
    assert figures(viewer) == ("2.00000000", "0.00000000", "0.00000000")
    assert chain.owner.withdraw("0.5").status_code == 201
    spendable, reserved = map(Decimal, figures(viewer)[:2])
    assert (spendable + reserved, reserved >= Decimal("0.5")) == (Decimal(2), True)


def test_what_is_watched_is_named_and_counted_without_counting_for_ever(chain: Chain, viewer: Person) -> None:
    other = chain.house.person()
    other.post("/deposit-addresses", {"asset": ASSET}, key="another")
    [handles] = of(viewer, "liquidity-manager")["active_handles"]
    assert (handles["chain"], handles["assets"]) == (NETWORK.chain, [ASSET])
    assert (handles["count"], handles["count_is_estimate"]) == (2, False)
    newest, oldest = handles["newest"]
    assert (newest["account_id"], oldest["account_id"]) == (str(other.user_id), str(chain.owner.user_id))
    with chain.house.container.reading() as session:
        [estimated] = state.liquidity(session, counted=1).handles
    assert estimated.count_is_estimate
    assert estimated.count >= 2


def test_observers_are_paused_and_resumed_at_once_or_one_by_one(chain: Chain, viewer: Person) -> None:
    admin = chain.house.person(role="admin")
    with chain.house.container.transaction() as session:
        chains.follow(session, "other", height=1, hashes=HASHES, now=chain.house.container.now())
    assert of(viewer, "liquidity")["observer"] == {"health": "healthy", "paused": False}
    paused = admin.post("/pause-funding-observer?chain=other").get_json()["observers"]
    assert [(row["chain"], row["paused_at"] is not None) for row in paused] == [("other", True)]
    assert of(viewer, "liquidity")["observer"] == {"health": "paused", "paused": True}
    admin.post("/pause-funding-observer")
    resumed = admin.post("/resume-funding-observer").get_json()["observers"]
    assert [(row["chain"], row["paused_at"]) for row in resumed] == [(NETWORK.chain, None), ("other", None)]
    assert len(admin.post("/refresh-funding-observations").get_json()["observers"]) == 2
    with chain.house.container.reading() as session:
        lines = session.execute(select(AuditLog.event, AuditLog.detail).where(AuditLog.actor.startswith("operator:")))
        told = [(event.removeprefix("observer."), detail["chain"]) for event, detail in lines]
    both = [NETWORK.chain, "other"]
    assert sorted(told) == sorted(
        [*((control, name) for control in ("paused", "resumed") for name in both)]
        + [("refreshed", name) for name in both * 2]
    )
    assert admin.post("/pause-funding-observer?chain=nothing").get_json()["error"] == "unknown_chain"
    assert viewer.post("/pause-funding-observer").get_json()["error"] == "role_missing"


def test_an_observer_that_fails_or_looks_no_more_is_not_healthy(chain: Chain, viewer: Person) -> None:
    container = chain.house.container
    with container.reading() as session:
        cursor = chains.get(session, NETWORK.chain)
    assert state.health(cursor, now=container.now() + timedelta(minutes=2)) == "stale"
    with container.transaction() as session:
        chains.get(session, NETWORK.chain).failing_since = container.now()
    assert of(viewer, "liquidity")["observers"][0]["health"] == "failing"


def test_the_history_says_how_far_streams_copies_and_consumers_are(own_house: House, viewer: Person) -> None:
    container = own_house.container
    for name in STREAMS:
        container.stream_copy.forget(name)
    with container.transaction() as session:
        alerts.raise_alert(session, "flow_stuck", scope="a", severity="warning", reason="r", now=container.now())
    before = of(viewer, "history-writer")
    observations, told = before["streams"]
    assert (observations["position"], before["latest_funding_observation_write_at"]) == (None, None)
    assert told["latest_write_at"] == before["latest_alert_write_at"] == told["copy"]["waits_since"]
    assert (told["copy"]["position"], told["copy"]["behind_count"]) == ("0-0", 1)
    horizon.reached(container.engine)
    streams.copy(container, STREAMS["ops.alert"])
    after = of(viewer, "history")["streams"][1]
    assert after["copy"] == {**after["copy"], "position": told["position"], "behind_count": 0, "waits_since": None}
    with Redis.from_url(container.settings.redis_database(BUS).reveal()) as redis:
        assert redis.xlen(after["copy"]["key"]) == 1
    assert after["copy"]["key"] == f"{KEY}ops.alert"


def test_an_unavailable_copy_is_reported_as_unknown(own_house: House, viewer: Person) -> None:
    away = House(replace(own_house.container, stream_copy=StreamCopy("redis://127.0.0.1:1/0")))
    viewer.house = away
    told = of(viewer, "history-writer")["streams"][1]["copy"]
    assert (told["position"], told["behind_count"], told["waits_since"]) == (None, None, None)


def test_the_sentinel_says_what_stands_what_ended_and_whether_it_looks(own_house: House, viewer: Person) -> None:
    container, now = own_house.container, own_house.container.now()
    asleep = of(viewer, "ops-sentinel")
    assert (asleep["stalled"], asleep["last_evaluated_at"], asleep["paused"]) == (True, None, False)
    with container.transaction() as session:
        for code in ("flow_stuck", "withdrawal_stuck"):
            alerts.raise_alert(session, code, scope="x", severity="critical", reason="a test", now=now)
        alerts.clear(session, "withdrawal_stuck", scope="x", now=now + timedelta(seconds=1), reason="over")
        handling.silence(session, "disk_low", None, until=now + timedelta(hours=1), reason="known", now=now, by=BY)
    evaluate_rules(container, [RULES["memory_high"]], HostFacts("here", memory_used_percent=1.0))
    awake = of(viewer, "sentinel")
    assert (awake["stalled"], awake["active_count"]) == (False, len(awake["active_alerts"]))
    [stuck] = [row for row in awake["active_alerts"] if row["alert_code"] == "flow_stuck"]
    assert stuck["first_raised_at"] == stuck["last_evaluated_at"] == stuck["raised_at"]
    assert [row["alert_code"] for row in awake["latest_cleared_alerts"]] == ["withdrawal_stuck"]
    assert {row["alert_code"] for row in awake["rules"] if row["evaluated_at"]} == {"memory_high"}
    assert [row["alert_code"] for row in awake["silences"]] == ["disk_low"]


@pytest.mark.parametrize("component", ["liquidity-manager", "inventory-sync", "history-writer", "ops-sentinel"])
def test_states_are_for_operators(house: House, component: str) -> None:
    assert house.person().get(f"/state/{component}").status_code == 403
    assert house.person(role="viewer").get("/state/nothing").get_json()["error"] == "not_found"
