-- OPS-6: repeated refusals are one event for each minute, with their number. The hash of an event covers the number. An
-- event without one has the same hash as before.
ALTER TABLE audit_events ADD COLUMN repeats bigint;

CREATE OR REPLACE FUNCTION audit_hash(previous bytea, event audit_events) RETURNS bytea
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN sha256(previous || convert_to(
        audit_field((event).chain::text) || audit_field((event).chain_sequence::text)
        || audit_field((event).event_id::text)
        || audit_field(((extract(epoch FROM (event).occurred_time) * 1000000)::bigint)::text)
        || audit_field((event).actor) || audit_field((event).action) || audit_field((event).line_id::text)
        || audit_field((event).number) || audit_field((event).outcome) || audit_field((event).reason)
        || audit_field((event).trace_id)
        || CASE WHEN (event).repeats IS NULL THEN '' ELSE audit_field((event).repeats::text) END, 'UTF8'));

-- As before, with the new column.
CREATE OR REPLACE FUNCTION audit_append_added_lines(
    line_ids bigint[], numbers text[], occurred timestamptz, actor_name text, trace text
) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH new AS (
        SELECT line_id, number, decode(repeat('00', 32), 'hex') AS zeros, nextval('audit_event_id') AS event_id
        FROM unnest(line_ids, numbers) AS new (line_id, number)
    ), chained AS (
        SELECT *, audit_hash(zeros, ROW(event_id, occurred, actor_name, 'ADD_LINE', line_id, number, 'DONE', NULL,
            trace, line_id, 1, NULL, NULL)::audit_events) AS hash
        FROM new
    ), heads AS (
        INSERT INTO audit_chains (chain, head_sequence, head_hash) SELECT line_id, 1, hash FROM chained
    )
    INSERT INTO audit_events (event_id, occurred_time, actor, action, line_id, number, outcome, trace_id, chain,
        chain_sequence, chain_hash)
    SELECT event_id, occurred, actor_name, 'ADD_LINE', line_id, number, 'DONE', trace, line_id, 1, hash FROM chained
$$;

-- LOGIN-5: a refused login that is only counted does the work of an event: a row lock, a hash, a durable write.
CREATE TABLE audit_decoys (
    slot integer PRIMARY KEY,
    turns bigint NOT NULL DEFAULT 0,
    hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex')
) WITH (fillfactor = 50);
-- An event writes to indexes, so a decoy does so, too.
CREATE INDEX audit_decoys_turns ON audit_decoys (turns);
INSERT INTO audit_decoys (slot) SELECT generate_series(0, 63);

CREATE FUNCTION audit_decoy(for_number text, occurred timestamptz, actor_name text, trace text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    head audit_decoys;
BEGIN
    SELECT * INTO STRICT head FROM audit_decoys WHERE slot = hashtext(for_number) & 63 FOR UPDATE;
    UPDATE audit_decoys
    SET turns = head.turns + 1,
        hash = audit_hash(head.hash, ROW(head.turns, occurred, actor_name, 'LOGIN', NULL, NULL, 'REFUSED',
            'NOTHING_LIVE', trace, -1, head.turns, NULL, NULL)::audit_events)
    WHERE slot = head.slot;
END $$;

REVOKE ALL ON FUNCTION audit_decoy FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_decoy TO aikagi_authentication;
GRANT INSERT (repeats) ON audit_events
    TO aikagi_issuance, aikagi_authentication, aikagi_password, aikagi_units;
