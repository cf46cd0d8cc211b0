-- What is left of the daily limit of one user; null where there is none. Deposits that operators pay back are counted as
-- theirs here, and looked for only where they would decide. What went to other people of the house counts where the
-- asset's policy says so.
CREATE FUNCTION withdrawal_user_left(p_user uuid, p_asset text, p_since timestamptz, p_limit numeric)
RETURNS numeric LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    left_over numeric;
BEGIN
    SELECT p_limit - coalesce(sum(amount_minor), 0) INTO left_over FROM withdrawals
    WHERE user_id = p_user AND asset_id = p_asset AND requested_at > p_since
        AND state NOT IN ('rejected', 'cancelled', 'failed');
    IF (SELECT transfers_count FROM withdrawal_policies WHERE asset_id = p_asset) THEN
        SELECT left_over - coalesce(sum(amount_minor), 0) INTO left_over FROM flows
        WHERE user_id = p_user AND asset_id = p_asset AND kind = 'internal_transfer' AND opened_at > p_since;
    END IF;
    RETURN left_over;
END $$;

-- The daily limit of one user, judged after their account was locked: whoever else asks for this user has either
-- committed and is counted, or waits for that lock. The detail is what is left, below zero for a transfer that is counted
-- already.
CREATE OR REPLACE FUNCTION withdrawal_within_user_limit(p_user uuid, p_asset text, p_since timestamptz, p_amount numeric,
    p_limit numeric)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    left_over numeric := withdrawal_user_left(p_user, p_asset, p_since, p_limit);
BEGIN
    IF p_amount > left_over THEN
        SELECT left_over + coalesce(sum(w.amount_minor), 0) INTO left_over
        FROM withdrawals AS w JOIN deposit_quarantines AS q ON q.return_withdrawal_id = w.id
        WHERE w.user_id = p_user AND w.asset_id = p_asset AND w.requested_at > p_since
            AND w.state NOT IN ('rejected', 'cancelled', 'failed');
    END IF;
    IF p_amount > left_over THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'withdrawal_within_user_limit',
            MESSAGE = 'more than is left of the daily limit of this user', DETAIL = left_over::text;
    END IF;
END $$;

-- Count an amount on a day of the whole house if one of its rows that nobody holds has room; whether one had.
CREATE FUNCTION withdrawal_day_took(p_asset text, p_day text, p_amount numeric, p_limit numeric)
RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE withdrawal_days SET requested_minor = requested_minor + p_amount
    WHERE asset_id = p_asset AND day = p_day AND shard = (
        SELECT shard FROM withdrawal_days
        WHERE asset_id = p_asset AND day = p_day AND house_limit_minor = p_limit
            AND requested_minor + p_amount <= limit_minor
        ORDER BY shard LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED);
    RETURN FOUND;
END $$;

-- Count an amount, in the smallest unit, on a day of the whole house, or (negative) take one off; p_limit is the limit
-- as it stands. What is left of a day is spread over sixteen rows, each with a share of its own that its constraint
-- keeps, so that most requests find one that nobody holds. Only when no share suffices are all of them locked, added up
-- and spread anew: that is where a request is refused, so the limit is exact.
CREATE OR REPLACE FUNCTION withdrawal_day_count(p_asset text, p_day text, p_amount numeric, p_limit numeric)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    shares CONSTANT integer := 16;
    counted numeric;
    bound numeric;
    share numeric;
BEGIN
    IF p_amount > 0 THEN
        IF withdrawal_day_took(p_asset, p_day, p_amount, p_limit) THEN
            RETURN;
        END IF;
        INSERT INTO withdrawal_days (asset_id, day, shard, requested_minor)
        SELECT p_asset, p_day, shard, 0 FROM generate_series(0, shares - 1) AS shard ON CONFLICT DO NOTHING;
    END IF;

    PERFORM FROM withdrawal_days WHERE asset_id = p_asset AND day = p_day ORDER BY shard FOR NO KEY UPDATE;
    -- A later statement, which sees what whoever held the locks has committed.
    SELECT greatest(sum(requested_minor) + p_amount, 0), coalesce(p_limit, max(house_limit_minor)) INTO counted, bound
    FROM withdrawal_days WHERE asset_id = p_asset AND day = p_day;
    IF p_amount > 0 AND counted > bound THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_withdrawal_days_within_limit',
            MESSAGE = 'more than the house lets out in one day';
    END IF;
    share := div(greatest(bound - counted, 0), shares);
    UPDATE withdrawal_days
    SET requested_minor = CASE shard WHEN 0 THEN counted ELSE 0 END,
        limit_minor = CASE shard WHEN 0 THEN greatest(bound, counted) - (shares - 1) * share ELSE share END,
        house_limit_minor = bound
    WHERE asset_id = p_asset AND day = p_day;
END $$;

-- Lock those of these accounts that nobody else has locked, and say which: who may not wait asks for no more.
CREATE FUNCTION ledger_lock_free(p_accounts bigint[])
RETURNS bigint[] LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
    SELECT coalesce(array_agg(id), '{}') FROM (
        SELECT id FROM ledger_accounts WHERE id = ANY (p_accounts) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED) AS free
$$;

-- One request for a withdrawal: what services/withdrawals/together.py knows of it.
CREATE TYPE withdrawal_asked AS (
    id uuid, user_id uuid, asset_id text, chain text, destination text, beneficiary_name text, amount_minor numeric,
    fee_minor numeric, state text, approvals_needed bigint, is_counted boolean, user_limit_minor numeric,
    system_limit_minor numeric, flow_id uuid, short_id text, correlation_id text,
    owner_account bigint, hot_wallet_account bigint, fees_account bigint, hold_hash bytea,
    at timestamptz, day text, actor text, address text, user_agent text, request_id text,
    key text, request_hash bytea, status integer, body jsonb);

-- Accept requests for withdrawals, each with its hold, its flow and its answer under its key; the ids of those that were
-- accepted. Whatever stands against one, or would have to be waited for, leaves that one out and no other: nothing of it
-- has happened, and it is asked for by itself, which waits, or is refused by name.
--
-- Two of these cannot wait for each other. Accounts and days that somebody holds are left alone, and of one account no
-- more than one request is taken. What is left to wait for is a key that another transaction is about to use: whoever
-- does has nothing else to wait for than a key, and all come to keys in the same order.
CREATE FUNCTION withdrawals_request(p_asked jsonb[]) RETURNS SETOF uuid
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    asked withdrawal_asked[];
    free bigint[];
    size integer;
    counted record;
    legs record;
    holds bigint[];
BEGIN
    asked := ARRAY(SELECT jsonb_populate_record(NULL::withdrawal_asked, one) FROM unnest(p_asked) AS one);
    free := ledger_lock_free(ARRAY(SELECT owner_account FROM unnest(asked)));

    -- A later statement, which sees what whoever held the locks before has committed. What ledger_hold asks of accounts
    -- is asked here too.
    asked := ARRAY(
        SELECT DISTINCT ON (one.owner_account) one
        FROM unnest(asked) AS one JOIN ledger_accounts AS own ON own.id = one.owner_account
        WHERE own.id = ANY (free) AND own.asset_id = one.asset_id AND own.owner_id = one.user_id
            AND own.floor IS NOT NULL AND own.kind NOT IN ('asset', 'expense') AND own.shards IS NULL
            AND own.posted - own.held - one.amount_minor - one.fee_minor >= own.floor
            AND 2 = (SELECT count(*) FROM ledger_accounts AS named
                     WHERE named.id IN (one.hot_wallet_account, one.fees_account) AND named.asset_id = one.asset_id
                         AND named.shard_of IS NULL AND named.floor IS NULL)
            AND NOT EXISTS (SELECT FROM idempotent_requests AS known
                            WHERE known.user_id = one.user_id AND known.key = one.key)
            AND one.amount_minor <= coalesce(withdrawal_user_left(one.user_id, one.asset_id,
                one.at - interval '24 hours', one.user_limit_minor), one.amount_minor)
        ORDER BY one.owner_account, one.id);

    FOR counted IN
        SELECT asset_id, day, system_limit_minor, sum(amount_minor) AS amount_minor FROM unnest(asked)
        WHERE is_counted GROUP BY asset_id, day, system_limit_minor ORDER BY asset_id, day, system_limit_minor
    LOOP
        IF NOT withdrawal_day_took(counted.asset_id, counted.day, counted.amount_minor, counted.system_limit_minor) THEN
            asked := ARRAY(SELECT one FROM unnest(asked) AS one
                           WHERE (one.asset_id, one.day, one.system_limit_minor)
                               IS DISTINCT FROM (counted.asset_id, counted.day, counted.system_limit_minor));
        END IF;
    END LOOP;
    size := cardinality(asked);
    IF size = 0 THEN
        RETURN;
    END IF;

    -- What is held for the amounts comes first, in the order of `asked`; then what is held for fees.
    SELECT array_agg(place ORDER BY leg, place) AS places, array_agg(asset_id ORDER BY leg, place) AS assets,
        array_agg(owner_account ORDER BY leg, place) AS debits, array_agg(account ORDER BY leg, place) AS credits,
        array_agg(amount ORDER BY leg, place) AS amounts
    INTO legs
    FROM unnest(asked) WITH ORDINALITY AS one, CAST(ordinality AS integer) AS place,
        LATERAL (VALUES (1, hot_wallet_account, amount_minor), (2, fees_account, fee_minor)) AS l (leg, account, amount)
    WHERE amount > 0;
    SELECT transfer_ids INTO holds FROM ledger_write(
        ARRAY(SELECT format('withdrawal:%s:hold', id) FROM unnest(asked)), array_fill('withdrawal_hold'::text, ARRAY[size]),
        ARRAY(SELECT flow_id FROM unnest(asked)), ARRAY(SELECT hold_hash FROM unnest(asked)),
        array_fill(NULL::text, ARRAY[size]), array_fill(NULL::bigint, ARRAY[size]), ARRAY(SELECT at FROM unnest(asked)),
        legs.places, array_fill('pending'::text, ARRAY[cardinality(legs.places)]), legs.assets, legs.debits,
        legs.credits, legs.amounts, array_fill(NULL::bigint, ARRAY[cardinality(legs.places)]),
        array_fill(NULL::timestamptz, ARRAY[cardinality(legs.places)]));

    INSERT INTO flows (group_id, short_id, kind, state, user_id, asset_id, amount_minor, opened_at, state_since)
    SELECT flow_id, short_id, 'withdrawal', state, user_id, asset_id, amount_minor, at, at FROM unnest(asked);
    INSERT INTO flow_events (group_id, from_state, state, at, actor, correlation_id, detail)
    SELECT flow_id, from_state, step.state, at, actor, correlation_id, detail
    FROM unnest(asked) WITH ORDINALITY AS one, LATERAL (VALUES
        (1, NULL, 'requested', jsonb_build_object('destination', destination, 'approvals_needed', approvals_needed)),
        (2, 'requested', one.state, '{}')) AS step (number, from_state, state, detail)
    ORDER BY ordinality, number;
    INSERT INTO withdrawals (id, user_id, asset_id, chain, destination, amount_minor, fee_minor, state,
        approvals_needed, amount_hold_id, fee_hold_id, requested_at, state_changed_at, flow_id, is_counted,
        beneficiary_name)
    SELECT id, user_id, asset_id, chain, destination, amount_minor, fee_minor, state, approvals_needed,
        holds[ordinality],
        CASE WHEN fee_minor > 0 THEN holds[size + count(*) FILTER (WHERE fee_minor > 0) OVER (ORDER BY ordinality)] END,
        at, at, flow_id, is_counted, beneficiary_name
    FROM unnest(asked) WITH ORDINALITY AS one;
    INSERT INTO audit_logs (at, event, user_id, actor, success, address, user_agent, request_id, detail)
    SELECT at, 'withdrawal.requested', user_id, actor, true, address, user_agent, request_id,
        jsonb_build_object('withdrawal_id', id)
    FROM unnest(asked);
    -- One wake-up for all: it says no more than that there is something to pay.
    INSERT INTO outbox (task, arguments, created_at, attempts)
    SELECT 'withdrawals.pay', '{}', max(at), 0 FROM unnest(asked) WHERE state = 'approved' HAVING count(*) > 0;
    INSERT INTO idempotent_requests (user_id, key, request_hash, status, body, created_at)
    SELECT user_id, key, request_hash, status, body, at FROM unnest(asked) ORDER BY user_id, key;
    RETURN QUERY SELECT id FROM unnest(asked);
END $$;

REVOKE EXECUTE ON FUNCTION ledger_lock_free(bigint[]) FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'strongroom_app') THEN
        GRANT EXECUTE ON FUNCTION ledger_lock_free(bigint[]) TO strongroom_app;
    END IF;
END $$;
