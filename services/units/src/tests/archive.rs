//! How far the archive of PostgreSQL's write-ahead log is behind (INV-4).

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use aikagi_devkit::postgres::{Cluster, Options, SUPERUSER};
use aikagi_fixtures::TestDatabase;

use crate::store::Store;

/// The maximum time that PostgreSQL may take to archive a segment.
const LIMIT: Duration = Duration::from_secs(30);
/// The time between two measurements.
const PAUSE: Duration = Duration::from_millis(50);

/// Sets an archive that accepts segments only while the file `accepts` exists.
fn archive_while(accepts: &Path, configuration: &Path) {
    let mut file = OpenOptions::new().append(true).open(configuration).unwrap();
    writeln!(file, "archive_mode = on").unwrap();
    writeln!(file, "archive_command = 'test -e {}'", accepts.display()).unwrap();
}

/// Closes a segment that has a change.
fn close_a_segment(cluster: &Cluster) {
    let close = "SELECT txid_current(); SELECT pg_switch_wal()";
    cluster.run_statement("postgres", close).unwrap();
}

/// Waits until `store` reports a lag of the archive for which `is_wanted` returns true.
async fn wait_for(store: &Store, is_wanted: impl Fn(f64) -> bool) {
    let reported = async {
        while !store.archive_lag().await.unwrap().is_some_and(&is_wanted) {
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(LIMIT, reported).await.unwrap();
}

/// INV-4: the archive is behind while complete segments wait. Without an archive there is no measurement.
#[tokio::test]
async fn waiting_segments_are_measured() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("postgres");
    let mut cluster = Cluster::start(&home, Options::default()).unwrap();
    let database = TestDatabase::at(&cluster.socket_url("postgres", SUPERUSER))
        .await
        .unwrap();
    let store = || Store::new(database.ledger_as("aikagi_units").unwrap());
    assert_eq!(store().archive_lag().await.unwrap(), None);

    let accepts = dir.path().join("accepts");
    archive_while(&accepts, &home.join("data/postgresql.conf"));
    cluster.restart().unwrap();
    let store = store();
    close_a_segment(&cluster);
    wait_for(&store, |lag| lag > 0.0).await;
    std::fs::write(&accepts, "").unwrap();
    close_a_segment(&cluster);
    wait_for(&store, |lag| lag == 0.0).await;
    std::fs::remove_file(&accepts).unwrap();
    close_a_segment(&cluster);
    wait_for(&store, |lag| lag > 0.0).await;
}
