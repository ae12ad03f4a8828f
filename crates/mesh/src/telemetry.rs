//! Logs and traces. A trace goes from the edge through every service; secrets never enter it (INV-8).

use http::HeaderMap;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::{LogFormat, TelemetrySettings};

/// The standard variables that name a collector; without one, or with an empty one, nothing is exported.
const COLLECTOR_VARIABLES: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
];

/// Telemetry that could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("telemetry: {0}")]
pub struct TelemetryError(String);

/// Flushes what is left when the service stops.
#[derive(Debug)]
#[must_use]
pub struct Telemetry {
    provider: SdkTracerProvider,
}

impl Telemetry {
    /// Sets up logs and traces for this process.
    pub fn start(
        service: &'static str,
        settings: &TelemetrySettings,
    ) -> Result<Self, TelemetryError> {
        let resource = Resource::builder()
            .with_service_name(format!("aikagi-{service}"))
            .build();
        let mut provider = SdkTracerProvider::builder().with_resource(resource);
        if COLLECTOR_VARIABLES
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
        {
            let exporter = opentelemetry_otlp::SpanExporter::builder()
                .with_tonic()
                .build()
                .map_err(|error| TelemetryError(error.to_string()))?;
            provider = provider.with_batch_exporter(exporter);
        }
        let provider = provider.build();
        let filter = EnvFilter::builder()
            .with_default_directive(tracing::Level::INFO.into())
            .from_env()
            .map_err(|error| TelemetryError(format!("RUST_LOG: {error}")))?;
        let lines = match settings.log_format {
            LogFormat::Json => tracing_subscriber::fmt::layer()
                .json()
                .flatten_event(true)
                .boxed(),
            LogFormat::Pretty => tracing_subscriber::fmt::layer().compact().boxed(),
        };
        tracing_subscriber::registry()
            .with(filter)
            .with(lines)
            .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("aikagi")))
            .try_init()
            .map_err(|error| TelemetryError(error.to_string()))?;
        Ok(Self { provider })
    }

    /// Sends what has not been sent.
    pub fn flush(&self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::warn!(%error, "telemetry was not flushed");
        }
    }
}

/// The span of a call served, under its caller's trace. Paths are of our own making and hold no data.
pub fn server_span(path: &str, headers: &HeaderMap) -> Span {
    let (service, method) = split(path);
    let span = tracing::info_span!(
        "rpc",
        otel.name = format!("{service}/{method}"),
        otel.kind = "server",
        rpc.system = "grpc",
        rpc.service = service,
        rpc.method = method,
        rpc.grpc.status_code = Empty,
        trace_id = Empty,
    );
    let parent = TraceContextPropagator::new().extract(&HeaderReader(headers));
    // Fails only where no OpenTelemetry layer is installed, as in tests.
    let _ = span.set_parent(parent);
    if let Some(trace_id) = trace_id_of(&span) {
        span.record("trace_id", trace_id);
    }
    span
}

/// The span of a call made.
pub fn client_span(path: &str) -> Span {
    let (service, method) = split(path);
    tracing::info_span!(
        "rpc.client",
        otel.name = format!("{service}/{method}"),
        otel.kind = "client",
        rpc.system = "grpc",
        rpc.service = service,
        rpc.method = method,
        rpc.grpc.status_code = Empty,
    )
}

/// Notes a response's status in the present span, where a unary call has it in the headers; elsewhere OK.
pub fn record_status(headers: &HeaderMap) {
    let code = headers
        .get("grpc-status")
        .and_then(|value| value.to_str().ok())
        .unwrap_or("0");
    Span::current().record("rpc.grpc.status_code", code);
}

/// Writes the present trace into an outgoing call.
pub fn pass_on(headers: &mut HeaderMap) {
    let context = Span::current().context();
    TraceContextPropagator::new().inject_context(&context, &mut HeaderWriter(headers));
}

/// The present trace's id, for the audit trail.
pub fn trace_id() -> Option<String> {
    trace_id_of(&Span::current())
}

fn trace_id_of(span: &Span) -> Option<String> {
    let context = span.context();
    let span = context.span();
    let span_context = span.span_context();
    span_context
        .is_valid()
        .then(|| span_context.trace_id().to_string())
}

fn split(path: &str) -> (&str, &str) {
    path.trim_start_matches('/')
        .split_once('/')
        .unwrap_or((path, ""))
}

struct HeaderReader<'a>(&'a HeaderMap);

impl Extractor for HeaderReader<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

struct HeaderWriter<'a>(&'a mut HeaderMap);

impl Injector for HeaderWriter<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (
            http::HeaderName::from_bytes(key.as_bytes()),
            http::HeaderValue::from_str(&value),
        ) {
            self.0.insert(name, value);
        }
    }
}
