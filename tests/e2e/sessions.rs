//! Sessions (SESS-1 to SESS-6).

use aikagi_tests::world::{
    CONTRACT, FIRST, OTHER_PERMANENT, PERMANENT, SECOND, STRANGER, TEMPORARY, UNSUBSCRIBED, World,
    refused,
};
use chrono::TimeDelta;

/// SESS-1: unused for 15 minutes a session ends; use keeps it, looking does not.
#[tokio::test]
async fn a_session_unused_for_a_while_ends() {
    let world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let session = world.site().login(CONTRACT, PERMANENT).await.unwrap();

    world.wait(TimeDelta::minutes(14));
    session.session().await.unwrap();
    world.wait(TimeDelta::minutes(14));
    session.peek().await.unwrap();
    world.wait(TimeDelta::seconds(59));
    session.peek().await.unwrap();
    world.wait(TimeDelta::seconds(1));
    assert_eq!(refused(session.peek().await), "SESSION_ENDED");
    assert_eq!(refused(session.session().await), "SESSION_ENDED");
}

/// SESS-1: however much it is used, a session ends after 12 hours, and one opened by a temporary password no
/// later than that password.
#[tokio::test]
async fn a_session_ends_in_any_case() {
    let world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let session = world.site().login(CONTRACT, PERMANENT).await.unwrap();
    for _ in 0..(12 * 60 / 10 - 1) {
        world.wait(TimeDelta::minutes(10));
        session.session().await.unwrap();
    }
    world.wait(TimeDelta::minutes(10));
    assert_eq!(refused(session.session().await), "SESSION_ENDED");

    world.telephone(CONTRACT, "1", "", TEMPORARY).await;
    world.wait(TimeDelta::hours(24) - TimeDelta::minutes(5));
    let late = world.site().login(CONTRACT, TEMPORARY).await.unwrap();
    world.wait(TimeDelta::minutes(5));
    assert_eq!(refused(late.session().await), "SESSION_ENDED");
}

/// SESS-2: a change ends every other session of the account; the one in which it was made goes on under a new
/// token, and the old token is dead.
#[tokio::test]
async fn a_change_ends_every_other_session() {
    let world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let here = world.site().login(CONTRACT, PERMANENT).await.unwrap();
    let elsewhere = world.site().login(CONTRACT, PERMANENT).await.unwrap();
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

/// SESS-2: a temporary password set by telephone retires the password and ends its sessions; so do a logout
/// and an operator's word; a logged-out session does not come back with a stale replica of Redis (INV-3).
#[tokio::test]
async fn what_ends_a_session() {
    let world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let login = async || world.site().login(CONTRACT, PERMANENT).await.unwrap();

    let (ended, other) = (login().await, login().await);
    let before = dump(&world).await;
    ended.logout().await.unwrap();
    assert_eq!(refused(ended.session().await), "SESSION_ENDED");
    restore(&world, before).await;
    assert_eq!(refused(ended.session().await), "SESSION_ENDED");
    other.session().await.unwrap();

    world.operator().end_sessions(CONTRACT).await.unwrap();
    assert_eq!(refused(other.session().await), "SESSION_ENDED");

    let retired = login().await;
    world.telephone(CONTRACT, "1", "", TEMPORARY).await;
    assert_eq!(refused(retired.session().await), "SESSION_ENDED");
}

/// SESS-2: guesses made elsewhere that kill a password do not end its owner's session; a session that itself
/// spends the last attempt ends.
#[tokio::test]
async fn guesses_elsewhere_end_no_session() {
    let world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let owner = world.site().login(CONTRACT, PERMANENT).await.unwrap();
    for _ in 0..10 {
        refused(world.site().login(CONTRACT, OTHER_PERMANENT).await);
    }
    owner.session().await.unwrap();
    assert_eq!(
        refused(owner.change(PERMANENT, OTHER_PERMANENT).await),
        "PASSWORD_DEAD"
    );
    owner.session().await.unwrap();

    world.establish(STRANGER, "1", STRANGER, PERMANENT).await;
    let guesser = world.site().login(STRANGER, PERMANENT).await.unwrap();
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

/// SESS-3: a token is 256 random bits; Redis knows only its digest.
#[tokio::test]
async fn the_store_knows_only_digests() {
    let world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let one = world.site().login(CONTRACT, PERMANENT).await.unwrap();
    let other = world.site().login(CONTRACT, PERMANENT).await.unwrap();
    assert_eq!((one.token.len(), other.token.len()), (43, 43));
    assert_ne!(one.token, other.token);
    for (key, value) in dump(&world).await {
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

/// SESS-4: a settings back end may ask whether a session may change a number, and is answered by scope; a
/// must-change session may change nothing.
#[tokio::test]
async fn a_back_end_asks_for_access() {
    let world = World::start().await;
    let backend = world.backend();
    world.telephone(CONTRACT, "2", FIRST, TEMPORARY).await;
    let forced = world.site().login(FIRST, TEMPORARY).await.unwrap();
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

/// SESS-5: a change decided on a stale view is refused, and nothing is changed.
#[tokio::test]
async fn a_stale_view_changes_nothing() {
    let world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let first_window = world.site().login(CONTRACT, PERMANENT).await.unwrap();
    let after = first_window
        .change(PERMANENT, OTHER_PERMANENT)
        .await
        .unwrap()
        .unwrap();
    // The second window shares the cookie, which is the new one by now, but shows the old view.
    let stale = after
        .change_with(
            OTHER_PERMANENT,
            "New12345x",
            "New12345x",
            &first_window.session.revision,
        )
        .await;
    assert_eq!(refused(stale), "STALE_VIEW");
    world.site().login(CONTRACT, OTHER_PERMANENT).await.unwrap();
}

/// SESS-6: after proof a subscriber is told the last login, the wrong attempts since, and when the password
/// expires.
#[tokio::test]
async fn after_proof_a_subscriber_is_told_what_helps() {
    let world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let changed = world.now();
    world.wait(TimeDelta::hours(1));
    world.site().login(CONTRACT, PERMANENT).await.unwrap();
    let first_login = world.now();
    for _ in 0..4 {
        refused(world.site().login(CONTRACT, OTHER_PERMANENT).await);
    }
    world.wait(TimeDelta::hours(1));
    let session = world
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
    let again = world
        .site()
        .login(CONTRACT, PERMANENT)
        .await
        .unwrap()
        .session;
    assert_eq!(again.wrong_attempts, 0);
}

/// Everything in Redis, as DUMP has it.
pub(crate) async fn dump(world: &World) -> Vec<(String, Vec<u8>)> {
    let mut redis = world.redis_connection().await;
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

/// Brings back what was in Redis, as a stale replica would after a failover.
pub(crate) async fn restore(world: &World, dump: Vec<(String, Vec<u8>)>) {
    world.redis.flush().unwrap();
    let mut redis = world.redis_connection().await;
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

/// SESS-2, UNIT-1: of many checks at once, which share statements, each is answered for its own session, also where
/// others have ended; and none is told what was true before it asked.
#[tokio::test(flavor = "multi_thread")]
async fn checks_at_once_are_each_told_of_their_own() {
    let world = World::start().await;
    let mut sessions = Vec::new();
    for number in [FIRST, SECOND] {
        world.establish(CONTRACT, "2", number, PERMANENT).await;
        sessions.push(world.site().login(number, PERMANENT).await.unwrap());
    }
    world.establish(STRANGER, "1", STRANGER, PERMANENT).await;
    sessions.push(world.site().login(STRANGER, PERMANENT).await.unwrap());
    let ended = world.site().login(STRANGER, PERMANENT).await.unwrap();
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

    // While others keep statements under way, a change is seen by whoever asks after it.
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
        let session = world.site().login(STRANGER, PERMANENT).await.unwrap();
        session.peek().await.unwrap();
        world.operator().end_sessions(STRANGER).await.unwrap();
        assert_eq!(refused(session.peek().await), "SESSION_ENDED");
    }
    assert_eq!(refused(stranger.peek().await), "SESSION_ENDED");
}
