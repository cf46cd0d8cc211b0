"""What stands is known without looking through all that ever stood, and is never anything else than that says."""

from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from services import alerts, invariants
from services.alerts import Severity
from tests.databases import Database
from tests.services import threads
from wiring.container import Container

CODE: Final = "buffer_low"
BROKEN: Final = "an alert stands by its last transition, if that raised it"
AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
FROM_HISTORY: Final = text(
    "SELECT fingerprint, severity FROM (SELECT DISTINCT ON (fingerprint) * FROM ops_alerts "
    "ORDER BY fingerprint, seq DESC) AS newest WHERE status = 'raised'"
)


def raised(container: Container, scope: str, severity: Severity = "warning", *, after_s: int = 0) -> None:
    now = AT + timedelta(seconds=after_s)
    with container.transaction() as session:
        alerts.raise_alert(session, CODE, scope=scope, severity=severity, reason="so it is", now=now)


def cleared(container: Container, scope: str, *, after_s: int = 0) -> None:
    with container.transaction() as session:
        alerts.clear(session, CODE, scope=scope, now=AT + timedelta(seconds=after_s), reason="over")


def standing(container: Container) -> set[tuple[str, str]]:
    """What stands, as those who ask are told; it must be what history says, and found sound."""
    with container.reading() as session:
        found = {(row.fingerprint, row.severity) for row in alerts.standing(session)}
        assert found == {(row.fingerprint, row.severity) for row in session.execute(FROM_HISTORY)}
        assert invariants.check(session) == []
    return found


def broken(container: Container) -> list[str]:
    with container.reading() as session:
        return [finding.subject for finding in invariants.check(session) if finding.invariant == BROKEN]


def test_what_stands_is_what_was_raised_last_whatever_the_clocks_say(container: Container) -> None:
    raised(container, "asset:A")
    raised(container, "asset:B", after_s=60)
    raised(container, "asset:A", "critical", after_s=1)
    assert standing(container) == {("buffer_low:asset:A", "critical"), ("buffer_low:asset:B", "warning")}
    cleared(container, "asset:B", after_s=-60)  # by a host whose clock is slow
    raised(container, "asset:B", after_s=-50)
    cleared(container, "asset:B", after_s=-40)
    assert standing(container) == {("buffer_low:asset:A", "critical")}


def test_whoever_raises_and_clears_at_once_leaves_what_came_last(container: Container) -> None:
    def turn(number: int) -> int:
        for step in range(4):
            for scope in ("asset:A", "asset:B"):
                raised(container, scope, after_s=step)
                if (number + step) % 2:
                    cleared(container, scope, after_s=step)
        return 0

    threads.at_once(*(lambda number=number: turn(number) for number in range(4)))
    assert {fingerprint for fingerprint, _ in standing(container)} <= {"buffer_low:asset:A", "buffer_low:asset:B"}


@pytest.mark.parametrize(
    ("altered", "found"),
    [
        ("DELETE FROM standing_alerts WHERE fingerprint = 'buffer_low:asset:A'", "alert buffer_low:asset:A"),
        (
            "INSERT INTO standing_alerts SELECT fingerprint, alert_event_id FROM ops_alerts WHERE status = 'cleared'",
            "alert buffer_low:asset:B",
        ),
    ],
)
def test_what_stands_is_altered_by_nobody_but_history_and_it_is_noticed_if_it_is(
    container: Container, own_database: Database, altered: str, found: str
) -> None:
    raised(container, "asset:A")
    raised(container, "asset:B")
    cleared(container, "asset:B")
    with container.engine.connect() as connection, pytest.raises(ProgrammingError, match="permission denied"):
        connection.execute(text(altered))
    with psycopg2.connect(own_database.owner_url.reveal()) as owner, owner.cursor() as cursor:
        cursor.execute(altered)
    owner.close()
    assert broken(container) == [found]
