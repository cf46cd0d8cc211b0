"""Third-party apps: clients, grants with their spending limits, codes, tokens and the keys that sign them.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_tables()
    op.execute(
        "CREATE TRIGGER oauth_spendings_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON oauth_spendings "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        """
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT SELECT, INSERT, UPDATE, DELETE ON oauth_access_tokens, oauth_clients, oauth_codes, oauth_device_codes, oauth_families, oauth_grants, oauth_refresh_tokens, oauth_signing_keys, oauth_spending_limits, oauth_spendings TO strongroom_app;
                REVOKE UPDATE, DELETE ON oauth_spendings FROM strongroom_app;
            END IF;
        END $$
        """
    )


def downgrade() -> None:
    op.drop_table("oauth_refresh_tokens")
    op.drop_table("oauth_device_codes")
    op.drop_table("oauth_codes")
    op.drop_table("oauth_access_tokens")
    op.drop_table("oauth_spendings")
    op.drop_table("oauth_spending_limits")
    op.drop_table("oauth_families")
    op.drop_table("oauth_grants")
    op.drop_table("oauth_clients")
    op.drop_table("oauth_signing_keys")


def create_tables() -> None:
    op.create_table(
        "oauth_signing_keys",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("public_jwk", JSONB(), nullable=False),
        sa.Column("sealed_private_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signs_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_oauth_signing_keys")),
    )
    op.create_index(op.f("ix_oauth_signing_keys_signs_from"), "oauth_signing_keys", ["signs_from"], unique=False)
    op.create_table(
        "oauth_clients",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("client_uri", sa.Text(), nullable=True),
        sa.Column("auth_method", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=True),
        sa.Column("secret_set_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("redirect_uris", JSONB(), nullable=False),
        sa.Column("grant_types", JSONB(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("access_token_alg", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(auth_method = 'none') = (secret_hash IS NULL)",
            name=op.f("ck_oauth_clients_only_public_ones_have_no_secret"),
        ),
        sa.CheckConstraint(
            "access_token_alg IN ('RS256', 'HS256')", name=op.f("ck_oauth_clients_access_token_alg_is_known")
        ),
        sa.CheckConstraint(
            "auth_method IN ('none', 'client_secret_basic', 'client_secret_post')",
            name=op.f("ck_oauth_clients_auth_method_is_known"),
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_oauth_clients_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oauth_clients")),
        sa.UniqueConstraint("client_id", name=op.f("uq_oauth_clients_client_id")),
    )
    op.create_index(op.f("ix_oauth_clients_owner_id"), "oauth_clients", ["owner_id"], unique=False)
    op.create_table(
        "oauth_grants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["oauth_clients.id"], name=op.f("fk_oauth_grants_client_id_oauth_clients")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_oauth_grants_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oauth_grants")),
    )
    op.create_index("ix_oauth_grants_client_id", "oauth_grants", ["client_id"], unique=False)
    op.create_index(
        "uq_oauth_grants_standing",
        "oauth_grants",
        ["user_id", "client_id"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_table(
        "oauth_families",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("grant_id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("audience", JSONB(), nullable=False),
        sa.Column("auth_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_because", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["grant_id"], ["oauth_grants.id"], name=op.f("fk_oauth_families_grant_id_oauth_grants")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oauth_families")),
    )
    op.create_index(op.f("ix_oauth_families_grant_id"), "oauth_families", ["grant_id"], unique=False)
    op.create_table(
        "oauth_spending_limits",
        sa.Column("grant_id", sa.Uuid(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("daily_minor", sa.Numeric(78, 0), nullable=False),
        sa.CheckConstraint("daily_minor >= 0", name=op.f("ck_oauth_spending_limits_limit_not_negative")),
        sa.ForeignKeyConstraint(
            ["asset_id"], ["assets.asset_id"], name=op.f("fk_oauth_spending_limits_asset_id_assets")
        ),
        sa.ForeignKeyConstraint(
            ["grant_id"], ["oauth_grants.id"], name=op.f("fk_oauth_spending_limits_grant_id_oauth_grants")
        ),
        sa.PrimaryKeyConstraint("grant_id", "asset_id", name=op.f("pk_oauth_spending_limits")),
    )
    op.create_table(
        "oauth_spendings",
        sa.Column("flow_id", sa.Uuid(), nullable=False),
        sa.Column("grant_id", sa.Uuid(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.Numeric(78, 0), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_oauth_spendings_amount_is_positive")),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.asset_id"], name=op.f("fk_oauth_spendings_asset_id_assets")),
        sa.ForeignKeyConstraint(["flow_id"], ["flows.group_id"], name=op.f("fk_oauth_spendings_flow_id_flows")),
        sa.ForeignKeyConstraint(
            ["grant_id"], ["oauth_grants.id"], name=op.f("fk_oauth_spendings_grant_id_oauth_grants")
        ),
        sa.PrimaryKeyConstraint("flow_id", name=op.f("pk_oauth_spendings")),
    )
    op.create_index(
        "ix_oauth_spendings_grant_id_asset_id_at", "oauth_spendings", ["grant_id", "asset_id", "at"], unique=False
    )
    op.create_table(
        "oauth_access_tokens",
        sa.Column("jti", sa.Uuid(), nullable=False),
        sa.Column("family_id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("audience", JSONB(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["family_id"], ["oauth_families.id"], name=op.f("fk_oauth_access_tokens_family_id_oauth_families")
        ),
        sa.PrimaryKeyConstraint("jti", name=op.f("pk_oauth_access_tokens")),
    )
    op.create_index(op.f("ix_oauth_access_tokens_expires_at"), "oauth_access_tokens", ["expires_at"], unique=False)
    op.create_index(op.f("ix_oauth_access_tokens_family_id"), "oauth_access_tokens", ["family_id"], unique=False)
    op.create_table(
        "oauth_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("family_id", sa.Uuid(), nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("code_challenge", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("redeemed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["family_id"], ["oauth_families.id"], name=op.f("fk_oauth_codes_family_id_oauth_families")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oauth_codes")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_oauth_codes_code_hash")),
        sa.UniqueConstraint("family_id", name=op.f("uq_oauth_codes_family_id")),
    )
    op.create_index(op.f("ix_oauth_codes_expires_at"), "oauth_codes", ["expires_at"], unique=False)
    op.create_table(
        "oauth_device_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("device_code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("audience", JSONB(), nullable=False),
        sa.Column("interval_s", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("polled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("family_id", sa.Uuid(), nullable=True),
        sa.Column("redeemed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(decision IS NOT DISTINCT FROM 'approved') = (family_id IS NOT NULL)",
            name=op.f("ck_oauth_device_codes_approved_has_a_family"),
        ),
        sa.CheckConstraint(
            "decision IS NULL OR decision IN ('approved', 'denied')",
            name=op.f("ck_oauth_device_codes_decision_is_known"),
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["oauth_clients.id"], name=op.f("fk_oauth_device_codes_client_id_oauth_clients")
        ),
        sa.ForeignKeyConstraint(
            ["family_id"], ["oauth_families.id"], name=op.f("fk_oauth_device_codes_family_id_oauth_families")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oauth_device_codes")),
        sa.UniqueConstraint("device_code_hash", name=op.f("uq_oauth_device_codes_device_code_hash")),
        sa.UniqueConstraint("user_code_hash", name=op.f("uq_oauth_device_codes_user_code_hash")),
    )
    op.create_index(op.f("ix_oauth_device_codes_client_id"), "oauth_device_codes", ["client_id"], unique=False)
    op.create_index(op.f("ix_oauth_device_codes_expires_at"), "oauth_device_codes", ["expires_at"], unique=False)
    op.create_index(op.f("ix_oauth_device_codes_family_id"), "oauth_device_codes", ["family_id"], unique=False)
    op.create_table(
        "oauth_refresh_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("family_id", sa.Uuid(), nullable=False),
        sa.Column("predecessor_id", sa.Uuid(), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("redeemed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reissued_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["family_id"], ["oauth_families.id"], name=op.f("fk_oauth_refresh_tokens_family_id_oauth_families")
        ),
        sa.ForeignKeyConstraint(
            ["predecessor_id"],
            ["oauth_refresh_tokens.id"],
            name=op.f("fk_oauth_refresh_tokens_predecessor_id_oauth_refresh_tokens"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oauth_refresh_tokens")),
        sa.UniqueConstraint("predecessor_id", name=op.f("uq_oauth_refresh_tokens_predecessor_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_oauth_refresh_tokens_token_hash")),
    )
    op.create_index(op.f("ix_oauth_refresh_tokens_expires_at"), "oauth_refresh_tokens", ["expires_at"], unique=False)
    op.create_index(op.f("ix_oauth_refresh_tokens_family_id"), "oauth_refresh_tokens", ["family_id"], unique=False)
