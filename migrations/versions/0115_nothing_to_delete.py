"""Take the right to delete from the application where it deletes nothing: payments, users and all that explains them.

Revision ID: 0115
Revises: 0122
"""

from alembic import op

revision = "0115"
down_revision = "0122"
branch_labels = None
depends_on = None

TABLES = (
    "alert_acknowledgements", "alert_evaluations", "asset_contracts", "assets", "buffer_marks", "buffer_reports",
    "chain_cursors", "claimed_transfers", "consumers", "deposit_addresses", "deposit_quarantines",
    "deposit_screenings", "deposits", "flow_step_stats", "flows", "heartbeats", "idempotent_requests",
    "notification_keys", "oauth_clients", "oauth_grants", "oauth_signing_keys", "payment_verifications",
    "payout_assertions", "payout_inputs", "payout_returns", "payout_transactions", "payouts", "price_pairs",
    "receiving_addresses", "replenishment_arrivals", "replenishments", "screening_policies", "sweeps", "task_totals",
    "user_keys", "users", "verification_rules", "watch_scanners", "webhook_attempts", "withdrawal_days",
    "withdrawal_policies", "withdrawals",
)  # fmt: skip


def upgrade() -> None:
    _as_application("REVOKE DELETE ON {} FROM strongroom_app")


def downgrade() -> None:
    _as_application("GRANT DELETE ON {} TO strongroom_app")


def _as_application(statement: str) -> None:
    op.execute(
        f"""
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                {statement.format(", ".join(TABLES))};
            END IF;
        END $$
        """
    )
