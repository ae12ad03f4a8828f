//! A small model of the specification: pure, written from the rules and not from the services. It answers in the words
//! of the contracts, so that what the system answers is compared as a whole. An operation that is not one moment is
//! written in its steps ([`steps`]); alone it takes them one after another.
//!
//! Where the rules leave the order of two refusals open, the model refuses in the order in which a reader of the
//! request would: its form, the session, the view, what is wanted, and passwords last.

mod cache;
mod credential;
mod directory;
mod line;
mod migration;
mod password;
mod session;
mod steps;
mod telephone;
mod verification;

use std::collections::{BTreeMap, BTreeSet};

use aikagi_api::units::v1::AuthUnit;
use chrono::{DateTime, TimeDelta, Utc};

pub(crate) use credential::{Account, Epoch, Secret};
pub(crate) use line::Line;
pub(crate) use migration::{Migrate, Preview, PreviewRevision};
pub(crate) use password::{Change, ChangePassword};
pub(crate) use session::{Login, Revision};
pub(crate) use steps::{Next, Steps};
pub(crate) use telephone::{Event, Heard, SetTemporary, TakeTurn};

/// A telephone number in its normal form (UNIT-3).
pub(crate) type Number = &'static str;
/// A password, temporary or permanent.
pub(crate) type Password = &'static str;
/// A moment.
pub(crate) type Moment = DateTime<Utc>;
/// A session or a call, by the name that whoever began it gave it.
pub(crate) type Handle = usize;

/// IVR-9.
const TEMPORARY_LIFETIME: TimeDelta = TimeDelta::hours(24);
/// PW-3.
const PERMANENT_LIFETIME: TimeDelta = TimeDelta::days(60);
/// SESS-1.
const IDLE: TimeDelta = TimeDelta::minutes(15);
/// SESS-1.
const LONGEST: TimeDelta = TimeDelta::hours(12);
/// IVR-12: how long an abandoned call is remembered, as the services are set.
const REMEMBERED: TimeDelta = TimeDelta::minutes(5);

/// LOGIN-2: the wrong attempts in a row that kill a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Limits {
    pub(crate) temporary: u32,
    pub(crate) permanent: u32,
}

/// Why a call was refused, and the fields that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) reason: &'static str,
    pub(crate) fields: Vec<String>,
}

/// What is answered.
pub(crate) type Answer<T> = Result<T, Refused>;

impl Refused {
    pub(crate) fn new(reason: &'static str) -> Self {
        Self {
            reason,
            fields: Vec::new(),
        }
    }

    fn field(mut self, field: impl Into<String>) -> Self {
        self.fields.push(field.into());
        self
    }
}

/// All that the system knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Model {
    pub(crate) now: Moment,
    limits: Limits,
    lines: Vec<Line>,
    /// Those that no rule has ended; whether their time is over is asked when they are used (SESS-1).
    sessions: BTreeMap<Handle, session::Session>,
    /// SESS-2: the sessions in which a password was just changed, while they can still go on.
    going_on: BTreeSet<Handle>,
    calls: BTreeMap<Handle, telephone::Call>,
    /// The newest temporary password of each number that was put where logins find it.
    published: BTreeMap<Number, Epoch>,
    /// What has a TTL, as it was copied last.
    copied: Option<cache::Cache>,
    /// Numbers that were put on lines.
    born: u32,
}

impl Model {
    /// Nothing yet.
    pub(crate) fn at(now: Moment, limits: Limits) -> Self {
        Self {
            now,
            limits,
            lines: Vec::new(),
            sessions: BTreeMap::new(),
            going_on: BTreeSet::new(),
            calls: BTreeMap::new(),
            published: BTreeMap::new(),
            copied: None,
            born: 0,
        }
    }

    /// Time passes. The calls that are forgotten by it (IVR-12).
    pub(crate) fn wait(&mut self, time: TimeDelta) -> Vec<Handle> {
        self.now += time;
        let now = self.now;
        let is_forgotten = |call: &telephone::Call| now >= call.answered + REMEMBERED;
        self.calls
            .extract_if(.., |_, call| is_forgotten(call))
            .map(|(handle, _)| handle)
            .collect()
    }

    /// The line that a number is on.
    pub(crate) fn line(&self, number: Number) -> Option<&Line> {
        self.lines
            .iter()
            .find(|line| line.numbers.contains_key(number))
    }

    /// The unit of the line that a number is on.
    pub(crate) fn unit(&self, number: Number) -> Option<AuthUnit> {
        self.line(number).and_then(|line| line.unit)
    }

    /// The password that opens an account, as far as anybody knows one.
    pub(crate) fn password(&self, number: Number) -> Option<Password> {
        match &self.line(number)?.numbers[number].secret {
            Secret::None => None,
            Secret::Temporary { password, .. } => *password,
            Secret::Permanent { password, .. } => Some(password),
        }
    }

    /// All lines.
    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// All sessions that no rule has ended.
    pub(crate) fn sessions(&self) -> impl Iterator<Item = (&Handle, &session::Session)> {
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
