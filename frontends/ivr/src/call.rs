//! Runs a call: plays the guidance of each turn, and sends the caller's keys as the next turn. The dialog or the caller
//! ends the call.

use std::time::Duration;

use aikagi_agi::{Ending, Entry, Played, Session, SessionError, Sound};
use aikagi_api::issuance::v1::take_turn_request::Event;
use aikagi_api::issuance::v1::take_turn_response::Next;
use aikagi_api::issuance::v1::{
    CallOutcome, CallStarted, Collect, Guidance, HungUp, Silence, TakeTurnRequest, TakeTurnResponse,
};
use aikagi_domain::guidance::{GuidanceId, Language};
use aikagi_domain::telephone::TelephoneNumber;
use tokio::io::{AsyncRead, AsyncWrite};
use zeroize::Zeroizing;

use crate::dialog::{Dialog, NoResponse};
use crate::prompts::Prompts;
use crate::script::{Prompt, ScriptError, recordings};

/// The channel variable with the outcome of the dialog. The adapter sets it last. If it is not set although the caller
/// has not hung up, the call failed, and the dialplan plays an apology.
pub const OUTCOME_VARIABLE: &str = "AIKAGI_OUTCOME";

/// The maximum number of keys in an entry. It is larger than any entry of the dialog.
const MAX_KEYS: usize = 32;
/// The time to wait for a key if the response to the turn does not define it.
const KEY_TIMEOUT: Duration = Duration::from_secs(10);

/// The reason why a call ended before its dialog was complete.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// The session with Asterisk failed, or the caller hung up.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// A turn got no response.
    #[error("a turn got no response: {0}")]
    NoResponse(#[from] NoResponse),
    /// A response contains guidance without recordings.
    #[error("the guidance cannot be played: {0}")]
    Script(#[from] ScriptError),
    /// A response does not say what to do next.
    #[error("the response to a turn does not say what to do next")]
    NothingNext,
}

/// A call in progress.
pub(crate) struct Call<'a, D, R, W> {
    session: Session<R, W>,
    dialog: &'a D,
    prompts: &'a Prompts,
    language: Language,
    turns: Turns,
    /// True if the previous entry ended at its maximum number of keys. A hash key that follows belongs to that entry.
    late_hash: bool,
}

/// Numbers the turns of a call.
struct Turns {
    call_id: String,
    next: u32,
}

impl Turns {
    fn request(&mut self, event: Event) -> TakeTurnRequest {
        let sequence = self.next;
        self.next = self.next.saturating_add(1);
        TakeTurnRequest {
            call_id: self.call_id.clone(),
            sequence,
            event: Some(event),
        }
    }
}

impl<'a, D: Dialog, R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Call<'a, D, R, W> {
    /// Creates a call that has not sent a turn yet.
    pub(crate) fn new(
        session: Session<R, W>,
        dialog: &'a D,
        prompts: &'a Prompts,
        language: Language,
        call_id: String,
    ) -> Self {
        Self {
            session,
            dialog,
            prompts,
            language,
            turns: Turns { call_id, next: 0 },
            late_hash: false,
        }
    }

    /// Runs the dialog to its end and sets [`OUTCOME_VARIABLE`]. After a fault, plays an apology first, and sets the
    /// variable to `failed`. If the caller hangs up or the AGI session fails, does not set the variable.
    ///
    /// `caller` is the number as the network delivers it (IVR-14). If it is not a telephone number, the dialog refuses
    /// the call as if the number were withheld (IVR-11).
    pub(crate) async fn run(&mut self, caller: Option<&str>) -> Result<CallOutcome, CallError> {
        let result = self.converse(caller).await;
        let outcome = match &result {
            Ok(outcome) => *outcome,
            Err(CallError::Session(SessionError::HungUp | SessionError::Protocol(_))) => {
                return result;
            }
            Err(error) => {
                tracing::warn!(%error, "call failed, playing the apology");
                self.play_apology().await?;
                CallOutcome::Failed
            }
        };
        let value = outcome_name(outcome);
        self.session.set_variable(OUTCOME_VARIABLE, value).await?;
        result
    }

    /// Ends a call whose dialog is not complete: returns the channel to the dialplan, and then notifies issuance.
    /// Issuance stores that the call has ended, and no longer has the keyed digits.
    pub(crate) async fn abandon(self) {
        let Self {
            session,
            dialog,
            mut turns,
            ..
        } = self;
        // Dropping the session returns the channel first, so that the caller does not wait for the RPC.
        drop(session);
        if turns.next > 0 {
            let turn = turns.request(Event::HungUp(HungUp {}));
            if let Err(error) = dialog.take(turn).await {
                tracing::debug!(%error, "issuance was not notified of the hang-up");
            }
        }
    }

    async fn converse(&mut self, caller: Option<&str>) -> Result<CallOutcome, CallError> {
        let caller = caller.and_then(|number| TelephoneNumber::parse_caller(number).ok());
        let caller_number = caller.map(String::from).unwrap_or_default();
        let mut event = Event::Started(CallStarted { caller_number });
        loop {
            let turn = self.turns.request(event);
            let mut response: TakeTurnResponse = self.dialog.take(turn).await?;
            let sounds = self.sounds(&response.guidance)?;
            match response.next.take().ok_or(CallError::NothingNext)? {
                Next::Collect(collect) => event = self.ask(&sounds, &collect).await?,
                Next::Ended(ended) => {
                    for sound in &sounds {
                        self.session.play(sound).await?;
                    }
                    return Ok(ended.outcome());
                }
            }
        }
    }

    /// Returns the recordings of the guidance. The adapter has checked at start that all of them exist.
    fn sounds(&self, guidance: &[Guidance]) -> Result<Vec<Sound>, ScriptError> {
        let sound = |prompt| self.prompts.sound(prompt, self.language).cloned();
        let prompts = recordings(guidance)?.into_iter();
        prompts
            .map(|prompt| sound(prompt).ok_or(ScriptError::Unknown))
            .collect()
    }

    /// Plays a question and collects the caller's keys. The caller may press keys as soon as the first sound plays.
    ///
    /// Keys pressed between two AGI commands are lost, so one command plays the last sound and collects the keys.
    ///
    /// Many callers press the hash key even after an entry that ended at its maximum number of keys. A lone hash after
    /// such an entry repeats the question. It does not count as an invalid entry (IVR-7).
    async fn ask(&mut self, sounds: &[Sound], collect: &Collect) -> Result<Event, SessionError> {
        let max_keys = usize::try_from(collect.max_digits).unwrap_or(MAX_KEYS);
        let max_keys = max_keys.clamp(1, MAX_KEYS);
        let timeout = collect
            .timeout
            .as_ref()
            .and_then(wait)
            .unwrap_or(KEY_TIMEOUT);
        let entry = loop {
            let entry = self.entry(sounds, timeout, max_keys).await?;
            let lone_hash = entry.keys.is_empty() && entry.ending == Ending::Hash;
            if !(std::mem::take(&mut self.late_hash) && lone_hash) {
                break entry;
            }
        };
        self.late_hash = entry.ending == Ending::Full;
        Ok(event_of(&entry))
    }

    async fn entry(
        &mut self,
        sounds: &[Sound],
        timeout: Duration,
        max_keys: usize,
    ) -> Result<Entry, SessionError> {
        let (last, before) = match sounds.split_last() {
            Some((last, before)) => (Some(last), before),
            None => (None, sounds),
        };
        for sound in before {
            let Played::Key(key) = self.session.play_until_key(sound).await? else {
                continue;
            };
            let mut keys = Zeroizing::new(String::with_capacity(MAX_KEYS));
            let ending = match (key, max_keys) {
                ('#', _) => Ending::Hash,
                (_, 1) => {
                    keys.push(key);
                    Ending::Full
                }
                _ => {
                    let more = self.session.collect(None, timeout, max_keys - 1).await?;
                    keys.push(key);
                    keys.push_str(&more.keys);
                    more.ending
                }
            };
            return Ok(Entry { keys, ending });
        }
        self.session.collect(last, timeout, max_keys).await
    }

    async fn play_apology(&mut self) -> Result<(), CallError> {
        let apology = Prompt::Whole(GuidanceId::TryLater);
        if let Some(sound) = self.prompts.sound(apology, self.language) {
            self.session.play(sound).await?;
        }
        Ok(())
    }
}

/// Converts an entry to the event of the next turn.
fn event_of(entry: &Entry) -> Event {
    if entry.keys.is_empty() && entry.ending == Ending::Timeout {
        return Event::Silence(Silence {});
    }
    // Some telephones have keys A to D. The adapter sends them as `*`, which makes the entry invalid.
    let known = |key: char| if key.is_ascii_alphabetic() { '*' } else { key };
    let mut keys: String = entry.keys.chars().map(known).collect();
    if entry.ending == Ending::Hash {
        keys.push('#');
    }
    Event::Keys(keys)
}

fn wait(timeout: &prost_types::Duration) -> Option<Duration> {
    let wait = Duration::try_from(*timeout).ok()?;
    (!wait.is_zero()).then_some(wait)
}

/// Returns the name of an outcome in the channel variable and in the log.
pub(crate) fn outcome_name(outcome: CallOutcome) -> &'static str {
    match outcome {
        CallOutcome::Set => "set",
        CallOutcome::TooManyInvalid => "too-many-invalid",
        CallOutcome::Refused => "refused",
        CallOutcome::HungUp => "hung-up",
        CallOutcome::Failed | CallOutcome::Unspecified => "failed",
    }
}
