//! Holds a change inside its transaction, with a trigger that waits for a lock of the test.

use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};

/// The key of the advisory lock.
const LOCK: i64 = 4711;

/// The point at which a change of an account is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HoldPoint {
    /// The first credentials are written, the rest is not.
    Halfway,
    /// Everything is written, and the commit has begun.
    Commit,
}

/// Holds the next change of an account until this is released.
pub(super) struct Hold {
    holding: PoolConnection<Postgres>,
}

impl Hold {
    pub(super) async fn at(ledger: &PgPool, point: HoldPoint) -> Self {
        let mut holding = ledger.acquire().await.unwrap();
        lock(&mut holding, "SELECT pg_advisory_lock($1)").await;
        // The trigger ignores attempts, which change a credential but not its epoch. It disables
        // the services' lock timeout, which would end the wait.
        sqlx::raw_sql(
            "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0 AS $$
             BEGIN
                 PERFORM pg_advisory_xact_lock(4711);
                 RETURN NULL;
             END $$",
        )
        .execute(ledger)
        .await
        .unwrap();
        let trigger = match point {
            HoldPoint::Halfway => {
                "CREATE CONSTRAINT TRIGGER hold AFTER UPDATE ON credentials DEFERRABLE INITIALLY IMMEDIATE
                 FOR EACH ROW WHEN (OLD.epoch <> NEW.epoch) EXECUTE FUNCTION hold()"
            }
            HoldPoint::Commit => {
                "CREATE CONSTRAINT TRIGGER hold AFTER UPDATE ON credentials DEFERRABLE INITIALLY DEFERRED
                 FOR EACH ROW WHEN (OLD.epoch <> NEW.epoch) EXECUTE FUNCTION hold()"
            }
        };
        sqlx::raw_sql(trigger).execute(ledger).await.unwrap();
        Self { holding }
    }

    /// Waits until a change of a service is held.
    pub(super) async fn reached(&self, ledger: &PgPool, role: &str) {
        let statement = "SELECT count(*) FROM pg_stat_activity
                         WHERE datname = current_database() AND usename = $1 AND wait_event = 'advisory'";
        until_some(ledger, statement, role).await;
    }

    /// Releases the change, and waits until its transaction has ended. If the service was killed,
    /// the transaction ends too.
    pub(super) async fn release(mut self, ledger: &PgPool) {
        lock(&mut self.holding, "SELECT pg_advisory_unlock($1)").await;
        // DROP TRIGGER waits for every transaction that has written a credential.
        sqlx::raw_sql("DROP TRIGGER hold ON credentials; DROP FUNCTION hold")
            .execute(ledger)
            .await
            .unwrap();
    }
}

async fn lock(holding: &mut PoolConnection<Postgres>, statement: &'static str) {
    let lock = sqlx::query(statement).bind(LOCK);
    lock.execute(&mut **holding).await.unwrap();
}

/// Waits until a statement of a service waits for a row that a change has written.
pub(super) async fn until_waiting(ledger: &PgPool, role: &str) {
    let statement = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND usename = $1 AND wait_event_type = 'Lock'";
    until_some(ledger, statement, role).await;
}

async fn until_some(ledger: &PgPool, statement: &'static str, role: &str) {
    let count = || {
        sqlx::query_scalar::<_, i64>(statement)
            .bind(role)
            .fetch_one(ledger)
    };
    while count().await.unwrap() == 0 {}
}
