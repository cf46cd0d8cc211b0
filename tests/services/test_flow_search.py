"""Flows are found by whatever is known about them, and never by reading them all."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from domain.ids import new_id
from services import flow_search, flows
from services.flow_search import Wanted
from tests.plans import use_indexes
from tests.services import logged
from tests.services.logged import moved, opened
from wiring.container import Container

MANY = 20_000


@pytest.fixture(autouse=True)
def asset(container: Container) -> None:
    logged.add_asset(container)


def found(container: Container, **known: Any) -> list[UUID]:
    with container.reading() as session:
        return [flow.group_id for flow in flow_search.search(session, Wanted(**known), before=None, limit=50)]


def test_a_flow_is_found_by_everything_that_is_true_of_it_and_by_nothing_else(container: Container) -> None:
    user_id = new_id()
    with container.transaction() as session:
        [mine] = opened(session, container, user_id=user_id)
        [other] = opened(session, container, kind="deposit")
        moved(session, container, mine, "requested", "approved")
        short_id = flows.find(session, str(mine), user_id=None).short_id
    now = container.now()
    known: dict[str, Any]
    for known in (
        {"reference": str(mine)}, {"reference": short_id}, {"user_id": user_id}, {"owner_id": user_id},
        {"kind": "withdrawal"}, {"state": "approved"}, {"kind": "withdrawal", "asset_id": logged.ASSET},
        {"user_id": user_id, "state": "approved", "opened_after": now - timedelta(hours=1)},
    ):  # fmt: skip
        assert found(container, **known) == [mine], known
    for known in (
        {"reference": str(mine), "kind": "deposit"}, {"user_id": user_id, "owner_id": new_id()}, {"asset_id": "BTC"},
        {"state": "requested"}, {"opened_before": now - timedelta(hours=1)}, {"tx_hash": "00"}, {"reference": "nobody"},
    ):  # fmt: skip
        assert found(container, **known) == [], known
    assert found(container) == found(container, asset_id=logged.ASSET) == [other, mine]


def test_pages_follow_one_another_without_gap_or_repetition(container: Container) -> None:
    with container.transaction() as session:
        opened(session, container, count=7)
        opened(session, container, kind="deposit", count=6)
    for wanted in (Wanted(), Wanted(asset_id=logged.ASSET)):
        seen: list[UUID] = []
        with container.reading() as session:
            while page := flow_search.search(session, wanted, before=seen[-1] if seen else None, limit=4):
                seen += [flow.group_id for flow in page]
        assert len(seen) == 13
        assert seen == sorted(set(seen), reverse=True)


def test_the_stuck_are_those_that_waited_longer_than_their_table_allows(container: Container) -> None:
    with container.transaction() as session:
        [old] = opened(session, container)
        [resting] = opened(session, container)
        moved(session, container, resting, "requested", "pending_approval", "cancelled")
        [patient] = opened(session, container)
        moved(session, container, patient, "requested", "pending_approval")
    with container.reading() as session:
        assert flow_search.stuck(session, now=container.now(), limit=10) == []
        in_an_hour = flow_search.stuck(session, now=container.now() + timedelta(hours=1), limit=10)
        assert [flow.group_id for flow in in_an_hour] == [old]
        tomorrow = flow_search.stuck(session, now=container.now() + timedelta(days=1), limit=10)
        assert [flow.group_id for flow in tomorrow] == [old, patient]
        first = flow_search.stuck(session, now=container.now() + timedelta(days=1), limit=1, known=[str(patient)])
        assert [flow.group_id for flow in first] == [old, patient], (
            "what is known to be stuck is told of beyond the limit"
        )
        known = [str(old), str(patient), str(resting)]
        in_an_hour = flow_search.stuck(session, now=container.now() + timedelta(hours=1), limit=1, known=known)
        assert [flow.group_id for flow in in_an_hour] == [old]


def test_no_search_reads_every_flow(container: Container) -> None:
    users = [new_id() for _ in range(50)]
    with container.transaction() as session:
        _seed(session, users)
    with container.transaction() as session:
        plans = _Plans(session)
        for known in (
            {}, {"reference": "f7"}, {"reference": str(new_id())}, {"user_id": users[7]}, {"kind": "deposit"},
            {"state": "uncertain"}, {"asset_id": logged.ASSET}, {"kind": "withdrawal", "state": "uncertain"},
            {"user_id": users[3], "state": "completed"}, {"tx_hash": "ab" * 32},
            {"kind": "deposit", "opened_before": container.now() - timedelta(days=1)}, {"address": "nobody's"},
            {"tx_hash": "ab" * 32, "address": "nobody's", "state": "completed"},
        ):  # fmt: skip
            flow_search.search(session, Wanted(**known), before=None, limit=51)
        flow_search.stuck(session, now=container.now(), limit=50, known=[str(new_id())])
    assert len(plans.of_flows) >= 12
    for plan in plans.of_flows:
        assert "Seq Scan on flows" not in plan


def test_what_an_address_and_a_transaction_did_is_looked_up_by_indexes(container: Container) -> None:
    with container.transaction() as session:
        # In a small table the planner would rather read everything: what is left without an index still does.
        use_indexes(session)
        plans = _Plans(session, about="flow_id")
        for wanted in (Wanted(tx_hash="ab" * 32), Wanted(address="nobody's")):
            flow_search.search(session, wanted, before=new_id(), limit=51)
        flow_search.of_row(session, new_id())
    assert len(plans.of_flows) == 3
    for plan in plans.of_flows:
        assert set(re.findall(r"Seq Scan on (\w+)", plan)) <= {"assets"}, plan
    assert set(re.findall(r"(?:using|Index Scan on) (\w+)", plans.of_flows[1])) == {
        "ix_deposit_addresses_address", "ix_deposits_address_id_flow_id", "ix_withdrawals_destination_flow_id",
        "ix_sweeps_address_id_id", "ix_replenishments_address_id", "ix_payment_verifications_recipient_flow_id",
    }  # fmt: skip


class _Plans:
    """Explains every statement about flows that a session carries out."""

    def __init__(self, session: Session, *, about: str = "flows") -> None:
        self.of_flows: list[str] = []
        self._about = about
        event.listen(session.connection(), "before_cursor_execute", self._explain)

    def _explain(self, _connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if self._about in statement:
            cursor.execute(f"EXPLAIN {statement}", parameters)
            self.of_flows.append("\n".join(line for (line,) in cursor.fetchall()))


def _seed(session: Session, users: Sequence[UUID]) -> None:
    """Many flows of the last days; a few of them uncertain."""
    session.execute(
        text(
            """
            INSERT INTO flows (group_id, short_id, kind, state, user_id, asset_id, amount_minor, opened_at, state_since,
                closed_at)
            SELECT gen_random_uuid(), 'f' || n, kind, state, (CAST(:users AS uuid[]))[1 + n % :count], :asset, n,
                at, at, CASE WHEN state IN ('completed', 'credited') THEN at END
            FROM (SELECT n, now() - n * interval '10 seconds' AS at,
                      CASE WHEN n % 2 = 0 THEN 'deposit' ELSE 'withdrawal' END AS kind,
                      CASE WHEN n % 2 = 0 THEN 'credited'
                           WHEN n % 1001 = 0 THEN 'uncertain' ELSE 'completed' END AS state
                  FROM generate_series(1, :many) AS n) AS made
            """
        ),
        {"users": [str(user) for user in users], "count": len(users), "asset": logged.ASSET, "many": MANY},
    )
