"""Keys of price sources in a header, and the thinning of old prices.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TRIGGER = (
    "CREATE TRIGGER reference_prices_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reference_prices "
    "FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
)


def upgrade() -> None:
    op.add_column("price_sources", sa.Column("key_header", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_price_sources_key_header_is_a_name"), "price_sources", "key_header ~ '^[A-Za-z0-9-]{1,64}$'"
    )
    op.execute(
        """
        CREATE FUNCTION refuse_change_of_prices() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            -- Only thin_reference_prices sets this, and nobody else may delete: see the grants.
            IF TG_OP = 'DELETE' AND current_setting('strongroom.thins_prices', true) = 'on' THEN
                RETURN NULL;
            END IF;
            RAISE EXCEPTION '% on % is refused: it is append-only', TG_OP, TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END $$
        """
    )
    op.execute(
        """
        CREATE FUNCTION thin_reference_prices(p_before timestamptz, p_limit integer) RETURNS bigint
        LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = pg_catalog, public, pg_temp AS $$
        DECLARE
            gone bigint;
        BEGIN
            IF p_before > now() - interval '7 days' THEN
                RAISE EXCEPTION 'prices of the last week are all kept' USING ERRCODE = 'restrict_violation';
            END IF;
            PERFORM set_config('strongroom.thins_prices', 'on', true);
            DELETE FROM public.reference_prices WHERE id IN (
                SELECT one.id FROM public.reference_prices one
                WHERE one.observed_at < p_before AND EXISTS (
                    SELECT FROM public.reference_prices later
                    WHERE later.pair = one.pair AND later.source = one.source
                    AND later.observed_at >= one.observed_at
                    AND later.observed_at < date_trunc('hour', one.observed_at, 'UTC') + interval '1 hour'
                    AND (later.observed_at, later.id) > (one.observed_at, one.id)
                )
                LIMIT p_limit
            );
            GET DIAGNOSTICS gone = ROW_COUNT;
            PERFORM set_config('strongroom.thins_prices', 'off', true);
            RETURN gone;
        END $$
        """
    )
    op.execute("REVOKE ALL ON FUNCTION thin_reference_prices(timestamptz, integer) FROM PUBLIC")
    op.execute("DROP TRIGGER reference_prices_append_only ON reference_prices")
    op.execute(TRIGGER.format(function="refuse_change_of_prices"))
    op.execute(
        """
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT EXECUTE ON FUNCTION thin_reference_prices(timestamptz, integer) TO strongroom_app;
            END IF;
        END $$
        """
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER reference_prices_append_only ON reference_prices")
    op.execute(TRIGGER.format(function="refuse_change"))
    op.execute("DROP FUNCTION thin_reference_prices(timestamptz, integer)")
    op.execute("DROP FUNCTION refuse_change_of_prices()")
    op.drop_constraint(op.f("ck_price_sources_key_header_is_a_name"), "price_sources")
    op.drop_column("price_sources", "key_header")
