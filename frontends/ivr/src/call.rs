//! One call: what the dialog says is played, what the caller keys is the next turn, until either of them ends it.

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

use crate::dialog::{Dialog, NoAnswer};
use crate::prompts::Prompts;
use crate::script::{Prompt, ScriptError, recordings};

/// The channel's variable that tells the dialplan how the dialog ended. It is set last: without it something broke,
/// and the dialplan apologises.
pub const OUTCOME_VARIABLE: &str = "AIKAGI_OUTCOME";

/// No entry of the dialog is longer.
const MOST_KEYS: usize = 32;
/// How long to wait for a key when the dialog does not say.
const KEY_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a call ended before its dialog did.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// Asterisk or the caller.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// No turn was answered.
    #[error("a turn was not answered: {0}")]
    NoAnswer(#[from] NoAnswer),
    /// The dialog says what cannot be played.
    #[error("the dialog says what cannot be played: {0}")]
    Script(#[from] ScriptError),
    /// The dialog does not say what comes next.
    #[error("the dialog does not say what comes next")]
    NothingNext,
}

/// A call in progress.
pub(crate) struct Call<'a, D, R, W> {
    session: Session<R, W>,
    dialog: &'a D,
    prompts: &'a Prompts,
    language: Language,
    turns: Turns,
    /// The entry before this one ended with its last key: a hash that follows belongs to it.
    late_hash: bool,
}

/// The turns of a call: its name, and the number of the next turn.
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
    /// A call that begins.
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

    /// Holds the dialog to its end, and tells the dialplan how it ended. What breaks on our side the caller hears
    /// as an apology.
    ///
    /// A caller whose number is none (IVR-11) is told so by the dialog, like one who withholds it.
    pub(crate) async fn hold(&mut self, caller: Option<&str>) -> Result<CallOutcome, CallError> {
        let held = self.converse(caller).await;
        let outcome = match &held {
            Ok(outcome) => *outcome,
            Err(CallError::Session(SessionError::HungUp | SessionError::Protocol(_))) => {
                return held;
            }
            Err(error) => {
                tracing::warn!(%error, "the caller hears an apology");
                self.apologise().await?;
                CallOutcome::Failed
            }
        };
        let value = outcome_name(outcome);
        self.session.set_variable(OUTCOME_VARIABLE, value).await?;
        held
    }

    /// Hands the call back to the dialplan, and lets the dialog forget it, which ended before it did.
    pub(crate) async fn forget(self) {
        let Self {
            session,
            dialog,
            mut turns,
            ..
        } = self;
        // The caller does not wait for this.
        drop(session);
        if turns.next > 0 {
            let turn = turns.request(Event::HungUp(HungUp {}));
            if let Err(error) = dialog.take(turn).await {
                tracing::debug!(%error, "the dialog was not told of the end");
            }
        }
    }

    async fn converse(&mut self, caller: Option<&str>) -> Result<CallOutcome, CallError> {
        let caller = caller.and_then(|number| TelephoneNumber::parse(number).ok());
        let caller_number = caller.map(String::from).unwrap_or_default();
        let mut event = Event::Started(CallStarted { caller_number });
        loop {
            let turn = self.turns.request(event);
            let mut answer: TakeTurnResponse = self.dialog.take(turn).await?;
            let sounds = self.sounds(&answer.guidance)?;
            match answer.next.take().ok_or(CallError::NothingNext)? {
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

    /// The recordings of guidance. That all of them are there was found at the start.
    fn sounds(&self, guidance: &[Guidance]) -> Result<Vec<Sound>, ScriptError> {
        let sound = |prompt| self.prompts.sound(prompt, self.language).cloned();
        let prompts = recordings(guidance)?.into_iter();
        prompts
            .map(|prompt| sound(prompt).ok_or(ScriptError::Unknown))
            .collect()
    }

    /// Plays a question and takes what the caller keys, from the first sound on.
    ///
    /// Keys pressed between two commands are lost, so the last sound and the keys are one command. A hash right after
    /// an entry that was full is the habit of closing it: the question starts again, and nothing is counted (IVR-7).
    async fn ask(&mut self, sounds: &[Sound], collect: &Collect) -> Result<Event, SessionError> {
        let most = usize::try_from(collect.max_digits).unwrap_or(MOST_KEYS);
        let most = most.clamp(1, MOST_KEYS);
        let timeout = collect
            .timeout
            .as_ref()
            .and_then(wait)
            .unwrap_or(KEY_TIMEOUT);
        let entry = loop {
            let entry = self.entry(sounds, timeout, most).await?;
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
        most: usize,
    ) -> Result<Entry, SessionError> {
        let (last, before) = match sounds.split_last() {
            Some((last, before)) => (Some(last), before),
            None => (None, sounds),
        };
        for sound in before {
            let Played::Key(key) = self.session.play_until_key(sound).await? else {
                continue;
            };
            let mut keys = Zeroizing::new(String::with_capacity(MOST_KEYS));
            let ending = match (key, most) {
                ('#', _) => Ending::Hash,
                (_, 1) => {
                    keys.push(key);
                    Ending::Full
                }
                _ => {
                    let more = self.session.collect(None, timeout, most - 1).await?;
                    keys.push(key);
                    keys.push_str(&more.keys);
                    more.ending
                }
            };
            return Ok(Entry { keys, ending });
        }
        self.session.collect(last, timeout, most).await
    }

    async fn apologise(&mut self) -> Result<(), CallError> {
        let apology = Prompt::Whole(GuidanceId::TryLater);
        if let Some(sound) = self.prompts.sound(apology, self.language) {
            self.session.play(sound).await?;
        }
        Ok(())
    }
}

/// What an entry is to the dialog.
fn event_of(entry: &Entry) -> Event {
    if entry.keys.is_empty() && entry.ending == Ending::Timeout {
        return Event::Silence(Silence {});
    }
    // A few telephones have keys A to D: no entry of ours, so they count as an invalid one.
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

/// How a dialog ended, as the dialplan is told.
pub(crate) fn outcome_name(outcome: CallOutcome) -> &'static str {
    match outcome {
        CallOutcome::Set => "set",
        CallOutcome::TooManyInvalid => "too-many-invalid",
        CallOutcome::Refused => "refused",
        CallOutcome::HungUp => "hung-up",
        CallOutcome::Failed | CallOutcome::Unspecified => "failed",
    }
}
