//! Sessions (SESS-1 to SESS-6).

use aikagi_client::refused;
use aikagi_client::samples::{
    CONTRACT, FIRST, OTHER_PERMANENT, PERMANENT, SECOND, STRANGER, TEMPORARY, UNSUBSCRIBED,
};
use aikagi_e2e::in_process::InProcessSystem;
use chrono::TimeDelta;

/// SESS-1: a session ends after 15 minutes without use. A use extends it, a peek does not.
#[tokio::test]
async fn a_session_unused_for_a_while_ends() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let session = system.site().login(CONTRACT, PERMANENT).await.unwrap();

    system.wait(TimeDelta::minutes(14));
    session.session().await.unwrap();
    system.wait(TimeDelta::minutes(14));
    session.peek().await.unwrap();
    system.wait(TimeDelta::seconds(59));
    session.peek().await.unwrap();
    system.wait(TimeDelta::seconds(1));
    assert_eq!(refused(session.peek().await), "SESSION_ENDED");
    assert_eq!(refused(session.session().await), "SESSION_ENDED");
}

/// SESS-1: a session ends after 12 hours even if it is used. A session that was opened with a
/// temporary password ends no later than that password.
#[tokio::test]
async fn a_session_ends_in_any_case() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let session = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    for _ in 0..(12 * 60 / 10 - 1) {
        system.wait(TimeDelta::minutes(10));
        session.session().await.unwrap();
    }
    system.wait(TimeDelta::minutes(10));
    assert_eq!(refused(session.session().await), "SESSION_ENDED");

    system.set_by_telephone(CONTRACT, "1", "", TEMPORARY).await;
    system.wait(TimeDelta::hours(24) - TimeDelta::minutes(5));
    let late = system.site().login(CONTRACT, TEMPORARY).await.unwrap();
    system.wait(TimeDelta::minutes(5));
    assert_eq!(refused(late.session().await), "SESSION_ENDED");
}

/// SESS-2: a password change ends every other session of the account. The session that made the
/// change continues under a new token, and its old token has ended.
#[tokio::test]
async fn a_change_ends_every_other_session() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let here = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    let elsewhere = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    let rotated = here
        .change(PERMANENT, OTHER_PERMANENT)
        .await
        .unwrap()
        .unwrap();
    assert_ne!(rotated.token, here.token);
    rotated.session().await.unwrap();
    assert_eq!(refused(here.session().await), "SESSION_ENDED");
    assert_eq!(refused(elsewhere.session().await), "SESSION_ENDED");
}

/// SESS-2: a temporary password set by telephone ends the sessions of the account. A logout and an
/// operator end sessions too. A session that was logged out stays ended, even if a stale replica of
/// Redis becomes the master (INV-3).
#[tokio::test]
async fn what_ends_a_session() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let login = async || system.site().login(CONTRACT, PERMANENT).await.unwrap();

    let (ended, other) = (login().await, login().await);
    let before = dump(&system).await;
    ended.logout().await.unwrap();
    assert_eq!(refused(ended.session().await), "SESSION_ENDED");
    restore(&system, before).await;
    assert_eq!(refused(ended.session().await), "SESSION_ENDED");
    other.session().await.unwrap();

    system.operator().end_sessions(CONTRACT).await.unwrap();
    assert_eq!(refused(other.session().await), "SESSION_ENDED");

    let retired = login().await;
    system.set_by_telephone(CONTRACT, "1", "", TEMPORARY).await;
    assert_eq!(refused(retired.session().await), "SESSION_ENDED");
}

/// SESS-2: if wrong attempts from elsewhere kill a password, the sessions of its owner continue. If
/// a session itself makes the last allowed attempt, and the attempt is wrong, the session ends.
#[tokio::test]
async fn guesses_elsewhere_end_no_session() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let owner = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    for _ in 0..10 {
        refused(system.site().login(CONTRACT, OTHER_PERMANENT).await);
    }
    owner.session().await.unwrap();
    assert_eq!(
        refused(owner.change(PERMANENT, OTHER_PERMANENT).await),
        "PASSWORD_DEAD"
    );
    owner.session().await.unwrap();

    system.establish(STRANGER, "1", STRANGER, PERMANENT).await;
    let guesser = system.site().login(STRANGER, PERMANENT).await.unwrap();
    for _ in 0..9 {
        assert_eq!(
            refused(guesser.change(OTHER_PERMANENT, "New12345x").await),
            "PASSWORD_WRONG"
        );
    }
    assert_eq!(
        refused(guesser.change(OTHER_PERMANENT, "New12345x").await),
        "PASSWORD_DEAD"
    );
    assert_eq!(refused(guesser.session().await), "SESSION_ENDED");
}

/// SESS-3: a token has 256 random bits, and Redis stores only its digest.
#[tokio::test]
async fn the_store_knows_only_digests() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let one = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    let other = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    assert_eq!((one.token.len(), other.token.len()), (43, 43));
    assert_ne!(one.token, other.token);
    for (key, value) in dump(&system).await {
        for token in [&one.token, &other.token] {
            assert!(!key.contains(token.as_str()));
            assert!(
                !value
                    .windows(token.len())
                    .any(|window| window == token.as_bytes())
            );
        }
    }
}

/// SESS-4: a settings back end may ask if a session may change the settings of a number. The scope
/// decides. A must-change session may change no settings.
#[tokio::test]
async fn a_back_end_asks_for_access() {
    let system = InProcessSystem::start().await;
    let backend = system.backend();
    system
        .set_by_telephone(CONTRACT, "2", FIRST, TEMPORARY)
        .await;
    let forced = system.site().login(FIRST, TEMPORARY).await.unwrap();
    assert_eq!(
        refused(backend.check_access(&forced.token, FIRST).await),
        "PASSWORD_CHANGE_REQUIRED"
    );
    let full = forced.change(TEMPORARY, PERMANENT).await.unwrap().unwrap();
    assert_eq!(
        backend
            .check_access(&full.token, "03-1234-0002")
            .await
            .unwrap(),
        FIRST
    );
    for other in [SECOND, CONTRACT, UNSUBSCRIBED, STRANGER] {
        assert_eq!(
            refused(backend.check_access(&full.token, other).await),
            "OUT_OF_SCOPE"
        );
    }
    assert_eq!(
        refused(backend.check_access("", FIRST).await),
        "SESSION_REQUIRED"
    );
    assert_eq!(
        refused(backend.check_access("nonsense", FIRST).await),
        "SESSION_ENDED"
    );
}

/// SESS-5: a password change with a stale revision is refused, and nothing changes.
#[tokio::test]
async fn a_stale_view_changes_nothing() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let first_window = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    let after = first_window
        .change(PERMANENT, OTHER_PERMANENT)
        .await
        .unwrap()
        .unwrap();
    // The second window shares the new cookie, but shows the old page.
    let stale = after
        .change_with(
            OTHER_PERMANENT,
            "New12345x",
            "New12345x",
            &first_window.session.revision,
        )
        .await;
    assert_eq!(refused(stale), "STALE_VIEW");
    system
        .site()
        .login(CONTRACT, OTHER_PERMANENT)
        .await
        .unwrap();
}

/// SESS-6: after the login, the session shows the last login, the wrong attempts since then, and when the password expires.
#[tokio::test]
async fn after_the_login_a_session_shows_the_last_login_and_wrong_attempts() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let changed = system.now();
    system.wait(TimeDelta::hours(1));
    system.site().login(CONTRACT, PERMANENT).await.unwrap();
    let first_login = system.now();
    for _ in 0..4 {
        refused(system.site().login(CONTRACT, OTHER_PERMANENT).await);
    }
    system.wait(TimeDelta::hours(1));
    let session = system
        .site()
        .login(CONTRACT, PERMANENT)
        .await
        .unwrap()
        .session;
    assert_eq!(session.wrong_attempts, 4);
    assert_eq!(
        session.last_login_time.unwrap().seconds,
        first_login.timestamp()
    );
    let expires = changed + TimeDelta::days(60);
    assert_eq!(
        session.password_expire_time.unwrap().seconds,
        expires.timestamp()
    );
    let again = system
        .site()
        .login(CONTRACT, PERMANENT)
        .await
        .unwrap()
        .session;
    assert_eq!(again.wrong_attempts, 0);
}

/// All keys and values in Redis. The values have the format of DUMP.
pub(crate) async fn dump(system: &InProcessSystem) -> Vec<(String, Vec<u8>)> {
    let mut redis = system.redis_connection().await;
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg("*")
        .query_async(&mut redis)
        .await
        .unwrap();
    let mut all = Vec::new();
    for key in keys {
        let value: Option<Vec<u8>> = redis::cmd("DUMP")
            .arg(&key)
            .query_async(&mut redis)
            .await
            .unwrap();
        all.extend(value.map(|value| (key, value)));
    }
    all
}

/// Restores an earlier state of Redis, as a stale replica does after a failover.
pub(crate) async fn restore(system: &InProcessSystem, dump: Vec<(String, Vec<u8>)>) {
    system.redis.flush().unwrap();
    let mut redis = system.redis_connection().await;
    for (key, value) in dump {
        let _: () = redis::cmd("RESTORE")
            .arg(key)
            .arg(0)
            .arg(value)
            .query_async(&mut redis)
            .await
            .unwrap();
    }
}

/// SESS-2, UNIT-1: many concurrent checks share statements. Each check gets the result for its own
/// session, even if other sessions have ended. No check gets a result from before its request.
#[tokio::test(flavor = "multi_thread")]
async fn each_concurrent_check_gets_its_own_answer() {
    let system = InProcessSystem::start().await;
    let mut sessions = Vec::new();
    for number in [FIRST, SECOND] {
        system.establish(CONTRACT, "2", number, PERMANENT).await;
        sessions.push(system.site().login(number, PERMANENT).await.unwrap());
    }
    system.establish(STRANGER, "1", STRANGER, PERMANENT).await;
    sessions.push(system.site().login(STRANGER, PERMANENT).await.unwrap());
    let ended = system.site().login(STRANGER, PERMANENT).await.unwrap();
    ended.logout().await.unwrap();
    let mut checks = tokio::task::JoinSet::new();
    for index in 0..400 {
        let ended = ended.clone();
        match sessions.get(index % 4).cloned() {
            Some(session) => checks.spawn(async move {
                let seen = session.peek().await.unwrap();
                assert_eq!(seen.account_number, session.session.account_number);
                assert_eq!(seen.scope_numbers, session.session.scope_numbers);
            }),
            None => checks.spawn(async move {
                assert_eq!(refused(ended.peek().await), "SESSION_ENDED");
            }),
        };
    }
    checks.join_all().await;

    // While other checks keep statements running, a check that comes after a change sees the
    // change.
    let mut busy = tokio::task::JoinSet::new();
    let stranger = sessions.pop().unwrap();
    for _ in 0..32 {
        let other = sessions[0].clone();
        busy.spawn(async move {
            loop {
                other.peek().await.unwrap();
            }
        });
    }
    for _ in 0..20 {
        let session = system.site().login(STRANGER, PERMANENT).await.unwrap();
        session.peek().await.unwrap();
        system.operator().end_sessions(STRANGER).await.unwrap();
        assert_eq!(refused(session.peek().await), "SESSION_ENDED");
    }
    assert_eq!(refused(stranger.peek().await), "SESSION_ENDED");
}
