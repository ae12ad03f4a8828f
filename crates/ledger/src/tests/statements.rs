use super::{ROLES, add_line, database, refusal};

const DENIED: &str = "42501";

/// Statements that no role may run.
const NOBODY: &[&str] = &[
    "DELETE FROM credentials",
    "DELETE FROM audit_events",
    "DELETE FROM audit_events_other",
    "UPDATE audit_chains SET head_sequence = 0",
    "INSERT INTO audit_events (event_id, occurred_time, actor, action, outcome) VALUES (1, now(), 'a', 'b', 'c')",
    "INSERT INTO audit_events (chain_sequence, occurred_time, actor, action, outcome) VALUES (1, now(), 'a', 'b', 'c')",
    "INSERT INTO audit_events_other (occurred_time, actor, action, outcome) VALUES (now(), 'a', 'b', 'c')",
    "SELECT nextval('audit_event_id')",
    "UPDATE audit_events SET outcome = 'DONE'",
    "TRUNCATE lines, numbers, credentials",
    "UPDATE credentials SET number = '0399999999'",
    "SELECT setval('credential_epoch', 1)",
    "CREATE TABLE public.mine (a int)",
    "ALTER TABLE credentials ADD COLUMN mine int",
    "DROP TABLE audit_events",
    "SELECT * FROM _sqlx_migrations",
    "SET ROLE postgres",
    "ALTER ROLE aikagi_units SUPERUSER",
    "COPY credentials TO PROGRAM 'cat'",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT * FROM pg_authid",
];

/// For each role: statements that it may not run, and statements that it may run.
const EACH: &[(&str, &[&str], &[&str])] = &[
    (
        "aikagi_issuance",
        &[
            "SELECT permanent_hash FROM credentials",
            "SELECT * FROM credentials",
            "UPDATE credentials SET permanent_hash = NULL, hash_epoch = NULL",
            "UPDATE lines SET unit_established_time = now()",
            "UPDATE lines SET closed_time = NULL",
            "INSERT INTO numbers VALUES ('0399999999', 1, true)",
            "SELECT * FROM ended_sessions",
            "SELECT * FROM audit_events",
        ],
        &[
            "SELECT kind, epoch FROM credentials",
            "UPDATE credentials SET epoch = nextval('credential_epoch')",
            "UPDATE lines SET unit = 'LINE', version = version + 1",
        ],
    ),
    (
        "aikagi_authentication",
        &[
            "UPDATE credentials SET epoch = 99",
            "UPDATE credentials SET kind = 'NONE'",
            "UPDATE credentials SET permanent_hash = NULL, hash_epoch = NULL",
            "SELECT nextval('credential_epoch')",
            "UPDATE lines SET unit = NULL",
            "SELECT 1 FROM lines FOR UPDATE",
            "UPDATE ended_sessions SET expires_time = now()",
        ],
        &[
            "SELECT * FROM credentials",
            "UPDATE credentials SET failures = failures + 1, wrong_attempts = wrong_attempts + 1",
            "UPDATE credentials SET permanent_hash = permanent_hash",
            "INSERT INTO ended_sessions VALUES ('x', now())",
            "DELETE FROM ended_sessions WHERE expires_time < now()",
        ],
    ),
    (
        "aikagi_password",
        &[
            "SELECT permanent_hash FROM credentials",
            "SELECT * FROM credentials",
            "UPDATE credentials SET epoch = 99 RETURNING permanent_hash",
            "UPDATE credentials SET epoch = 99 WHERE permanent_hash = 'x'",
            "UPDATE lines SET unit = NULL",
            "SELECT * FROM ended_sessions",
        ],
        &[
            "SELECT kind, epoch, hash_epoch FROM credentials",
            "UPDATE credentials SET permanent_hash = 'x', hash_epoch = epoch",
            "SELECT 1 FROM lines FOR NO KEY UPDATE",
        ],
    ),
    (
        "aikagi_units",
        &[
            "SELECT permanent_hash FROM credentials",
            "UPDATE credentials SET permanent_hash = 'x', hash_epoch = epoch RETURNING permanent_hash",
            "UPDATE credentials SET wrong_attempts = 0",
            "INSERT INTO credentials (number, kind) VALUES ('0399999999', 'NONE')",
            "UPDATE numbers SET number = '0399999999'",
            "SELECT * FROM ended_sessions",
            "SELECT audit_remove_months(now())",
        ],
        &[
            "SELECT * FROM audit_events",
            "SELECT * FROM audit_chains",
            "SELECT audit_open_month(current_date)",
            "UPDATE lines SET closed_time = now()",
            "UPDATE numbers SET subscribed = true",
        ],
    ),
    (
        "aikagi_reseal",
        &[
            "SELECT * FROM lines",
            "SELECT * FROM numbers",
            "SELECT kind FROM credentials",
            "UPDATE credentials SET hash_epoch = 99",
            "INSERT INTO audit_events (occurred_time, actor, action, outcome) VALUES (now(), 'a', 'b', 'c')",
        ],
        &[
            "SELECT number, permanent_hash, hash_epoch FROM credentials",
            "UPDATE credentials SET permanent_hash = permanent_hash WHERE number = '0312345678'",
        ],
    ),
    (
        "aikagi_retention",
        &[
            "SELECT * FROM lines",
            "SELECT * FROM numbers",
            "SELECT number FROM credentials",
            "SELECT * FROM audit_events",
            "SELECT * FROM audit_chains",
            "INSERT INTO audit_events (occurred_time, actor, action, outcome) VALUES (now(), 'a', 'b', 'c')",
            "SELECT audit_open_month(current_date)",
        ],
        &["SELECT audit_remove_months(now() - interval '1 year')"],
    ),
];

/// INV-9, INV-2, OPS-3: for each role, the database refuses statements beyond the grants, and runs the others.
#[tokio::test]
async fn statements_beyond_the_grants_are_refused() {
    let (database, pool) = database().await;
    add_line(&pool, &["0312345678"]).await;
    assert_eq!(EACH.len(), ROLES.len());
    for (role, refused, allowed) in EACH {
        let pool = database.pool_as(role).await.unwrap();
        for statement in NOBODY.iter().chain(*refused) {
            let state = refusal(&pool, statement).await;
            assert_eq!(state.as_deref(), Some(DENIED), "{role}: {statement}");
        }
        for statement in *allowed {
            assert_eq!(refusal(&pool, statement).await, None, "{role}: {statement}");
        }
    }
}
