//! `TakeTurn`: one turn of a call (IVR-1 to IVR-12). Load the call, take a pure step, save it.

use aikagi_api::issuance::v1::{TakeTurnRequest, TakeTurnResponse};
use aikagi_domain::dialog::{self, CallOutcome, CallState, Entry, Next, Setting, Turn};
use aikagi_domain::fault::InternalFault;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit::Line;
use aikagi_refusal::{Failure, Refusal};

use crate::Issuance;
use crate::calls::Found;
use crate::event::{Event, EventDigest, TurnRequest};
use crate::order::{Place, place};
use crate::record::{Answer, CallRecord};
use crate::reply::reply;
use crate::setting::SettingRequest;

/// How often a turn may find that another replica was faster before it gives up.
const RACES: usize = 3;

/// IVR-12: takes a turn, or answers one taken already in the same words.
pub(crate) async fn take_turn(
    service: &Issuance,
    actor: &str,
    request: TakeTurnRequest,
) -> Result<TakeTurnResponse, Failure> {
    let request = TurnRequest::parse(request)?;
    for _ in 0..RACES {
        if let Some(reply) = try_turn(service, actor, &request).await? {
            return Ok(reply);
        }
    }
    Err(Refusal::unavailable().into())
}

/// None when another replica saved a turn of the call first: look again.
async fn try_turn(
    service: &Issuance,
    actor: &str,
    request: &TurnRequest,
) -> Result<Option<TakeTurnResponse>, Failure> {
    let found = service.load_call(&request.call_id).await?;
    let record = found.as_ref().map(|found| &found.record);
    if let Place::Again(reply) = place(record, request, service.clock.now())? {
        return Ok(Some(reply));
    }
    let step = Step::of(request, found);
    let line = match &step.caller {
        Some(caller) => service.store.line_of(caller).await?,
        None => None,
    };
    let mut turn = step.take(&request.event, line.as_ref().map(|found| &found.line));
    if let Some(setting) = turn.set.take() {
        return set(service, actor, step, turn, setting).await;
    }
    if let Some(why) = step.refusal(&turn) {
        let line_id = line.map(|found| found.line_id);
        let now = service.clock.now();
        service
            .store
            .note_refusal(actor, step.caller.as_ref(), line_id, why, now)
            .await?;
    }
    save(service, &step, step.version, &turn).await
}

/// Saves a turn with its answer; none when another replica was faster.
async fn save(
    service: &Issuance,
    step: &Step,
    version: Option<u64>,
    turn: &Turn,
) -> Result<Option<TakeTurnResponse>, Failure> {
    let reply = step.reply(service, turn);
    let record = step.record(turn.state.clone(), Answer::Given(reply.clone()));
    let saved = service.save_call(&step.call_id, version, &record).await?;
    Ok(saved.then_some(reply))
}

/// IVR-8, IVR-12: sets the password once, however often the turn is sent: the turn is claimed before and
/// answered after.
async fn set(
    service: &Issuance,
    actor: &str,
    step: Step,
    turn: Turn,
    setting: Setting,
) -> Result<Option<TakeTurnResponse>, Failure> {
    let permit = service.permit().await?;
    let before = step
        .state
        .clone()
        .ok_or(InternalFault("a call that sets as it begins"))?;
    let claim = step.record(before, Answer::Setting(service.clock.now()));
    if !service
        .save_call(&step.call_id, step.version, &claim)
        .await?
    {
        return Ok(None);
    }
    let claimed = Some(step.version.unwrap_or(0).saturating_add(1));
    let request = SettingRequest {
        actor: actor.to_owned(),
        caller: step.caller.clone(),
        unit: setting.unit,
        target: Some(setting.target),
        password: setting.password,
    };
    let at_work = service.clone();
    let work = async move {
        let turn = match at_work.issue(permit, request).await {
            Ok(_issued) => turn,
            Err(error) => {
                tracing::warn!(%error, "a temporary password could not be set");
                Turn::failed()
            }
        };
        // What is set is set, and the caller hears it, though a retry of the turn may not.
        let kept = save(&at_work, &step, claimed, &turn).await.ok().flatten();
        if kept.is_none() {
            tracing::warn!("the answer to a call's last turn could not be kept");
        }
        Ok(kept.or_else(|| Some(step.reply(&at_work, &turn))))
    };
    service.to_the_end(work).await
}

/// A turn and what it is taken from.
struct Step {
    call_id: String,
    sequence: u32,
    event: EventDigest,
    caller: Option<TelephoneNumber>,
    /// None when the call begins.
    state: Option<CallState>,
    /// The version of the record that the next one replaces.
    version: Option<u64>,
}

impl Step {
    fn of(request: &TurnRequest, found: Option<Found>) -> Self {
        let (version, record) = found.map(|found| (found.version, found.record)).unzip();
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

    /// OPS-3: why the call ends with this turn without a setting; none when it does not, or when that is
    /// nobody's decision.
    fn refusal(&self, turn: &Turn) -> Option<&'static str> {
        if matches!(self.state, Some(CallState::Ended { .. })) {
            return None;
        }
        match turn.next {
            Next::End(CallOutcome::TooManyInvalid) => Some("TOO_MANY_INVALID"),
            Next::End(CallOutcome::Refused) => Some("CALLER_REFUSED"),
            // The line changed between the target and the end.
            Next::End(CallOutcome::Failed) => Some("TARGET_REFUSED"),
            Next::Collect { .. } | Next::End(CallOutcome::Set | CallOutcome::HungUp) => None,
        }
    }

    fn reply(&self, service: &Issuance, turn: &Turn) -> TakeTurnResponse {
        reply(
            self.sequence,
            &turn.guidance,
            turn.next,
            service.call.key_timeout,
        )
    }

    fn record(&self, state: CallState, answer: Answer) -> CallRecord {
        CallRecord {
            caller: self.caller.clone(),
            sequence: self.sequence,
            event: self.event,
            state,
            answer,
        }
    }
}
