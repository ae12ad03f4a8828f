use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use aikagi_devkit::installation::redis_users::RedisUser;
use aikagi_domain::fault::{ErrorType, Fault as _, FaultKind};

use super::{Server, now, number};
use crate::{Settings, SettingsError, TtlStore};

/// INV-3: without Redis each operation fails within its time limit. After a restart all operations work again.
#[tokio::test]
async fn operations_work_again_after_an_outage() {
    let mut server = Server::start();
    let store = server.store(RedisUser::Authentication);
    store.ping().await.unwrap();
    server.redis.kill9();
    let begun = Instant::now();
    let lost = store.ping().await.unwrap_err();
    assert_eq!(lost.kind(), FaultKind::Unavailable);
    let got = store.temporary_passwords().get(&number("0312345678")).await;
    assert_eq!(got.unwrap_err().kind(), FaultKind::Unavailable);
    assert!(begun.elapsed() < Duration::from_secs(2));

    server.redis.restart().unwrap();
    let limit = Instant::now() + Duration::from_secs(10);
    while store.ping().await.is_err() {
        assert!(
            Instant::now() < limit,
            "Redis did not become available again"
        );
    }
    // The new server does not have the scripts, so they are loaded again.
    let digest = aikagi_domain::session::TokenDigest([1; 32]);
    let touched = store
        .sessions()
        .touch(&digest, now(), super::ms(1), false)
        .await;
    assert_eq!(touched, Ok(None));
}

/// INV-3: if Redis hangs, an operation fails at its time limit.
#[tokio::test]
async fn an_operation_ends_at_its_time_limit() {
    let server = Server::start();
    let store = server.store(RedisUser::Gateway);
    store.ping().await.unwrap();
    server.redis.freeze();
    let begun = Instant::now();
    let late = store.ping().await.unwrap_err();
    assert_eq!(late.cause(), ErrorType::Timeout.into());
    assert!(begun.elapsed() < Duration::from_secs(2));
    server.redis.thaw();
}

/// INV-3: a service can start without Redis.
#[tokio::test]
async fn the_first_operation_connects() {
    let directory = tempfile::tempdir().unwrap();
    let nowhere = directory.path().join("none.sock");
    let store = TtlStore::connect(&Settings::new(format!("unix://{}", nowhere.display()))).unwrap();
    let refused = store.ping().await.unwrap_err();
    assert_eq!(refused.cause(), ErrorType::Connect.into());
}

#[tokio::test]
async fn a_password_file_is_read() {
    let server = Server::start();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    std::fs::write(
        &file,
        format!("{}\n", aikagi_fixtures::redis_password(RedisUser::Gateway)),
    )
    .unwrap();
    let mut settings = Settings::new(format!(
        "unix://{}?user=gateway",
        server.redis.socket().display()
    ));
    settings.password_file = Some(file.clone());
    std::fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    let refused = TtlStore::connect(&settings).unwrap_err().to_string();
    assert!(refused.contains("mode 640") && refused.contains(file.to_str().unwrap()));
    std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    TtlStore::connect(&settings).unwrap().ping().await.unwrap();

    settings.password_file = Some(directory.path().join("missing"));
    let refused = TtlStore::connect(&settings).unwrap_err();
    assert!(matches!(refused, SettingsError::PasswordFile { .. }));
    assert!(refused.to_string().contains("missing"));
}

#[tokio::test]
async fn urls_of_every_layout_are_accepted() {
    for url in [
        "redis://issuance:x@127.0.0.1:1/0",
        "rediss://issuance@redis.example",
        "redis+sentinel://issuance:x@one:26379,two:26379/aikagi",
        "rediss+sentinel://issuance@one,two/aikagi",
        "redis+cluster://issuance:x@one:6379,two:6379",
        "rediss+cluster://one",
    ] {
        TtlStore::connect(&Settings::new(url)).expect(url);
    }
    for url in [
        "",
        "redis",
        "http://host",
        "redis+sentinel://one:1",
        "http+cluster://one",
        "redis://",
        "rediss://one#insecure",
        "rediss://issuance:x@one:6379/0#insecure",
        "rediss+sentinel://one,two/aikagi#insecure",
        "rediss+cluster://one,two#insecure",
    ] {
        let refused = TtlStore::connect(&Settings::new(url)).unwrap_err();
        assert!(matches!(refused, SettingsError::Url(_)), "{url}");
        // With `#insecure` the driver would skip the verification of the certificate, or fail at the first connection.
        let text = refused.to_string();
        assert_eq!(text.contains("`#insecure`"), url.contains('#'), "{text}");
    }
}
