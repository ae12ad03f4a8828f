//! Times and durations in the form that Redis stores: whole milliseconds.

use chrono::{DateTime, TimeDelta, Utc};

use crate::error::TtlError;

/// Converts stored milliseconds to a time. `operation` is the command that read them.
pub(crate) fn moment(
    milliseconds: i64,
    operation: &'static str,
) -> Result<DateTime<Utc>, TtlError> {
    DateTime::from_timestamp_millis(milliseconds).ok_or_else(|| TtlError::malformed(operation))
}

/// The time from `now` to `until`, in milliseconds. `None` if it has passed.
pub(crate) fn remaining(until: DateTime<Utc>, now: DateTime<Utc>) -> Option<i64> {
    let milliseconds = until.timestamp_millis() - now.timestamp_millis();
    (milliseconds > 0).then_some(milliseconds)
}

/// A duration as a time to live, in milliseconds. Redis requires at least 1.
pub(crate) fn lifetime(duration: TimeDelta) -> i64 {
    duration.num_milliseconds().max(1)
}
