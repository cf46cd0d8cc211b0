-- The coin that lies on addresses which were swept: of each address what its newest counted sweep left there, and of each
-- chain their sum, so that nobody has to look through all sweeps. Derived: sweeps are the truth, and whatever writes to
-- them moves this along, whoever writes the statement.
CREATE TABLE swept_addresses (
    address_id uuid NOT NULL,
    chain text NOT NULL,
    left_minor numeric(78, 0) NOT NULL,
    CONSTRAINT pk_swept_addresses PRIMARY KEY (address_id),
    CONSTRAINT fk_swept_addresses_address_id_deposit_addresses FOREIGN KEY (address_id) REFERENCES deposit_addresses (id)
);
CREATE TABLE swept_chains (
    chain text NOT NULL,
    left_minor numeric(78, 0) NOT NULL,
    CONSTRAINT pk_swept_chains PRIMARY KEY (chain)
);

-- As the owner: the application may read the sums, and has no other way to change them than to sweep.
CREATE FUNCTION note_left_behind() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    before numeric;
    newest numeric;
BEGIN
    -- The chain's row first: who has it is alone, and sees what all before have committed.
    INSERT INTO swept_chains VALUES (NEW.chain, 0) ON CONFLICT DO NOTHING;
    PERFORM FROM swept_chains WHERE chain = NEW.chain FOR UPDATE;
    SELECT left_minor INTO before FROM swept_addresses WHERE address_id = NEW.address_id;
    SELECT left_minor INTO newest FROM sweeps WHERE address_id = NEW.address_id AND left_minor IS NOT NULL
        ORDER BY closed_at DESC LIMIT 1;
    IF newest IS DISTINCT FROM before THEN
        INSERT INTO swept_addresses VALUES (NEW.address_id, NEW.chain, newest)
            ON CONFLICT (address_id) DO UPDATE SET left_minor = excluded.left_minor;
        UPDATE swept_chains SET left_minor = left_minor + newest - coalesce(before, 0) WHERE chain = NEW.chain;
    END IF;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION note_left_behind() FROM PUBLIC;

-- Nobody sweeps from here to the commit, so that nothing falls between the two. Carried out at each commit, so that the
-- chain's row is the last to be locked, and for no round trip.
CREATE CONSTRAINT TRIGGER sweeps_note_left_behind AFTER INSERT OR UPDATE ON sweeps DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.left_minor IS NOT NULL) EXECUTE FUNCTION note_left_behind();
INSERT INTO swept_addresses SELECT DISTINCT ON (address_id) address_id, chain, left_minor FROM sweeps
    WHERE left_minor IS NOT NULL ORDER BY address_id, closed_at DESC;
INSERT INTO swept_chains SELECT chain, sum(left_minor) FROM swept_addresses GROUP BY chain;

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
        GRANT SELECT ON swept_addresses, swept_chains TO strongroom_app;
    END IF;
END $$;
