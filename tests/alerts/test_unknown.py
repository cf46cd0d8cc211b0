"""What cannot be told is an alert by itself, and ends none: whichever source it is that does not answer."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from structlog.testing import capture_logs

from domain.alert_rules import RULES, AlertRule
from domain.host_facts import HostFacts
from models.alert_state import AlertState
from services import alerts
from services.alerts.sources import SOURCES
from tests.alerts.looking import WELL, later, look
from tests.databases import Database
from wiring.container import Container
from wiring.embedded import postgres

SILENT: Final = HostFacts("here", serves_https=True)
# What alerts are kept in, and what numbers the log that they are written to.
OWN_TABLES: Final = (
    "ops_alerts, standing_alerts, alert_states, alert_evaluations, alert_pauses, alert_silences, "
    "alert_acknowledgements, log_epoch"
)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Spelling out what went wrong, over and over, takes longer than everything else here."""
    with capture_logs():
        yield


@pytest.fixture
def as_owner(own_database: Database, raw: Callable[..., Any]) -> Callable[[str], None]:
    def run(statement: str) -> None:
        with raw(own_database.owner_url) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            connection.commit()

    return run


def scope_of(rule: AlertRule) -> str:
    """One scope of the form that the rule promises."""
    noun, _, told = rule.scope.split(", ")[0].partition(":")
    return f"{noun}:{'here' if told.startswith('<') else told}"


def stand(container: Container, code: str) -> str:
    scope, now = scope_of(RULES[code]), container.now()
    with container.transaction() as session:
        alerts.raise_alert(session, code, scope=scope, severity="warning", reason="it was seen", now=now)
        row = AlertState(fingerprint=f"{code}:{scope}", alert_code=code, service_scope=scope, reason="", details={})
        row.state, row.since, row.looked_at = "firing", now, now
        session.add(row)
    return scope


def test_no_source_that_cannot_answer_ends_an_alert_and_each_is_told_of(
    container: Container, as_owner: Callable[[str], None]
) -> None:
    """Every rule that is looked at has an alert that stands, and then nothing can be read but alerts themselves."""
    stood = {code: {stand(container, code)} for code in SOURCES}
    as_owner(f"REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM {postgres.APPLICATION}")
    as_owner(f"GRANT SELECT ON {OWN_TABLES} TO {postgres.APPLICATION}")
    found = {code: look(later(container, timedelta(hours=1)), code, SILENT) for code in SOURCES}
    ended = {code for code in SOURCES if not stood[code] <= found[code]}
    assert not ended, f"these ended although nothing was known: {sorted(ended)}"
    silent = {code for code in SOURCES if not any(scope.startswith("nodata:") for scope in found[code])}
    assert not silent, f"nobody is told that these cannot be judged: {sorted(silent)}"
    as_owner(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {postgres.APPLICATION}")
    after = {code: look(later(container, timedelta(hours=2)), code, WELL) for code in SOURCES}
    assert [code for code, scopes in after.items() if "nodata:all" in scopes] == []
    assert after["disk_low"] == after["seal_broken"] == set()


def test_why_a_rule_could_not_be_judged_is_on_record(container: Container, as_owner: Callable[[str], None]) -> None:
    as_owner("ALTER TABLE audit_logs RENAME COLUMN success TO gone")
    assert look(container, "login_failures") == {"nodata:all"}
    with container.reading() as session:
        found = session.execute(text("SELECT outcome, error FROM alert_evaluations")).one()
    assert tuple(found) == ("error", ProgrammingError.__name__)
