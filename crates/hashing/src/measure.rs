//! What is measured of hashing: who waits, how long, and who is refused.

use std::sync::LazyLock;

use opentelemetry::global;
use opentelemetry::metrics::{Counter, Histogram, UpDownCounter};

/// Seconds.
const WAITS: [f64; 10] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// Callers that wait for a turn.
pub(crate) static WAITING: LazyLock<UpDownCounter<i64>> = LazyLock::new(|| {
    global::meter("aikagi")
        .i64_up_down_counter("aikagi.hashing.queue.length")
        .with_description("Callers that wait for a turn to hash.")
        .build()
});

/// How long they waited.
pub(crate) static WAIT: LazyLock<Histogram<f64>> = LazyLock::new(|| {
    global::meter("aikagi")
        .f64_histogram("aikagi.hashing.queue.duration")
        .with_description("How long a turn to hash was waited for.")
        .with_unit("s")
        .with_boundaries(WAITS.to_vec())
        .build()
});

/// Callers that were refused a turn.
pub(crate) static SHED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    global::meter("aikagi")
        .u64_counter("aikagi.hashing.shed")
        .with_description("Callers that were refused a turn to hash, before anything was charged.")
        .build()
});
