-- Accept requests for withdrawals, each with its hold, its flow and its answer under its key; the ids of those that were
-- accepted. Whatever stands against one, or would have to be waited for, leaves that one out and no other: nothing of it
-- has happened, and it is asked for by itself, which waits, or is refused by name.
--
-- Two of these cannot wait for each other. Accounts and days that somebody holds are left alone, and of one account no
-- more than one request is taken. What is left to wait for is a key that another transaction is about to use: whoever
-- does has nothing else to wait for than a key, and all come to keys in the same order.
CREATE OR REPLACE FUNCTION withdrawals_request(p_asked jsonb[]) RETURNS SETOF uuid
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
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
    -- is asked here too. Each row is looked up by its key within a subquery (OFFSET 0 keeps it one): given a choice while
    -- there are few rows, a connection learns to read them all, by whatever index, and does so when there are many.
    asked := ARRAY(
        SELECT DISTINCT ON (one.owner_account) one
        FROM unnest(asked) AS one
        CROSS JOIN LATERAL (SELECT * FROM ledger_accounts WHERE id = one.owner_account OFFSET 0) AS own
        CROSS JOIN LATERAL (SELECT * FROM ledger_accounts WHERE id = one.hot_wallet_account OFFSET 0) AS hot
        CROSS JOIN LATERAL (SELECT * FROM ledger_accounts WHERE id = one.fees_account OFFSET 0) AS fees
        WHERE own.id = ANY (free) AND own.asset_id = one.asset_id AND own.owner_id = one.user_id
            AND own.floor IS NOT NULL AND own.kind NOT IN ('asset', 'expense') AND own.shards IS NULL
            AND own.posted - own.held - one.amount_minor - one.fee_minor >= own.floor
            AND hot.asset_id = one.asset_id AND hot.shard_of IS NULL AND hot.floor IS NULL
            AND fees.asset_id = one.asset_id AND fees.shard_of IS NULL AND fees.floor IS NULL
            AND NOT EXISTS (SELECT FROM idempotent_requests AS known
                            WHERE known.user_id = one.user_id AND known.key = one.key OFFSET 0)
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
