//! A small model of the specification. It is pure, and written from the rules, not from the
//! services. Its responses are the contracts' messages, so that a test compares whole responses. An
//! operation that takes effect at more than one moment is written as [`Steps`].
//!
//! The rules do not always say which of two refusals comes first. The model then checks in this
//! order: the form of the request, the session, the revision, the requested change, the passwords.

mod cache;
mod credential;
mod directory;
mod ivr;
mod line;
mod password;
mod session;
mod steps;
mod unit_migration;
mod verification;

use std::collections::{BTreeMap, BTreeSet};

use aikagi_api::units::v1::AuthUnit;
use chrono::{DateTime, TimeDelta, Utc};

pub use credential::{Account, Epoch, Secret};
pub use ivr::{Event, Heard, SetTemporary, TakeTurn};
pub use line::Line;
pub use password::{Change, ChangePassword};
pub use session::{Login, Revision};
pub use steps::{Next, Steps};
pub use unit_migration::{Migrate, Preview, PreviewRevision};

/// A telephone number in its normal form (UNIT-3).
pub type Number = &'static str;
/// A password, temporary or permanent.
pub type Password = &'static str;
/// A moment.
pub type Moment = DateTime<Utc>;
/// A name for a session or a call. The test chooses the handle when the session or the call begins.
pub type Handle = usize;

/// IVR-9: how long a temporary password works.
const TEMPORARY_LIFETIME: TimeDelta = TimeDelta::hours(24);
/// PW-3: the time after which a permanent password must be changed.
const PERMANENT_LIFETIME: TimeDelta = TimeDelta::days(60);
/// SESS-1: a session that is not used for this time ends.
const IDLE: TimeDelta = TimeDelta::minutes(15);
/// SESS-1: a session ends after this time, even if it is in use.
const LONGEST: TimeDelta = TimeDelta::hours(12);
/// IVR-12: how long the services keep the state of an abandoned call, according to their settings.
const REMEMBERED: TimeDelta = TimeDelta::minutes(5);

/// LOGIN-2: the numbers of wrong attempts in a row that kill a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    /// For a temporary password.
    pub temporary: u32,
    /// For a permanent password.
    pub permanent: u32,
}

/// A refusal: its reason, and the fields that it names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Refused {
    /// The name of the reason.
    pub reason: &'static str,
    /// The paths of the fields, in order.
    pub fields: Vec<String>,
}

/// The model's response.
pub type Answer<T> = Result<T, Refused>;

impl Refused {
    /// A refusal that names no field.
    pub fn new(reason: &'static str) -> Self {
        Self {
            reason,
            fields: Vec::new(),
        }
    }

    pub(crate) fn field(mut self, field: impl Into<String>) -> Self {
        self.fields.push(field.into());
        self
    }
}

/// The state of the whole system.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Model {
    /// The present moment.
    pub now: Moment,
    limits: Limits,
    lines: Vec<Line>,
    /// The sessions that no rule has ended. Each use of a session checks if the session has expired
    /// (SESS-1).
    sessions: BTreeMap<Handle, session::Session>,
    /// SESS-2: sessions that have just changed their password and can still continue.
    continuable: BTreeSet<Handle>,
    calls: BTreeMap<Handle, ivr::Call>,
    /// For each number, the newest temporary password that logins can find.
    published: BTreeMap<Number, Epoch>,
    /// The last copy of all data with a TTL.
    copied: Option<cache::Cache>,
    /// The count of numbers that were ever put on a line.
    born: u32,
}

impl Model {
    /// A system without lines.
    pub fn at(now: Moment, limits: Limits) -> Self {
        Self {
            now,
            limits,
            lines: Vec::new(),
            sessions: BTreeMap::new(),
            continuable: BTreeSet::new(),
            calls: BTreeMap::new(),
            published: BTreeMap::new(),
            copied: None,
            born: 0,
        }
    }

    /// Moves the clock forward. Returns the calls that are forgotten in that time (IVR-12).
    pub fn wait(&mut self, time: TimeDelta) -> Vec<Handle> {
        self.now += time;
        let now = self.now;
        let is_forgotten = |call: &ivr::Call| now >= call.answered + REMEMBERED;
        self.calls
            .extract_if(.., |_, call| is_forgotten(call))
            .map(|(handle, _)| handle)
            .collect()
    }

    /// The line of a number.
    pub fn line(&self, number: Number) -> Option<&Line> {
        self.lines
            .iter()
            .find(|line| line.numbers.contains_key(number))
    }

    /// The auth unit of a number's line.
    pub fn unit(&self, number: Number) -> Option<AuthUnit> {
        self.line(number).and_then(|line| line.unit)
    }

    /// The password with which an account can log in. `None` if the account has none, or if it is
    /// not published or was lost.
    pub fn password(&self, number: Number) -> Option<Password> {
        match &self.line(number)?.numbers[number].secret {
            Secret::None => None,
            Secret::Temporary { password, .. } => *password,
            Secret::Permanent { password, .. } => Some(password),
        }
    }

    /// All lines.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// All sessions that no rule has ended.
    pub fn sessions(&self) -> impl Iterator<Item = (&Handle, &session::Session)> {
        self.sessions.iter()
    }

    fn account(&self, number: Number) -> Option<&Account> {
        self.line(number)?.numbers.get(number)
    }

    fn line_mut(&mut self, number: Number) -> Option<&mut Line> {
        self.lines
            .iter_mut()
            .find(|line| line.numbers.contains_key(number))
    }

    fn account_mut(&mut self, number: Number) -> Option<&mut Account> {
        self.line_mut(number)?.numbers.get_mut(number)
    }
}
