//! Metrics of the hashing pool.

use std::sync::LazyLock;

use opentelemetry::global;
use opentelemetry::metrics::{Counter, Gauge, Histogram, UpDownCounter};

/// Boundaries of the histogram, in seconds.
const BOUNDARIES: [f64; 10] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// Callers in the queue.
pub(crate) static QUEUE_LENGTH: LazyLock<UpDownCounter<i64>> = LazyLock::new(|| {
    global::meter("aikagi")
        .i64_up_down_counter("aikagi.hashing.queue.length")
        .with_description("Callers that wait for a permit to hash.")
        .build()
});

/// The time from the request for a permit until the caller has it.
pub(crate) static QUEUE_DURATION: LazyLock<Histogram<f64>> = LazyLock::new(|| {
    global::meter("aikagi")
        .f64_histogram("aikagi.hashing.queue.duration")
        .with_description("The wait for a permit to hash.")
        .with_unit("s")
        .with_boundaries(BOUNDARIES.to_vec())
        .build()
});

/// Callers that got no permit.
pub(crate) static SHED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    global::meter("aikagi")
        .u64_counter("aikagi.hashing.shed")
        .with_description(
            "Requests for a permit to hash that were refused. No attempt was charged.",
        )
        .build()
});

/// 1 for the implementation of Argon2id that this process uses.
pub(crate) static ENGINE: LazyLock<Gauge<u64>> = LazyLock::new(|| {
    global::meter("aikagi")
        .u64_gauge("aikagi.hashing.engine")
        .with_description(
            "1 for the implementation of Argon2id in use. The attribute has its name.",
        )
        .build()
});
