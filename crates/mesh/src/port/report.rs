//! What a port for workloads tells about itself in the response to a health check, for `aikagictl doctor` (INV-12).

use std::collections::HashMap;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use crate::tls::DenyListSummary;

/// The header of the response.
const HEADER: &str = "aikagi-port";

/// The path of a health check.
pub(super) const HEALTH_CHECK: &str = "/grpc.health.v1.Health/Check";

/// The bounds on the age of a port's connections, and the deny list of its workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortReport {
    /// The maximum age of a connection.
    pub age: Duration,
    /// The maximum time for which requests in progress may continue after `age`.
    pub grace: Duration,
    /// `None` if the workload has no deny list.
    pub deny_list: Option<DenyListSummary>,
}

impl PortReport {
    /// Reads the report in the headers of a response. `None` if there is none, or if it cannot be read.
    pub fn of_headers(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(HEADER)?.to_str().ok()?;
        let fields: HashMap<&str, &str> = text
            .split(' ')
            .filter_map(|field| field.split_once('='))
            .collect();
        let seconds = |name: &str| {
            let seconds = fields.get(name)?.parse().ok()?;
            Some(Duration::from_secs(seconds))
        };
        let deny_list = match fields.get("entries") {
            Some(entries) => Some(DenyListSummary {
                entries: entries.parse().ok()?,
                age: seconds("modified"),
                stale: fields.get("stale")?.parse().ok()?,
            }),
            None => None,
        };
        Some(Self {
            age: seconds("age")?,
            grace: seconds("grace")?,
            deny_list,
        })
    }

    /// Writes the report into the headers of a response.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        let (age, grace) = (self.age.as_secs(), self.grace.as_secs());
        let list = match &self.deny_list {
            None => String::new(),
            Some(list) => {
                let modified = list.age.map(|age| format!(" modified={}", age.as_secs()));
                let modified = modified.unwrap_or_default();
                format!(" entries={} stale={}{modified}", list.entries, list.stale)
            }
        };
        let text = format!("age={age} grace={grace}{list}");
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(HEADER, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// INV-12: a report is read as it was written.
    #[test]
    fn a_report_is_read_as_it_was_written() {
        let list = |entries, age, stale| {
            Some(DenyListSummary {
                entries,
                age,
                stale,
            })
        };
        for deny_list in [
            None,
            list(0, None, false),
            list(7, Some(Duration::from_secs(90)), true),
        ] {
            let report = PortReport {
                age: Duration::from_hours(1),
                grace: Duration::from_secs(5),
                deny_list,
            };
            let mut headers = HeaderMap::new();
            report.write(&mut headers);
            assert_eq!(PortReport::of_headers(&headers), Some(report));
        }
        let mut headers = HeaderMap::new();
        assert_eq!(PortReport::of_headers(&headers), None);
        headers.insert(HEADER, HeaderValue::from_static("age=1"));
        assert_eq!(PortReport::of_headers(&headers), None);
    }
}
