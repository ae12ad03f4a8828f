//! The spans of RPCs, with the attributes of OpenTelemetry's conventions.

use http::HeaderMap;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tonic::Code;
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The span of an RPC that this service serves, in its caller's trace. The path must be that of a known RPC, because an
/// unknown path could contain anything.
pub fn server_span(path: &str, headers: &HeaderMap) -> Span {
    let method = method_of(path);
    let span = tracing::info_span!(
        "rpc",
        otel.name = method,
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system.name = "grpc",
        rpc.method = method,
        rpc.response.status_code = Empty,
        trace_id = Empty,
    );
    let parent = TraceContextPropagator::new().extract(&HeaderReader(headers));
    // Fails only without an OpenTelemetry layer, as in tests.
    let _ = span.set_parent(parent);
    if let Some(trace_id) = trace_id_of(&span) {
        span.record("trace_id", trace_id);
    }
    span
}

/// The span of an RPC that this service sends.
pub fn client_span(path: &str) -> Span {
    let method = method_of(path);
    tracing::info_span!(
        "rpc.client",
        otel.name = method,
        otel.kind = "client",
        otel.status_code = Empty,
        rpc.system.name = "grpc",
        rpc.method = method,
        rpc.response.status_code = Empty,
    )
}

/// The name of an RPC in telemetry: `package.Service/Method`.
pub fn method_of(path: &str) -> &str {
    path.trim_start_matches('/')
}

/// The status code in a response's headers. OK if the headers contain none, because a stream sends it in its trailers.
pub fn status_of(headers: &HeaderMap) -> Code {
    headers
        .get("grpc-status")
        .map_or(Code::Ok, |value| Code::from_bytes(value.as_bytes()))
}

/// Records a status code in the present span. Marks the span of a served RPC as an error only if the
/// code means a fault.
pub fn record_status(code: Code, serving: bool) {
    let span = Span::current();
    span.record("rpc.response.status_code", name_of(code));
    if is_error(code, serving) {
        span.record("otel.status_code", "ERROR");
    }
}

/// True if telemetry treats a status code as an error.
pub(super) fn is_error(code: Code, serving: bool) -> bool {
    let ours = matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    );
    if serving { ours } else { code != Code::Ok }
}

/// The name of a status code, as gRPC writes it.
pub(super) const fn name_of(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// Writes the present trace into the headers of an RPC.
pub fn pass_on(headers: &mut HeaderMap) {
    let context = Span::current().context();
    TraceContextPropagator::new().inject_context(&context, &mut HeaderWriter(headers));
}

/// The id of the present trace, for the audit trail.
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
