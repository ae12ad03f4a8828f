use aikagi_domain::fault::{Fault as _, FaultKind};
use aikagi_domain::unit::{AuthUnit, UnitState};

use super::{add_line, database, ledger_as, number};
use crate::line::{lock_line, lock_line_of, read_line, read_line_of, unit_state};
use crate::{Ledger, LedgerError, Planning, Settings};

/// UNIT-1, UNIT-2: a line is read with its numbers, its state and its version.
#[tokio::test]
async fn a_line_is_read_with_its_numbers() {
    let (database, pool) = database().await;
    let id = add_line(&pool, &["0398765432", "0311111111", "0322222222"]).await;
    add_line(&pool, &["0612345678"]).await;
    let issuance = ledger_as(&database, "aikagi_issuance");

    let found = read_line_of(&issuance, &number("0322222222"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.line_id, id);
    let numbers: Vec<_> = found
        .line
        .members
        .iter()
        .map(|m| (m.number.as_str(), m.subscribed))
        .collect();
    let expected = [
        ("0398765432", false),
        ("0311111111", true),
        ("0322222222", true),
    ];
    assert_eq!(numbers, expected);
    assert_eq!(found.line.contract_number, number("0398765432"));
    assert_eq!(
        (found.line.state, found.line.closed),
        (UnitState::Unset, false)
    );
    assert_eq!(read_line(&issuance, id).await.unwrap(), Some(found));

    sqlx::query(
        "UPDATE lines SET unit = 'ADMIN_USER', version = 7, closed_time = now() WHERE line_id = $1",
    )
    .bind(id)
    .execute(&pool)
    .await
    .unwrap();
    let found = read_line(&issuance, id).await.unwrap().unwrap();
    assert_eq!(found.line.state, UnitState::Chosen(AuthUnit::AdminUser));
    assert!(found.line.closed && found.closed.is_some() && found.line.version == 7);

    assert_eq!(
        read_line_of(&issuance, &number("0312340000"))
            .await
            .unwrap(),
        None
    );
    assert_eq!(read_line(&issuance, id + 100).await.unwrap(), None);
}

/// UNIT-2: the unit state of a line follows from its two columns.
#[test]
fn the_unit_state_follows_from_its_columns() {
    let now = Some(super::now());
    assert_eq!(unit_state(None, None), Ok(UnitState::Unset));
    assert_eq!(
        unit_state(Some("LINE"), None),
        Ok(UnitState::Chosen(AuthUnit::Line))
    );
    assert_eq!(
        unit_state(Some("NUMBER"), now),
        Ok(UnitState::Established(AuthUnit::Number))
    );
    assert_eq!(
        unit_state(None, now),
        Err(LedgerError::corrupt("unit_state"))
    );
    assert_eq!(
        unit_state(Some("GROUP"), None),
        Err(LedgerError::corrupt("read a row"))
    );
}

/// INV-5: the second of two changes of a line waits for the first and sees its result.
#[tokio::test]
async fn the_second_change_waits_for_the_first() {
    let (database, pool) = database().await;
    let id = add_line(&pool, &["0312345678", "0311111111"]).await;
    let one = ledger_as(&database, "aikagi_issuance");
    let other = ledger_as(&database, "aikagi_units");

    let mut first = one.begin().await.unwrap();
    let seen = lock_line_of(&mut first, &number("0311111111"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((seen.line_id, seen.line.version), (id, 0));

    let waiting = tokio::spawn(async move {
        let mut second = other.begin().await.unwrap();
        lock_line_of(&mut second, &number("0312345678")).await
    });
    let blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN
        (SELECT pid FROM pg_stat_activity WHERE datname = current_database())";
    while sqlx::query_scalar::<_, i64>(blocked)
        .fetch_one(&pool)
        .await
        .unwrap()
        == 0
    {
        tokio::task::yield_now().await;
    }
    sqlx::query("UPDATE lines SET unit = 'LINE', version = version + 1 WHERE line_id = $1")
        .bind(id)
        .execute(&mut *first)
        .await
        .unwrap();
    first.commit().await.unwrap();
    let seen = waiting.await.unwrap().unwrap().unwrap();
    assert_eq!(seen.line.state, UnitState::Chosen(AuthUnit::Line));
    assert_eq!(seen.line.version, 1);
}

/// INV-5: a change that waits too long for the lock fails with a conflict. Reading is possible while the lock is held.
#[tokio::test]
async fn waiting_too_long_is_a_conflict() {
    let (database, pool) = database().await;
    let id = add_line(&pool, &["0312345678"]).await;
    let mut first = ledger_as(&database, "aikagi_units").begin().await.unwrap();
    lock_line(&mut first, id).await.unwrap().unwrap();
    let other = ledger_as(&database, "aikagi_password");
    let mut second = other.begin().await.unwrap();
    sqlx::raw_sql("SET LOCAL lock_timeout = '50ms'")
        .execute(&mut *second)
        .await
        .unwrap();
    let refused = lock_line(&mut second, id).await.unwrap_err();
    assert_eq!(refused.kind(), FaultKind::Conflict);
    assert_eq!(refused.operation(), "lock_line");
    assert!(read_line(&other, id).await.unwrap().is_some());
}

/// INV-5: a change of a number waits for the lock of its line. If the number is removed meanwhile, the change fails
/// with a conflict.
#[tokio::test]
async fn a_number_removed_while_waiting_is_a_conflict() {
    let (database, pool) = database().await;
    add_line(&pool, &["0312345678", "0311111111"]).await;
    let other = ledger_as(&database, "aikagi_units");
    let superuser = Settings::for_url(database.url());
    let superuser = Ledger::connect(&superuser, Planning::AsNeeded).unwrap();
    let mut first = superuser.begin().await.unwrap();
    lock_line_of(&mut first, &number("0311111111"))
        .await
        .unwrap()
        .unwrap();
    sqlx::raw_sql("DELETE FROM numbers WHERE number = '0311111111'")
        .execute(&mut *first)
        .await
        .unwrap();

    let waiting = tokio::spawn(async move {
        let mut second = other.begin().await.unwrap();
        let locked = lock_line_of(&mut second, &number("0311111111")).await;
        let again = lock_line_of(&mut second, &number("0311111111")).await;
        (locked, again)
    });
    let blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN
        (SELECT pid FROM pg_stat_activity WHERE datname = current_database())";
    while sqlx::query_scalar::<_, i64>(blocked)
        .fetch_one(&pool)
        .await
        .unwrap()
        == 0
    {
        tokio::task::yield_now().await;
    }
    // The lock alone does not change the row. Only a write makes the second transaction read the row again.
    sqlx::raw_sql("UPDATE lines SET version = version + 1")
        .execute(&mut *first)
        .await
        .unwrap();
    first.commit().await.unwrap();
    let (locked, again) = waiting.await.unwrap();
    assert_eq!(locked.unwrap_err().kind(), FaultKind::Conflict);
    assert_eq!(again, Ok(None));
}
