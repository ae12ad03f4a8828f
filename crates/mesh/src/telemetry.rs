//! Logs, traces and metrics. None of them contains a secret or a telephone number (INV-8).
//!
//! A trace covers an RPC from the edge or the gateway to the statements of the last service. Names and attributes follow
//! OpenTelemetry's semantic conventions. Where these have no name, ours begins with `aikagi.`. Nothing is exported
//! unless the standard `OTEL_*` variables name a collector.

pub mod metrics;
mod span_metrics;
mod spans;

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry::trace::TracerProvider;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::WithTonicConfig;
use opentelemetry_otlp::tonic_types::transport::{Certificate, ClientTlsConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::{LogFormat, TelemetrySettings};

pub use spans::{client_span, method_of, pass_on, record_status, server_span, status_of, trace_id};

/// The prefix of the names of the standard variables. In a variable for one signal, the signal's name follows.
const VARIABLES: &str = "OTEL_EXPORTER_OTLP_";
/// The crates that the exporter uses. Their events are not exported, because each export would cause further ones.
const EXPORTER_CRATES: [&str; 6] = [
    "hyper",
    "hyper_util",
    "tonic",
    "h2",
    "tower",
    "opentelemetry",
];
/// Filters that silence the PostgreSQL driver, whatever `RUST_LOG` says. The driver logs statements and messages of the
/// server.
const SILENT: [&str; 3] = ["sqlx=off", "sqlx_core=off", "sqlx_postgres=off"];

/// Why telemetry cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("telemetry: {0}")]
pub struct TelemetryError(String);

fn failed(error: impl std::fmt::Display) -> TelemetryError {
    TelemetryError(error.to_string())
}

/// The telemetry of this process. Flush it before the process ends.
#[derive(Debug)]
#[must_use]
pub struct Telemetry {
    traces: SdkTracerProvider,
    metrics: SdkMeterProvider,
    logs: Option<SdkLoggerProvider>,
}

impl Telemetry {
    /// Sets up logs, traces and metrics for this process.
    pub fn start(
        service: &'static str,
        settings: &TelemetrySettings,
    ) -> Result<Self, TelemetryError> {
        let resource = Resource::builder()
            .with_service_name(format!("aikagi-{service}"))
            .with_attribute(opentelemetry::KeyValue::new(
                "service.version",
                env!("CARGO_PKG_VERSION"),
            ))
            .build();
        let traces = tracer_provider(resource.clone())?;
        let metrics = meter_provider(resource.clone())?;
        opentelemetry::global::set_meter_provider(metrics.clone());
        let logs = logger_provider(resource)?;

        let mut filter = EnvFilter::builder()
            .with_default_directive(tracing::Level::INFO.into())
            .from_env()
            .map_err(|error| TelemetryError(format!("RUST_LOG: {error}")))?;
        for silent in SILENT {
            filter = filter.add_directive(silent.parse().map_err(failed)?);
        }
        let lines = match settings.log_format {
            LogFormat::Json => tracing_subscriber::fmt::layer()
                .json()
                .flatten_event(true)
                .boxed(),
            LogFormat::Pretty => tracing_subscriber::fmt::layer().compact().boxed(),
        };
        let bridge = logs.as_ref().map(|logs| {
            let exported = EXPORTER_CRATES.iter().fold(
                tracing_subscriber::filter::Targets::new()
                    .with_default(tracing_subscriber::filter::LevelFilter::TRACE),
                |targets, name| {
                    targets.with_target(*name, tracing_subscriber::filter::LevelFilter::OFF)
                },
            );
            OpenTelemetryTracingBridge::new(logs).with_filter(exported)
        });
        tracing_subscriber::registry()
            .with(filter)
            .with(lines)
            .with(tracing_opentelemetry::layer().with_tracer(traces.tracer("aikagi")))
            .with(span_metrics::SpanMetrics)
            .with(bridge)
            .try_init()
            .map_err(failed)?;
        Ok(Self {
            traces,
            metrics,
            logs,
        })
    }

    /// Exports the remaining telemetry, and stops exporting. All signals together may take `within`.
    ///
    /// The providers do not keep their own time limits: if a collector is silent, the export of the metrics takes
    /// longer. So a separate thread ends the export of each signal.
    pub fn flush(&self, within: Duration) {
        let end = Instant::now() + within;
        let (traces, metrics) = (self.traces.clone(), self.metrics.clone());
        let mut endings: Vec<Ending> = vec![
            Box::new(move || traces.shutdown_with_timeout(within)),
            Box::new(move || metrics.shutdown_with_timeout(within)),
        ];
        if let Some(logs) = self.logs.clone() {
            endings.push(Box::new(move || logs.shutdown_with_timeout(within)));
        }
        let (sender, ended) = mpsc::channel();
        for ending in endings {
            let sender = sender.clone();
            let flushing = thread::Builder::new()
                .name("flush".to_owned())
                .spawn(move || {
                    let _ = sender.send(ending());
                });
            if let Err(error) = flushing {
                tracing::warn!(%error, "telemetry not flushed");
            }
        }
        drop(sender);
        loop {
            match ended.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "telemetry not flushed"),
                Err(RecvTimeoutError::Disconnected) => return,
                Err(error @ RecvTimeoutError::Timeout) => {
                    tracing::warn!(%error, "telemetry not flushed");
                    return;
                }
            }
        }
    }
}

/// Ends the export of one signal.
type Ending = Box<dyn FnOnce() -> OTelSdkResult + Send>;

/// The value of a standard variable: the one for this signal, or the one for all signals. An empty variable does not
/// count.
fn variable(signal: &str, name: &str) -> Option<String> {
    [
        format!("{VARIABLES}{signal}_{name}"),
        format!("{VARIABLES}{name}"),
    ]
    .iter()
    .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

/// True if a variable names a collector for all signals or for this one.
fn has_collector(signal: &str) -> bool {
    variable(signal, "ENDPOINT").is_some()
}

/// Verifies the certificate of an `https://` collector. The authorities are those in the file that the standard variable
/// `OTEL_EXPORTER_OTLP_CERTIFICATE` names, or else those of the machine.
fn with_tls<B: WithTonicConfig>(exporter: B, signal: &str) -> Result<B, TelemetryError> {
    let endpoint = variable(signal, "ENDPOINT").unwrap_or_default();
    if endpoint.to_ascii_lowercase().starts_with("http://") {
        return Ok(exporter);
    }
    let tls = match variable(signal, "CERTIFICATE") {
        Some(file) => {
            let authorities = std::fs::read(&file).map_err(|error| {
                TelemetryError(format!("{VARIABLES}CERTIFICATE {file}: {error}"))
            })?;
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authorities))
        }
        None => ClientTlsConfig::new().with_native_roots(),
    };
    Ok(exporter.with_tls_config(tls))
}

fn tracer_provider(resource: Resource) -> Result<SdkTracerProvider, TelemetryError> {
    let mut provider = SdkTracerProvider::builder().with_resource(resource);
    if has_collector("TRACES") {
        let exporter = opentelemetry_otlp::SpanExporter::builder().with_tonic();
        let exporter = with_tls(exporter, "TRACES")?.build().map_err(failed)?;
        provider = provider.with_batch_exporter(exporter);
    }
    Ok(provider.build())
}

fn meter_provider(resource: Resource) -> Result<SdkMeterProvider, TelemetryError> {
    let mut provider = SdkMeterProvider::builder().with_resource(resource);
    if has_collector("METRICS") {
        let exporter = opentelemetry_otlp::MetricExporter::builder().with_tonic();
        let exporter = with_tls(exporter, "METRICS")?.build().map_err(failed)?;
        provider = provider.with_periodic_exporter(exporter);
    }
    Ok(provider.build())
}

fn logger_provider(resource: Resource) -> Result<Option<SdkLoggerProvider>, TelemetryError> {
    if !has_collector("LOGS") {
        return Ok(None);
    }
    let exporter = opentelemetry_otlp::LogExporter::builder().with_tonic();
    let exporter = with_tls(exporter, "LOGS")?.build().map_err(failed)?;
    let provider = SdkLoggerProvider::builder()
        .with_resource(resource)
        .with_batch_exporter(exporter)
        .build();
    Ok(Some(provider))
}
