//! How far an import is: a bar on a terminal, a line now and then elsewhere, on standard error.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use crate::output::remark;

/// How often a line is printed where no bar can be drawn.
const LINE_EVERY: Duration = Duration::from_secs(5);
const TEMPLATE: &str = "{bar:30} {human_pos} of {human_len} rows, {per_sec:.0}, {eta} left {msg}";

/// Shows how far an import is.
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
    /// Of so many rows so many were done by earlier runs.
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

    /// So many rows are done, so many of all were rejected.
    pub(super) fn advance(&mut self, rows: u64, rejected: u64) {
        self.done += rows;
        self.bar.set_position(self.done);
        if rejected > 0 {
            self.bar.set_message(format!("({rejected} rejected)"));
        }
        if !self.on_terminal && self.last_line.elapsed() >= LINE_EVERY {
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

    /// Does something that prints, without a bar in the way.
    pub(super) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// Says why nothing moves.
    pub(super) fn tell(&self, text: &str) {
        self.aside(|| remark(text));
    }

    /// Rows of this run for each second of it.
    pub(super) fn rate(&self) -> u64 {
        let rows = u128::from(self.done - self.done_before) * 1_000;
        u64::try_from(rows / self.start.elapsed().as_millis().max(1)).unwrap_or(u64::MAX)
    }

    /// How long this run has lasted.
    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
