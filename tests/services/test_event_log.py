"""The log of events: in the order of commits, nothing passed over, each consumer at its own pace."""

from contextlib import closing
from datetime import datetime, timedelta

import psycopg2
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.ids import new_id
from models.consumer import Consumer
from services import alerts, event_log, flows
from services.event_log import BEGINNING, Batch
from services.events import ALERT, FLOW, SOURCES, Event, Position
from services.events.shape import InvalidPosition
from services.leases import LeaseLost
from services.ledger import seals
from tests import horizon
from tests.databases import Database
from tests.services import logged, threads
from tests.services.logged import BY, moved, opened
from wiring import migrate
from wiring.container import Container
from wiring.settings import Settings

WRITERS, EACH = 4, 12


@pytest.fixture(autouse=True)
def asset(container: Container) -> None:
    logged.add_asset(container)
    with container.transaction() as session:
        assert claim(session, container) is None  # from here on


def claim(session: Session, container: Container, *, owner: str = "me", limit: int = 500) -> Batch | None:
    return event_log.claim(session, "test", owner=owner, now=container.now(), limit=limit)


def taken(container: Container, *, limit: int = 500, at_once: bool = False) -> list[Event]:
    """What the consumer gets, being done with it in the same transaction."""
    if not at_once:
        horizon.reached(container.engine)
    with container.transaction() as session:
        batch = claim(session, container, limit=limit)
        if batch is None:
            return []
        event_log.advance(session, batch, now=container.now())
        return list(batch.events)


def test_events_come_once_in_the_order_in_which_they_happened(container: Container) -> None:
    with container.transaction() as session:
        [flow_id] = opened(session, container)
    with container.transaction() as session:
        moved(session, container, flow_id, "requested", "approved", "signed")
    assert [event.type for event in taken(container, limit=2)] == ["withdrawal.requested", "withdrawal.approved"]
    assert [event.type for event in taken(container)] == ["withdrawal.signed"]
    assert taken(container) == []


def test_an_event_that_commits_late_is_not_passed_over(container: Container) -> None:
    with Session(container.engine) as slow:
        [late] = opened(slow, container)  # has taken its number, and is not committed
        with container.transaction() as quick:
            [early] = opened(quick, container)
        assert taken(container, at_once=True) == []  # the later number waits for the earlier one
        slow.commit()
    assert [event.object_id for event in taken(container)] == [str(late), str(early)]


def test_what_is_rolled_back_is_told_to_nobody(container: Container) -> None:
    with Session(container.engine) as session:
        opened(session, container)
        session.rollback()
    assert taken(container) == []


def test_a_consumer_that_dies_gets_its_batch_again_and_one_that_is_overtaken_loses_its_lease(
    container: Container,
) -> None:
    with container.transaction() as session:
        opened(session, container, count=3)
    horizon.reached(container.engine)
    with container.transaction() as session:
        first = claim(session, container)
    assert first is not None
    with container.transaction() as session:
        assert claim(session, container, owner="other") is None
        later = container.now() + timedelta(minutes=5)
        second = event_log.claim(session, "test", owner="other", now=later)
    assert second is not None
    assert second.events == first.events
    with pytest.raises(LeaseLost), container.transaction() as session:
        event_log.advance(session, first, now=container.now())
    with container.transaction() as session:
        event_log.advance(session, second, now=container.now())
    assert taken(container) == []


def test_a_batch_may_be_half_done(container: Container) -> None:
    with container.transaction() as session:
        opened(session, container, count=3)
    horizon.reached(container.engine)
    with container.transaction() as session:
        batch = claim(session, container)
        assert batch is not None
        event_log.advance(session, batch, to=batch.events[0].position, now=container.now())
    with container.transaction() as session:
        rest = claim(session, container)
        assert rest is not None
        assert rest.events == batch.events[1:]


def test_every_event_of_many_writers_counts_once_with_several_readers(container: Container) -> None:
    counted: list[str] = []
    finished: list[bool] = []

    def write() -> None:
        for number in range(EACH):
            with container.transaction() as session:
                [flow_id] = opened(session, container)
                if number % 3 == 0:
                    moved(session, container, flow_id, "requested", "approved")
        finished.append(True)

    def consume() -> None:
        is_last = False
        while not is_last:
            no_more_comes = len(finished) == WRITERS
            events = taken(container, limit=5)
            counted.extend(event.id for event in events)
            is_last = no_more_comes and not events

    threads.at_once(*[write] * WRITERS, consume, consume)
    while events := taken(container):  # both may have ended because each was in the other's way
        counted.extend(event.id for event in events)
    assert sorted(counted) == sorted(f"flow-{number}" for number in logged.ids(container))
    assert len(set(counted)) == len(counted)


def test_alerts_flows_and_observations_are_one_log_with_one_cursor(container: Container) -> None:
    with container.transaction() as session:
        opened(session, container)
        alerts.raise_alert(session, "flow_stuck", scope="a", severity="warning", reason="r", now=container.now())
    with container.transaction() as session:
        alerts.clear(session, "flow_stuck", scope="a", reason="moved", now=container.now())
    seen = [event.type for event in taken(container, limit=1) + taken(container, limit=1) + taken(container)]
    assert seen == ["alert.raised", "withdrawal.requested", "alert.cleared"]
    with container.reading() as session:
        alone = event_log.read(session, after=BEGINNING, sources={ALERT})
        assert [event.type for event in alone] == ["alert.raised", "alert.cleared"]
        after = Position.read(str(alone[0].position))
        assert event_log.read(session, after=after, sources={ALERT}) == alone[1:]


def test_an_event_says_what_happened_to_whom_and_keeps_what_is_ours(container: Container) -> None:
    user_id = new_id()
    with container.transaction() as session:
        [flow_id] = opened(session, container, user_id=user_id)
        detail = {"waits_because": "no_funds", "reason": "an operator's own words"}
        flows.note(session, flow_id, "requested", detail, now=container.now(), by=BY)
    first, second = taken(container)
    assert first.outside() == {
        "id": f"flow-{first.sequence}",
        "type": "withdrawal.requested",
        "object": {"kind": "withdrawal", "id": str(flow_id)},
        "sequence": first.sequence,
        "occurred_at": first.occurred_at.isoformat().replace("+00:00", "Z"),
        "user_id": str(user_id),
        "data": {
            "flow_id": str(flow_id), "short_id": first.data["short_id"], "state": "requested", "from_state": None,
            "asset": logged.ASSET, "amount": "1.50000000",
        },
    }  # fmt: skip
    assert (second.type, second.data["waits_because"]) == ("withdrawal.updated", "no_funds")
    assert "reason" not in second.data
    assert second.sequence > first.sequence


def test_a_transfer_concerns_both_and_an_alert_no_user(container: Container) -> None:
    user_id = new_id()
    with container.transaction() as session:
        opened(session, container, user_id=user_id, kind="internal_transfer")
        alerts.raise_alert(session, "flow_stuck", scope="a", severity="warning", reason="r", now=container.now())
    alert, transfer = taken(container)
    assert (alert.audience, alert.user_id) == (frozenset(), None)
    assert transfer.audience == {user_id}


def test_an_idle_look_writes_nothing(container: Container) -> None:
    before = _consumer(container)
    assert taken(container) == []
    with container.transaction() as session:
        assert claim(session, container) is None
        assert session.scalar(text("SELECT pg_current_xact_id_if_assigned()")) is None
    assert _consumer(container) == before


def test_reading_on_costs_the_same_however_long_the_log(container: Container) -> None:
    with container.transaction() as session:
        [flow_id] = opened(session, container)
        session.execute(
            text(
                "INSERT INTO flow_events (group_id, state, at, actor, detail, xid) "
                "SELECT :id, 'requested', now(), 'test', '{}', n FROM generate_series(1, 20000) AS n"
            ),
            {"id": flow_id},
        )
    with container.transaction() as session:
        session.execute(text("SET LOCAL enable_seqscan = on"))
        plan = "\n".join(
            session.scalars(
                text(f"EXPLAIN {event_log._NEXT.text}"),
                {"xid": 0, "limit": 500, "alert": 0, "flow": 0, "funding": 0}
                | {f"of_{source}": source == FLOW for source in SOURCES},
            )
        )
    assert "ix_flow_events_xid_id" in plan
    assert "Seq Scan on flow_events" not in plan


@pytest.mark.parametrize("spelled", ["", "1-2", "1-2-x", "-1-0-0", f"{2**63}-0-0", "1-0-²"])
def test_what_is_no_position_is_refused(spelled: str) -> None:
    with pytest.raises(InvalidPosition):
        Position.read(spelled)


def _consumer(container: Container) -> tuple[int, datetime]:
    with container.reading() as session:
        row = session.get_one(Consumer, "test")
        return row.lease_generation, row.moved_at


def test_a_log_that_was_restored_into_another_server_goes_on_there_once_it_was_migrated(
    container: Container, settings: Settings, own_database: Database
) -> None:
    """The other server numbers its transactions from the beginning: all that the log carries is far ahead of it."""
    with container.transaction() as session:
        [flow_id] = opened(session, container)
    with container.transaction() as session:
        seals.seal(session)
    with closing(psycopg2.connect(own_database.superuser_url.reveal())) as restored, restored.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for table in ("flow_events", "consumers"):
            cursor.execute(f"UPDATE {table} SET xid = xid + 1000000000")
        cursor.execute("UPDATE ledger_horizons SET noted_by = noted_by + 1000000000")
        restored.commit()
    assert answer(container, "SELECT log_is_ahead()") is True
    with container.transaction() as session:
        moved(session, container, flow_id, "requested", "approved")
    assert taken(container) == []
    migrate.upgrade(settings)
    assert answer(container, "SELECT log_is_ahead()") is False
    assert answer(container, "SELECT max(noted_by) FROM ledger_horizons") == 0
    with container.transaction() as session:
        moved(session, container, flow_id, "approved", "signed")
        opened(session, container)
    happened = [event.type.removeprefix("withdrawal.") for event in taken(container)]
    assert happened == ["requested", "signed", "requested"]


def test_a_log_that_was_begun_here_is_never_thought_to_be_restored(container: Container, settings: Settings) -> None:
    with Session(container.engine) as older:
        older.execute(text("SELECT pg_current_xact_id()"))
        with container.transaction() as session:
            opened(session, container)
        with Session(container.engine) as newer:
            opened(newer, container)
            migrate.upgrade(settings)
            newer.commit()
    assert answer(container, "SELECT xid_offset FROM log_epoch") == 0


def answer(container: Container, question: str) -> object:
    with container.reading() as session:
        return session.scalar(text(question))
