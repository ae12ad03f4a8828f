//! The sessions of the own account, and their end (SESS-7).

use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::authentication::v1::{DeviceClass, LoginRequest, OwnSession};
use aikagi_client::samples::{CONTRACT, FIRST, PERMANENT, SECOND, STRANGER};
use aikagi_client::{LoggedIn, refused};
use aikagi_devkit::installation::workloads::Service;
use aikagi_e2e::in_process::InProcessSystem;
use chrono::{DateTime, TimeDelta, Utc};

use super::{UNKNOWN_ID, let_sessions_end, login};
use crate::sessions::{dump, restore};

/// Logs in as the edge does for a client whose device class is phone.
async fn login_by_phone(system: &InProcessSystem, number: &str) -> LoggedIn {
    let replica = system.replica_as(Service::Authentication, 0, "edge");
    let request = LoginRequest {
        number: number.to_owned(),
        password: PERMANENT.to_owned(),
        device_class: DeviceClass::Phone.into(),
    };
    let mut client = AuthenticationServiceClient::new(replica);
    let mut opened = client.login(request).await.unwrap().into_inner();
    let session = opened.session.take().unwrap();
    system.site().with_token(&opened.session_token, session)
}

/// The own session in the list of a session.
async fn own(session: &LoggedIn) -> OwnSession {
    let listed = session.own_sessions().await.unwrap();
    let mut current = listed.into_iter().filter(|session| session.current);
    let own = current.next().unwrap();
    assert_eq!(current.next(), None);
    own
}

fn times(session: &OwnSession) -> (i64, i64) {
    let seconds = |time: Option<prost_types::Timestamp>| time.unwrap().seconds;
    (seconds(session.open_time), seconds(session.last_use_time))
}

/// SESS-7, SESS-1, UNIT-1: a subscriber sees the live sessions of the own account, newest first. Each has the class of its
/// device, its beginning, its last use, and whether it is the own one. A list counts as use of the own session only. Sessions
/// of other accounts of the line are not listed.
#[tokio::test]
async fn a_subscriber_sees_the_sessions_of_the_account() {
    let system = InProcessSystem::start().await;
    for number in [FIRST, SECOND] {
        system.establish(CONTRACT, "2", number, PERMANENT).await;
    }
    let_sessions_end(&system);
    let at = |minutes| -> DateTime<Utc> { system.now() + TimeDelta::minutes(minutes) };
    let begun = at(0).timestamp();
    let phone = login_by_phone(&system, FIRST).await;
    system.wait(TimeDelta::minutes(5));
    let here = login(&system, FIRST).await;
    let other = login(&system, SECOND).await;
    system.wait(TimeDelta::minutes(3));
    phone.session().await.unwrap();
    system.wait(TimeDelta::minutes(2));
    phone.peek().await.unwrap();
    for _ in 0..2 {
        let listed = here.own_sessions().await.unwrap();
        let [own, elsewhere] = listed.as_slice() else {
            panic!("two sessions are listed: {listed:?}");
        };
        assert!(own.current && !elsewhere.current);
        assert_eq!(own.device_class(), DeviceClass::Unspecified);
        assert_eq!(times(own), (begun + 5 * 60, at(0).timestamp()));
        assert_eq!(elsewhere.device_class(), DeviceClass::Phone);
        assert_eq!(times(elsewhere), (begun, begun + 8 * 60));
        assert_ne!(own.session_id, elsewhere.session_id);
    }
    assert_eq!(other.own_sessions().await.unwrap().len(), 1);

    // Sessions that have ended are not listed.
    phone.logout().await.unwrap();
    assert_eq!(here.own_sessions().await.unwrap().len(), 1);
}

/// SESS-7, SESS-3: the id of a session is no token, and is not in Redis. With it nobody can use the session.
#[tokio::test]
async fn the_id_of_a_session_opens_nothing() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let session = login(&system, CONTRACT).await;
    let id = own(&session).await.session_id;
    assert!(!session.token.contains(&id));
    let thief = system.site().with_token(&id, session.session.clone());
    assert_eq!(refused(thief.session().await), "SESSION_ENDED");
    for (key, value) in dump(&system).await {
        assert!(!key.contains(&id));
        assert!(!value.windows(id.len()).any(|part| part == id.as_bytes()));
    }
}

/// SESS-7, SESS-2, INV-3, OPS-3: a subscriber ends one other session. It stays ended, even if a stale replica of Redis becomes
/// the master. Further sessions continue. The audit trail has one event, however often the request is sent.
#[tokio::test]
async fn a_subscriber_ends_one_other_session() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let here = login(&system, CONTRACT).await;
    let there = login(&system, CONTRACT).await;
    let third = login(&system, CONTRACT).await;
    let id = own(&there).await.session_id;
    let before = dump(&system).await;
    for _ in 0..2 {
        here.end_own_session(&id).await.unwrap();
        assert_eq!(refused(there.session().await), "SESSION_ENDED");
    }
    restore(&system, before).await;
    assert_eq!(refused(there.session().await), "SESSION_ENDED");
    here.session().await.unwrap();
    third.session().await.unwrap();
    assert_eq!(system.actors("END_SESSION").await, ["******0001"]);
}

/// SESS-7, SESS-2, INV-3: a session that Redis has lost is ended, too. It does not work again if a replica that still has it
/// becomes the master.
#[tokio::test]
async fn a_session_that_redis_has_lost_ends() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let there = login(&system, CONTRACT).await;
    let id = own(&there).await.session_id;
    let keys = |all: &[(String, Vec<u8>)]| -> Vec<String> {
        let sessions = all.iter().map(|(key, _)| key.clone());
        let sessions = sessions.filter(|key| key.starts_with("sess:") && !key.contains(":of:"));
        sessions.collect()
    };
    let before = dump(&system).await;
    let mut redis = system.redis_connection().await;
    for key in keys(&before) {
        let _: () = redis::cmd("DEL")
            .arg(key)
            .query_async(&mut redis)
            .await
            .unwrap();
    }
    let here = login(&system, CONTRACT).await;
    here.end_own_session(&id).await.unwrap();
    restore(&system, before).await;
    assert_eq!(refused(there.session().await), "SESSION_ENDED");
}

/// SESS-7, SESS-5: a subscriber cannot end the own session, a session of another account, or one that does not exist.
#[tokio::test]
async fn only_other_sessions_of_the_account_can_be_ended() {
    let system = InProcessSystem::start().await;
    for number in [FIRST, SECOND] {
        system.establish(CONTRACT, "2", number, PERMANENT).await;
    }
    let here = login(&system, FIRST).await;
    let other = login(&system, SECOND).await;
    let own_id = own(&here).await.session_id;
    let other_id = own(&other).await.session_id;
    for (id, reason) in [
        (own_id.as_str(), "INVALID_FIELD"),
        ("", "INVALID_FIELD"),
        ("x", "INVALID_FIELD"),
        (here.token.as_str(), "INVALID_FIELD"),
        (other_id.as_str(), "STALE_VIEW"),
        (UNKNOWN_ID, "STALE_VIEW"),
    ] {
        assert_eq!(refused(here.end_own_session(id).await), reason, "{id}");
    }
    here.session().await.unwrap();
    other.session().await.unwrap();
    assert!(system.actors("END_SESSION").await.is_empty());
}

/// SESS-7, SESS-2, INV-3, OPS-3: a subscriber ends all other sessions, also those that Redis does not list. They stay ended, even
/// if a stale replica of Redis becomes the master. The own session and those of other accounts continue.
#[tokio::test]
async fn a_subscriber_ends_all_other_sessions() {
    let system = InProcessSystem::start().await;
    for number in [FIRST, SECOND] {
        system.establish(CONTRACT, "2", number, PERMANENT).await;
    }
    let here = login(&system, FIRST).await;
    let others = [login(&system, FIRST).await, login(&system, FIRST).await];
    let second = login(&system, SECOND).await;
    let before = dump(&system).await;
    let mut redis = system.redis_connection().await;
    let list = format!("sess:of:{FIRST}");
    let _: () = redis::cmd("DEL")
        .arg(list)
        .query_async(&mut redis)
        .await
        .unwrap();

    here.end_other_sessions().await.unwrap();
    for other in &others {
        assert_eq!(refused(other.session().await), "SESSION_ENDED");
    }
    assert_eq!(here.own_sessions().await.unwrap().len(), 1);
    here.end_other_sessions().await.unwrap();
    here.session().await.unwrap();
    second.session().await.unwrap();
    assert_eq!(system.actors("END_SESSIONS").await, ["******0002"; 2]);

    restore(&system, before).await;
    for other in &others {
        assert_eq!(refused(other.session().await), "SESSION_ENDED");
    }
    second.session().await.unwrap();
    login(&system, FIRST).await.session().await.unwrap();
}

/// SESS-7, SESS-2: if two sessions end all others at the same moment, exactly one of them continues. An ended session does not
/// begin again.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_sessions_that_end_each_other_one_continues() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    for _ in 0..10 {
        let (one, other) = (
            login(&system, CONTRACT).await,
            login(&system, CONTRACT).await,
        );
        let (first, second) = tokio::join!(one.end_other_sessions(), other.end_other_sessions());
        let (winner, loser, refusal) = match (first, second) {
            (Ok(()), refusal) => (one, other, refusal),
            (refusal, Ok(())) => (other, one, refusal),
            (first, second) => panic!("neither continues: {first:?} {second:?}"),
        };
        assert_eq!(refused(refusal), "SESSION_ENDED");
        winner.session().await.unwrap();
        assert_eq!(refused(loser.session().await), "SESSION_ENDED");
    }
}

/// SESS-7: the sessions of a number's former owner are not listed (decision 0012).
#[tokio::test]
async fn the_sessions_of_a_former_owner_are_not_listed() {
    let system = InProcessSystem::start().await;
    system.establish(STRANGER, "1", STRANGER, PERMANENT).await;
    let former = login(&system, STRANGER).await;
    let former_id = own(&former).await.session_id;
    let operator = system.operator();
    operator.close_line(STRANGER).await.unwrap();
    operator.add_line(&[(STRANGER, true)]).await.unwrap();
    system.establish(STRANGER, "1", STRANGER, PERMANENT).await;
    let present = login(&system, STRANGER).await;
    let listed = present.own_sessions().await.unwrap();
    assert_eq!(
        listed.len(),
        2,
        "that of the change of password, and the own"
    );
    assert!(listed.iter().all(|session| session.session_id != former_id));
}
