//! Statements with a telemetry span, and errors that name the statement.

use tracing::{Instrument as _, Span};

use crate::LedgerError;

/// Creates the span of a statement, with its summary and its main table. The span's name is the name of the metric that
/// measures it. The span contains no values of the statement.
pub fn span(summary: &'static str, table: &'static str) -> Span {
    tracing::info_span!(
        "db.client.operation.duration",
        otel.name = summary,
        otel.kind = "client",
        db.system.name = "postgresql",
        db.query.summary = summary,
        db.collection.name = table,
    )
}

/// A statement that the driver runs.
pub trait Statement<T>: Future<Output = Result<T, sqlx::Error>> + Send + Sized {
    /// Runs the statement in a span. The error has the summary instead of the driver's text.
    fn statement(
        self,
        summary: &'static str,
        table: &'static str,
    ) -> impl Future<Output = Result<T, LedgerError>> + Send {
        let span = span(summary, table);
        async move {
            let done = self.instrument(span).await;
            done.map_err(|error| LedgerError::of(&error, summary))
        }
    }
}

impl<T, F> Statement<T> for F where F: Future<Output = Result<T, sqlx::Error>> + Send {}
