-- OPS-2: an operator sees how many charges of a password are open (LOGIN-4).
GRANT SELECT (open_charges) ON credentials TO aikagi_units;
