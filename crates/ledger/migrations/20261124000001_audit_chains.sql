-- OPS-3: the audit trail shows whether it is whole, and can be kept for a limited time. Events are chained by hash
-- for each line (docs/audit.md says how), and partitioned by month, so that retention removes whole months at once.

-- The ends of each chain: the last event that retention removed, and the newest one. Locked by whoever appends.
CREATE TABLE audit_chains (
    -- A line's id; below 0 for events on no line.
    chain bigint PRIMARY KEY,
    base_sequence bigint NOT NULL DEFAULT 0,
    base_hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
    head_sequence bigint NOT NULL DEFAULT 0,
    head_hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
    CHECK (base_sequence BETWEEN 0 AND head_sequence)
) WITH (fillfactor = 80);

CREATE SEQUENCE audit_event_id AS bigint;

ALTER TABLE audit_events RENAME TO audit_events_unchained;
ALTER TABLE audit_events_unchained RENAME CONSTRAINT audit_events_pkey TO audit_events_unchained_pkey;
ALTER INDEX audit_events_line RENAME TO audit_events_unchained_line;

CREATE TABLE audit_events (
    -- In the order of recording; drawn under the chain's lock, so that a chain's events are in order of it too.
    event_id bigint NOT NULL,
    occurred_time timestamptz NOT NULL,
    -- The account (masked) or workload that acted.
    actor text NOT NULL,
    action text NOT NULL,
    line_id bigint,
    -- The number concerned, if it is on a line; a number that is on none is not kept.
    number text,
    outcome text NOT NULL,
    reason text,
    trace_id text,
    chain bigint NOT NULL,
    chain_sequence bigint NOT NULL,
    chain_hash bytea NOT NULL,
    PRIMARY KEY (event_id, occurred_time)
) PARTITION BY RANGE (occurred_time);
CREATE INDEX audit_events_chain ON audit_events (chain, chain_sequence);
CREATE INDEX audit_events_number ON audit_events (number, event_id);

-- For events of months that nobody has opened: none is ever refused.
CREATE TABLE audit_events_other PARTITION OF audit_events DEFAULT;

-- A netstring; an absent value is told from an empty one.
CREATE FUNCTION audit_field(value text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN coalesce(octet_length(value)::text || ':' || value || ',', '-,');

-- The hash of an event that follows the one with the hash `previous`.
CREATE FUNCTION audit_hash(previous bytea, event audit_events) RETURNS bytea
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN sha256(previous || convert_to(
        audit_field((event).chain::text) || audit_field((event).chain_sequence::text)
        || audit_field((event).event_id::text)
        || audit_field(((extract(epoch FROM (event).occurred_time) * 1000000)::bigint)::text)
        || audit_field((event).actor) || audit_field((event).action) || audit_field((event).line_id::text)
        || audit_field((event).number) || audit_field((event).outcome) || audit_field((event).reason)
        || audit_field((event).trace_id), 'UTF8'));

-- Puts a new event at the end of its chain. Events on no line share a few chains, so that refused logins of unknown
-- numbers do not wait for one another.
CREATE FUNCTION audit_append() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    head audit_chains;
BEGIN
    NEW.chain := coalesce(NEW.line_id, -1 - pg_backend_pid() % 16);
    SELECT * INTO head FROM audit_chains WHERE chain = NEW.chain FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO audit_chains (chain) VALUES (NEW.chain) ON CONFLICT DO NOTHING;
        SELECT * INTO STRICT head FROM audit_chains WHERE chain = NEW.chain FOR UPDATE;
    END IF;
    NEW.chain_sequence := head.head_sequence + 1;
    NEW.event_id := nextval('audit_event_id');
    NEW.chain_hash := audit_hash(head.head_hash, NEW);
    UPDATE audit_chains SET head_sequence = NEW.chain_sequence, head_hash = NEW.chain_hash
    WHERE chain = NEW.chain;
    RETURN NEW;
END $$;

CREATE TRIGGER audit_append BEFORE INSERT ON audit_events
    FOR EACH ROW WHEN (NEW.chain_sequence IS NULL) EXECUTE FUNCTION audit_append();

-- The first event of each of many new lines, all at once (bulk import): what the trigger would do one by one.
CREATE FUNCTION audit_append_added_lines(
    line_ids bigint[], numbers text[], occurred timestamptz, actor_name text, trace text
) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH new AS (
        SELECT line_id, number, decode(repeat('00', 32), 'hex') AS zeros, nextval('audit_event_id') AS event_id
        FROM unnest(line_ids, numbers) AS new (line_id, number)
    ), chained AS (
        SELECT *, audit_hash(zeros, ROW(event_id, occurred, actor_name, 'ADD_LINE', line_id, number, 'DONE', NULL,
            trace, line_id, 1, NULL)::audit_events) AS hash
        FROM new
    ), heads AS (
        INSERT INTO audit_chains (chain, head_sequence, head_hash) SELECT line_id, 1, hash FROM chained
    )
    INSERT INTO audit_events (event_id, occurred_time, actor, action, line_id, number, outcome, trace_id, chain,
        chain_sequence, chain_hash)
    SELECT event_id, occurred, actor_name, 'ADD_LINE', line_id, number, 'DONE', trace, line_id, 1, hash FROM chained
$$;

-- Opens a month: makes its partition, and moves there what has gathered elsewhere. False when it is open already.
CREATE FUNCTION audit_open_month(day date) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first date := date_trunc('month', day);
    next date := first + interval '1 month';
    name text := to_char(first, '"audit_events_"YYYY"_"MM');
BEGIN
    IF day NOT BETWEEN current_date - 400 AND current_date + 400 THEN
        RAISE EXCEPTION 'a month so far away is not opened';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('audit_open_month'));
    IF to_regclass(name) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE audit_events INCLUDING CONSTRAINTS)', name);
    EXECUTE format('WITH moved AS (DELETE FROM audit_events_other
        WHERE occurred_time >= %2$L AND occurred_time < %3$L RETURNING *) INSERT INTO %1$I SELECT * FROM moved',
        name, first::timestamp AT TIME ZONE 'UTC', next::timestamp AT TIME ZONE 'UTC');
    EXECUTE format('ALTER TABLE audit_events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        name, first::timestamp AT TIME ZONE 'UTC', next::timestamp AT TIME ZONE 'UTC');
    RETURN true;
END $$;

-- Retention: removes the months that were over before a moment, and what is older elsewhere. Each chain's base
-- becomes the last event removed. The number of months removed.
CREATE FUNCTION audit_remove_months(before timestamptz) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    month_name text;
    month_end timestamptz;
    removed integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('audit_open_month'));
    FOR month_name IN
        SELECT relname FROM pg_class JOIN pg_inherits ON inhrelid = pg_class.oid
        WHERE inhparent = 'audit_events'::regclass AND relname ~ '^audit_events_[0-9]{4}_[0-9]{2}$'
        ORDER BY relname
    LOOP
        month_end := (to_date(right(month_name, 7), 'YYYY_MM') + interval '1 month') AT TIME ZONE 'UTC';
        CONTINUE WHEN month_end > before;
        EXECUTE format('UPDATE audit_chains SET base_sequence = last.chain_sequence, base_hash = last.chain_hash
            FROM (SELECT DISTINCT ON (chain) chain, chain_sequence, chain_hash FROM %I
                  ORDER BY chain, chain_sequence DESC) AS last
            WHERE audit_chains.chain = last.chain AND base_sequence < last.chain_sequence', month_name);
        EXECUTE format('DROP TABLE %I', month_name);
        removed := removed + 1;
    END LOOP;
    -- A service whose clock was behind has put an event into an earlier month than the one before it.
    DELETE FROM audit_events USING audit_chains
    WHERE audit_events.chain = audit_chains.chain AND chain_sequence <= base_sequence
      AND occurred_time < before + interval '1 day';
    WITH old AS (
        DELETE FROM audit_events_other WHERE occurred_time < before RETURNING chain, chain_sequence, chain_hash
    ), last AS (
        SELECT DISTINCT ON (chain) chain, chain_sequence, chain_hash FROM old ORDER BY chain, chain_sequence DESC
    )
    UPDATE audit_chains SET base_sequence = last.chain_sequence, base_hash = last.chain_hash
    FROM last WHERE audit_chains.chain = last.chain AND base_sequence < last.chain_sequence;
    RETURN removed;
END $$;

SELECT audit_open_month((now() AT TIME ZONE 'UTC' + months * interval '1 month')::date)
FROM generate_series(0, 2) AS months;

INSERT INTO audit_events (occurred_time, actor, action, line_id, number, outcome, reason, trace_id)
SELECT occurred_time, actor, action, line_id, number, outcome, reason, trace_id
FROM audit_events_unchained ORDER BY event_id;
DROP TABLE audit_events_unchained;

DO $$
BEGIN
    CREATE ROLE aikagi_retention NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END $$;

REVOKE ALL ON FUNCTION audit_append, audit_append_added_lines, audit_open_month, audit_remove_months FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO aikagi_retention;
-- Nobody says where in its chain an event stands.
GRANT INSERT (occurred_time, actor, action, line_id, number, outcome, reason, trace_id) ON audit_events
    TO aikagi_issuance, aikagi_authentication, aikagi_password, aikagi_units;
GRANT SELECT ON audit_events, audit_chains TO aikagi_units;
GRANT EXECUTE ON FUNCTION audit_append_added_lines, audit_open_month TO aikagi_units;
-- The job that removes old months; it reads no event.
GRANT EXECUTE ON FUNCTION audit_remove_months TO aikagi_retention;
