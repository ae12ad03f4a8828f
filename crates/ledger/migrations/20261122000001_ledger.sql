-- The ledger: what must not be lost. Lines, their numbers, one credential for each number, ended
-- sessions and the audit trail; one role for each service, with grants by column (architecture, section 1).

CREATE SEQUENCE credential_epoch AS bigint;

CREATE TABLE lines (
    line_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    contract_number text NOT NULL UNIQUE,
    -- UNIT-2: none until a temporary password chooses it; established by the first permanent password.
    unit text CHECK (unit IN ('LINE', 'NUMBER', 'ADMIN_USER')),
    unit_established_time timestamptz,
    closed_time timestamptz,
    -- One more with every change of the unit or of the numbers (SESS-5).
    version bigint NOT NULL DEFAULT 0,
    CHECK (unit IS NOT NULL OR unit_established_time IS NULL)
);

CREATE TABLE numbers (
    number text PRIMARY KEY CHECK (number ~ '^0[0-9]{9,10}$'),
    line_id bigint NOT NULL REFERENCES lines,
    subscribed boolean NOT NULL,
    UNIQUE (line_id, number)
);

-- A line's contract number is one of its numbers; both rows are written in one transaction.
ALTER TABLE lines ADD FOREIGN KEY (line_id, contract_number) REFERENCES numbers (line_id, number)
    DEFERRABLE INITIALLY DEFERRED;

-- A row for every number, from the day it is on a line. `kind` is NONE unless the number is an account
-- of its line's unit: whoever changes a unit or a line's numbers voids the credentials concerned.
CREATE TABLE credentials (
    number text PRIMARY KEY REFERENCES numbers ON DELETE CASCADE,
    kind text NOT NULL DEFAULT 'NONE' CHECK (kind IN ('NONE', 'TEMPORARY', 'PERMANENT')),
    -- INV-1: new whenever the credential changes identity.
    epoch bigint NOT NULL DEFAULT nextval('credential_epoch') UNIQUE,
    -- INV-2: charged before hashing, given back after. `reset_round` grows with every login that sets
    -- it to 0, so that a charge from before that is not given back twice.
    failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    reset_round bigint NOT NULL DEFAULT 0,
    killed_time timestamptz,
    temporary_expires_time timestamptz,
    -- The last permanent password, sealed (INV-9) under `hash_epoch`. It is live only while `kind` is
    -- PERMANENT; afterwards it is kept for PW-2.
    permanent_hash bytea,
    hash_epoch bigint,
    changed_time timestamptz,
    -- SESS-6: across epochs, since the last login.
    last_login_time timestamptz,
    wrong_attempts integer NOT NULL DEFAULT 0 CHECK (wrong_attempts >= 0),
    -- SESS-2: sessions of an earlier generation are dead, at an operator's word.
    session_generation bigint NOT NULL DEFAULT 0,
    CHECK ((kind = 'TEMPORARY') = (temporary_expires_time IS NOT NULL)),
    CHECK ((permanent_hash IS NULL) = (hash_epoch IS NULL)),
    CHECK (kind <> 'PERMANENT' OR (hash_epoch = epoch AND changed_time IS NOT NULL))
) WITH (fillfactor = 80);

-- Sessions that were logged out, by the digest of their token, until they would have ended anyway: a
-- Redis replica that missed the deletion must not bring one back (INV-3).
CREATE TABLE ended_sessions (
    token_digest bytea PRIMARY KEY,
    expires_time timestamptz NOT NULL
);
CREATE INDEX ended_sessions_expires_time ON ended_sessions (expires_time);

-- OPS-3: one event for each decision, in the transaction of the change that it records.
CREATE TABLE audit_events (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    occurred_time timestamptz NOT NULL,
    -- The account (masked) or workload that acted.
    actor text NOT NULL,
    action text NOT NULL,
    line_id bigint,
    -- The number concerned, if it is on a line; a number that is on none is not kept.
    number text,
    outcome text NOT NULL,
    reason text,
    trace_id text
);
CREATE INDEX audit_events_line ON audit_events (line_id, event_id);

-- Roles belong to the cluster, grants to the database. Whoever deploys lets them log in.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY[
        'aikagi_issuance', 'aikagi_authentication', 'aikagi_password', 'aikagi_units', 'aikagi_reseal'
    ] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
END $$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public
    TO aikagi_issuance, aikagi_authentication, aikagi_password, aikagi_units, aikagi_reseal;

GRANT SELECT ON lines, numbers TO aikagi_issuance, aikagi_authentication, aikagi_password, aikagi_units;
GRANT INSERT ON audit_events TO aikagi_issuance, aikagi_authentication, aikagi_password, aikagi_units;

-- issuance: a credential's kind and epoch, a line's first unit.
GRANT UPDATE (unit, version) ON lines TO aikagi_issuance;
GRANT SELECT (number, kind, epoch, failures, killed_time, temporary_expires_time)
    ON credentials TO aikagi_issuance;
GRANT UPDATE (kind, epoch, failures, killed_time, temporary_expires_time)
    ON credentials TO aikagi_issuance;
GRANT USAGE ON SEQUENCE credential_epoch TO aikagi_issuance;

-- authentication: the only reader of hashes; writes counts, logins and ended sessions.
GRANT SELECT ON credentials TO aikagi_authentication;
GRANT UPDATE (failures, reset_round, killed_time, last_login_time, wrong_attempts, session_generation)
    ON credentials TO aikagi_authentication;
GRANT SELECT, INSERT, DELETE ON ended_sessions TO aikagi_authentication;

-- password and units: everything about a credential but its hash, which they write and never read.
GRANT SELECT (number, kind, epoch, failures, killed_time, temporary_expires_time, hash_epoch, changed_time,
    last_login_time, wrong_attempts)
    ON credentials TO aikagi_password, aikagi_units;
GRANT UPDATE (kind, epoch, failures, killed_time, temporary_expires_time, permanent_hash, hash_epoch,
    changed_time)
    ON credentials TO aikagi_password, aikagi_units;
GRANT USAGE ON SEQUENCE credential_epoch TO aikagi_password, aikagi_units;
GRANT UPDATE (unit_established_time, version) ON lines TO aikagi_password;

-- units: the directory.
GRANT INSERT, DELETE ON lines, numbers TO aikagi_units;
GRANT UPDATE (contract_number, unit, unit_established_time, closed_time, version) ON lines TO aikagi_units;
GRANT UPDATE (line_id, subscribed) ON numbers TO aikagi_units;
GRANT INSERT (number) ON credentials TO aikagi_units;
GRANT SELECT ON audit_events TO aikagi_units;

-- The job that seals again under a new key (INV-9).
GRANT SELECT (number, permanent_hash, hash_epoch) ON credentials TO aikagi_reseal;
GRANT UPDATE (permanent_hash) ON credentials TO aikagi_reseal;
