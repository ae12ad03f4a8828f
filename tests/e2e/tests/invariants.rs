//! Tests of the invariants INV-1, INV-4 to INV-6, INV-9 and INV-11. Other modules have further tests of them.

use std::time::Duration;

use aikagi_api::authentication::v1::LoginRequest;
use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_authentication::{ResealSettings, reseal};
use aikagi_client::samples::{
    CONTRACT, FIRST, OTHER_PERMANENT, OTHER_TEMPORARY, PERMANENT, SECOND, TEMPORARY,
};
use aikagi_client::{reason, refused};
use aikagi_devkit::installation::key_files::KeyFile;
use aikagi_devkit::installation::workloads::Service;
use aikagi_domain::credential::Epoch;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_e2e::in_process::{InProcessSystem, Options};
use aikagi_hashing::SecretBytes;
use aikagi_hashing::seal::{Context, KeyRing, SealingRing};
use tonic::Request;

/// INV-1: nothing made under one epoch works under another. A replaced temporary password that
/// Redis restores does not work, and every change creates a new epoch.
#[tokio::test]
async fn nothing_works_under_another_epoch() {
    let system = InProcessSystem::start().await;
    let ledger = system.ledger().await;
    let epoch = async || -> i64 {
        sqlx::query_scalar("SELECT epoch FROM credentials WHERE number = $1")
            .bind(CONTRACT)
            .fetch_one(&ledger)
            .await
            .unwrap()
    };
    let mut epochs = vec![epoch().await];
    system.set_by_telephone(CONTRACT, "1", "", TEMPORARY).await;
    epochs.push(epoch().await);
    let stale = super::sessions::dump(&system).await;
    system
        .set_by_telephone(CONTRACT, "1", "", OTHER_TEMPORARY)
        .await;
    epochs.push(epoch().await);
    super::sessions::restore(&system, stale).await;
    assert_eq!(
        refused(system.site().login(CONTRACT, TEMPORARY).await),
        "LOGIN_REFUSED"
    );

    system.set_by_telephone(CONTRACT, "1", "", TEMPORARY).await;
    let forced = system.site().login(CONTRACT, TEMPORARY).await.unwrap();
    epochs.push(epoch().await);
    forced.change(TEMPORARY, PERMANENT).await.unwrap().unwrap();
    epochs.push(epoch().await);
    assert!(epochs.is_sorted_by(|one, next| one < next), "{epochs:?}");
}

/// INV-4: on the connections of every service, PostgreSQL acknowledges only durable commits.
#[tokio::test]
async fn connections_are_durable() {
    let system = InProcessSystem::start().await;
    for role in [
        "aikagi_issuance",
        "aikagi_authentication",
        "aikagi_password",
        "aikagi_units",
    ] {
        let pool = system.database.pool_as(role).await.unwrap();
        let level: String = sqlx::query_scalar("SHOW synchronous_commit")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(level, "on", "{role}");
    }
    let settings = aikagi_ledger_settings(&system.database.url_as("aikagi_units"));
    aikagi_ledger::check_durability(&settings).await.unwrap();
    let weaken = format!(
        "ALTER DATABASE {} SET synchronous_commit = off",
        system.database.name()
    );
    sqlx::query(sqlx::AssertSqlSafe(weaken))
        .execute(&system.ledger().await)
        .await
        .unwrap();
    let error = aikagi_ledger::check_durability(&settings)
        .await
        .expect_err("a database that is not durable is refused");
    assert!(error.to_string().contains("synchronous_commit"), "{error}");
}

fn aikagi_ledger_settings(url: &str) -> aikagi_ledger::Settings {
    toml::from_str(&format!("url = {url:?}")).unwrap()
}

/// INV-5: a change appends its audit event in the same transaction. If the event cannot be written, nothing changes.
#[tokio::test]
async fn a_change_whose_event_fails_is_not_made() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let session = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    let ledger = system.ledger().await;
    for action in ["CHANGE_PASSWORD", "SET_TEMPORARY_PASSWORD"] {
        let refuse = format!(
            "ALTER TABLE audit_events ADD CONSTRAINT no_{action} CHECK (action <> '{action}') NOT VALID"
        );
        sqlx::query(sqlx::AssertSqlSafe(refuse))
            .execute(&ledger)
            .await
            .unwrap();
    }
    session
        .change(PERMANENT, OTHER_PERMANENT)
        .await
        .expect_err("a change fails if its event cannot be written");
    let outcome = system
        .ivr()
        .set_by_telephone(CONTRACT, "1", "", TEMPORARY)
        .await;
    assert_ne!(
        outcome.ok(),
        Some(aikagi_api::issuance::v1::CallOutcome::Set)
    );
    system.site().login(CONTRACT, PERMANENT).await.unwrap();
}

/// INV-6: an attempt that is shed is not charged (LOGIN-4). With a full pool, attempts are refused before they are charged.
#[tokio::test(flavor = "multi_thread")]
async fn a_shed_attempt_is_not_charged() {
    let system = InProcessSystem::with(Options {
        adjust: |service, table| {
            if service == Service::Authentication {
                let hashing = table["hashing"].as_table_mut().unwrap();
                hashing.insert("threads".into(), 1.into());
                hashing.insert("ahead".into(), 0.into());
                hashing.insert("queue".into(), 0.into());
            }
        },
        ..Options::default()
    })
    .await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let held = system.authentication[0].pool().permit(None).await.unwrap();
    let before = system.hashes();
    for _ in 0..20 {
        assert_eq!(
            refused(system.site().login(CONTRACT, OTHER_PERMANENT).await),
            "OVERLOADED"
        );
    }
    assert_eq!(system.hashes(), before);
    assert_eq!(
        system.operator().number(CONTRACT).await.unwrap().failures,
        0
    );
    drop(held);
    system.site().login(CONTRACT, PERMANENT).await.unwrap();
}

/// INV-6: if the caller disconnects during the charge, a right password does not stay charged.
#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_is_settled_after_its_caller_disconnects() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let ledger = system.ledger().await;
    let site = system.site();
    let session = site.login(CONTRACT, PERMANENT).await.unwrap();
    let read = async |statement| -> i64 {
        let read = sqlx::query_scalar(sqlx::AssertSqlSafe(statement));
        read.fetch_one(&ledger).await.unwrap()
    };
    let settled = "SELECT count(*) FROM audit_events WHERE action = 'LOGIN' AND outcome = 'DONE'";
    let charging = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                    AND usename = 'aikagi_authentication' AND wait_event_type = 'Lock'";
    for _ in 0..10 {
        let before = read(settled).await;
        let mut holding = ledger.begin().await.unwrap();
        sqlx::query("SELECT FROM credentials WHERE number = $1 FOR UPDATE")
            .bind(CONTRACT)
            .execute(&mut *holding)
            .await
            .unwrap();
        let caller = site.clone();
        let attempt = tokio::spawn(async move { caller.login(CONTRACT, PERMANENT).await });
        until(async || read(charging).await == 1).await;
        attempt.abort();
        assert!(attempt.await.unwrap_err().is_cancelled());
        // This request takes the same connections as the disconnect. So when its response arrives, every service has
        // received the disconnect.
        session.peek().await.unwrap();
        assert_eq!(read(settled).await, before);
        holding.commit().await.unwrap();
        until(async || read(settled).await == before + 1).await;
        // No later login can have set the count to 0, so this attempt was settled and is not charged any more.
        let account = system.operator().number(CONTRACT).await.unwrap();
        assert_eq!(account.failures, 0);
    }
    system.site().login(CONTRACT, PERMANENT).await.unwrap();
}

/// Asks until the condition is true, but at most for ten seconds.
async fn until(mut condition: impl AsyncFnMut() -> bool) {
    let asking = async { while !condition().await {} };
    let limit = tokio::time::timeout(Duration::from_secs(10), asking);
    limit.await.expect("the condition becomes true in time");
}

/// INV-9: a hash that is copied to the row of another number does not work there.
#[tokio::test]
async fn a_hash_copied_onto_another_row_does_not_work() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    system
        .establish(CONTRACT, "2", SECOND, OTHER_PERMANENT)
        .await;
    let ledger = system.ledger().await;
    sqlx::query(
        "UPDATE credentials SET permanent_hash = (SELECT permanent_hash FROM credentials WHERE number = $1)
         WHERE number = $2",
    )
    .bind(FIRST)
    .bind(SECOND)
    .execute(&ledger)
    .await
    .unwrap();
    assert!(system.site().login(SECOND, PERMANENT).await.is_err());
    let hash: Vec<u8> =
        sqlx::query_scalar("SELECT permanent_hash FROM credentials WHERE number = $1")
            .bind(FIRST)
            .fetch_one(&ledger)
            .await
            .unwrap();
    assert!(
        !String::from_utf8_lossy(&hash).contains("argon2"),
        "the hash is not sealed"
    );
}

/// INV-9: whoever can write to the ledger and knows the public key cannot store a hash that logs in. For that, the
/// pre-shared key is needed, which no store has. Sealed with a service's pre-shared key, the same hash logs in.
#[tokio::test]
async fn a_hash_sealed_without_the_pre_shared_key_does_not_log_in() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    let ledger = system.ledger().await;
    let epoch: i64 = sqlx::query_scalar("SELECT hash_epoch FROM credentials WHERE number = $1")
        .bind(FIRST)
        .fetch_one(&ledger)
        .await
        .unwrap();
    let pool = aikagi_hashing::Pool::new(&aikagi_hashing::Settings {
        memory_kib: 64,
        iterations: 1,
        ..aikagi_hashing::Settings::default()
    })
    .unwrap();
    let mut permit = pool.permit(None).await.unwrap();
    let hash = permit
        .hash(SecretBytes::from(OTHER_PERMANENT))
        .await
        .unwrap();

    let known = std::fs::read_to_string(system.key_ring()).unwrap();
    let known = KeyFile::SealingRing.text(&known).unwrap();
    let foreign = KeyRing::generate_file_text("1", &mut rand::rng());
    let foreign = KeyFile::SealingRing.text(&foreign).unwrap();
    let line_of = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("pre_shared_key"));
        line.unwrap().to_owned()
    };
    let without = known.replace(&line_of(&known), &line_of(&foreign));
    let number = TelephoneNumber::parse(FIRST).unwrap();
    let context = Context::Permanent {
        number: &number,
        epoch: Epoch(epoch),
    };
    for (keys, logs_in) in [(without.as_str(), false), (known.as_str(), true)] {
        let keys = SealingRing::parse(keys).unwrap();
        sqlx::query("UPDATE credentials SET permanent_hash = $2 WHERE number = $1")
            .bind(FIRST)
            .bind(keys.seal_hash(context, &hash).unwrap())
            .execute(&ledger)
            .await
            .unwrap();
        let login = system.site().login(FIRST, OTHER_PERMANENT).await;
        assert_eq!(login.is_ok(), logs_in);
    }
}

/// INV-9: a rotation seals the hashes again with the new key. The rotation needs nobody's password.
/// Its database role can do nothing else.
#[tokio::test]
async fn keys_rotate_without_anybodys_password() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    system
        .establish(CONTRACT, "2", SECOND, OTHER_PERMANENT)
        .await;
    let ring = std::fs::read_to_string(system.key_ring()).unwrap();
    let mut ring: toml::Table = toml::from_str(&ring).unwrap();
    let keys = ring["keys"].as_table_mut().unwrap();
    let other = KeyRing::generate_file_text("other", &mut rand::rng());
    let other_key = toml::from_str::<toml::Table>(&other).unwrap()["keys"]["other"].clone();
    keys.insert("rotated".into(), other_key);
    ring.insert("active".into(), "rotated".into());
    std::fs::write(system.key_ring(), ring.to_string()).unwrap();

    let settings = ResealSettings {
        postgres: aikagi_ledger_settings(&system.database.url_as("aikagi_reseal")),
        key_ring: system.key_ring(),
    };
    let done = reseal(&settings).await.unwrap();
    assert_eq!((done.sealed, done.current, done.changed), (2, 0, 0));
    let again = reseal(&settings).await.unwrap();
    assert_eq!((again.sealed, again.current), (0, 2));
    let hashes: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT permanent_hash FROM credentials WHERE permanent_hash IS NOT NULL",
    )
    .fetch_all(&system.ledger().await)
    .await
    .unwrap();
    assert!(
        hashes
            .iter()
            .all(|hash| aikagi_hashing::seal::key_id(hash) == Some("rotated"))
    );
}

/// INV-11: a request past its deadline is dropped before hashing and is not charged.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_past_its_deadline_is_dropped_before_hashing() {
    let system = InProcessSystem::with(Options {
        adjust: |service, table| {
            if service == Service::Authentication {
                let hashing = table["hashing"].as_table_mut().unwrap();
                hashing.insert("threads".into(), 1.into());
                hashing.insert("ahead".into(), 0.into());
            }
        },
        ..Options::default()
    })
    .await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let held = system.authentication[0].pool().permit(None).await.unwrap();
    let before = system.hashes();
    let mut client =
        AuthenticationServiceClient::new(system.replica_as(Service::Authentication, 0, "gateway"));
    let mut request = Request::new(LoginRequest {
        number: CONTRACT.into(),
        password: OTHER_PERMANENT.into(),
        device_class: 0,
    });
    request.set_timeout(Duration::from_millis(150));
    let status = client.login(request).await.unwrap_err();
    assert!(
        ["DEADLINE_EXCEEDED", "OVERLOADED", "none"].contains(&reason(&status)),
        "{status:?}"
    );
    drop(held);
    system.site().login(CONTRACT, PERMANENT).await.unwrap();
    assert_eq!(
        system.hashes() - before,
        1,
        "a login other than the last was hashed"
    );
    assert_eq!(
        system.operator().number(CONTRACT).await.unwrap().failures,
        0
    );
}
