//! Tests of the dialog: each rule by examples, then all rules by random calls.

mod random;
mod rules;

use super::*;
use crate::unit::{Member, UnitState};

const CONTRACT: &str = "0311110001";
const USER: &str = "0311110002";
const PLAIN: &str = "0311110003";
const ELSEWHERE: &str = "0322220001";

fn number(text: &str) -> TelephoneNumber {
    TelephoneNumber::parse(text).unwrap()
}

/// A line with an unsubscribed contract number, one subscribed and one unsubscribed additional number.
fn line(state: UnitState) -> Line {
    let member = |text, subscribed| Member {
        number: number(text),
        subscribed,
    };
    Line {
        contract_number: number(CONTRACT),
        members: vec![
            member(CONTRACT, false),
            member(USER, true),
            member(PLAIN, false),
        ],
        state,
        closed: false,
        version: 0,
    }
}

fn begin(caller: &str, line: &Line) -> Turn {
    start(Some(&number(caller)), Some(line))
}

/// Makes a call with these entries; `-` means silence. Returns the last turn.
fn call(caller: &str, line: &Line, entries: &[&str]) -> Turn {
    entries.iter().fold(begin(caller, line), |turn, keys| {
        let entry = if *keys == "-" {
            Entry::Silence
        } else {
            Entry::Keys(keys)
        };
        turn.state.turn(Some(&number(caller)), Some(line), entry)
    })
}

fn step(turn: &Turn) -> Option<CallStep> {
    match turn.next {
        Next::Collect { step, .. } => Some(step),
        Next::End(_) => None,
    }
}

fn guidance(turn: &Turn) -> Vec<GuidanceId> {
    turn.guidance.iter().map(|guidance| guidance.id).collect()
}

fn outcome(turn: &Turn) -> Option<CallOutcome> {
    match turn.next {
        Next::Collect { .. } => None,
        Next::End(outcome) => Some(outcome),
    }
}
