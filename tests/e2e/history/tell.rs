//! Histories for people.

use std::fmt::Write as _;

use aikagi_api::authentication::v1::Session;
use aikagi_api::units;

use super::operation::{Operation, Said, Told};
use super::record::Call;
use crate::model::{Line, Model};
use crate::plain::Plain;

/// A history in the order in which its calls began, and how its steps were ordered as far as that went.
pub(crate) fn history(calls: &[Call], order: &[usize]) -> String {
    let mut told = String::new();
    for (place, call) in calls.iter().enumerate() {
        let said = call.said.as_ref().map_or("LOST".to_owned(), said);
        let troubled = if call.is_troubled { " (troubled)" } else { "" };
        let _ = writeln!(
            told,
            "#{place:<3} {:>5}-{:<5} client {:<2} {} -> {}{troubled}",
            call.begun,
            call.ended,
            call.client,
            operation(&call.operation),
            said.trim_end().replace('\n', "; "),
        );
    }
    let steps: Vec<String> = order.iter().map(ToString::to_string).collect();
    let steps = steps.join(" ");
    let _ = writeln!(told, "\nthe furthest order of steps, by call: {steps}");
    told
}

fn operation(operation: &Operation) -> String {
    format!("{operation:?}")
}

/// An answer.
pub(crate) fn said(said: &Said) -> String {
    match said {
        Err(refused) => format!("{} {:?}", refused.reason, refused.fields),
        Ok(Told::Nothing) => "done".to_owned(),
        Ok(Told::Session(session)) => session_told(session),
        Ok(Told::Preview(preview)) => preview.plain(),
        Ok(Told::Logins(logins)) => logins.plain(),
        Ok(Told::Account(account)) => format!("set for {account}"),
        Ok(Told::Heard(heard)) => heard.plain(),
        Ok(Told::Line(line)) => line_told(line),
        Ok(Told::Verdict(verdict)) => verdict.as_str_name().to_owned(),
    }
}

/// What the model knows, a row for each number and each session.
pub(crate) fn model(model: &Model) -> String {
    let mut told = String::new();
    for line in model.lines() {
        let Line { unit, changes, .. } = line;
        let established = line.established.is_some();
        let _ = writeln!(
            told,
            "{unit:?}, established: {established}, changes: {changes}"
        );
        for (number, account) in &line.numbers {
            let _ = writeln!(told, "{number} {account:?}");
        }
    }
    for (seat, session) in model.sessions() {
        let _ = writeln!(told, "seat {seat} {session:?}");
    }
    told
}

fn session_told(session: &Session) -> String {
    let (account, scope) = (&session.account_number, &session.scope_numbers);
    let (role, must_change) = (session.role(), session.must_change_reason());
    let wrong = session.wrong_attempts;
    format!("{account} as {role:?} for {scope:?}, {must_change:?}, wrong {wrong}")
}

/// A line in a row for each number.
fn line_told(line: &units::v1::Line) -> String {
    let established = line.unit_established_time.is_some();
    let mut told = format!("{:?}, established: {established}", line.unit());
    for number in &line.numbers {
        let killed = if number.kill_time.is_some() {
            ", killed"
        } else {
            ""
        };
        let _ = write!(
            told,
            "\n{} subscribed: {}, {:?}, {:?}, failures {}{killed}",
            number.number,
            number.subscribed,
            number.role(),
            number.credential_kind(),
            number.failures,
        );
    }
    told
}
