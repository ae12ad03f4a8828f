//! Logs background tasks that fail.

use aikagi_domain::fault::ErrorType;

/// Logs the first failure of a background task, and its first success after that.
#[derive(Debug)]
pub struct BackgroundTask {
    name: &'static str,
    failing: bool,
}

impl BackgroundTask {
    /// Creates a task that has not failed. Log lines have the name in the field `task`.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            failing: false,
        }
    }

    /// Records the result of one run.
    pub fn record(&mut self, result: Result<(), ErrorType>) {
        let failing = result.is_err();
        let was_failing = std::mem::replace(&mut self.failing, failing);
        match result {
            Err(error_type) if !was_failing => tracing::warn!(
                task = self.name,
                error.type = error_type.as_str(),
                "background task failed"
            ),
            Ok(()) if was_failing => {
                tracing::info!(task = self.name, "background task succeeded");
            }
            Ok(()) | Err(_) => {}
        }
    }
}
