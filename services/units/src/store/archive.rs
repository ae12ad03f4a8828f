//! The archive of PostgreSQL's write-ahead log.

use aikagi_ledger::{LedgerError, Statement as _};

use super::Store;

impl Store {
    /// Returns the seconds since a segment was last archived, if complete segments wait to be archived; otherwise 0.
    /// Returns `None` if the server has no archive.
    pub(crate) async fn archive_lag(&self) -> Result<Option<f64>, LedgerError> {
        let mut connection = self.ledger.acquire().await?;
        // The name of a segment is eight digits of the timeline, and sixteen that increase. After a crash or a promotion
        // the server knows no archived segment until it archives the next one.
        let found = sqlx::query_scalar!(
            r#"
            SELECT CASE
                WHEN current_setting('archive_mode') = 'off' THEN NULL
                WHEN last_archived_wal IS NULL AND failed_count = 0 THEN 0
                WHEN substr(last_archived_wal, 9, 16) >= substr(pg_walfile_name(
                    pg_current_wal_lsn() - pg_size_bytes(current_setting('wal_segment_size')) + 1), 9, 16) THEN 0
                ELSE extract(epoch FROM clock_timestamp() - coalesce(last_archived_time, stats_reset))
            END::float8 AS lag
            FROM pg_stat_archiver
            "#
        )
        .fetch_one(&mut connection)
        .statement("archive_lag", "none")
        .await?;
        Ok(found)
    }
}
