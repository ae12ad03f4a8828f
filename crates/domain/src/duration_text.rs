//! Durations in settings as text: `15m`, `24h`, `60d`. For `#[serde(with = "...")]`.

use chrono::TimeDelta;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

/// Writes a duration as text.
pub fn serialize<S: Serializer>(duration: &TimeDelta, serializer: S) -> Result<S::Ok, S::Error> {
    let duration = duration.to_std().unwrap_or_default();
    serializer.collect_str(&humantime::format_duration(duration))
}

/// Parses a duration. Fails for zero and for durations that `TimeDelta` cannot represent.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TimeDelta, D::Error> {
    let text = String::deserialize(deserializer)?;
    let duration = humantime::parse_duration(&text).map_err(D::Error::custom)?;
    if duration.is_zero() {
        return Err(D::Error::custom("the duration must be longer than zero"));
    }
    TimeDelta::from_std(duration).map_err(D::Error::custom)
}
