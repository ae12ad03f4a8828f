//! Moments and durations as Redis holds them: whole milliseconds.

use chrono::{DateTime, TimeDelta, Utc};

use crate::TtlError;

pub(crate) fn moment(milliseconds: i64) -> Result<DateTime<Utc>, TtlError> {
    DateTime::from_timestamp_millis(milliseconds).ok_or(TtlError::Corrupt)
}

/// How long until then, in milliseconds; none if it has come.
pub(crate) fn remaining(until: DateTime<Utc>, now: DateTime<Utc>) -> Option<i64> {
    let milliseconds = until.timestamp_millis() - now.timestamp_millis();
    (milliseconds > 0).then_some(milliseconds)
}

/// A time to live that Redis accepts.
pub(crate) fn lifetime(duration: TimeDelta) -> i64 {
    duration.num_milliseconds().max(1)
}
