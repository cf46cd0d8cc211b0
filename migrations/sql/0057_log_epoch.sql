-- By how much this server's transaction ids are behind those that the log carries: zero where it was begun, and after a
-- restore into another server as much as puts what is written from then on behind all that was restored.
CREATE TABLE log_epoch (
    only_row boolean NOT NULL DEFAULT true,
    xid_offset bigint NOT NULL DEFAULT 0,
    CONSTRAINT pk_log_epoch PRIMARY KEY (only_row),
    CONSTRAINT ck_log_epoch_is_one_row CHECK (only_row)
);
INSERT INTO log_epoch DEFAULT VALUES;

-- The transaction at hand, as the log numbers it.
CREATE FUNCTION log_xid() RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT pg_current_xact_id()::text::bigint + xid_offset FROM public.log_epoch);
END $$;

-- The oldest transaction that is still at work: whatever the log has of earlier ones is all that it will ever have.
CREATE FUNCTION log_settled_xid() RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint + xid_offset FROM public.log_epoch);
END $$;

-- Whether the log carries numbers that this server has yet to reach: it was restored, and nothing new would be read.
CREATE FUNCTION log_is_ahead() RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT greatest((SELECT max(xid) FROM public.flow_events), (SELECT max(xid) FROM public.ops_alerts),
            (SELECT max(xid) FROM public.funding_observations), (SELECT max(xid) FROM public.consumers))
        >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint + xid_offset FROM public.log_epoch) IS TRUE;
END $$;

-- After a restore, before anybody writes: let this server's transactions come after all that the log carries. What was
-- restored was committed, so nothing of the ledger needs to be waited for before it is sealed. Answers whether it was needed.
CREATE FUNCTION log_catch_up() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT log_is_ahead() THEN
        RETURN false;
    END IF;
    LOCK TABLE log_epoch IN ACCESS EXCLUSIVE MODE;
    UPDATE log_epoch SET xid_offset = 1 - pg_snapshot_xmin(pg_current_snapshot())::text::bigint
        + greatest((SELECT max(xid) FROM flow_events), (SELECT max(xid) FROM ops_alerts),
            (SELECT max(xid) FROM funding_observations), (SELECT max(xid) FROM consumers));
    UPDATE ledger_horizons SET noted_by = 0;
    RETURN true;
END $$;

REVOKE EXECUTE ON FUNCTION log_catch_up() FROM PUBLIC;
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
        GRANT SELECT ON log_epoch TO strongroom_app;
    END IF;
END $$;
