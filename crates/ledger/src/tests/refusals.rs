//! Repeated refusals are counted (OPS-6).

use aikagi_domain::telephone::TelephoneNumber;
use chrono::TimeDelta;
use sqlx::PgPool;

use super::{add_line, database, ledger_as, now, number};
use crate::LedgerError;
use crate::audit::{AuditAction, Noted, Refusals, RefusedEvent};

async fn refuse(
    refusals: &Refusals,
    second: i64,
    line_id: Option<i64>,
    number: &TelephoneNumber,
) -> Result<Noted, LedgerError> {
    let event = RefusedEvent {
        occurred: now() + TimeDelta::seconds(second),
        actor: number.masked(),
        action: AuditAction::Login,
        line_id,
        number: Some(number),
        reason: "NOTHING_LIVE",
        reason_without_line: Some("UNKNOWN_NUMBER"),
        trace_id: Some(format!("trace {second}")),
        decoy: None,
    };
    refusals.note(event).await
}

type Row = (
    String,
    Option<i64>,
    Option<String>,
    String,
    Option<String>,
    Option<i64>,
);

async fn events(pool: &PgPool) -> Vec<Row> {
    sqlx::query_as(
        "SELECT actor, line_id, number, reason, trace_id, repeats FROM audit_events ORDER BY event_id",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

/// OPS-6: the first refusal has an event at once. The repeated ones have one event for each minute. A class without
/// repeated refusals is forgotten, and its next refusal has an event at once.
#[tokio::test]
async fn repeated_refusals_are_one_event_for_each_minute() {
    let (database, pool) = database().await;
    let mine = number("0312345678");
    let line_id = add_line(&pool, &["0312345678"]).await;
    let refusals = Refusals::new(ledger_as(&database, "aikagi_authentication"));
    let event = |trace: &str, repeats| {
        (
            mine.masked(),
            Some(line_id),
            Some("0312345678".to_owned()),
            "NOTHING_LIVE".to_owned(),
            Some(trace.to_owned()),
            repeats,
        )
    };
    let first = refuse(&refusals, 0, Some(line_id), &mine).await.unwrap();
    assert_eq!(first, Noted::Written);
    for second in 1..=500 {
        let noted = refuse(&refusals, second, Some(line_id), &mine).await;
        assert_eq!(noted.unwrap(), Noted::Counted);
    }
    assert_eq!(events(&pool).await, [event("trace 0", None)]);

    refusals.write_counts().await.unwrap();
    refuse(&refusals, 501, Some(line_id), &mine).await.unwrap();
    refusals.write_counts().await.unwrap();
    let mut expected = vec![
        event("trace 0", None),
        event("trace 500", Some(500)),
        event("trace 501", Some(1)),
    ];
    assert_eq!(events(&pool).await, expected);

    refusals.write_counts().await.unwrap();
    refuse(&refusals, 600, Some(line_id), &mine).await.unwrap();
    expected.push(event("trace 600", None));
    assert_eq!(events(&pool).await, expected);
}

/// OPS-6: of 200 parallel refusals one is written, and the others are counted. When the service ends, their number is
/// written.
#[tokio::test]
async fn the_end_of_a_service_writes_the_counts() {
    let (database, pool) = database().await;
    let line_id = add_line(&pool, &["0312345678"]).await;
    let refusals = Refusals::new(ledger_as(&database, "aikagi_authentication"));
    let serving = async {
        let mine = number("0312345678");
        let all = (0..200).map(|second| refuse(&refusals, second, Some(line_id), &mine));
        let noted = futures_util::future::join_all(all).await;
        let written = noted
            .into_iter()
            .filter(|noted| matches!(noted, Ok(Noted::Written)));
        written.count()
    };
    let written = refusals.write_while(serving, |result| result.unwrap());
    assert_eq!(written.await, 1);
    let repeats: Vec<Option<i64>> = events(&pool).await.into_iter().map(|row| row.5).collect();
    assert_eq!(repeats, [None, Some(199)]);
}

/// OPS-3, OPS-6: if a refusal names only a number, its event gets the number's present line. A number that is on no
/// line is not stored.
#[tokio::test]
async fn the_line_of_a_number_is_looked_up() {
    let (database, pool) = database().await;
    let line_id = add_line(&pool, &["0312345678"]).await;
    let refusals = Refusals::new(ledger_as(&database, "aikagi_authentication"));
    for number in [number("0312345678"), number("0399999999")] {
        for second in 0..2 {
            refuse(&refusals, second, None, &number).await.unwrap();
        }
    }
    refusals.write_counts().await.unwrap();
    let rows = events(&pool).await;
    assert_eq!(rows.len(), 4);
    for (_, line, number, reason, ..) in rows {
        let on_a_line = reason == "NOTHING_LIVE";
        assert_eq!(line, on_a_line.then_some(line_id));
        assert_eq!(number.is_some(), on_a_line);
        assert!(on_a_line || reason == "UNKNOWN_NUMBER");
    }
}

/// OPS-6: a refusal is not counted while its class has no event. Counts that cannot be written stay.
#[tokio::test]
async fn nothing_is_lost_while_the_ledger_is_away() {
    let (database, pool) = database().await;
    let line_id = add_line(&pool, &["0312345678"]).await;
    let refusals = Refusals::new(ledger_as(&database, "aikagi_authentication"));
    let mine = number("0312345678");
    let away = "ALTER TABLE audit_events RENAME TO away";
    let back = "ALTER TABLE away RENAME TO audit_events";
    sqlx::query(away).execute(&pool).await.unwrap();
    refuse(&refusals, 0, Some(line_id), &mine)
        .await
        .unwrap_err();
    refuse(&refusals, 1, Some(line_id), &mine)
        .await
        .unwrap_err();
    sqlx::query(back).execute(&pool).await.unwrap();
    for second in 2..5 {
        refuse(&refusals, second, Some(line_id), &mine)
            .await
            .unwrap();
    }
    sqlx::query(away).execute(&pool).await.unwrap();
    refusals.write_counts().await.unwrap_err();
    sqlx::query(back).execute(&pool).await.unwrap();
    refuse(&refusals, 5, Some(line_id), &mine).await.unwrap();
    refusals.write_counts().await.unwrap();
    let repeats: Vec<Option<i64>> = events(&pool).await.into_iter().map(|row| row.5).collect();
    assert_eq!(repeats, [None, Some(3)]);
}

/// OPS-6: refusals of very many numbers take bounded memory and few events. The refusals beyond the bound are counted
/// together.
#[tokio::test]
async fn refusals_of_many_numbers_are_counted_together() {
    let (database, pool) = database().await;
    let refusals = Refusals::new(ledger_as(&database, "aikagi_authentication"));
    let many = (0..4096 + 300).map(|place| number(&format!("03{place:08}")));
    for number in many {
        refuse(&refusals, 0, None, &number).await.unwrap();
    }
    refusals.write_counts().await.unwrap();
    let rows = events(&pool).await;
    assert_eq!(rows.len(), 4096 + 2);
    let others: Vec<_> = rows.iter().filter(|row| row.0 == "others").collect();
    assert_eq!(
        others.iter().map(|row| row.5).collect::<Vec<_>>(),
        [None, Some(299)]
    );
    assert!(others.iter().all(|row| row.2.is_none()));
}
