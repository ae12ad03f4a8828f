//! `TakeTurn`: takes one turn of a call (IVR-1 to IVR-12). It loads the call, computes the next state and stores it.

use aikagi_api::issuance::v1::{TakeTurnRequest, TakeTurnResponse};
use aikagi_domain::dialog::{self, CallOutcome, CallState, Entry, Next, Setting, Turn};
use aikagi_domain::fault::InternalFault;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit::Line;
use aikagi_refusal::{Failure, Refusal};

use crate::Issuance;
use crate::call_record::{CallRecord, TurnResult};
use crate::call_store::StoredCall;
use crate::setting::SettingRequest;
use crate::turn_position::{TurnPosition, position_of};
use crate::turn_request::{Event, EventDigest, TurnRequest};
use crate::turn_response::turn_response;

/// The maximum number of tries for a turn. A try fails if another replica stores a turn of the same call first.
const MAX_TRIES: usize = 3;

/// IVR-12: takes a turn. A repeated turn gets the same response.
pub(crate) async fn take_turn(
    service: &Issuance,
    actor: &str,
    request: TakeTurnRequest,
) -> Result<TakeTurnResponse, Failure> {
    let request = TurnRequest::parse(request)?;
    for _ in 0..MAX_TRIES {
        if let Some(response) = try_turn(service, actor, &request).await? {
            return Ok(response);
        }
    }
    Err(Refusal::unavailable().into())
}

/// Tries to take a turn. Returns `None` if another replica stored a turn of the call first.
async fn try_turn(
    service: &Issuance,
    actor: &str,
    request: &TurnRequest,
) -> Result<Option<TakeTurnResponse>, Failure> {
    let stored = service.load_call(&request.call_id).await?;
    let record = stored.as_ref().map(|stored| &stored.record);
    let position = position_of(record, request, service.clock.now())?;
    if let TurnPosition::Repeated(response) = position {
        return Ok(Some(response));
    }
    let in_progress = TurnInProgress::new(request, stored);
    let line = match &in_progress.caller {
        Some(caller) => service.store.line_of(caller).await?,
        None => None,
    };
    let line_now = line.as_ref().map(|stored| &stored.line);
    let mut turn = in_progress.take(&request.event, line_now);
    if let Some(setting) = turn.set.take() {
        return set(service, actor, in_progress, turn, setting).await;
    }
    if let Some(reason) = in_progress.refusal(&turn) {
        let line_id = line.map(|stored| stored.line_id);
        let (caller, now) = (in_progress.caller.as_ref(), service.clock.now());
        service
            .store
            .note_refusal(actor, caller, line_id, reason, now)
            .await?;
    }
    save(service, &in_progress, in_progress.version, &turn).await
}

/// Stores a turn with its response. Returns `None` if another replica stored a turn first.
async fn save(
    service: &Issuance,
    in_progress: &TurnInProgress,
    version: Option<u64>,
    turn: &Turn,
) -> Result<Option<TakeTurnResponse>, Failure> {
    let response = in_progress.response(service, turn);
    let result = TurnResult::Response(response.clone());
    let record = in_progress.record(turn.state.clone(), result);
    let call_id = &in_progress.call_id;
    let saved = service.save_call(call_id, version, &record).await?;
    Ok(saved.then_some(response))
}

/// IVR-8, IVR-12: sets the password only once, even if the turn is repeated. Before the password is set, the call's
/// record says that a replica is setting it. Afterwards, the record has the response.
async fn set(
    service: &Issuance,
    actor: &str,
    in_progress: TurnInProgress,
    turn: Turn,
    setting: Setting,
) -> Result<Option<TakeTurnResponse>, Failure> {
    let permit = service.permit().await?;
    let before = in_progress
        .state
        .clone()
        .ok_or(InternalFault("the first turn of a call set a password"))?;
    let claim = in_progress.record(before, TurnResult::Setting(service.clock.now()));
    let (call_id, version) = (&in_progress.call_id, in_progress.version);
    if !service.save_call(call_id, version, &claim).await? {
        return Ok(None);
    }
    let claimed = Some(version.unwrap_or(0).saturating_add(1));
    let request = SettingRequest {
        actor: actor.to_owned(),
        caller: in_progress.caller.clone(),
        unit: setting.unit,
        target: Some(setting.target),
        password: setting.password,
    };
    let worker = service.clone();
    let work = async move {
        let turn = match worker.issue(permit, request).await {
            Ok(_issued) => turn,
            Err(failure) => {
                failure.report();
                Turn::failed()
            }
        };
        // The password may be set already, so the caller gets the response even if it cannot be saved for a repeated
        // turn.
        let saved = match save(&worker, &in_progress, claimed, &turn).await {
            Ok(saved) => saved,
            Err(failure) => {
                failure.report();
                None
            }
        };
        Ok(saved.or_else(|| Some(in_progress.response(&worker, &turn))))
    };
    service.uninterrupted(work).await
}

/// A turn, with the state of its call before the turn.
struct TurnInProgress {
    call_id: String,
    sequence: u32,
    event: EventDigest,
    caller: Option<TelephoneNumber>,
    /// `None` if the turn starts the call.
    state: Option<CallState>,
    /// The version of the stored record. The next record replaces this version.
    version: Option<u64>,
}

impl TurnInProgress {
    fn new(request: &TurnRequest, stored: Option<StoredCall>) -> Self {
        let stored = stored.map(|stored| (stored.version, stored.record));
        let (version, record) = stored.unzip();
        let (caller, state) = match (&request.event, record) {
            (Event::Started { caller }, None) => (caller.clone(), None),
            (_, Some(record)) => (record.caller, Some(record.state)),
            (Event::Keys(_) | Event::Silence | Event::HungUp, None) => (None, None),
        };
        Self {
            call_id: request.call_id.clone(),
            sequence: request.sequence,
            event: request.event.digest(),
            caller,
            state,
            version,
        }
    }

    fn take(&self, event: &Event, line: Option<&Line>) -> Turn {
        let caller = self.caller.as_ref();
        match (self.state.clone(), event) {
            (None, _) | (Some(_), Event::Started { .. }) => dialog::start(caller, line),
            (Some(state), Event::Keys(keys)) => state.turn(caller, line, Entry::Keys(keys)),
            (Some(state), Event::Silence) => state.turn(caller, line, Entry::Silence),
            (Some(state), Event::HungUp) => state.hang_up(),
        }
    }

    /// OPS-3: the audit trail's reason if this turn ends the call and no password is set. `None` if the call continues,
    /// or if the caller hung up.
    fn refusal(&self, turn: &Turn) -> Option<&'static str> {
        if matches!(self.state, Some(CallState::Ended { .. })) {
            return None;
        }
        match turn.next {
            Next::End(CallOutcome::TooManyInvalid) => Some("TOO_MANY_INVALID"),
            Next::End(CallOutcome::Refused) => Some("CALLER_REFUSED"),
            // The line changed after the caller had entered the target.
            Next::End(CallOutcome::Failed) => Some("TARGET_REFUSED"),
            Next::Collect { .. } | Next::End(CallOutcome::Set | CallOutcome::HungUp) => None,
        }
    }

    fn response(&self, service: &Issuance, turn: &Turn) -> TakeTurnResponse {
        turn_response(
            self.sequence,
            &turn.guidance,
            turn.next,
            service.call.key_timeout,
        )
    }

    fn record(&self, state: CallState, result: TurnResult) -> CallRecord {
        CallRecord {
            caller: self.caller.clone(),
            sequence: self.sequence,
            event: self.event,
            state,
            result,
        }
    }
}
