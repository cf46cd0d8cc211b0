"""What ended long ago is dropped when it may be and not before, and every table says how long its rows are kept."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from coincurve import PrivateKey
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from auth import sessions, users
from domain.actor import Actor
from domain.ids import new_id
from models import dropping
from models.base import Base
from models.buffer import BufferSnapshot
from models.lnurl import LnurlChallenge
from models.mail import MailLetter
from models.session import AuthChallenge
from models.traffic import RequestMinute
from models.watch_wallet import WatchChallenge
from models.webhook import NotificationRefusal
from models.webhook_out import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from tasks import buffers, upkeep
from tasks.schedule import SWEEPS
from tests.services import logged
from wiring.container import Container

BY = Actor("task:test")
MANUAL = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
SECTION = "## What is kept, and for how long"
DAY = timedelta(days=1)
KEPT = {
    "auth_challenges": DAY,
    "lnurl_challenges": DAY,
    "watch_challenges": DAY,
    "request_minutes": DAY,
    "mail_letters": 30 * DAY,
    "webhook_deliveries": 30 * DAY,
    "webhook_attempts": 30 * DAY,
    "notification_refusals": 30 * DAY,
    "sessions": 30 * DAY,
}


def over(now: datetime, user_id: UUID) -> Sequence[Base]:
    """A row of each kind that ends now; a message that still waits is not over."""
    ended: dict[str, Any] = {"id": new_id(), "created_at": now, "expires_at": now}
    asked = {"id": new_id(), "subject": "somebody", "message": "text", "issued_at": now, "expires_at": now}
    endpoint_id, delivery_id = new_id(), new_id()
    message = {"endpoint_id": endpoint_id, "event_type": "test", "event": {}, "occurred_at": now, "created_at": now}
    letter = {"user_id": user_id, "address": "a@b.example", "kind": "urgent", "subject": "", "body": "", "html": ""}
    waits = {"state": "waiting", "due_at": now}
    return (
        AuthChallenge(**asked),
        WatchChallenge(user_id=user_id, **asked),
        LnurlChallenge(k1="k1", browser_hash=b"", **ended),
        RequestMinute(minute=now, request_count=1, error_count=0, duration_us=1),
        NotificationRefusal(provider="circle", hour=now, count=1),
        MailLetter(id=new_id(), created_at=now, state="sent", **letter),
        MailLetter(id=new_id(), created_at=now, **waits, **letter),
        WebhookEndpoint(
            id=endpoint_id, url="https://a.example", description="", kinds=[], sealed_secret=b"", created_at=now
        ),
        WebhookDelivery(id=delivery_id, event_id="one", state="delivered", first_due_at=now, **message),
        WebhookDelivery(id=new_id(), event_id="two", first_due_at=now, **waits, **message),
        WebhookAttempt(delivery_id=delivery_id, id=new_id(), at=now, excerpt="", duration_ms=1),
    )


def counts(container: Container) -> dict[str, int]:
    with container.reading() as session:
        return {table: session.scalar(text(f"SELECT count(*) FROM {table}")) or 0 for table in KEPT}


def test_what_ended_is_dropped_once_it_may_be_and_not_before(container: Container) -> None:
    now = container.now()
    with container.transaction() as session:
        user = users.of_subject(session, PrivateKey().public_key.format().hex(), now=now)
        sessions.begin(session, user.user_id, now=now, lifetime=timedelta(0))
        for row in over(now, user.user_id):
            session.add(row)
            session.flush()
    whole = counts(container)
    waiting = {"mail_letters": 1, "webhook_deliveries": 1}
    assert whole == {table: 1 + waiting.get(table, 0) for table in KEPT}

    def left_after(age: timedelta) -> dict[str, int]:
        later = replace(container, clock=lambda: now + age)
        assert upkeep.purge.run.__wrapped__(later, BY) >= 0
        return counts(container)

    moment = timedelta(seconds=1)
    for age in (DAY - moment, DAY + moment, 30 * DAY - moment, 30 * DAY + moment):
        left = {table: whole[table] if KEPT[table] > age else waiting.get(table, 0) for table in KEPT}
        assert left_after(age) == left


def test_whatever_was_left_lying_is_dropped_in_turns(container: Container) -> None:
    many = dropping.AT_ONCE + 1
    with container.transaction() as session:
        session.execute(
            text(
                "INSERT INTO request_minutes (minute, request_count, error_count, duration_us) "
                "SELECT now() - interval '2 days' - n * interval '1 minute', 1, 0, 1 FROM generate_series(1, :n) AS n"
            ),
            {"n": many},
        )
    assert upkeep.purge.run.__wrapped__(container, BY) == many
    assert upkeep.purge.run.__wrapped__(container, BY) == 0


def compared(container: Container, at: datetime, verdict: str) -> None:
    known = None if verdict == "unknown" else 0
    with container.transaction() as session:
        session.add(
            BufferSnapshot(
                id=new_id(), asset_id=logged.ASSET, chain="test", at=at, verdict=verdict, ledger_minor=0,
                difference_minor=known, lines=[], parts=[],
            )
        )  # fmt: skip


def test_of_old_comparisons_the_last_of_every_hour_and_every_difference_is_kept(container: Container) -> None:
    logged.add_asset(container)
    hour = (container.now() - timedelta(days=100)).replace(minute=0, second=0, microsecond=0)
    said = {0: "ok", 5: "mismatch", 10: "unknown", 59: "ok", 60: "ok", 61: "mismatch"}
    for minute, verdict in said.items():
        compared(container, hour + timedelta(minutes=minute), verdict)
    for second in (1, 2):
        compared(container, container.now() - timedelta(days=89, seconds=second), "ok")
    assert [buffers.thin.run.__wrapped__(container, BY) for _ in range(2)] == [3, 0]
    with container.reading() as session:
        kept = session.scalars(select(BufferSnapshot.at).order_by(BufferSnapshot.at)).all()
    assert [(at - hour) / timedelta(minutes=1) for at in kept[:3]] == [5, 59, 61]
    assert len(kept) == 5


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM buffer_snapshots",
        "SELECT set_config('strongroom.thins_snapshots', 'on', true); DELETE FROM buffer_snapshots",
        "SELECT thin_buffer_snapshots(now() - interval '29 days', 9)",
    ],
)
def test_nobody_drops_what_was_compared_lately(container: Container, statement: str) -> None:
    with pytest.raises(DBAPIError), container.transaction() as session:
        session.execute(text(statement))


def rows_of_manual() -> list[list[str]]:
    section = MANUAL.read_text().split(SECTION)[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return rows[2:]


def test_every_table_says_how_long_its_rows_are_kept(container: Container) -> None:
    """Whoever adds a table decides what becomes of its rows, and says so in docs/operations.md."""
    with container.reading() as session:
        found = session.scalars(
            text(
                "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition "
                "AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'"
            )
        ).all()
    named = [table for row in rows_of_manual() for table in re.findall(r"`([a-z_]+)`", row[0])]
    assert {"unsaid": set(found) - set(named), "gone": set(named) - set(found)} == {"unsaid": set(), "gone": set()}
    assert len(named) == len(set(named))


def test_whatever_drops_rows_is_a_task_that_runs() -> None:
    tasks = {task for row in rows_of_manual() for task in re.findall(r"`([a-z_]+\.[a-z_]+)`", row[2])}
    assert {"upkeep.purge", "flows.archive", "prices.thin"} <= tasks <= set(SWEEPS)
