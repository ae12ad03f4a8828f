//! `ListOwnEvents`: lists the last events of the session's own account (SESS-8).

use aikagi_api::timestamp;
use aikagi_api::units::v1::{
    AccountRole, ListOwnEventsRequest, ListOwnEventsResponse, OwnEvent, OwnEventKind,
};
use aikagi_refusal::{ErrorReason, Failure, Refusal};

use super::Activity;
use crate::checked_session;
use crate::store::activity::{EventReader, RecordedEvent};

pub(crate) async fn list_own_events(
    service: &Activity,
    request: ListOwnEventsRequest,
) -> Result<ListOwnEventsResponse, Failure> {
    let checked = checked_session::check(&service.authentication, &request.session_token).await?;
    if checked.must_change {
        return Err(Refusal::new(ErrorReason::PasswordChangeRequired).into());
    }
    let users = match checked.session.role() {
        AccountRole::Administrator => checked.session.scope_numbers.as_slice(),
        _ => &[],
    };
    let reader = EventReader {
        account: &checked.account,
        epoch: checked.epoch,
        users,
    };
    let events = service.store.own_events(&reader).await?;
    let events = events.ok_or_else(|| Refusal::new(ErrorReason::SessionEnded))?;
    Ok(ListOwnEventsResponse {
        events: events.into_iter().filter_map(view).collect(),
    })
}

/// What a subscriber sees of an event: no actor but the masked caller of a telephone call, no trace, and no hash. `None` for
/// an event that no subscriber sees.
fn view(event: RecordedEvent) -> Option<OwnEvent> {
    let kind = kind(&event)?;
    let caller = match kind {
        OwnEventKind::TemporarySet => event.actor.split_once(" via ").map(|(caller, _)| caller),
        _ => None,
    };
    // Any account of the line may have changed its unit. Nobody sees which one.
    let account = event.number.filter(|_| !event.of_line);
    let repeats = event.repeats.and_then(|count| u64::try_from(count).ok());
    Some(OwnEvent {
        occur_time: Some(timestamp(event.occurred_time)),
        kind: kind.into(),
        account_number: account.unwrap_or_default(),
        masked_caller: caller.unwrap_or_default().to_owned(),
        count: repeats.unwrap_or(1).max(1),
    })
}

fn kind(event: &RecordedEvent) -> Option<OwnEventKind> {
    let reason = event.reason.as_deref().unwrap_or_default();
    Some(match (event.action.as_str(), event.outcome.as_str()) {
        ("LOGIN", "DONE") if reason == "TEMPORARY" => OwnEventKind::TemporaryLogin,
        ("LOGIN", "DONE") => OwnEventKind::Login,
        ("LOGIN" | "VERIFY_PASSWORD", "REFUSED") if reason == "KILLED" => {
            OwnEventKind::PasswordKilled
        }
        ("LOGIN", "REFUSED") => OwnEventKind::LoginRefused,
        ("VERIFY_PASSWORD", "REFUSED") if reason == "WRONG" => OwnEventKind::PasswordWrong,
        ("LOGOUT", "DONE") => OwnEventKind::Logout,
        ("END_SESSION", "DONE") => OwnEventKind::SessionEnded,
        // A masked actor is an account: a subscriber ended the sessions. The actor of an operator is not masked.
        ("END_SESSIONS", "DONE") if event.actor.starts_with('*') => {
            OwnEventKind::OtherSessionsEnded
        }
        ("END_SESSIONS", "DONE") => OwnEventKind::EndedByOperator,
        ("CHANGE_PASSWORD", "DONE") => OwnEventKind::PasswordChanged,
        // A wrong password has an event of its own.
        ("CHANGE_PASSWORD" | "MIGRATE", "REFUSED")
            if matches!(reason, "PASSWORD_WRONG" | "PASSWORD_DEAD") =>
        {
            return None;
        }
        ("CHANGE_PASSWORD", "REFUSED") => OwnEventKind::PasswordChangeRefused,
        ("SET_TEMPORARY_PASSWORD", "DONE") => OwnEventKind::TemporarySet,
        ("SET_TEMPORARY_PASSWORD", "REFUSED") => OwnEventKind::TemporaryRefused,
        ("MIGRATE", "DONE") => OwnEventKind::UnitChanged,
        ("MIGRATE", "REFUSED") => OwnEventKind::UnitChangeRefused,
        ("RESET_UNIT", "DONE") => OwnEventKind::UnitReset,
        _ => return None,
    })
}
