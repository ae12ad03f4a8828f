//! Shows the progress of an import on standard error. On a terminal it shows a bar. Otherwise it prints a line every
//! few seconds.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use crate::output::remark;

/// The minimum time between two lines if standard error is not a terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
const TEMPLATE: &str = "{bar:30} {human_pos} of {human_len} rows, {per_sec:.0}, {eta} left {msg}";

/// Shows the progress of an import.
#[derive(Debug)]
pub(super) struct ProgressDisplay {
    bar: ProgressBar,
    on_terminal: bool,
    total: u64,
    done_before: u64,
    done: u64,
    start: Instant,
    last_line: Instant,
}

impl ProgressDisplay {
    /// Starts the display. Earlier runs have processed `done_before` of the `total` rows.
    pub(super) fn start(total: u64, done_before: u64) -> Self {
        let on_terminal = std::io::stderr().is_terminal();
        let bar = if on_terminal {
            ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr())
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        bar.set_position(done_before);
        bar.reset_eta();
        let now = Instant::now();
        Self {
            bar,
            on_terminal,
            total,
            done_before,
            done: done_before,
            start: now,
            last_line: now,
        }
    }

    /// Counts `rows` more rows as processed. `rejected` is the total number of rejected rows.
    pub(super) fn advance(&mut self, rows: u64, rejected: u64) {
        self.done += rows;
        self.bar.set_position(self.done);
        if rejected > 0 {
            self.bar.set_message(format!("({rejected} rejected)"));
        }
        if !self.on_terminal && self.last_line.elapsed() >= LINE_INTERVAL {
            self.last_line = Instant::now();
            let rate = self.rate();
            let left = self
                .total
                .saturating_sub(self.done)
                .checked_div(rate)
                .unwrap_or_default();
            remark(&format!(
                "{} of {} rows, {rate} rows/s, {left} s left, {rejected} rejected",
                self.done, self.total
            ));
        }
    }

    /// Hides the bar while `print` runs.
    pub(super) fn without_bar<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// Prints a remark. Hides the bar while it prints.
    pub(super) fn remark(&self, text: &str) {
        self.without_bar(|| remark(text));
    }

    /// Returns the rows per second of this run.
    pub(super) fn rate(&self) -> u64 {
        let rows = u128::from(self.done - self.done_before) * 1_000;
        u64::try_from(rows / self.start.elapsed().as_millis().max(1)).unwrap_or(u64::MAX)
    }

    /// Returns the duration of this run so far.
    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
