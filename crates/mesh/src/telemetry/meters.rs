//! What is counted and measured of calls, of what a service depends on, and of its certificates. No label is a
//! number, a name of a person or anything else without bounds.

use std::sync::LazyLock;
use std::time::Duration;

use aikagi_domain::fault::{ErrorType, FAILURES, FAILURES_DESCRIPTION};
pub use opentelemetry::KeyValue;
use opentelemetry::global;
pub use opentelemetry::metrics::Counter;
use opentelemetry::metrics::{Gauge, Histogram, Meter};
use tonic::Code;

use super::spans::{is_error, name_of};

/// Seconds, as the conventions advise for durations.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// The meter of everything of ours.
pub fn meter() -> Meter {
    global::meter("aikagi")
}

static SERVED: LazyLock<Histogram<f64>> =
    LazyLock::new(|| durations("rpc.server.call.duration", "Calls served."));
static MADE: LazyLock<Histogram<f64>> =
    LazyLock::new(|| durations("rpc.client.call.duration", "Calls made."));
static SHED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    meter()
        .u64_counter("aikagi.rpc.shed")
        .with_description("RPCs refused because too many were in progress.")
        .with_unit("{rpc}")
        .build()
});
static FAILED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    meter()
        .u64_counter(FAILURES)
        .with_description(FAILURES_DESCRIPTION)
        .build()
});
static DOWN: LazyLock<Gauge<u64>> = LazyLock::new(|| {
    meter()
        .u64_gauge("aikagi.dependency.down")
        .with_description("1 while a dependency does not answer, else 0.")
        .build()
});
static CERTIFICATE: LazyLock<Gauge<f64>> = LazyLock::new(|| {
    meter()
        .f64_gauge("aikagi.certificate.remaining")
        .with_description("How long a certificate is still good.")
        .with_unit("s")
        .build()
});

/// A counter of a service's own, `aikagi.<what>`.
pub fn counter(name: &'static str, description: &'static str) -> Counter<u64> {
    meter()
        .u64_counter(name)
        .with_description(description)
        .build()
}

pub(super) fn durations(name: &'static str, description: &'static str) -> Histogram<f64> {
    meter()
        .f64_histogram(name)
        .with_description(description)
        .with_unit("s")
        .with_boundaries(SECONDS.to_vec())
        .build()
}

/// A call was served.
pub fn served(method: &str, code: Code, took: Duration) {
    SERVED.record(took.as_secs_f64(), &call(method, code, true));
}

/// A call was made.
pub fn made(method: &str, code: Code, took: Duration) {
    MADE.record(took.as_secs_f64(), &call(method, code, false));
}

/// So many calls were refused because too many were in progress; none, to let it be known that none were.
pub fn shed(calls: u64) {
    SHED.add(calls, &[]);
}

/// Whether a dependency does not answer.
pub fn dependency_down(name: &str, down: bool) {
    let labels = [KeyValue::new("aikagi.dependency", name.to_owned())];
    DOWN.record(u64::from(down), &labels);
}

/// An operation of a dependency failed. The stores count their own.
pub fn dependency_failed(name: &str, error_type: ErrorType) {
    let labels = [
        KeyValue::new("aikagi.dependency", name.to_owned()),
        KeyValue::new("error.type", error_type.as_str()),
    ];
    FAILED.add(1, &labels);
}

/// How long a certificate is still good, in seconds; less than nothing when it has ended.
pub fn certificate(which: &'static str, remaining: f64) {
    CERTIFICATE.record(remaining, &[KeyValue::new("aikagi.certificate", which)]);
}

fn call(method: &str, code: Code, serving: bool) -> Vec<KeyValue> {
    let mut labels = vec![
        KeyValue::new("rpc.system.name", "grpc"),
        KeyValue::new("rpc.method", method.to_owned()),
        KeyValue::new("rpc.response.status_code", name_of(code)),
    ];
    if is_error(code, serving) {
        labels.push(KeyValue::new("error.type", name_of(code)));
    }
    labels
}
