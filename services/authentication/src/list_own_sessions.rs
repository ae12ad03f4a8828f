//! `ListOwnSessions`: lists the live sessions of the session's own account (SESS-7).

use aikagi_api::authentication::v1::{
    DeviceClass, ListOwnSessionsRequest, ListOwnSessionsResponse, OwnSession,
};
use aikagi_api::timestamp;
use aikagi_domain::session::SessionAction;
use aikagi_refusal::Failure;

use crate::Authentication;

/// The maximum number of an account's sessions that are checked for one list. A subscriber has far fewer. The bound keeps
/// the cost of a list small.
const CHECKED: usize = 100;

pub(crate) async fn list_own_sessions(
    service: &Authentication,
    request: ListOwnSessionsRequest,
) -> Result<ListOwnSessionsResponse, Failure> {
    let now = service.clock.now();
    let action = SessionAction::ManageSessions;
    let own = service
        .full_session(&request.session_token, action, now)
        .await?;
    // OPS-6: lists of one session wait for one another.
    let _turn = service.turns.wait(&own.digest).await?;
    let sessions = service.ttl.sessions();
    let mut digests = sessions.last_of(&own.record.account, CHECKED + 1).await?;
    let more = digests.len() > CHECKED;
    // The digests are in the order in which their sessions end. If there is one too many, leave out the one that ends
    // first.
    digests.drain(..usize::from(more));
    if !digests.contains(&own.digest) {
        digests.push(own.digest);
    }
    let mut live = service.live_among(&digests, now).await?;
    // A changed list in Redis must not show another account.
    live.retain(|(_, stored)| stored.record.account == own.record.account);
    live.sort_by_key(|(_, stored)| std::cmp::Reverse(stored.record.opened));
    let sessions = live.into_iter().map(|(digest, stored)| OwnSession {
        session_id: digest.session_id().as_text(),
        device_class: DeviceClass::from(stored.record.device).into(),
        open_time: Some(timestamp(stored.record.opened)),
        last_use_time: Some(timestamp(stored.used)),
        current: digest == own.digest,
    });
    Ok(ListOwnSessionsResponse {
        sessions: sessions.collect(),
        more,
    })
}
