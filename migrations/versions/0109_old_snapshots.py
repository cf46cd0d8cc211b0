"""Let old comparisons of wallets with the books be thinned: one an hour, and every difference, is enough.

Revision ID: 0109
Revises: 0108
"""

from alembic import op

revision = "0109"
down_revision = "0108"
branch_labels = None
depends_on = None

TRIGGER = (
    "CREATE TRIGGER buffer_snapshots_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON buffer_snapshots "
    "FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
)


def upgrade() -> None:
    op.execute(
        """
        CREATE FUNCTION refuse_change_of_snapshots() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            -- Only thin_buffer_snapshots sets this, and nobody else may delete: see the grants.
            IF TG_OP = 'DELETE' AND current_setting('strongroom.thins_snapshots', true) = 'on' THEN
                RETURN NULL;
            END IF;
            RAISE EXCEPTION '% on % is refused: it is append-only', TG_OP, TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END $$
        """
    )
    op.execute(
        """
        CREATE FUNCTION thin_buffer_snapshots(p_before timestamptz, p_limit integer) RETURNS bigint
        LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = pg_catalog, public, pg_temp AS $$
        DECLARE
            gone bigint;
        BEGIN
            IF p_before > now() - interval '30 days' THEN
                RAISE EXCEPTION 'comparisons of the last thirty days are all kept'
                    USING ERRCODE = 'restrict_violation';
            END IF;
            PERFORM set_config('strongroom.thins_snapshots', 'on', true);
            DELETE FROM public.buffer_snapshots WHERE id IN (
                SELECT one.id FROM public.buffer_snapshots one
                WHERE one.at < p_before AND one.verdict <> 'mismatch' AND EXISTS (
                    SELECT FROM public.buffer_snapshots later
                    WHERE later.asset_id = one.asset_id
                    AND later.at >= one.at
                    AND later.at < date_trunc('hour', one.at, 'UTC') + interval '1 hour'
                    AND (later.at, later.id) > (one.at, one.id)
                )
                LIMIT p_limit
            );
            GET DIAGNOSTICS gone = ROW_COUNT;
            PERFORM set_config('strongroom.thins_snapshots', 'off', true);
            RETURN gone;
        END $$
        """
    )
    op.execute("REVOKE ALL ON FUNCTION thin_buffer_snapshots(timestamptz, integer) FROM PUBLIC")
    op.execute("DROP TRIGGER buffer_snapshots_append_only ON buffer_snapshots")
    op.execute(TRIGGER.format(function="refuse_change_of_snapshots"))
    op.execute(
        """
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
                GRANT EXECUTE ON FUNCTION thin_buffer_snapshots(timestamptz, integer) TO strongroom_app;
            END IF;
        END $$
        """
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER buffer_snapshots_append_only ON buffer_snapshots")
    op.execute(TRIGGER.format(function="refuse_change"))
    op.execute("DROP FUNCTION thin_buffer_snapshots(timestamptz, integer)")
    op.execute("DROP FUNCTION refuse_change_of_snapshots()")
