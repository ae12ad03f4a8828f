//! A reader that reads the line continuously and must never see it half changed (MIG-4, INV-5).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aikagi_api::authentication::v1::Session;
use aikagi_api::units::v1::{
    AccountRole, AuthUnit, CredentialKind, ExplainLoginResponse, Line, LineNumber, LoginVerdict,
};
use aikagi_client::reason;
use tonic::Status;

use super::play::{Scene, is_lost};

/// What the reader has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The number of successful reads.
    pub(super) views: usize,
    /// Views that mix the states of two moments, as text for people.
    pub(super) half: Vec<String>,
}

/// Reads the line, its numbers and its sessions until `done`.
pub(super) async fn read(scene: Arc<Scene>, done: Arc<AtomicBool>) -> Seen {
    let mut seen = Seen::default();
    while !done.load(Ordering::SeqCst) && seen.half.is_empty() {
        if let Some(line) = answered(scene.operator.line(scene.contract).await) {
            seen.note(why_half(&line), &line);
        }
        for number in scene.numbers() {
            if let Some(explained) = answered(scene.operator.explain(number).await) {
                seen.note(why_unfounded(&explained, number), &explained);
            }
        }
        let last = scene.seats().into_iter().rev().take(3);
        for person in last.filter_map(|seat| scene.person(seat)) {
            if let Some(session) = answered(person.peek().await) {
                seen.note(why_torn(&session, &person.session), &session);
            }
        }
    }
    seen
}

impl Seen {
    fn note(&mut self, why: Option<&'static str>, view: &impl std::fmt::Debug) {
        self.views += 1;
        let text = why.map(|why| format!("half changed, {why}: {view:#?}"));
        self.half.extend(text);
    }
}

/// The response. `None` if it was lost with a killed replica, or if the session has ended.
fn answered<T>(answer: Result<T, Status>) -> Option<T> {
    match answer {
        Ok(response) => Some(response),
        Err(status) => {
            let has_ended = reason(&status) == "SESSION_ENDED";
            assert!(has_ended || is_lost(&status), "{status:?}");
            None
        }
    }
}

/// UNIT-1, UNIT-2, MIG-3: why a line can never be in this state. `None` if it can.
fn why_half(line: &Line) -> Option<&'static str> {
    let has = |number: &LineNumber| number.credential_kind() != CredentialKind::None;
    let permanent = |number: &LineNumber| number.credential_kind() == CredentialKind::Permanent;
    let numbers = &line.numbers;
    let established = line.unit_established_time.is_some();
    if numbers
        .iter()
        .any(|number| has(number) && number.role() == AccountRole::Unspecified)
    {
        return Some("a number that is not an account has a password");
    }
    if numbers
        .iter()
        .any(|number| number.role() != role(line.unit(), number, &line.contract_number))
    {
        return Some("a number has a role of another unit");
    }
    if !established && numbers.iter().any(permanent) {
        return Some("a permanent password without an established unit");
    }
    if numbers
        .iter()
        .any(|number| permanent(number) != number.change_time.is_some())
    {
        return Some("the time of a change does not fit the kind of password");
    }
    None
}

/// UNIT-1: the role of a number under a unit.
fn role(unit: AuthUnit, number: &LineNumber, contract: &str) -> AccountRole {
    let is_contract = number.number == contract;
    match unit {
        AuthUnit::Line if is_contract => AccountRole::Line,
        AuthUnit::Number if number.subscribed => AccountRole::Number,
        AuthUnit::AdminUser if is_contract => AccountRole::Administrator,
        AuthUnit::AdminUser if number.subscribed => AccountRole::User,
        _ => AccountRole::Unspecified,
    }
}

/// OPS-2: why an explanation and the line in it show different moments. `None` if they agree.
fn why_unfounded(explained: &ExplainLoginResponse, number: &str) -> Option<&'static str> {
    let Some(line) = &explained.line else {
        let unknown = explained.verdict() == LoginVerdict::UnknownNumber;
        return (!unknown).then_some("an explanation without a line");
    };
    let accounts = line.numbers.iter();
    let accounts = accounts.filter(|number| number.role() != AccountRole::Unspecified);
    if !accounts
        .map(|account| &account.number)
        .eq(&explained.account_numbers)
    {
        return Some("the accounts are not the numbers with a role");
    }
    let Some(found) = line.numbers.iter().find(|found| found.number == number) else {
        return Some("a number on no line");
    };
    let kind = match explained.verdict() {
        LoginVerdict::Permanent | LoginVerdict::MustChange => CredentialKind::Permanent,
        LoginVerdict::Temporary | LoginVerdict::TemporaryExpired => CredentialKind::Temporary,
        LoginVerdict::Killed => found.credential_kind(),
        _ => CredentialKind::None,
    };
    if kind != found.credential_kind() {
        return Some("the verdict does not fit the kind of password");
    }
    why_half(line)
}

/// MIG-6, SESS-2, UNIT-1: why a live session does not fit the unit under which it was opened.
/// `None` if it fits.
fn why_torn(session: &Session, opened: &Session) -> Option<&'static str> {
    if session.unit() != opened.unit() || session.role() != opened.role() {
        return Some("a session has outlived its unit");
    }
    let own = std::slice::from_ref(&session.account_number);
    match session.role() {
        AccountRole::Number | AccountRole::User if session.scope_numbers != own => {
            Some("the scope does not fit the role")
        }
        _ => None,
    }
}

/// Tests that the reader finds errors. If it could not, a run in which it finds none would prove
/// nothing.
#[cfg(test)]
mod tests {
    use super::*;

    fn number(name: &str, role: AccountRole, kind: CredentialKind) -> LineNumber {
        LineNumber {
            number: name.to_owned(),
            subscribed: true,
            role: role.into(),
            credential_kind: kind.into(),
            change_time: (kind == CredentialKind::Permanent).then(prost_types::Timestamp::default),
            ..LineNumber::default()
        }
    }

    fn line(unit: AuthUnit, numbers: [LineNumber; 2]) -> Line {
        Line {
            contract_number: "0312340001".to_owned(),
            unit: unit.into(),
            unit_established_time: Some(prost_types::Timestamp::default()),
            numbers: numbers.into(),
            ..Line::default()
        }
    }

    /// MIG-4: the reader notices a line with the roles or passwords of two units.
    #[test]
    fn a_half_changed_line_is_seen() {
        use AccountRole::{Line as Whole, Number, Unspecified};
        use CredentialKind::{None, Permanent};
        let contract = |role, kind| number("0312340001", role, kind);
        let first = |role, kind| number("0312340002", role, kind);
        let by_number = [contract(Number, Permanent), first(Number, Permanent)];
        let by_line = [contract(Whole, Permanent), first(Unspecified, None)];
        let half = [contract(Whole, Permanent), first(Unspecified, Permanent)];
        assert_eq!(
            why_half(&line(AuthUnit::Number, by_number.clone())),
            Option::None
        );
        assert_eq!(
            why_half(&line(AuthUnit::Line, by_line.clone())),
            Option::None
        );
        for half in [
            line(AuthUnit::Line, by_number),
            line(AuthUnit::Number, by_line),
            line(AuthUnit::Line, half),
        ] {
            assert!(why_half(&half).is_some(), "{half:?}");
        }
    }

    /// MIG-6, SESS-2: the reader notices a session that was opened under another unit.
    #[test]
    fn a_session_that_outlives_its_unit_is_seen() {
        let session = |unit: AuthUnit, role: AccountRole| {
            let mut session = Session::default();
            session.set_unit(unit);
            session.set_role(role);
            session
        };
        let opened = session(AuthUnit::Line, AccountRole::Line);
        assert_eq!(why_torn(&opened, &opened), None);
        let later = session(AuthUnit::AdminUser, AccountRole::Administrator);
        assert!(why_torn(&later, &opened).is_some());
    }
}
