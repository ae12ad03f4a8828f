//! The report of a run, for people and for programs.

use std::fmt;

use anyhow::{Context, Result};
use serde::Serialize;

use super::profile::{Part, Profile};

/// The bound of a ratio.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The ratio must be at least this.
    AtLeast(f64),
    /// The ratio must be at most this.
    AtMost(f64),
    /// The ratio must not differ from 1 by more than this.
    Within(f64),
    /// No bound: the measure only helps to understand other measures.
    None,
}

impl Bound {
    fn is_kept_by(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(bound) => ratio >= bound,
            Self::AtMost(bound) => ratio <= bound,
            Self::Within(bound) => (ratio - 1.0).abs() <= bound,
            Self::None => true,
        }
    }
}

/// The width of a plot in cells. The bound is in the middle. For [`Bound::Within`], the ratio 1 is in
/// the middle.
const CELLS: usize = 40;

impl Bound {
    /// A plot of the ratio beside the bound. None if there is no bound.
    fn plot(self, ratio: f64) -> Option<String> {
        let (from, to) = match self {
            Self::AtLeast(bound) | Self::AtMost(bound) => (0.0, 2.0 * bound),
            Self::Within(bound) => (1.0 - 2.0 * bound, 1.0 + 2.0 * bound),
            Self::None => return None,
        };
        let part = ((ratio - from) / (to - from)).clamp(0.0, 1.0);
        let cells = (0..CELLS).map(|cell| {
            #[allow(clippy::cast_precision_loss, reason = "a small index")]
            let is_reached = (cell as f64 + 0.5) / CELLS as f64 <= part;
            match (cell == CELLS / 2, is_reached) {
                (true, _) => '|',
                (false, true) => '█',
                (false, false) => '·',
            }
        });
        Some(cells.collect())
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, "≥ {bound}"),
            Self::AtMost(bound) => write!(f, "≤ {bound}"),
            Self::Within(bound) => write!(f, "1 ± {bound}"),
            Self::None => f.write_str("none"),
        }
    }
}

/// Values of our code beside values of a peer, measured alternately.
#[derive(Clone, Debug, Serialize)]
pub struct Measure {
    /// The measured operation of our code.
    pub ours: String,
    /// The measured operation of the peer.
    pub peer: String,
    /// The unit of all values.
    pub unit: &'static str,
    /// The values of each round, ours first.
    pub rounds: Vec<(f64, f64)>,
    /// The median of the rounds' ratios, ours to the peer's.
    pub ratio: f64,
    /// The bound of the ratio.
    pub bound: Bound,
    /// True if the ratio keeps the bound.
    pub kept: bool,
    /// The processor time of one request of our code, by program. Empty if it was not measured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub profile: Vec<Part>,
}

impl Measure {
    /// A measure from its rounds, ours first.
    pub(super) fn of(
        ours: impl Into<String>,
        peer: impl Into<String>,
        unit: &'static str,
        rounds: Vec<(f64, f64)>,
        bound: Bound,
    ) -> Self {
        let ratio = median(rounds.iter().map(|(ours, peer)| ours / peer));
        Self {
            ours: ours.into(),
            peer: peer.into(),
            unit,
            rounds,
            ratio,
            bound,
            kept: bound.is_kept_by(ratio),
            profile: Vec::new(),
        }
    }

    /// Adds the processor time of one request, by program.
    pub(super) fn explained_by(mut self, profile: &Profile) -> Self {
        self.profile = profile.parts();
        self
    }
}

/// The median; NaN if there are no values.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// All measures of one run, and the machine.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The model name of the processor.
    pub processor: String,
    /// The number of cores that the process may use.
    pub cores: usize,
    /// The measures, in order.
    pub measures: Vec<Measure>,
}

impl Report {
    pub(super) fn of(measures: Vec<Measure>) -> Self {
        let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = information
            .lines()
            .find_map(|line| line.strip_prefix("model name"))
            .map(|line| line.trim_start_matches([' ', '\t', ':']));
        Self {
            processor: model.unwrap_or("unknown").to_owned(),
            cores: std::thread::available_parallelism().map_or(1, Into::into),
            measures,
        }
    }

    /// True if all bounds are kept.
    pub fn is_kept(&self) -> bool {
        self.measures.iter().all(|measure| measure.kept)
    }

    /// The report as JSON.
    pub fn json(&self) -> Result<String> {
        serde_json::to_string_pretty(self).context("cannot encode the report")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({} cores)", self.processor, self.cores)?;
        for measure in &self.measures {
            let ours = median(measure.rounds.iter().map(|round| round.0));
            let peer = median(measure.rounds.iter().map(|round| round.1));
            writeln!(
                f,
                "  {:>10} {unit:<9} {}\n  {:>10} {unit:<9} {}",
                figure(ours),
                measure.ours,
                figure(peer),
                measure.peer,
                unit = measure.unit,
            )?;
            write!(f, "  {:>10} ratio", figure(measure.ratio))?;
            if let Some(plot) = measure.bound.plot(measure.ratio) {
                let verdict = if measure.kept { "kept" } else { "NOT KEPT" };
                let bound = measure.bound;
                write!(f, ", the bound is {bound}: {verdict}\n  {:>10} {plot}", "")?;
            }
            writeln!(f)?;
            for Part { program, micros } in &measure.profile {
                writeln!(f, "  {:>10} µs a request, {program}", figure(*micros))?;
            }
        }
        Ok(())
    }
}

/// A number with three significant digits.
fn figure(value: f64) -> String {
    if value.abs() >= 100.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_the_median_of_the_rounds_and_is_checked_against_its_bound() {
        let rounds = vec![(1.0, 2.0), (30.0, 40.0), (4.0, 4.0)];
        let measure = Measure::of("ours", "peer", "calls/s", rounds, Bound::AtLeast(0.8));
        assert!((measure.ratio - 0.75).abs() < 1e-9, "{}", measure.ratio);
        assert!(!measure.kept);
        assert!(Bound::AtMost(0.8).is_kept_by(measure.ratio));
        assert!(Bound::Within(0.3).is_kept_by(measure.ratio));
        assert!(!Bound::Within(0.2).is_kept_by(1.25));
        assert!(!Report::of(vec![measure]).is_kept());
        let plot = Bound::AtLeast(0.8).plot(0.4).unwrap();
        assert_eq!(
            plot.find('|'),
            plot.char_indices().nth(20).map(|(at, _)| at)
        );
        assert_eq!(plot.matches('█').count(), 10);
        assert_eq!(
            Bound::Within(0.1).plot(9.0).unwrap().matches('·').count(),
            0
        );
        assert_eq!(Bound::None.plot(1.0), None);
    }
}
