//! Spans that are measurements, too: one whose name is a metric's is measured under it when it ends, with its own
//! fields as labels. So the crates that speak with the stores need to know of spans only.

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

use super::meters::durations;

/// The metrics, and what they are of.
const MEASURED: [(&str, &str); 2] = [
    ("db.client.operation.duration", "Statements and commands."),
    (
        "aikagi.hashing.duration",
        "Argon2id runs, without waiting for a turn.",
    ),
];

/// Fields that are for the span alone.
const NO_LABEL: &str = "otel.";

static HISTOGRAMS: LazyLock<BTreeMap<&'static str, Histogram<f64>>> = LazyLock::new(|| {
    MEASURED
        .into_iter()
        .map(|(name, description)| (name, durations(name, description)))
        .collect()
});

/// Measures them.
pub(super) struct Measured;

/// What is kept of one in progress.
struct Begun {
    at: Instant,
    labels: Vec<KeyValue>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Measured {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if !HISTOGRAMS.contains_key(attributes.metadata().name()) {
            return;
        }
        let mut labels = Labels(Vec::new());
        attributes.record(&mut labels);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Begun {
                at: Instant::now(),
                labels: labels.0,
            });
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else {
            return;
        };
        let begun = span.extensions_mut().remove::<Begun>();
        if let (Some(begun), Some(histogram)) = (begun, HISTOGRAMS.get(span.name())) {
            histogram.record(begun.at.elapsed().as_secs_f64(), &begun.labels);
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
