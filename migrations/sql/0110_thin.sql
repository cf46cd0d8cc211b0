-- How far old rows were looked through by what thins a table: without it, every look began with the oldest that there is.
CREATE TABLE thinnings (
    table_name text NOT NULL,
    looked_id text NOT NULL,
    CONSTRAINT pk_thinnings PRIMARY KEY (table_name)
);

-- Both look at the next so many rows, as they were written, up to the first that is to be kept whole, and keep the last of
-- each hour. OFFSET 0 has each row's hour looked up by the index: as a join, all that was ever said of one thing would meet
-- itself.

DROP FUNCTION thin_reference_prices(timestamptz, integer);
CREATE FUNCTION thin_reference_prices(p_before timestamptz, p_limit integer, OUT looked_count bigint, OUT gone_count bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    looked bigint := coalesce((SELECT looked_id::bigint FROM public.thinnings WHERE table_name = 'reference_prices'), 0);
    newest bigint;
BEGIN
    looked_count := 0;
    gone_count := 0;
    IF p_before > now() - interval '7 days' THEN
        RAISE EXCEPTION 'prices of the last week are all kept' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NOT pg_try_advisory_xact_lock(hashtextextended('thin_reference_prices', 0)) THEN
        RETURN;
    END IF;
    WITH next AS MATERIALIZED (
        SELECT id, received_at AS at FROM public.reference_prices WHERE id > looked ORDER BY id LIMIT p_limit
    ), young AS (
        SELECT id FROM next WHERE at >= p_before ORDER BY id LIMIT 1
    )
    SELECT (array_agg(next.id ORDER BY next.id DESC))[1], count(*) INTO newest, looked_count
    FROM next LEFT JOIN young ON true WHERE young.id IS NULL OR next.id < young.id;
    IF looked_count = 0 THEN
        RETURN;
    END IF;
    PERFORM set_config('strongroom.thins_prices', 'on', true);
    DELETE FROM public.reference_prices AS one
    WHERE one.id > looked AND one.id <= newest AND one.observed_at < p_before AND EXISTS (
        SELECT FROM public.reference_prices AS later
        WHERE later.pair = one.pair AND later.source = one.source
            AND later.observed_at >= one.observed_at
            AND later.observed_at < date_trunc('hour', one.observed_at, 'UTC') + interval '1 hour'
            AND (later.observed_at, later.id) > (one.observed_at, one.id)
        OFFSET 0
    );
    GET DIAGNOSTICS gone_count = ROW_COUNT;
    PERFORM set_config('strongroom.thins_prices', 'off', true);
    INSERT INTO public.thinnings (table_name, looked_id) VALUES ('reference_prices', newest::text)
    ON CONFLICT (table_name) DO UPDATE SET looked_id = EXCLUDED.looked_id;
END $$;

DROP FUNCTION thin_buffer_snapshots(timestamptz, integer);
CREATE FUNCTION thin_buffer_snapshots(p_before timestamptz, p_limit integer, OUT looked_count bigint, OUT gone_count bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    looked uuid := coalesce((SELECT looked_id::uuid FROM public.thinnings WHERE table_name = 'buffer_snapshots'), '00000000-0000-0000-0000-000000000000');
    newest uuid;
BEGIN
    looked_count := 0;
    gone_count := 0;
    IF p_before > now() - interval '30 days' THEN
        RAISE EXCEPTION 'comparisons of the last thirty days are all kept' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NOT pg_try_advisory_xact_lock(hashtextextended('thin_buffer_snapshots', 0)) THEN
        RETURN;
    END IF;
    WITH next AS MATERIALIZED (
        SELECT id, at AS at FROM public.buffer_snapshots WHERE id > looked ORDER BY id LIMIT p_limit
    ), young AS (
        SELECT id FROM next WHERE at >= p_before ORDER BY id LIMIT 1
    )
    SELECT (array_agg(next.id ORDER BY next.id DESC))[1], count(*) INTO newest, looked_count
    FROM next LEFT JOIN young ON true WHERE young.id IS NULL OR next.id < young.id;
    IF looked_count = 0 THEN
        RETURN;
    END IF;
    PERFORM set_config('strongroom.thins_snapshots', 'on', true);
    DELETE FROM public.buffer_snapshots AS one
    WHERE one.id > looked AND one.id <= newest AND one.at < p_before AND one.verdict <> 'mismatch' AND EXISTS (
        SELECT FROM public.buffer_snapshots AS later
        WHERE later.asset_id = one.asset_id
            AND later.at >= one.at
            AND later.at < date_trunc('hour', one.at, 'UTC') + interval '1 hour'
            AND (later.at, later.id) > (one.at, one.id)
        OFFSET 0
    );
    GET DIAGNOSTICS gone_count = ROW_COUNT;
    PERFORM set_config('strongroom.thins_snapshots', 'off', true);
    INSERT INTO public.thinnings (table_name, looked_id) VALUES ('buffer_snapshots', newest::text)
    ON CONFLICT (table_name) DO UPDATE SET looked_id = EXCLUDED.looked_id;
END $$;

REVOKE ALL ON FUNCTION thin_reference_prices(timestamptz, integer), thin_buffer_snapshots(timestamptz, integer) FROM PUBLIC;
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
        GRANT EXECUTE ON FUNCTION thin_reference_prices(timestamptz, integer), thin_buffer_snapshots(timestamptz, integer)
            TO strongroom_app;
    END IF;
END $$;
