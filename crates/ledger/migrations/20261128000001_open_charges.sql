-- INV-2, LOGIN-3: a charge has an id, so that its refund can be tried again until it is known to be written, and counts
-- once. `open_charges` has the ids of the charges since the count was last 0.
ALTER TABLE credentials ADD COLUMN open_charges bigint[] NOT NULL DEFAULT '{}';

GRANT UPDATE (open_charges) ON credentials TO aikagi_authentication;
