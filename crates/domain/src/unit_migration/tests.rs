use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::credential::CredentialKind;
use crate::unit::Member;

const A: &str = "0311110001";
const B: &str = "0311110002";
const C: &str = "0311110003";
const D: &str = "0311110004";
const STRANGER: &str = "0399990000";

fn number(text: &str) -> TelephoneNumber {
    TelephoneNumber::parse(text).unwrap()
}

fn numbers(texts: &[&str]) -> Vec<TelephoneNumber> {
    texts.iter().map(|text| number(text)).collect()
}

fn members(subscribed: &[bool]) -> Vec<Member> {
    subscribed
        .iter()
        .enumerate()
        .map(|(index, subscribed)| Member {
            number: number(&format!("031111{:04}", index + 1)),
            subscribed: *subscribed,
        })
        .collect()
}

/// B and C are subscribed. The contract number A is not, and neither is D.
fn line(state: UnitState) -> Line {
    Line {
        contract_number: number(A),
        members: members(&[false, true, true, false]),
        state,
        closed: false,
        version: 3,
    }
}

fn established(unit: AuthUnit) -> Line {
    line(UnitState::Established(unit))
}

/// MIG-1: exactly four unit migrations are offered. None is offered to the unit that the line already has. None is offered
/// from `ADMIN_USER` or from a unit that is not established.
#[test]
fn exactly_four_are_offered() {
    use AuthUnit::{AdminUser, Line, Number};
    for (from, to, offered) in [
        (Number, Line, true),
        (Line, Number, true),
        (Number, AdminUser, true),
        (Line, AdminUser, true),
        (Line, Line, false),
        (Number, Number, false),
        (AdminUser, AdminUser, false),
        (AdminUser, Line, false),
        (AdminUser, Number, false),
    ] {
        let plan = UnitMigrationPlan::new(&established(from), to);
        if offered {
            let plan = plan.unwrap();
            assert_eq!((plan.from, plan.to), (from, to));
        } else {
            let from = Some(from);
            assert_eq!(plan, Err(NotOffered { from, to }));
        }
    }
    for state in [UnitState::Unset, UnitState::Chosen(Line)] {
        let plan = UnitMigrationPlan::new(&line(state), Number);
        let expected = NotOffered {
            from: None,
            to: Number,
        };
        assert_eq!(plan, Err(expected));
    }
}

/// MIG-2, MIG-3, MIG-6, UNIT-1: the plan of each unit migration has the right required numbers, accounts with scopes,
/// and voided numbers.
#[test]
fn required_numbers_accounts_and_voided_numbers() {
    use AuthUnit::{AdminUser, Line, Number};
    let both = &[B, C][..];
    let as_users = [(B, Role::User, &[B][..]), (C, Role::User, &[C])];
    let administrator = (A, Role::Administrator, both);
    let admin_user = [administrator, as_users[0], as_users[1]];
    for (from, to, required_numbers, logins, voided) in [
        (
            Number,
            Line,
            both,
            &[(A, Role::Line, both)][..],
            &[B, C, D][..],
        ),
        (
            Line,
            Number,
            &[A],
            &[(B, Role::Number, &[B][..]), (C, Role::Number, &[C])],
            &[A, D],
        ),
        (Number, AdminUser, both, &admin_user, &[D]),
        (Line, AdminUser, &[A], &admin_user, &[D]),
    ] {
        let plan = UnitMigrationPlan::new(&established(from), to).unwrap();
        assert_eq!(
            plan.required_numbers,
            numbers(required_numbers),
            "{from:?} to {to:?}"
        );
        assert_eq!(plan.voided, numbers(voided), "{from:?} to {to:?}");
        let expected: Vec<Login> = logins
            .iter()
            .map(|(account, role, scope)| Login {
                number: number(account),
                role: *role,
                scope: numbers(scope),
            })
            .collect();
        assert_eq!(plan.logins, expected, "{from:?} to {to:?}");
    }
}

/// MIG-5: missing, duplicate and unrequired numbers are reported, the duplicate and unrequired ones with their index. A
/// number of another line is reported like a number that is not an account.
#[test]
fn given_numbers_must_be_the_required_ones() {
    use NumberMismatch::{Duplicate, Missing, NotRequired};
    let plan = UnitMigrationPlan::new(&established(AuthUnit::Number), AuthUnit::Line).unwrap();
    for (given, wrong) in [
        (&[B, C][..], &[][..]),
        (&[C, B], &[]),
        (&[], &[Missing]),
        (&[B], &[Missing]),
        (&[B, B], &[Duplicate(1), Missing]),
        (&[B, C, B], &[Duplicate(2)]),
        (&[B, C, D], &[NotRequired(2)]),
        (&[STRANGER, B, C], &[NotRequired(0)]),
        (&[A, B], &[NotRequired(0), Missing]),
    ] {
        let checked = plan.check_numbers(&numbers(given));
        assert_eq!(checked.err().unwrap_or_default(), wrong, "{given:?}");
    }
}

/// MIG-5, LOGIN-2, LOGIN-7, PW-3: an account is ready if its permanent password is live and attempts are left. The
/// password may be expired.
#[test]
fn accounts_with_a_live_permanent_password_are_ready() {
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let rules = CredentialRules::default();
    let permanent = Credential {
        kind: CredentialKind::Permanent,
        epoch: Epoch(7),
        failures: 9,
        killed: false,
        temporary_expires: None,
        changed: Some(now - TimeDelta::days(61)),
    };
    let temporary = Credential {
        kind: CredentialKind::Temporary,
        failures: 0,
        temporary_expires: Some(now + TimeDelta::hours(1)),
        ..permanent.clone()
    };
    let none = Credential {
        kind: CredentialKind::None,
        failures: 0,
        ..permanent.clone()
    };
    let killed = Credential {
        killed: true,
        ..permanent.clone()
    };
    let all_charged = Credential {
        failures: 10,
        ..permanent.clone()
    };
    for (credential, ready) in [
        (permanent, true),
        (temporary, false),
        (none, false),
        (killed, false),
        (all_charged, false),
    ] {
        assert_eq!(is_ready(&credential, now, &rules), ready, "{credential:?}");
    }
}

/// SESS-5, INV-1: a new version of the line or a newer epoch of any account changes the revision.
#[test]
fn a_revision_identifies_the_line_and_its_newest_account() {
    let shown = revision(3, [Epoch(5), Epoch(9)]);
    assert_eq!(shown, revision(3, [Epoch(9), Epoch(5)]));
    assert_ne!(shown, revision(4, [Epoch(5), Epoch(9)]));
    assert_ne!(shown, revision(3, [Epoch(10), Epoch(9)]));
}

proptest! {
    /// MIG-2, MIG-3, MIG-6, UNIT-1: on any line the accounts of the old unit are required and those of the new unit log
    /// in. Every number either logs in or is voided.
    #[test]
    fn every_number_logs_in_or_is_voided(
        subscribed in prop::collection::vec(any::<bool>(), 1..9),
        offered in prop::sample::select(OFFERED.to_vec()),
    ) {
        let (from, to) = offered;
        let line = Line { members: members(&subscribed), ..established(from) };
        let plan = UnitMigrationPlan::new(&line, to).unwrap();
        prop_assert_eq!(&plan.required_numbers, &line.accounts(from));
        let logins: Vec<_> = plan.logins.iter().map(|login| login.number.clone()).collect();
        prop_assert_eq!(&logins, &line.accounts(to));
        for login in &plan.logins {
            prop_assert_eq!(Some(login.role), line.role(to, &login.number));
            prop_assert_eq!(Some(login.scope.clone()), line.scope(to, &login.number));
        }
        let mut all = [logins, plan.voided].concat();
        all.sort();
        let mut expected: Vec<_> = line.members.iter().map(|member| member.number.clone()).collect();
        expected.sort();
        prop_assert_eq!(all, expected);
    }

    /// MIG-5: the given numbers are accepted if and only if they are a permutation of the required ones.
    #[test]
    fn only_a_permutation_is_accepted(given in prop::collection::vec(prop::sample::select(vec![A, B, C, D]), 0..5)) {
        let plan = UnitMigrationPlan::new(&established(AuthUnit::Number), AuthUnit::AdminUser).unwrap();
        let given = numbers(&given);
        let mut sorted = given.clone();
        sorted.sort();
        prop_assert_eq!(plan.check_numbers(&given).is_ok(), sorted == plan.required_numbers);
    }
}
