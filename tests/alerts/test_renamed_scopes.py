"""An alert that stood under its old name when a version came in stands under its new one, and so does what was said."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, text

from domain.ids import new_id
from models.alert_state import AlertAcknowledgement, AlertSilence
from services import alerts
from services.alerts import handling
from tests.databases import Database, settings_for
from wiring import migrate
from wiring.container import Container

REVISION = "0062"
AT = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = [
    ("chain_source_stale", "bitcoin", "chain_source_stale", "chain:bitcoin"),
    ("finality_lagging", "anvil", "finality_lagging", "chain:anvil"),
    ("verification_failure_rate", "solana", "verification_failure_rate", "chain:solana"),
    ("buffer_low", "BTC", "buffer_low", "asset:BTC"),
    ("buffer_discrepancy", "BTC", "buffer_discrepancy", "asset:BTC"),
    ("ledger_invariant_broken", "ledger", "ledger_invariant_broken", "ledger:books"),
    ("webhook_signature_failures", "circle", "webhook_signature_failures", "provider:circle"),
    ("sweep_waits", "anvil:fee_above_cap", "sweep_waits", "sweeps:anvil:fee_above_cap"),
    ("token_unreadable", "anvil:0xab", "token_unreadable", "token:anvil:0xab"),
    ("chain_backfill_found", "anvil:7", "chain_backfill_found", "block:anvil:7"),
    ("withdrawal_stuck", "withdrawal:1", "withdrawal_waits", "withdrawal:1"),
    ("withdrawal_stuck", "withdrawals:all", "withdrawal_stuck", "withdrawals:all"),
    ("seal_broken", "ledger:seals", "seal_broken", "ledger:seals"),
]
STANDING = text(
    "SELECT fingerprint, raised_at FROM (SELECT DISTINCT ON (fingerprint) * FROM ops_alerts "
    "ORDER BY fingerprint, seq DESC) AS newest WHERE status = 'raised'"
)


@dataclass
class Installation:
    """A database that is taken from one version to the other."""

    container: Container
    database: Database

    def before(self) -> None:
        known = migrate.revisions()
        migrate.downgrade(settings_for(self.database), known[known.index(REVISION) - 1])

    def after(self) -> None:
        migrate.upgrade(settings_for(self.database))

    def standing(self) -> dict[str, datetime]:
        """By the transitions themselves: a version before had nothing else to tell it by."""
        with self.container.reading() as session:
            return {row.fingerprint: row.raised_at for row in session.execute(STANDING)}


@pytest.fixture
def installation(container: Container, own_database: Database) -> Installation:
    made = Installation(container, own_database)
    made.before()
    return made


def test_every_alert_goes_on_under_its_new_name_since_the_same_moment_and_back(installation: Installation) -> None:
    with installation.container.transaction() as session:
        for code, scope, _, _ in NAMES:
            alerts.raise_alert(session, code, scope=scope, severity="warning", reason="so it is", now=AT)
        alerts.raise_alert(session, "buffer_low", scope="LTC", severity="warning", reason="over", now=AT)
        alerts.clear(session, "buffer_low", scope="LTC", now=AT + timedelta(hours=1), reason="over")
    old = {f"{code}:{scope}": AT for code, scope, _, _ in NAMES}
    assert installation.standing() == old
    installation.after()
    new = {f"{code}:{scope}": AT for _, _, code, scope in NAMES}
    assert installation.standing() == new
    with installation.container.transaction() as session:
        assert {row.fingerprint: row.raised_at for row in alerts.standing(session)} == new
        now = installation.container.now()
        assert alerts.clear(session, "chain_source_stale", scope="chain:bitcoin", now=now, reason="it answers")
        gone = handling.history(session, before=None, limit=200)
        assert {row.reason for row in gone if row.fingerprint == "buffer_low:BTC" and row.status == "cleared"} == {
            "it goes on as buffer_low of asset:BTC"
        }
    installation.before()
    assert installation.standing() == {name: at for name, at in old.items() if name != "chain_source_stale:bitcoin"}


def test_what_was_said_of_an_alert_goes_along(installation: Installation) -> None:
    with installation.container.transaction() as session:
        alerts.raise_alert(session, "buffer_low", scope="BTC", severity="warning", reason="so it is", now=AT)
        said = {"acknowledged_at": AT, "acknowledged_by": "somebody", "note": "mine"}
        session.add(AlertAcknowledgement(fingerprint="buffer_low:BTC", raised_at=AT, **said))
        hour = {"begins_at": AT, "ends_at": AT + timedelta(hours=1), "reason": "known", "created_by": "somebody"}
        # By the columns that there were: later ones are not here yet.
        named = (("buffer_low", "BTC"), ("withdrawal_stuck", "withdrawal:1"), ("buffer_low", None))
        rows = [{"id": new_id(), "alert_code": code, "service_scope": scope, **hour} for code, scope in named]
        session.execute(insert(AlertSilence), rows)
    installation.after()
    with installation.container.reading() as session:
        [found] = handling.overview(session, now=AT + timedelta(minutes=1))
        silences = handling.in_force(session, now=AT + timedelta(minutes=1))
    assert found.acknowledged is not None
    assert found.acknowledged.note == "mine"
    assert found.silenced_until == AT + timedelta(hours=1)
    assert {(row.alert_code, row.service_scope) for row in silences} == {
        ("buffer_low", "asset:BTC"),
        ("withdrawal_waits", "withdrawal:1"),
        ("buffer_low", None),
    }
