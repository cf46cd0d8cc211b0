"""Every scope of an alert is `noun:id`, and one withdrawal that waits is not many that do not leave.

What stands under its old name is ended there and raised under its new one, since the same moment; what was said of it
goes along. History stays as it was written.

Revision ID: 0062
Revises: 0060
"""

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0062"
down_revision = "0060"
branch_labels = None
depends_on = None

NOUNS = {
    "buffer_discrepancy": "asset",
    "buffer_low": "asset",
    "chain_backfill_found": "block",
    "chain_source_stale": "chain",
    "finality_lagging": "chain",
    "sweep_waits": "sweeps",
    "token_unreadable": "token",
    "verification_failure_rate": "chain",
    "webhook_signature_failures": "provider",
}
STANDING = sa.text(
    """
    SELECT alert_event_id, alert_code, service_scope FROM (
        SELECT DISTINCT ON (fingerprint) * FROM ops_alerts
        ORDER BY fingerprint, recorded_at DESC, alert_event_id DESC) AS newest
    WHERE status = 'raised' ORDER BY seq
    """
)
COPY = sa.text(
    """
    INSERT INTO ops_alerts (alert_event_id, alert_code, fingerprint, status, severity, reason, service_scope, pair,
        asset_id, tx_hash, raised_at, cleared_at, details, recorded_at)
    SELECT gen_random_uuid(), :code, :fingerprint, :status, severity, coalesce(CAST(:reason AS text), reason),
        :scope, pair, asset_id, tx_hash, raised_at, CASE CAST(:status AS text) WHEN 'cleared' THEN now() END, details, now()
    FROM ops_alerts WHERE alert_event_id = :of
    """
)

Named = tuple[str, str]


def upgrade() -> None:
    _rename(_with_noun)


def downgrade() -> None:
    _rename(_bare)


def _with_noun(code: str, scope: str) -> Named:
    if code == "ledger_invariant_broken" and scope == "ledger":
        return code, "ledger:books"
    if code == "withdrawal_stuck" and scope.startswith("withdrawal:"):
        return "withdrawal_waits", scope
    noun = NOUNS.get(code)
    return (code, scope) if noun is None or scope.startswith(f"{noun}:") else (code, f"{noun}:{scope}")


def _bare(code: str, scope: str) -> Named:
    if code == "ledger_invariant_broken" and scope == "ledger:books":
        return code, "ledger"
    if code == "withdrawal_waits":
        return "withdrawal_stuck", scope
    noun = NOUNS.get(code)
    return (code, scope) if noun is None else (code, scope.removeprefix(f"{noun}:"))


def _rename(named: Callable[[str, str], Named]) -> None:
    connection = op.get_bind()
    for row in connection.execute(STANDING).all():
        before, after = (row.alert_code, row.service_scope), named(row.alert_code, row.service_scope)
        if before != after:
            _append(row.alert_event_id, before, "cleared", f"it goes on as {after[0]} of {after[1]}")
            _append(row.alert_event_id, after, "raised", None)
    for (fingerprint,) in connection.execute(sa.text("SELECT fingerprint FROM alert_acknowledgements")).all():
        code, _, scope = fingerprint.partition(":")
        connection.execute(
            sa.text("UPDATE alert_acknowledgements SET fingerprint = :after WHERE fingerprint = :before"),
            {"before": fingerprint, "after": ":".join(named(code, scope))},
        )
    query = "SELECT id, alert_code, service_scope FROM alert_silences WHERE service_scope IS NOT NULL"
    for row in connection.execute(sa.text(query)).all():
        code, scope = named(row.alert_code, row.service_scope)
        connection.execute(
            sa.text("UPDATE alert_silences SET alert_code = :code, service_scope = :scope WHERE id = :id"),
            {"id": row.id, "code": code, "scope": scope},
        )


def _append(event_id: object, names: Named, status: str, reason: str | None) -> None:
    code, scope = names
    told = {"code": code, "scope": scope, "fingerprint": f"{code}:{scope}", "status": status, "reason": reason}
    op.get_bind().execute(COPY, {**told, "of": event_id})
