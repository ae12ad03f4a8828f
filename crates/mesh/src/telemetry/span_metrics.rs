//! Metrics that are measured from spans. The crates of the stores and of hashing only open spans; this module
//! records the metrics.
//!
//! If a span has the name of a metric, its duration is recorded in that metric when it ends. The span's fields are the
//! labels.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Histogram;
use tokio::time::Instant;
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::metrics::durations;

/// The metrics with their descriptions.
const METRICS: [(&str, &str); 2] = [
    (
        "db.client.operation.duration",
        "Duration of statements and commands.",
    ),
    (
        "aikagi.hashing.duration",
        "Duration of Argon2id runs, without the time in the queue.",
    ),
];

/// The prefix of fields that are not labels.
const NO_LABEL: &str = "otel.";

static HISTOGRAMS: LazyLock<BTreeMap<&'static str, Histogram<f64>>> = LazyLock::new(|| {
    METRICS
        .into_iter()
        .map(|(name, description)| (name, durations(name, description)))
        .collect()
});

/// The layer that measures the spans.
pub(super) struct SpanMetrics;

/// A measured span that has not ended.
struct OpenSpan {
    started_at: Instant,
    labels: Vec<KeyValue>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for SpanMetrics {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if !HISTOGRAMS.contains_key(attributes.metadata().name()) {
            return;
        }
        let mut labels = Labels(Vec::new());
        attributes.record(&mut labels);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(OpenSpan {
                started_at: Instant::now(),
                labels: labels.0,
            });
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else {
            return;
        };
        let open = span.extensions_mut().remove::<OpenSpan>();
        if let (Some(open), Some(histogram)) = (open, HISTOGRAMS.get(span.name())) {
            histogram.record(open.started_at.elapsed().as_secs_f64(), &open.labels);
        }
    }
}

struct Labels(Vec<KeyValue>);

impl Visit for Labels {
    fn record_str(&mut self, field: &Field, value: &str) {
        if !field.name().starts_with(NO_LABEL) {
            self.0.push(KeyValue::new(field.name(), value.to_owned()));
        }
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn std::fmt::Debug) {}
}
