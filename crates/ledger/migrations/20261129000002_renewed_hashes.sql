-- LOGIN-10: a right login replaces a hash that has the cost of earlier settings.
GRANT UPDATE (permanent_hash) ON credentials TO aikagi_authentication;
