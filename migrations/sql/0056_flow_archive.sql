-- Move the events of some flows that closed before a moment; answers how many flows and events. What is deleted here is
-- what is inserted there, in one statement, so that whatever else is written meanwhile is neither lost nor doubled. Which
-- events is settled before their months are: one that is written after that stays, for its month may not be there.
-- Nothing is moved that a consumer of the log has yet to read.
CREATE OR REPLACE FUNCTION flow_events_archive_some(p_before timestamptz, p_flows integer, OUT flow_count bigint, OUT event_count bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    horizon bigint := coalesce((SELECT min(xid) FROM consumers), 9223372036854775807);
    chosen uuid[];
    moving bigint[];
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
    SELECT coalesce(array_agg(id), '{}') INTO moving FROM flow_events WHERE group_id = ANY (chosen) AND xid < horizon;
    FOR wanted IN SELECT DISTINCT date_trunc('month', latest AT TIME ZONE 'UTC')::date
            FROM (SELECT max(at) AS latest FROM flow_events WHERE id = ANY (moving) GROUP BY group_id) AS ends LOOP
        PERFORM flow_events_archive_month(wanted);
    END LOOP;
    PERFORM set_config('strongroom.archiving', 'on', true);
    WITH moved AS (
        DELETE FROM flow_events WHERE flow_events.id = ANY (moving)
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
