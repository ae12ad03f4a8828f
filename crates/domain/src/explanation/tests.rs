use chrono::TimeDelta;

use super::*;
use crate::credential::{CredentialKind, Epoch};
use crate::unit::{AuthUnit, Member, UnitState};

const CONTRACT: &str = "0311110001";
const FIRST: &str = "0311110002";
const PLAIN: &str = "0311110003";

fn number(text: &str) -> TelephoneNumber {
    TelephoneNumber::parse(text).unwrap()
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

/// A line. Its contract number and its last number are not subscribed.
fn line(state: UnitState) -> Line {
    let members = [(CONTRACT, false), (FIRST, true), (PLAIN, false)];
    Line {
        contract_number: number(CONTRACT),
        members: members
            .map(|(text, subscribed)| Member {
                number: number(text),
                subscribed,
            })
            .into(),
        state,
        closed: false,
        version: 0,
    }
}

fn credential(kind: CredentialKind) -> Credential {
    Credential {
        kind,
        epoch: Epoch(1),
        failures: 0,
        killed: false,
        temporary_expires: (kind == CredentialKind::Temporary).then(|| now() + TimeDelta::hours(1)),
        changed: (kind == CredentialKind::Permanent).then(|| now() - TimeDelta::days(1)),
    }
}

fn verdict(line: &Line, text: &str, credential: &Credential) -> Verdict {
    let rules = CredentialRules::default();
    Verdict::of(&number(text), Some((line, credential)), now(), &rules)
}

/// OPS-2: for a number on no line or on a closed line the remedy is to provision it.
#[test]
fn a_number_without_an_open_line() {
    let unknown = Verdict::of(&number(FIRST), None, now(), &CredentialRules::default());
    assert_eq!(unknown, Verdict::UnknownNumber);
    let closed = Line {
        closed: true,
        ..line(UnitState::Established(AuthUnit::Number))
    };
    let permanent = credential(CredentialKind::Permanent);
    assert_eq!(verdict(&closed, FIRST, &permanent), Verdict::LineClosed);
    for verdict in [unknown, Verdict::LineClosed] {
        assert_eq!(verdict.remedy(), Some(Remedy::Provision));
    }
}

/// OPS-2, UNIT-1, UNIT-2: the verdict says why a number is not an account.
#[test]
fn a_number_that_is_not_an_account() {
    let none = credential(CredentialKind::None);
    for (state, text, expected, remedy) in [
        (UnitState::Unset, FIRST, Verdict::NoUnit, Remedy::Call),
        (
            UnitState::Chosen(AuthUnit::Line),
            FIRST,
            Verdict::NotAnAccount,
            Remedy::UseAccount,
        ),
        (
            UnitState::Established(AuthUnit::Number),
            CONTRACT,
            Verdict::NotSubscribed,
            Remedy::Subscribe,
        ),
        (
            UnitState::Established(AuthUnit::AdminUser),
            PLAIN,
            Verdict::NotSubscribed,
            Remedy::Subscribe,
        ),
        (
            UnitState::Established(AuthUnit::AdminUser),
            CONTRACT,
            Verdict::NoPassword,
            Remedy::Call,
        ),
    ] {
        let found = verdict(&line(state), text, &none);
        assert_eq!(found, expected);
        assert_eq!(found.remedy(), Some(remedy));
    }
}

/// OPS-2, LOGIN-2, LOGIN-7, IVR-9, PW-3: the verdict on an account follows from its credential. For a killed password the
/// only remedy is a call.
#[test]
fn an_account_with_each_kind_of_credential() {
    let line = line(UnitState::Established(AuthUnit::Number));
    let permanent = credential(CredentialKind::Permanent);
    let temporary = credential(CredentialKind::Temporary);
    let old = now() - TimeDelta::days(60);
    for (credential, expected, remedy) in [
        (permanent.clone(), Verdict::Permanent, None),
        (
            Credential {
                changed: Some(old),
                ..permanent.clone()
            },
            Verdict::MustChange,
            None,
        ),
        (
            Credential {
                failures: 10,
                killed: true,
                ..permanent.clone()
            },
            Verdict::Killed,
            Some(Remedy::Call),
        ),
        (
            Credential {
                failures: 10,
                ..permanent
            },
            Verdict::Killed,
            Some(Remedy::Call),
        ),
        (
            temporary.clone(),
            Verdict::Temporary,
            Some(Remedy::LogInOrCall),
        ),
        (
            Credential {
                temporary_expires: Some(now()),
                ..temporary
            },
            Verdict::TemporaryExpired,
            Some(Remedy::Call),
        ),
    ] {
        let found = verdict(&line, FIRST, &credential);
        assert_eq!((found, found.remedy()), (expected, remedy));
    }
}
