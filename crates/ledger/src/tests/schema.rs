use super::database;
use crate::{MIGRATOR, Settings, apply_schema};

/// INV-4: bringing a database up to date again changes nothing and loses nothing.
#[tokio::test]
async fn migrating_again_changes_nothing() {
    let (database, pool) = database().await;
    let line_id = super::add_line(&pool, &["0312345678"]).await;
    let settings = Settings::for_url(database.url());
    let (one, other) = tokio::join!(apply_schema(&settings), apply_schema(&settings));
    one.unwrap();
    other.unwrap();
    let done: i64 = sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations WHERE success")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(usize::try_from(done).unwrap(), MIGRATOR.iter().count());
    let kept: i64 = sqlx::query_scalar("SELECT line_id FROM lines")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(kept, line_id);
}
