DROP FUNCTION thin_reference_prices(timestamptz, integer);
DROP FUNCTION thin_buffer_snapshots(timestamptz, integer);
DROP TABLE thinnings;

-- As they were, to the last space: a schema is compared as a whole.
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
        END $$;

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
        END $$;

REVOKE ALL ON FUNCTION thin_reference_prices(timestamptz, integer), thin_buffer_snapshots(timestamptz, integer) FROM PUBLIC;
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
        GRANT EXECUTE ON FUNCTION thin_reference_prices(timestamptz, integer), thin_buffer_snapshots(timestamptz, integer)
            TO strongroom_app;
    END IF;
END $$;
