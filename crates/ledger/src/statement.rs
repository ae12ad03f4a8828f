//! What telemetry is told of a statement.

use tracing::Span;

/// The span of a statement: what it is for, and the table that it is about. Its name is the metric that it is
/// measured under. No value of a statement is in it.
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
