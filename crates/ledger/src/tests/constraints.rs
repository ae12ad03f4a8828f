use super::{add_line, database, refusal};

const CHECK: &str = "23514";
const UNIQUE: &str = "23505";
const FOREIGN: &str = "23503";

/// INV-1, INV-2, LOGIN-7, UNIT-2: the database refuses rows that violate a rule.
#[tokio::test]
async fn rows_that_violate_a_rule_are_refused() {
    let (_database, pool) = database().await;
    add_line(&pool, &["0312345678", "0311111111"]).await;
    add_line(&pool, &["0612345678"]).await;
    for (statement, expected) in [
        ("UPDATE lines SET unit = 'GROUP'", CHECK),
        ("UPDATE lines SET unit_established_time = now()", CHECK),
        (
            "UPDATE lines SET contract_number = '0612345678' WHERE contract_number = '0312345678'",
            UNIQUE,
        ),
        (
            "UPDATE lines SET contract_number = '0399999999' WHERE contract_number = '0312345678'",
            FOREIGN,
        ),
        (
            "INSERT INTO lines (contract_number) VALUES ('0399999999')",
            FOREIGN,
        ),
        ("INSERT INTO numbers VALUES ('03-1234-567', 1, true)", CHECK),
        ("INSERT INTO numbers VALUES ('0311111111', 1, true)", UNIQUE),
        (
            "INSERT INTO numbers VALUES ('0311111112', 999, true)",
            FOREIGN,
        ),
        ("DELETE FROM numbers WHERE number = '0312345678'", FOREIGN),
        (
            "INSERT INTO credentials (number) VALUES ('0399999999')",
            FOREIGN,
        ),
        (
            "INSERT INTO credentials (number) VALUES ('0311111111')",
            UNIQUE,
        ),
        ("UPDATE credentials SET kind = 'OTHER'", CHECK),
        ("UPDATE credentials SET epoch = 1", UNIQUE),
        ("UPDATE credentials SET failures = -1", CHECK),
        ("UPDATE credentials SET wrong_attempts = -1", CHECK),
        ("UPDATE credentials SET kind = 'TEMPORARY'", CHECK),
        (
            "UPDATE credentials SET temporary_expires_time = now()",
            CHECK,
        ),
        ("UPDATE credentials SET permanent_hash = 'x'", CHECK),
        ("UPDATE credentials SET kind = 'PERMANENT'", CHECK),
        (
            "UPDATE credentials SET kind = 'PERMANENT', changed_time = now(), permanent_hash = 'x', hash_epoch = epoch - 1",
            CHECK,
        ),
        (
            "UPDATE credentials SET kind = 'PERMANENT', permanent_hash = 'x', hash_epoch = epoch",
            CHECK,
        ),
    ] {
        assert_eq!(
            refusal(&pool, statement).await.as_deref(),
            Some(expected),
            "{statement}"
        );
    }
}

/// INV-1: an epoch is never drawn again, even if its transaction was rolled back.
#[tokio::test]
async fn an_epoch_is_never_drawn_twice() {
    let (_database, pool) = database().await;
    let draw = "SELECT nextval('credential_epoch')";
    let mut transaction = pool.begin().await.unwrap();
    let lost: i64 = sqlx::query_scalar(draw)
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    transaction.rollback().await.unwrap();
    let next: i64 = sqlx::query_scalar(draw).fetch_one(&pool).await.unwrap();
    assert!(next > lost);
}

/// LOGIN-7, IVR-10, PW-2: all valid states of a credential can be written. Deleting a number deletes its credential.
#[tokio::test]
async fn the_states_of_a_credential_can_be_written() {
    let (_database, pool) = database().await;
    add_line(&pool, &["0312345678", "0311111111"]).await;
    for statement in [
        "UPDATE credentials SET kind = 'TEMPORARY', epoch = nextval('credential_epoch'), temporary_expires_time = now()",
        "UPDATE credentials SET killed_time = now(), failures = 3",
        "UPDATE credentials SET kind = 'PERMANENT', epoch = nextval('credential_epoch'), \
            temporary_expires_time = NULL, killed_time = NULL, failures = 0",
    ] {
        let expected = statement.contains("PERMANENT").then(|| "23514".to_owned());
        assert_eq!(refusal(&pool, statement).await, expected, "{statement}");
    }
    for statement in [
        "WITH new AS (SELECT number, nextval('credential_epoch') AS epoch FROM credentials)
         UPDATE credentials AS c SET kind = 'PERMANENT', epoch = new.epoch, hash_epoch = new.epoch,
            permanent_hash = 'x', changed_time = now(), temporary_expires_time = NULL, killed_time = NULL
         FROM new WHERE new.number = c.number",
        "UPDATE credentials SET kind = 'TEMPORARY', epoch = nextval('credential_epoch'), temporary_expires_time = now()",
        "UPDATE credentials SET kind = 'NONE', temporary_expires_time = NULL",
        "DELETE FROM numbers WHERE number = '0311111111'",
    ] {
        assert_eq!(refusal(&pool, statement).await, None, "{statement}");
    }
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM credentials")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(left, 1);
}
