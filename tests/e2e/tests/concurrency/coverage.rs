//! Counts operations, responses and verdicts. A run in which nothing happens proves nothing.

use std::collections::BTreeMap;

use aikagi_model::history::{Operation, RecordedOperation, Verdict};

/// Counts how often each operation got each response, and counts the verdicts.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    counts: BTreeMap<(&'static str, &'static str), usize>,
    /// Operations that began before another one had ended.
    overlapping: usize,
    /// Replicas that were killed.
    kills: usize,
    /// Reads of a line while operations changed it.
    views: usize,
    /// Operations in rounds that were explained.
    explained: usize,
    rounds: usize,
    /// Rounds that were too tangled to judge: they have too many orders to try them all.
    too_tangled: usize,
}

/// One in this number of rounds may be too tangled to judge. In a shorter run, one round may be too
/// tangled.
const SELDOM: usize = 6;

/// Responses that every long run must have.
const EXPECTED: [(&str, &str); 14] = [
    ("login", "done"),
    ("login", "LOGIN_REFUSED"),
    ("look", "done"),
    ("look", "SESSION_ENDED"),
    ("change", "done"),
    ("preview", "done"),
    ("migrate", "done"),
    ("set", "done"),
    ("turn", "done"),
    ("subscribe", "done"),
    ("add number", "done"),
    ("remove number", "done"),
    ("get line", "done"),
    ("explain", "done"),
];
/// Refusals of a password change or a unit migration that came too late. Every long run must have
/// at least one for each of the two operations.
const TOO_LATE: [&str; 4] = [
    "CHANGED_MEANWHILE",
    "STALE_VIEW",
    "SESSION_ENDED",
    "PASSWORD_WRONG",
];

impl Coverage {
    pub(crate) fn note(&mut self, operations: &[RecordedOperation]) {
        for recorded in operations {
            let answer = match &recorded.response {
                None => "lost",
                Some(Ok(_)) => "done",
                Some(Err(refused)) => refused.reason,
            };
            *self
                .counts
                .entry((name(&recorded.operation), answer))
                .or_default() += 1;
            let beside = |other: &RecordedOperation| {
                other.begun < recorded.begun && recorded.begun < other.ended
            };
            self.overlapping += usize::from(operations.iter().any(beside));
        }
    }

    pub(crate) fn kill(&mut self) {
        self.kills += 1;
    }

    pub(crate) fn views(&mut self, views: usize) {
        self.views += views;
    }

    /// How often an operation succeeded, and how often its response was lost.
    pub(crate) fn done(&self, what: &'static str) -> (usize, usize) {
        let times = |answer| {
            self.counts
                .get(&(what, answer))
                .copied()
                .unwrap_or_default()
        };
        (times("done"), times("lost"))
    }

    /// Adds the counts of another run.
    pub(crate) fn add(&mut self, other: Self) {
        for (what, times) in other.counts {
            *self.counts.entry(what).or_default() += times;
        }
        self.overlapping += other.overlapping;
        self.kills += other.kills;
        self.views += other.views;
        self.explained += other.explained;
        self.rounds += other.rounds;
        self.too_tangled += other.too_tangled;
    }

    /// Records the verdict on a round with this number of operations.
    pub(crate) fn judged(&mut self, operations: usize, verdict: &Verdict) {
        self.rounds += 1;
        match verdict {
            Verdict::Explained => self.explained += operations,
            Verdict::TooTangled(_) => self.too_tangled += 1,
            Verdict::Unexplained(_) => {}
        }
    }

    /// Logs and prints the counts. Fails if too many rounds were too tangled, or if a long run lacks an expected response.
    #[expect(clippy::print_stderr, reason = "the test prints what was judged")]
    pub(crate) fn check(&self, is_long: bool) {
        for ((what, answer), count) in &self.counts {
            tracing::info!(what, answer, count, "played");
        }
        let (overlapping, kills, views) = (self.overlapping, self.kills, self.views);
        let (explained, rounds, too_tangled) = (self.explained, self.rounds, self.too_tangled);
        eprintln!(
            "{rounds} rounds, {too_tangled} of them too tangled to judge; {explained} operations explained; \
             {overlapping} of all operations overlapped others; {kills} replicas killed, {views} reads of lines"
        );
        assert!(
            too_tangled <= (rounds / SELDOM).max(1),
            "{too_tangled} of {rounds} rounds could not be judged"
        );
        if !is_long {
            return;
        }
        let came = |expected: &(&'static str, &'static str)| self.counts.contains_key(expected);
        let missing: Vec<_> = EXPECTED.iter().filter(|expected| !came(expected)).collect();
        assert!(missing.is_empty(), "responses that never came: {missing:?}");
        let too_late = |what| TOO_LATE.iter().any(|why| came(&(what, *why)));
        assert!(
            too_late("change") && too_late("migrate"),
            "password changes and unit migrations must both come too late at least once"
        );
        assert!(overlapping > 0 && kills > 0 && views > 0, "{self:?}");
    }
}

fn name(operation: &Operation) -> &'static str {
    match operation {
        Operation::Login { .. } => "login",
        Operation::Look { .. } => "look",
        Operation::Change { .. } => "change",
        Operation::Logout { .. } => "logout",
        Operation::Preview { .. } => "preview",
        Operation::Migrate { .. } => "migrate",
        Operation::SetTemporary { .. } => "set",
        Operation::Turn { .. } => "turn",
        Operation::Subscribe { wanted: true, .. } => "subscribe",
        Operation::Subscribe { wanted: false, .. } => "unsubscribe",
        Operation::AddNumber { .. } => "add number",
        Operation::RemoveNumber { .. } => "remove number",
        Operation::ResetUnit { .. } => "reset unit",
        Operation::EndSessions { .. } => "end sessions",
        Operation::GetLine { .. } => "get line",
        Operation::Explain { .. } => "explain",
        Operation::Happens(_) => "happens",
    }
}
