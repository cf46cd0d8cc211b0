-- Which alerts stand now, so that nobody has to look through all that ever stood. Derived: ops_alerts is the truth, and
-- whatever appends to it moves this along, whoever writes the statement.
CREATE TABLE standing_alerts (
    fingerprint text NOT NULL,
    alert_event_id uuid NOT NULL,
    CONSTRAINT pk_standing_alerts PRIMARY KEY (fingerprint),
    CONSTRAINT uq_standing_alerts_alert_event_id UNIQUE (alert_event_id),
    CONSTRAINT fk_standing_alerts_alert_event_id_ops_alerts FOREIGN KEY (alert_event_id)
        REFERENCES ops_alerts (alert_event_id)
);

-- As the owner: the application may read what stands, and has no other way to change it than to append.
CREATE FUNCTION note_standing_alert() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.status = 'raised' THEN
        INSERT INTO standing_alerts VALUES (NEW.fingerprint, NEW.alert_event_id)
            ON CONFLICT (fingerprint) DO UPDATE SET alert_event_id = excluded.alert_event_id;
    ELSE
        DELETE FROM standing_alerts WHERE fingerprint = NEW.fingerprint;
    END IF;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION note_standing_alert() FROM PUBLIC;

-- Nobody appends from here to the commit, so that nothing falls between the two.
CREATE TRIGGER ops_alerts_note_standing AFTER INSERT ON ops_alerts
    FOR EACH ROW EXECUTE FUNCTION note_standing_alert();
INSERT INTO standing_alerts SELECT fingerprint, alert_event_id FROM (
    SELECT DISTINCT ON (fingerprint) * FROM ops_alerts ORDER BY fingerprint, seq DESC) AS newest
    WHERE status = 'raised';

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
        GRANT SELECT ON standing_alerts TO strongroom_app;
    END IF;
END $$;
