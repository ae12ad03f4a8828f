//! `aikagictl audit verify` (OPS-3): recomputes the hash chains on this machine, from the events that the system sends.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use aikagi_api::units::v1 as units;
use aikagi_domain::audit_chain::{ChainBounds, ChainHash, ChainWalk, ChainedEvent, Flaw, Mark};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::anchor::Anchor;
use crate::connection::Connection;
use crate::error::{CommandError, ExitKind};
use crate::output::{Output, Printable};
use crate::views::Moment;

/// The maximum time to wait for the next message of the trail.
const MESSAGE_TIMEOUT: Duration = Duration::from_mins(1);

pub(super) async fn run(
    number: Option<&str>,
    anchor: Option<&Path>,
    connection: &Connection,
    output: &mut Output,
) -> Result<(), CommandError> {
    let before = anchor.map(Anchor::read).transpose()?;
    let request = units::ReadAuditChainsRequest {
        number: number.unwrap_or_default().to_owned(),
    };
    let mut audit = connection.audit();
    let mut pieces = connection.call(audit.read_audit_chains(request)).await?;
    let mut trail = Trail::new(before.unwrap_or_default());
    let bar = spinner();
    loop {
        let piece = match tokio::time::timeout(MESSAGE_TIMEOUT, pieces.message()).await {
            Ok(Ok(Some(piece))) => piece,
            Ok(Ok(None)) => break,
            Ok(Err(status)) => return Err(connection.explain(status).await),
            Err(_elapsed) => {
                return Err(CommandError::new(
                    ExitKind::Unavailable,
                    "the system stopped sending the trail before its end",
                ));
            }
        };
        bar.inc(u64::try_from(piece.events.len()).unwrap_or_default());
        trail.take(piece)?;
    }
    bar.finish_and_clear();
    let (report, heads) = trail.end(number.is_none());
    if let Some(number) = number
        && report.chains == 0
    {
        let message = format!("no chain to verify: {number} is on no line");
        return Err(CommandError::new(ExitKind::NotFound, message));
    }
    output.show(&report)?;
    if !report.whole {
        return Err(
            CommandError::new(ExitKind::ProblemsFound, "the audit trail is not whole")
                .hint("copy the database in its present state before you do anything else"),
        );
    }
    match anchor {
        Some(path) => heads.write(path),
        None => Ok(()),
    }
}

fn spinner() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {human_pos} events recomputed, {per_sec}");
    ProgressBar::new_spinner()
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}

/// Checks a trail while its messages arrive.
struct Trail {
    anchor: Anchor,
    /// The head of each checked chain.
    heads: Anchor,
    seen: BTreeSet<i64>,
    /// The chain that is being received.
    current: Option<(i64, ChainWalk)>,
    report: Report,
}

impl Trail {
    fn new(anchor: Anchor) -> Self {
        Self {
            anchor,
            heads: Anchor::default(),
            seen: BTreeSet::new(),
            current: None,
            report: Report::default(),
        }
    }

    /// Checks the events of a message.
    fn take(&mut self, piece: units::ReadAuditChainsResponse) -> Result<(), CommandError> {
        let violation = || {
            CommandError::new(
                ExitKind::Fault,
                "the system sent messages that violate the contract",
            )
        };
        if let Some(bounds) = piece.bounds {
            self.end_chain();
            if !self.seen.insert(piece.chain) {
                return Err(violation());
            }
            let mark = |sequence, hash: &[u8]| {
                ChainHash::from_slice(hash).map(|hash| Mark { sequence, hash })
            };
            let bounds = ChainBounds {
                base: mark(bounds.base_sequence, &bounds.base_hash).ok_or_else(violation)?,
                head: mark(bounds.head_sequence, &bounds.head_hash).ok_or_else(violation)?,
            };
            let mark = self.anchor.marks.get(&piece.chain).copied();
            match mark {
                Some(mark) if mark.sequence < bounds.base.sequence => {
                    self.report.anchors_outlived += 1;
                }
                Some(_) => self.report.anchors_compared += 1,
                None => {}
            }
            self.report.events_removed_by_retention += bounds.base.sequence;
            self.current = Some((piece.chain, ChainWalk::begin(piece.chain, bounds, mark)));
        }
        let (chain, walk) = self.current.as_mut().ok_or_else(violation)?;
        if *chain != piece.chain {
            return Err(violation());
        }
        for event in &piece.events {
            self.report.events += 1;
            // A hash of the wrong length is replaced by START. It matches no event, so the event is reported as
            // altered.
            let stored = ChainHash::from_slice(&event.chain_hash).unwrap_or(ChainHash::START);
            walk.take(&chained(event), stored);
        }
        Ok(())
    }

    fn end_chain(&mut self) {
        let Some((chain, walk)) = self.current.take() else {
            return;
        };
        self.report.chains += 1;
        let (last, flaws) = walk.end();
        self.heads.marks.insert(chain, last);
        self.report
            .flaws
            .extend(flaws.into_iter().map(|flaw| ReportedFlaw::new(chain, flaw)));
    }

    /// Returns the report and the new anchor. For a chain that was not checked, the new anchor has the mark (the
    /// recorded head) of the old one. `all` is true if all chains were requested. Then a chain of the old anchor that
    /// the system did not send is a flaw.
    fn end(mut self, all: bool) -> (Report, Anchor) {
        self.end_chain();
        if all {
            for chain in self
                .anchor
                .marks
                .keys()
                .filter(|chain| !self.seen.contains(chain))
            {
                self.report.flaws.push(ReportedFlaw {
                    chain: *chain,
                    kind: "CHAIN_GONE",
                    first_sequence: None,
                    last_sequence: None,
                    text: format!(
                        "chain {chain} is missing completely, but the anchor contains it"
                    ),
                });
            }
        }
        let mut heads = self.anchor;
        heads.marks.append(&mut self.heads.marks);
        self.report.whole = self.report.flaws.is_empty();
        (self.report, heads)
    }
}

fn chained(event: &units::AuditEvent) -> ChainedEvent<'_> {
    ChainedEvent {
        chain: event.chain,
        chain_sequence: event.chain_sequence,
        event_id: event.event_id,
        occurred: Moment::of(event.occur_time)
            .map(|moment| moment.0)
            .unwrap_or_default(),
        actor: &event.actor,
        action: &event.action,
        line_id: event.line_id,
        number: event.number.as_deref(),
        outcome: &event.outcome,
        reason: event.reason.as_deref(),
        trace_id: event.trace_id.as_deref(),
        repeats: event.repeats,
    }
}

/// The result of the check.
#[derive(Debug, Default, Serialize)]
struct Report {
    whole: bool,
    chains: u64,
    events: u64,
    events_removed_by_retention: i64,
    /// The number of marks in the anchor that were compared with their chains.
    anchors_compared: u64,
    /// The number of marks that could not be compared, because retention has removed their events.
    anchors_outlived: u64,
    flaws: Vec<ReportedFlaw>,
}

/// A flaw in the output.
#[derive(Debug, Serialize)]
struct ReportedFlaw {
    chain: i64,
    kind: &'static str,
    first_sequence: Option<i64>,
    last_sequence: Option<i64>,
    text: String,
}

impl ReportedFlaw {
    fn new(chain: i64, flaw: Flaw) -> Self {
        let (kind, first, last, text) = match flaw {
            Flaw::Removed { first, last } => (
                "REMOVED",
                Some(first),
                Some(last),
                format!("{} missing", events(first, last)),
            ),
            Flaw::Altered { sequence } => (
                "ALTERED",
                Some(sequence),
                Some(sequence),
                format!(
                    "the hash of event {sequence} does not match: this event or the one before it was altered"
                ),
            ),
            Flaw::Misplaced { sequence, after } => (
                "MISPLACED",
                Some(sequence),
                Some(sequence),
                format!("event {sequence} follows event {after}: it was inserted or moved"),
            ),
            Flaw::CutOff { first, last } => (
                "CUT_OFF",
                Some(first),
                Some(last),
                format!("the end is cut off: {} missing", events(first, last)),
            ),
            Flaw::EndDiffers { sequence } => (
                "END_DIFFERS",
                Some(sequence),
                Some(sequence),
                format!(
                    "the last event {sequence} differs from the recorded end: one of the two was altered"
                ),
            ),
            Flaw::BaseDiffers => (
                "BASE_DIFFERS",
                None,
                None,
                "the record of the events removed by retention is invalid: it was altered"
                    .to_owned(),
            ),
            Flaw::Rewritten { sequence } => (
                "REWRITTEN",
                None,
                Some(sequence),
                format!(
                    "the chain differs from the anchor: it was rewritten at event {sequence} or before"
                ),
            ),
            Flaw::ShorterThanMarked { sequence, marked } => (
                "SHORTER_THAN_ANCHOR",
                Some(sequence + 1),
                Some(marked),
                format!(
                    "the chain ends at event {sequence}, but the anchor contains event {marked}"
                ),
            ),
        };
        Self {
            chain,
            kind,
            first_sequence: first,
            last_sequence: last,
            text: format!("chain {chain}: {text}"),
        }
    }
}

fn events(first: i64, last: i64) -> String {
    if first == last {
        format!("event {first} is")
    } else {
        format!("events {first} to {last} are")
    }
}

impl Printable for Report {
    fn text(&self) -> String {
        let mut text: Vec<String> = self.flaws.iter().map(|flaw| flaw.text.clone()).collect();
        let state = if self.whole { "whole" } else { "NOT WHOLE" };
        text.push(format!(
            "{state}: {} events in {} chains recomputed, {} events removed by retention",
            self.events, self.chains, self.events_removed_by_retention
        ));
        if self.anchors_compared + self.anchors_outlived > 0 {
            text.push(format!(
                "compared with the anchor: {} chains; marks of {} chains are older than the kept events",
                self.anchors_compared, self.anchors_outlived
            ));
        }
        text.join("\n")
    }
}
