//! The lines of the demo: permanent lines for people to try, and new lines for each run. A run
//! needs new lines because an established unit does not change any more (UNIT-2).

use aikagi_api::units::v1::Line as Added;
use aikagi_client::{Operator, reason};
use aikagi_refusal::ErrorReason;
use anyhow::{Result, bail};
use tonic::Status;

use super::command_line::REFUSED;
use super::{Story, answered, expect};

/// The largest number of random lines to try until one has free numbers.
const TRIES: u32 = 20;

/// A line of the story.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// The contract number.
    pub(super) contract: String,
    /// A subscribed additional number.
    pub(super) first: String,
    /// Another subscribed additional number.
    pub(super) second: String,
    /// An unsubscribed additional number.
    pub(super) unsubscribed: String,
}

impl Story {
    /// Adds a new line. The contract number is subscribed if `contract_subscribed` is true.
    pub(super) async fn fresh_line(&self, contract_subscribed: bool) -> Result<Line> {
        let what = "adding a line with one unsubscribed additional number";
        for _ in 0..TRIES {
            let line = Line::random();
            let numbers = [
                (line.contract.as_str(), contract_subscribed),
                (line.first.as_str(), true),
                (line.second.as_str(), true),
                (line.unsubscribed.as_str(), false),
            ];
            let list = |wanted: bool| {
                let list = numbers
                    .iter()
                    .filter(|(_, subscribed)| *subscribed == wanted);
                let list: Vec<&str> = list.map(|(number, _)| *number).collect();
                list.join(",")
            };
            let (subscribed, unsubscribed) = (list(true), list(false));
            let mut arguments = vec!["line", "add", line.contract.as_str()];
            arguments.extend(["--subscribed", &subscribed, "--unsubscribed", &unsubscribed]);
            let typed = self.command_line.run(&arguments).await?;
            if typed.code == REFUSED && typed.err.contains("[NUMBER_TAKEN]") {
                continue;
            }
            expect(what, &(0, String::new()), &(typed.code, typed.err))?;
            self.shows(&arguments);
            self.narrator
                .answer("a line with four numbers, and no unit yet");
            return Ok(line);
        }
        bail!("{what}: every number tried is taken")
    }
}

impl Line {
    /// A line with 050 numbers: six random digits, then the index of the number in the line.
    fn random() -> Self {
        let chance = rand::random_range(0..1_000_000_u32);
        let number = |index: u8| format!("050{chance:06}{index:02}");
        Self {
            contract: number(1),
            first: number(2),
            second: number(3),
            unsubscribed: number(4),
        }
    }
}

fn taken<T>(answer: &Result<T, Status>) -> bool {
    let name = aikagi_refusal::name_of(ErrorReason::NumberTaken);
    answer.as_ref().is_err_and(|status| reason(status) == name)
}

/// A permanent line for people to try.
struct Kept {
    what: &'static str,
    numbers: &'static [(&'static str, bool)],
}

const KEPT: [Kept; 4] = [
    Kept {
        what: "an office",
        numbers: &[
            ("0312345001", true),
            ("0312345002", true),
            ("0312345003", true),
            ("0312345004", false),
        ],
    },
    Kept {
        what: "a shop that subscribes for its additional numbers only",
        numbers: &[
            ("0612345001", false),
            ("0612345002", true),
            ("0612345003", true),
        ],
    },
    Kept {
        what: "a clinic",
        numbers: &[("0521234501", true), ("0521234502", true)],
    },
    Kept {
        what: "a household",
        numbers: &[("05012345001", true)],
    },
];

/// Adds the permanent lines, and reports each through `say`. Existing lines are not changed.
pub async fn seed(operator: &Operator, mut say: impl FnMut(&str)) -> Result<()> {
    for kept in &KEPT {
        let added = operator.add_line(kept.numbers).await;
        let state = if taken(&added) {
            let there = operator.line(first(kept.numbers)).await;
            unit_of(&answered("looking at a demo line", there)?)
        } else {
            unit_of(&answered("adding a demo line", added)?)
        };
        let numbers: Vec<String> = kept
            .numbers
            .iter()
            .map(|(number, subscribed)| {
                let note = if *subscribed { "" } else { " (not subscribed)" };
                format!("{number}{note}")
            })
            .collect();
        say(&format!(
            "  {}: {} - {state}",
            kept.what,
            numbers.join(", ")
        ));
    }
    Ok(())
}

fn first(numbers: &[(&'static str, bool)]) -> &'static str {
    numbers
        .first()
        .map(|(number, _)| *number)
        .unwrap_or_default()
}

fn unit_of(line: &Added) -> String {
    use aikagi_api::units::v1::AuthUnit;
    match (line.unit(), line.unit_established_time.is_some()) {
        (AuthUnit::Unspecified, _) => "no unit yet".to_owned(),
        (unit, false) => format!("{}, not established", super::site::unit_name(unit)),
        (unit, true) => format!("{}, established", super::site::unit_name(unit)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The profile `demo` of the containers imports the same lines.
    #[test]
    fn the_demo_in_containers_has_the_same_lines() {
        let list = |kept: &Kept, wanted: bool| {
            let numbers = kept
                .numbers
                .iter()
                .filter(|(_, subscribed)| *subscribed == wanted);
            let numbers: Vec<&str> = numbers.map(|(number, _)| *number).collect();
            numbers.join(";")
        };
        let rows = KEPT.iter().map(|kept| {
            let contract = first(kept.numbers);
            format!("{contract},{},{}", list(kept, true), list(kept, false))
        });
        let file = include_str!("../../../deploy/demo/lines.csv");
        assert!(file.lines().skip(1).eq(rows), "{file}");
    }
}
