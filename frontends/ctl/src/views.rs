//! The printed form of the system's responses: JSON with stable keys for scripts (docs/aikagictl.md), and text for
//! people.

use aikagi_api::units::v1 as units;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

use crate::output::{Printable, table};

/// A point in time in a response. JSON has it in RFC 3339, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) DateTime<Utc>);

impl Moment {
    /// Converts a timestamp. Returns `None` if it is missing or out of range.
    pub(crate) fn of(timestamp: Option<prost_types::Timestamp>) -> Option<Self> {
        let timestamp = timestamp?;
        let nanos = u32::try_from(timestamp.nanos).ok()?;
        DateTime::from_timestamp(timestamp.seconds, nanos).map(Self)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%d %H:%M:%SZ"))
    }
}

/// Removes the prefix from the name of an enum value. Returns `None` for the unspecified value.
pub(crate) fn named(name: &'static str, prefix: &str) -> Option<&'static str> {
    let bare = name.strip_prefix(prefix).unwrap_or(name);
    (bare != "UNSPECIFIED").then_some(bare)
}

/// A line.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) contract_number: String,
    pub(crate) unit: Option<&'static str>,
    pub(crate) unit_established_time: Option<Moment>,
    pub(crate) close_time: Option<Moment>,
    pub(crate) numbers: Vec<LineNumber>,
}

/// A number of a line.
#[derive(Debug, Serialize)]
pub(crate) struct LineNumber {
    pub(crate) number: String,
    pub(crate) subscribed: bool,
    pub(crate) role: Option<&'static str>,
    pub(crate) credential: Option<&'static str>,
    pub(crate) failures: u32,
    pub(crate) open_charges: u32,
    pub(crate) kill_time: Option<Moment>,
    pub(crate) temporary_expire_time: Option<Moment>,
    pub(crate) change_time: Option<Moment>,
}

impl From<units::Line> for Line {
    fn from(line: units::Line) -> Self {
        Self {
            unit: named(line.unit().as_str_name(), "AUTH_UNIT_"),
            unit_established_time: Moment::of(line.unit_established_time),
            close_time: Moment::of(line.close_time),
            numbers: line.numbers.into_iter().map(LineNumber::from).collect(),
            contract_number: line.contract_number,
        }
    }
}

impl From<units::LineNumber> for LineNumber {
    fn from(number: units::LineNumber) -> Self {
        Self {
            role: named(number.role().as_str_name(), "ACCOUNT_ROLE_"),
            credential: named(number.credential_kind().as_str_name(), "CREDENTIAL_KIND_"),
            subscribed: number.subscribed,
            failures: number.failures,
            open_charges: number.open_charges,
            kill_time: Moment::of(number.kill_time),
            temporary_expire_time: Moment::of(number.temporary_expire_time),
            change_time: Moment::of(number.change_time),
            number: number.number,
        }
    }
}

impl LineNumber {
    /// Describes the state of the number's password, for people.
    fn password(&self) -> String {
        if let Some(kill_time) = self.kill_time {
            return format!("killed {kill_time}");
        }
        let state = match (
            self.credential,
            self.temporary_expire_time,
            self.change_time,
        ) {
            (Some("TEMPORARY"), Some(end), _) => format!("temporary, until {end}"),
            (Some("PERMANENT"), _, Some(change)) => format!("permanent, changed {change}"),
            (Some("TEMPORARY"), ..) => "temporary".to_owned(),
            (Some("PERMANENT"), ..) => "permanent".to_owned(),
            _ => "none".to_owned(),
        };
        let attempts = match self.failures.saturating_sub(self.open_charges) {
            0 => state,
            1 => format!("{state}; 1 wrong attempt"),
            many => format!("{state}; {many} wrong attempts"),
        };
        match self.open_charges {
            0 => attempts,
            1 => format!("{attempts}; 1 open charge"),
            many => format!("{attempts}; {many} open charges"),
        }
    }
}

impl Printable for Line {
    fn text(&self) -> String {
        let unit = match (self.unit, self.unit_established_time) {
            (None, _) => "none yet: the first temporary password chooses it".to_owned(),
            (Some(unit), None) => format!("{unit}, not established yet"),
            (Some(unit), Some(since)) => format!("{unit}, established {since}"),
        };
        let state = match self.close_time {
            None => "open".to_owned(),
            Some(since) => format!("closed {since}"),
        };
        let rows = self.numbers.iter().map(|number| {
            vec![
                number.number.clone(),
                if number.subscribed { "yes" } else { "no" }.to_owned(),
                number.role.unwrap_or("-").to_owned(),
                number.password(),
            ]
        });
        format!(
            "line   {}\nstate  {state}\nunit   {unit}\n\n{}",
            self.contract_number,
            table(&["NUMBER", "SUBSCRIBED", "ACCOUNT", "PASSWORD"], rows)
        )
    }
}

/// An event of the audit trail.
#[derive(Debug, Serialize)]
pub(crate) struct AuditEvent {
    pub(crate) event_id: i64,
    pub(crate) occur_time: Option<Moment>,
    pub(crate) actor: String,
    pub(crate) action: String,
    pub(crate) line_id: Option<i64>,
    pub(crate) number: Option<String>,
    pub(crate) outcome: String,
    pub(crate) reason: Option<String>,
    pub(crate) trace_id: Option<String>,
    pub(crate) repeats: Option<i64>,
    pub(crate) chain: i64,
    pub(crate) chain_sequence: i64,
}

impl From<units::AuditEvent> for AuditEvent {
    fn from(event: units::AuditEvent) -> Self {
        Self {
            event_id: event.event_id,
            occur_time: Moment::of(event.occur_time),
            actor: event.actor,
            action: event.action,
            line_id: event.line_id,
            number: event.number,
            outcome: event.outcome,
            reason: event.reason,
            trace_id: event.trace_id,
            repeats: event.repeats,
            chain: event.chain,
            chain_sequence: event.chain_sequence,
        }
    }
}

/// Prints each event on one line with fixed column widths. A table with fitted widths would have to wait for the last
/// event.
impl Printable for AuditEvent {
    fn text(&self) -> String {
        let time = self
            .occur_time
            .map_or_else(|| "-".to_owned(), |time| time.to_string());
        let reason = self.reason.as_deref().unwrap_or("-");
        let text = format!(
            "{:>8}  {time:20}  {:22}  {:7}  {:11}  {:20}  {reason}",
            self.event_id,
            self.action,
            self.outcome,
            self.number.as_deref().unwrap_or("-"),
            self.actor,
        );
        let repeats = self
            .repeats
            .map_or_else(String::new, |repeats| format!("  {repeats} times"));
        match &self.trace_id {
            Some(trace) => format!("{text}{repeats}  trace {trace}"),
            None => format!("{text}{repeats}"),
        }
    }
}
