-- LOGIN-5: an attempt that finds nothing to charge writes as much, and as durably, before its hash as one that is
-- charged; else the time of a refusal would tell which numbers have a live password. Several rows, so that attempts
-- at once do not wait for one another.
CREATE TABLE decoy_charges (
    slot integer PRIMARY KEY,
    charges bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO decoy_charges (slot) SELECT generate_series(0, 63);

GRANT SELECT, UPDATE (charges) ON decoy_charges TO aikagi_authentication;
