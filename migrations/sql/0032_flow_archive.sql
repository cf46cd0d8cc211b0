-- What closed flows did long ago: one row for each time a flow's events were moved here, all of them in one value, which
-- TOAST compresses in place once a row exceeds 128 bytes. Partitioned by the month of the last event.
CREATE TABLE flow_events_archive (
    month date NOT NULL,
    group_id uuid NOT NULL,
    first_id bigint NOT NULL,
    last_id bigint NOT NULL,
    event_count integer NOT NULL,
    events text NOT NULL,
    CONSTRAINT pk_flow_events_archive PRIMARY KEY (group_id, first_id, month),
    CONSTRAINT ck_flow_events_archive_month_is_its_first_day CHECK (extract(day FROM month) = 1),
    CONSTRAINT ck_flow_events_archive_counts_its_events CHECK (event_count > 0 AND last_id >= first_id)
) PARTITION BY RANGE (month);
ALTER TABLE flow_events_archive ALTER COLUMN events SET STORAGE MAIN;
CREATE TRIGGER flow_events_archive_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON flow_events_archive
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The last flow, by when it closed, whose events were moved.
CREATE TABLE flow_archive_progress (
    only_row boolean NOT NULL DEFAULT true,
    closed_at timestamptz NOT NULL,
    group_id uuid NOT NULL,
    CONSTRAINT pk_flow_archive_progress PRIMARY KEY (only_row),
    CONSTRAINT ck_flow_archive_progress_is_one_row CHECK (only_row)
);

-- Every event, wherever it is kept.
CREATE VIEW flow_events_kept AS
SELECT id, group_id, from_state, state, at, actor, correlation_id, detail, xid FROM flow_events
UNION ALL
SELECT event.id, archived.group_id, event.from_state, event.state, event.at, event.actor, event.correlation_id,
    event.detail, event.xid
FROM flow_events_archive AS archived
CROSS JOIN LATERAL jsonb_to_recordset(archived.events::jsonb) AS event (id bigint, from_state text, state text,
    at timestamptz, actor text, correlation_id text, detail jsonb, xid bigint);

-- Events are appended and otherwise left alone, but for the function below, which alone runs with this setting as the
-- role that owns the table: setting it as somebody else opens nothing.
CREATE FUNCTION refuse_change_but_archiving() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('strongroom.archiving', true) = 'on'
        AND current_user = (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% on % is refused: it is append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
DROP TRIGGER flow_events_append_only ON flow_events;
CREATE TRIGGER flow_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON flow_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_but_archiving();

-- The partition of a month, made if there is none. Made apart and then attached: readers do not wait for that.
CREATE FUNCTION flow_events_archive_month(p_month date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    name text := 'flow_events_archive_' || to_char(p_month, 'YYYY_MM');
BEGIN
    IF to_regclass('public.' || name) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE public.%I (LIKE public.flow_events_archive INCLUDING ALL) WITH (toast_tuple_target = 128)',
        name);
    EXECUTE format('ALTER TABLE public.flow_events_archive ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
        name, p_month, p_month + interval '1 month');
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE OR TRUNCATE ON public.%I
        FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()', name || '_append_only', name);
END $$;

-- Move the events of some flows that closed before a moment; answers how many flows and events. What is deleted here is
-- what is inserted there, in one statement, so that whatever else is written meanwhile is neither lost nor doubled.
-- Nothing is moved that a consumer of the log has yet to read.
CREATE FUNCTION flow_events_archive_some(p_before timestamptz, p_flows integer, OUT flow_count bigint, OUT event_count bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    horizon bigint := coalesce((SELECT min(xid) FROM consumers), 9223372036854775807);
    chosen uuid[];
    last record;
    wanted date;
    kept bigint;
BEGIN
    flow_count := 0;
    event_count := 0;
    IF NOT pg_try_advisory_xact_lock(hashtextextended('flow_events_archive', 0)) THEN
        RETURN;
    END IF;
    SELECT closed_at, group_id INTO last FROM flow_archive_progress;
    SELECT array_agg(group_id ORDER BY closed_at, group_id) INTO chosen FROM (
        SELECT group_id, closed_at FROM flows
        WHERE closed_at < p_before AND (last.closed_at IS NULL OR (closed_at, group_id) > (last.closed_at, last.group_id))
        ORDER BY closed_at, group_id LIMIT p_flows) AS due;
    IF chosen IS NULL OR EXISTS (SELECT FROM flow_events
            WHERE group_id = ANY (chosen) AND at < p_before AND xid >= horizon) THEN
        RETURN;
    END IF;
    FOR wanted IN SELECT DISTINCT date_trunc('month', latest AT TIME ZONE 'UTC')::date FROM (
            SELECT max(at) AS latest FROM flow_events WHERE group_id = ANY (chosen) AND xid < horizon GROUP BY group_id
        ) AS ends LOOP
        PERFORM flow_events_archive_month(wanted);
    END LOOP;
    PERFORM set_config('strongroom.archiving', 'on', true);
    WITH moved AS (
        DELETE FROM flow_events WHERE flow_events.group_id = ANY (chosen) AND flow_events.xid < horizon
        RETURNING flow_events.*
    ), archived AS (
        INSERT INTO flow_events_archive (month, group_id, first_id, last_id, event_count, events)
        SELECT date_trunc('month', max(at) AT TIME ZONE 'UTC')::date, group_id, min(id), max(id), count(*),
            json_agg(json_build_object('id', id, 'from_state', from_state, 'state', state, 'at', at, 'actor', actor,
                'correlation_id', correlation_id, 'detail', detail, 'xid', xid) ORDER BY id)::text
        FROM moved GROUP BY group_id
        RETURNING flow_events_archive.event_count
    )
    SELECT (SELECT count(*) FROM moved), (SELECT coalesce(sum(archived.event_count), 0) FROM archived)
    INTO event_count, kept;
    PERFORM set_config('strongroom.archiving', 'off', true);
    IF event_count <> kept THEN
        RAISE EXCEPTION '% events were taken out and % put away', event_count, kept;
    END IF;
    flow_count := cardinality(chosen);
    INSERT INTO flow_archive_progress (closed_at, group_id)
    SELECT flows.closed_at, flows.group_id FROM flows WHERE flows.group_id = chosen[cardinality(chosen)]
    ON CONFLICT (only_row) DO UPDATE SET closed_at = EXCLUDED.closed_at, group_id = EXCLUDED.group_id;
END $$;

REVOKE EXECUTE ON FUNCTION flow_events_archive_month(date) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION flow_events_archive_some(timestamptz, integer) FROM PUBLIC;
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
        GRANT SELECT ON flow_events_archive, flow_archive_progress, flow_events_kept TO strongroom_app;
        GRANT EXECUTE ON FUNCTION flow_events_archive_some(timestamptz, integer) TO strongroom_app;
    END IF;
END $$;
