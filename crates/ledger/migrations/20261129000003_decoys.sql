-- LOGIN-5: a decoy has the shape of a credential with its number and line, so that an attempt that finds nothing to
-- charge does the same work as one that is charged. `decoy_charges` stays for services of the previous version.
CREATE TABLE decoy_lines (LIKE lines INCLUDING ALL);
CREATE TABLE decoy_numbers (LIKE numbers INCLUDING ALL);
CREATE TABLE decoy_credentials (LIKE credentials INCLUDING ALL) WITH (fillfactor = 50);

INSERT INTO decoy_lines (line_id, contract_number, unit, unit_established_time) OVERRIDING SYSTEM VALUE
SELECT slot, '0' || lpad(slot::text, 9, '0'), 'LINE', now() FROM generate_series(0, 63) AS slot;
INSERT INTO decoy_numbers (number, line_id, subscribed) SELECT contract_number, line_id, true FROM decoy_lines;
INSERT INTO decoy_credentials (number, kind, epoch, permanent_hash, hash_epoch, changed_time)
SELECT contract_number, 'PERMANENT', line_id, decode(repeat('00', 170), 'hex'), line_id, now() FROM decoy_lines;

GRANT SELECT ON decoy_lines, decoy_numbers, decoy_credentials TO aikagi_authentication;
GRANT UPDATE (failures, wrong_attempts, open_charges, killed_time) ON decoy_credentials TO aikagi_authentication;

-- A decoy event has the chain and the indexes of an event. It replaces the one before it, so nothing grows.
CREATE TABLE decoy_chains (LIKE audit_chains INCLUDING ALL) WITH (fillfactor = 50);
CREATE TABLE decoy_events (LIKE audit_events INCLUDING ALL) WITH (fillfactor = 50);
INSERT INTO decoy_chains (chain) SELECT generate_series(0, 63);
INSERT INTO decoy_events (event_id, occurred_time, actor, action, number, outcome, reason, trace_id, chain,
    chain_sequence, chain_hash)
SELECT chain, now(), repeat('*', 10), 'LOGIN', repeat('0', 10), 'REFUSED', 'NOTHING_LIVE', repeat('0', 32), chain, 0,
    head_hash FROM decoy_chains;

CREATE OR REPLACE FUNCTION audit_decoy(for_number text, occurred timestamptz, actor_name text, trace text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    head decoy_chains;
    new audit_events;
BEGIN
    SELECT * INTO STRICT head FROM decoy_chains WHERE chain = hashtext(for_number) & 63 FOR UPDATE;
    new := ROW(nextval('audit_event_id'), occurred, actor_name, 'LOGIN', head.chain, for_number, 'REFUSED',
        'NOTHING_LIVE', trace, head.chain, head.head_sequence + 1, NULL, NULL);
    new.chain_hash := audit_hash(head.head_hash, new);
    UPDATE decoy_chains SET head_sequence = new.chain_sequence, head_hash = new.chain_hash WHERE chain = head.chain;
    -- Neither the number nor the trace is stored, because the number may belong to nobody.
    UPDATE decoy_events
    SET event_id = new.event_id, occurred_time = occurred, chain_hash = new.chain_hash,
        chain_sequence = new.chain_sequence
    WHERE chain = head.chain AND chain_sequence = head.head_sequence;
END $$;
