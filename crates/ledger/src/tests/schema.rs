use super::database;
use crate::{MIGRATOR, Settings, apply_schema};

/// INV-4: applying the schema again changes nothing and loses nothing, also in two parallel runs.
#[tokio::test]
async fn applying_the_schema_again_changes_nothing() {
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
