//! The metrics of RPCs, dependencies and certificates. Each label has a small set of values. No label contains a
//! telephone number or a person's name.

use std::sync::LazyLock;
use std::time::Duration;

use aikagi_domain::fault::{ErrorType, FAILURES, FAILURES_DESCRIPTION};
pub use opentelemetry::KeyValue;
use opentelemetry::global;
pub use opentelemetry::metrics::{Counter, Gauge};
use opentelemetry::metrics::{Histogram, Meter};
use tonic::Code;

use super::spans::{is_error, name_of};

/// The histogram boundaries for durations, in seconds, as OpenTelemetry's conventions advise.
const BOUNDARIES: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// The meter of all metrics of Aikagi.
pub fn meter() -> Meter {
    global::meter("aikagi")
}

static SERVED: LazyLock<Histogram<f64>> =
    LazyLock::new(|| durations("rpc.server.call.duration", "Duration of RPCs served."));
static MADE: LazyLock<Histogram<f64>> =
    LazyLock::new(|| durations("rpc.client.call.duration", "Duration of RPCs made."));
static SHED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    meter()
        .u64_counter("aikagi.rpc.shed")
        .with_description("RPCs refused because too many were in progress.")
        .with_unit("{rpc}")
        .build()
});
static BOUNDS: LazyLock<Counter<u64>> = LazyLock::new(|| {
    meter()
        .u64_counter("aikagi.bounds.reached")
        .with_description("Requests refused and connections closed by a bound of a port.")
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
        .with_description("1 while a dependency is not available, else 0.")
        .build()
});
static CERTIFICATE: LazyLock<Gauge<f64>> = LazyLock::new(|| {
    meter()
        .f64_gauge("aikagi.certificate.remaining")
        .with_description("Time until a certificate expires.")
        .with_unit("s")
        .build()
});

static HANDSHAKES: LazyLock<Counter<u64>> = LazyLock::new(|| {
    meter()
        .u64_counter("aikagi.handshakes.failed")
        .with_description("TLS handshakes of clients that failed.")
        .build()
});
static DENIED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    meter()
        .u64_counter("aikagi.peers.denied")
        .with_description("Handshakes and open connections that the deny list ended.")
        .build()
});
static DENY_LIST: LazyLock<Gauge<u64>> = LazyLock::new(|| {
    meter()
        .u64_gauge("aikagi.deny_list.entries")
        .with_description("Entries of the deny list in use.")
        .build()
});
static DENY_LIST_STALE: LazyLock<Gauge<u64>> = LazyLock::new(|| {
    meter()
        .u64_gauge("aikagi.deny_list.stale")
        .with_description("1 while the file of the deny list cannot be used, else 0.")
        .build()
});

/// A counter of one service, with a name that begins with `aikagi.`.
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
        .with_boundaries(BOUNDARIES.to_vec())
        .build()
}

/// Records an RPC that was served.
pub fn rpc_served(method: &str, code: Code, took: Duration) {
    SERVED.record(took.as_secs_f64(), &rpc_labels(method, code, true));
}

/// Records an RPC that was sent.
pub fn rpc_made(method: &str, code: Code, took: Duration) {
    MADE.record(took.as_secs_f64(), &rpc_labels(method, code, false));
}

/// Counts RPCs that were refused because too many were in progress. 0 exports the metric, so that a dashboard can tell
/// "none" from "no data".
pub fn rpcs_shed(count: u64) {
    SHED.add(count, &[]);
}

/// Counts requests that were refused, or connections that were closed, by a bound of a port. 0 exports the metric.
pub fn bounds_reached(port: &'static str, reason: &'static str, count: u64) {
    let labels = [
        KeyValue::new("aikagi.port", port),
        KeyValue::new("aikagi.bound", reason),
    ];
    BOUNDS.add(count, &labels);
}

/// Records 1 for a dependency that is not available, else 0.
pub fn dependency_down(name: &str, down: bool) {
    let labels = [KeyValue::new("aikagi.dependency", name.to_owned())];
    DOWN.record(u64::from(down), &labels);
}

/// Counts a failed operation of a dependency. The crates of the stores count their own failures.
pub fn dependency_failed(name: &str, error_type: ErrorType) {
    let labels = [
        KeyValue::new("aikagi.dependency", name.to_owned()),
        KeyValue::new("error.type", error_type.as_str()),
    ];
    FAILED.add(1, &labels);
}

/// Records the time until a certificate expires, in seconds. It is negative once the certificate has expired.
pub fn certificate(name: &'static str, remaining: f64) {
    CERTIFICATE.record(remaining, &[KeyValue::new("aikagi.certificate", name)]);
}

/// Counts TLS handshakes of clients that failed.
pub fn handshake_failed(port: &'static str, error_type: ErrorType) {
    let labels = [
        KeyValue::new("aikagi.port", port),
        KeyValue::new("error.type", error_type.as_str()),
    ];
    HANDSHAKES.add(1, &labels);
}

/// Counts handshakes and open connections that the deny list ended. With a count of 0, only exports the metric.
pub fn peer_denied(role: &'static str, kind: &'static str, count: u64) {
    let labels = [
        KeyValue::new("aikagi.role", role),
        KeyValue::new("aikagi.entry", kind),
    ];
    DENIED.add(count, &labels);
}

/// Records the number of entries of the deny list in use, and whether its file cannot be used now.
pub fn deny_list(entries: usize, stale: bool) {
    DENY_LIST.record(entries as u64, &[]);
    DENY_LIST_STALE.record(u64::from(stale), &[]);
}

fn rpc_labels(method: &str, code: Code, serving: bool) -> Vec<KeyValue> {
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
