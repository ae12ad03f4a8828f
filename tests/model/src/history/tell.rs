//! Histories as text for people.

use std::fmt::Write as _;

use aikagi_api::authentication::v1::Session;
use aikagi_api::units;

use super::operation::{Observed, Operation, Response};
use super::record::RecordedOperation;
use crate::readable::Readable;
use crate::rules::{Line, Model};

/// A history in the order in which its operations began, and the longest order of steps that the
/// search found.
pub fn history(operations: &[RecordedOperation], order: &[usize]) -> String {
    let mut text = String::new();
    for (place, recorded) in operations.iter().enumerate() {
        let response = recorded
            .response
            .as_ref()
            .map_or("LOST".to_owned(), response);
        let fault = if recorded.is_after_a_crash {
            " (after a crash of authentication)"
        } else if recorded.is_after_a_fault {
            " (after a fault)"
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "#{place:<3} {:>5}-{:<5} client {:<2} {} -> {}{fault}",
            recorded.begun,
            recorded.ended,
            recorded.client,
            operation(&recorded.operation),
            response.trim_end().replace('\n', "; "),
        );
    }
    let steps: Vec<String> = order.iter().map(ToString::to_string).collect();
    let steps = steps.join(" ");
    let _ = writeln!(text, "\nthe furthest order of steps, by operation: {steps}");
    text
}

fn operation(operation: &Operation) -> String {
    format!("{operation:?}")
}

/// A response as text.
pub fn response(response: &Response) -> String {
    match response {
        Err(refused) => format!("{} {:?}", refused.reason, refused.fields),
        Ok(Observed::Nothing) => "done".to_owned(),
        Ok(Observed::Session(session)) => session_told(session),
        Ok(Observed::Preview(preview)) => preview.readable(),
        Ok(Observed::Logins(logins)) => logins.readable(),
        Ok(Observed::Account(account)) => format!("set for {account}"),
        Ok(Observed::Heard(heard)) => heard.readable(),
        Ok(Observed::Line(line)) => line_told(line),
        Ok(Observed::Verdict(verdict)) => verdict.as_str_name().to_owned(),
    }
}

/// The model's state: a row for each number and each session.
pub fn model(model: &Model) -> String {
    let mut text = String::new();
    for line in model.lines() {
        let Line { unit, changes, .. } = line;
        let established = line.established.is_some();
        let _ = writeln!(
            text,
            "{unit:?}, established: {established}, changes: {changes}"
        );
        for (number, account) in &line.numbers {
            let _ = writeln!(text, "{number} {account:?}");
        }
    }
    for (seat, session) in model.sessions() {
        let _ = writeln!(text, "seat {seat} {session:?}");
    }
    text
}

fn session_told(session: &Session) -> String {
    let (account, scope) = (&session.account_number, &session.scope_numbers);
    let (role, must_change) = (session.role(), session.must_change_reason());
    let wrong = session.wrong_attempts;
    format!("{account} as {role:?} for {scope:?}, {must_change:?}, wrong {wrong}")
}

/// A line: a row for each number.
fn line_told(line: &units::v1::Line) -> String {
    let established = line.unit_established_time.is_some();
    let mut text = format!("{:?}, established: {established}", line.unit());
    for number in &line.numbers {
        let killed = if number.kill_time.is_some() {
            ", killed"
        } else {
            ""
        };
        let _ = write!(
            text,
            "\n{} subscribed: {}, {:?}, {:?}, failures {}{killed}",
            number.number,
            number.subscribed,
            number.role(),
            number.credential_kind(),
            number.failures,
        );
    }
    text
}
