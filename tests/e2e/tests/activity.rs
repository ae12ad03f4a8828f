//! What a subscriber sees of the own account: its sessions (SESS-7) and its events (SESS-8).

mod events;
mod sessions;

use aikagi_client::samples::{CONTRACT, OTHER_PERMANENT, PERMANENT, TEMPORARY};
use aikagi_client::{LoggedIn, refused};
use aikagi_e2e::in_process::InProcessSystem;
use chrono::TimeDelta;

/// An id of the right form that no session has.
const UNKNOWN_ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// Logs in with the permanent password that most tests use.
async fn login(system: &InProcessSystem, number: &str) -> LoggedIn {
    system.site().login(number, PERMANENT).await.unwrap()
}

/// Lets all sessions end, because they are not used (SESS-1).
fn let_sessions_end(system: &InProcessSystem) {
    system.wait(TimeDelta::minutes(15));
}

/// SESS-7, SESS-8, LOGIN-1, PW-3, PW-4: a must-change session sees no sessions and no events, and ends no session.
#[tokio::test]
async fn a_must_change_session_sees_and_ends_nothing() {
    let system = InProcessSystem::start().await;
    system.set_by_telephone(CONTRACT, "1", "", TEMPORARY).await;
    let temporary = system.site().login(CONTRACT, TEMPORARY).await.unwrap();
    let full = system.site().login(CONTRACT, TEMPORARY).await.unwrap();
    let demanded = async |session: &LoggedIn| {
        for answer in [
            session.own_sessions().await.map(drop),
            session.own_events().await.map(drop),
            session.end_own_session(UNKNOWN_ID).await,
            session.end_other_sessions().await,
        ] {
            assert_eq!(refused(answer), "PASSWORD_CHANGE_REQUIRED");
        }
    };
    demanded(&temporary).await;
    full.session().await.unwrap();

    let full = full.change(TEMPORARY, PERMANENT).await.unwrap().unwrap();
    full.own_sessions().await.unwrap();
    system.wait(TimeDelta::days(61));
    let expired = login(&system, CONTRACT).await;
    demanded(&expired).await;
    let full = expired.change(PERMANENT, OTHER_PERMANENT).await.unwrap();
    full.unwrap().own_events().await.unwrap();
}
