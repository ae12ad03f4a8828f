use std::collections::BTreeSet;

use super::{ROLES, database};

/// The grants of docs/architecture.md: role, privilege, table and columns (`*` for all). Everything else must be
/// refused.
const ALLOWED: &[(&str, &str, &str, &[&str])] = &[
    ("aikagi_issuance", "SELECT", "lines", &["*"]),
    ("aikagi_issuance", "SELECT", "numbers", &["*"]),
    (
        "aikagi_issuance",
        "SELECT",
        "credentials",
        &[
            "number",
            "kind",
            "epoch",
            "failures",
            "killed_time",
            "temporary_expires_time",
        ],
    ),
    (
        "aikagi_issuance",
        "UPDATE",
        "credentials",
        &[
            "kind",
            "epoch",
            "failures",
            "killed_time",
            "temporary_expires_time",
        ],
    ),
    ("aikagi_issuance", "UPDATE", "lines", &["unit", "version"]),
    ("aikagi_issuance", "INSERT", "audit_events", EVENT),
    ("aikagi_authentication", "SELECT", "lines", &["*"]),
    ("aikagi_authentication", "SELECT", "numbers", &["*"]),
    ("aikagi_authentication", "SELECT", "credentials", &["*"]),
    (
        "aikagi_authentication",
        "UPDATE",
        "credentials",
        &[
            "failures",
            "reset_round",
            "killed_time",
            "last_login_time",
            "wrong_attempts",
            "session_generation",
            "open_charges",
            "permanent_hash",
        ],
    ),
    ("aikagi_authentication", "SELECT", "ended_sessions", &["*"]),
    ("aikagi_authentication", "INSERT", "ended_sessions", &["*"]),
    ("aikagi_authentication", "DELETE", "ended_sessions", &[]),
    ("aikagi_authentication", "SELECT", "decoy_lines", &["*"]),
    ("aikagi_authentication", "SELECT", "decoy_numbers", &["*"]),
    (
        "aikagi_authentication",
        "SELECT",
        "decoy_credentials",
        &["*"],
    ),
    (
        "aikagi_authentication",
        "UPDATE",
        "decoy_credentials",
        &["failures", "wrong_attempts", "open_charges", "killed_time"],
    ),
    ("aikagi_authentication", "SELECT", "decoy_charges", &["*"]),
    (
        "aikagi_authentication",
        "UPDATE",
        "decoy_charges",
        &["charges"],
    ),
    ("aikagi_authentication", "INSERT", "audit_events", EVENT),
    ("aikagi_password", "SELECT", "lines", &["*"]),
    ("aikagi_password", "SELECT", "numbers", &["*"]),
    ("aikagi_password", "SELECT", "credentials", WITHOUT_HASH),
    (
        "aikagi_password",
        "UPDATE",
        "credentials",
        CHANGED_WITH_HASH,
    ),
    (
        "aikagi_password",
        "UPDATE",
        "lines",
        &["unit_established_time", "version"],
    ),
    ("aikagi_password", "INSERT", "audit_events", EVENT),
    ("aikagi_units", "SELECT", "lines", &["*"]),
    ("aikagi_units", "SELECT", "numbers", &["*"]),
    ("aikagi_units", "SELECT", "credentials", WITHOUT_HASH),
    ("aikagi_units", "SELECT", "credentials", &["open_charges"]),
    ("aikagi_units", "UPDATE", "credentials", CHANGED_WITH_HASH),
    ("aikagi_units", "INSERT", "credentials", &["number"]),
    ("aikagi_units", "INSERT", "lines", &["*"]),
    ("aikagi_units", "INSERT", "numbers", &["*"]),
    ("aikagi_units", "DELETE", "lines", &[]),
    ("aikagi_units", "DELETE", "numbers", &[]),
    (
        "aikagi_units",
        "UPDATE",
        "lines",
        &[
            "contract_number",
            "unit",
            "unit_established_time",
            "closed_time",
            "version",
        ],
    ),
    (
        "aikagi_units",
        "UPDATE",
        "numbers",
        &["line_id", "subscribed"],
    ),
    ("aikagi_units", "INSERT", "audit_events", EVENT),
    ("aikagi_units", "SELECT", "audit_events", &["*"]),
    ("aikagi_units", "SELECT", "audit_chains", &["*"]),
    (
        "aikagi_reseal",
        "SELECT",
        "credentials",
        &["number", "permanent_hash", "hash_epoch"],
    ),
    (
        "aikagi_reseal",
        "UPDATE",
        "credentials",
        &["permanent_hash"],
    ),
];

/// The columns that a service may insert. The database computes the position in the chain.
const EVENT: &[&str] = &[
    "occurred_time",
    "actor",
    "action",
    "line_id",
    "number",
    "outcome",
    "reason",
    "trace_id",
    "repeats",
];

const WITHOUT_HASH: &[&str] = &[
    "number",
    "kind",
    "epoch",
    "failures",
    "killed_time",
    "temporary_expires_time",
    "hash_epoch",
    "changed_time",
    "last_login_time",
    "wrong_attempts",
];

const CHANGED_WITH_HASH: &[&str] = &[
    "kind",
    "epoch",
    "failures",
    "killed_time",
    "temporary_expires_time",
    "permanent_hash",
    "hash_epoch",
    "changed_time",
];

/// True if the table above allows a privilege, on a column or (`None`) on the whole table.
fn allowed(role: &str, privilege: &str, table: &str, column: Option<&str>) -> bool {
    ALLOWED.iter().any(|(r, p, t, columns)| {
        (*r, *p, *t) == (role, privilege, table)
            && column.is_none_or(|column| columns.contains(&"*") || columns.contains(&column))
    })
}

/// INV-9, INV-2, OPS-3: every role has exactly the privileges of the table above, for every table and column. The test
/// finds new tables and columns by itself.
#[tokio::test]
async fn roles_have_exactly_their_grants() {
    let (_database, pool) = database().await;
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text FROM information_schema.columns
         WHERE table_schema = 'public' ORDER BY 1, 2",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert!(columns.len() > 30);
    let tables: BTreeSet<&str> = columns.iter().map(|(table, _)| table.as_str()).collect();
    for role in ROLES {
        for (table, column) in &columns {
            for privilege in ["SELECT", "INSERT", "UPDATE", "REFERENCES"] {
                let granted: bool =
                    sqlx::query_scalar("SELECT has_column_privilege($1, $2, $3, $4)")
                        .bind(role)
                        .bind(table)
                        .bind(column)
                        .bind(privilege)
                        .fetch_one(&pool)
                        .await
                        .unwrap();
                let expected = allowed(role, privilege, table, Some(column));
                assert_eq!(granted, expected, "{role}: {privilege} {table}.{column}");
            }
        }
        for table in &tables {
            for privilege in ["DELETE", "TRUNCATE", "TRIGGER"] {
                let granted: bool = sqlx::query_scalar("SELECT has_table_privilege($1, $2, $3)")
                    .bind(role)
                    .bind(table)
                    .bind(privilege)
                    .fetch_one(&pool)
                    .await
                    .unwrap();
                assert_eq!(
                    granted,
                    allowed(role, privilege, table, None),
                    "{role}: {privilege} {table}"
                );
            }
        }
    }
}

/// OPS-3: each role may call only its own `SECURITY DEFINER` functions. The units service opens months and appends the
/// events of an import. Only the retention job removes months. Authentication may call `audit_decoy`, which does as
/// much work as an event. It does so for each refused login that is only counted (LOGIN-5).
#[tokio::test]
async fn roles_may_call_only_their_functions() {
    const ALLOWED: [(&str, &str); 4] = [
        ("aikagi_units", "audit_append_added_lines"),
        ("aikagi_units", "audit_open_month"),
        ("aikagi_retention", "audit_remove_months"),
        ("aikagi_authentication", "audit_decoy"),
    ];
    let (_database, pool) = database().await;
    let functions: Vec<(String, String)> = sqlx::query_as(
        "SELECT proname::text, oid::regprocedure::text FROM pg_proc
         WHERE prosecdef AND pronamespace = 'public'::regnamespace",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(functions.len(), 5, "{functions:?}");
    for role in ROLES {
        for (name, signature) in &functions {
            let granted: bool =
                sqlx::query_scalar("SELECT has_function_privilege($1, $2, 'EXECUTE')")
                    .bind(role)
                    .bind(signature)
                    .fetch_one(&pool)
                    .await
                    .unwrap();
            let expected = ALLOWED.contains(&(role, name.as_str()));
            assert_eq!(granted, expected, "{role}: {name}");
        }
    }
}

/// INV-1: only the roles that renew credentials may draw epochs. No role may reset the sequence, create tables or use
/// another role's rights.
#[tokio::test]
async fn roles_have_no_rights_beyond_their_grants() {
    let (_database, pool) = database().await;
    let draws = ["aikagi_issuance", "aikagi_password", "aikagi_units"];
    let sequences: Vec<String> =
        sqlx::query_scalar("SELECT sequence_name::text FROM information_schema.sequences")
            .fetch_all(&pool)
            .await
            .unwrap();
    for role in ROLES {
        for sequence in &sequences {
            for privilege in ["USAGE", "SELECT", "UPDATE"] {
                let granted: bool = sqlx::query_scalar("SELECT has_sequence_privilege($1, $2, $3)")
                    .bind(role)
                    .bind(sequence)
                    .bind(privilege)
                    .fetch_one(&pool)
                    .await
                    .unwrap();
                let expected =
                    sequence == "credential_epoch" && privilege == "USAGE" && draws.contains(&role);
                assert_eq!(granted, expected, "{role}: {privilege} {sequence}");
            }
        }
        let more: bool = sqlx::query_scalar(
            "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls
                OR has_schema_privilege(oid, 'public', 'CREATE')
                OR EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid OR roleid = r.oid)
             FROM pg_roles AS r WHERE rolname = $1",
        )
        .bind(role)
        .fetch_one(&pool)
        .await
        .unwrap();
        assert!(!more, "{role}");
    }
}
