//! The telemetry span of a statement.

use tracing::Span;

/// Creates the span of a statement, with its summary and its main table. The span's name is the name of the metric that
/// measures it. The span contains no values of the statement.
pub fn statement(summary: &'static str, table: &'static str) -> Span {
    tracing::info_span!(
        "db.client.operation.duration",
        otel.name = summary,
        otel.kind = "client",
        db.system.name = "postgresql",
        db.query.summary = summary,
        db.collection.name = table,
    )
}
