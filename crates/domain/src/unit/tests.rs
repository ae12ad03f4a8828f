use proptest::prelude::*;

use super::*;

fn number(text: &str) -> TelephoneNumber {
    TelephoneNumber::parse(text).unwrap()
}

/// A line. Its contract number is the first member.
fn line(members: &[(&str, bool)]) -> Line {
    let members: Vec<Member> = members
        .iter()
        .map(|(text, subscribed)| Member {
            number: number(text),
            subscribed: *subscribed,
        })
        .collect();
    Line {
        contract_number: members[0].number.clone(),
        members,
        state: UnitState::Unset,
        closed: false,
        version: 0,
    }
}

const A: &str = "0311110001";
const B: &str = "0311110002";
const C: &str = "0311110003";

/// UNIT-1: the accounts and their scopes under each unit, if the contract number is not subscribed.
#[test]
fn accounts_and_scopes_without_a_subscribed_contract_number() {
    let line = line(&[(A, false), (B, true), (C, false)]);
    for (unit, account, role, scope) in [
        (AuthUnit::Line, A, Some(Role::Line), Some(vec![B])),
        (AuthUnit::Line, B, None, None),
        (AuthUnit::Number, A, None, None),
        (AuthUnit::Number, B, Some(Role::Number), Some(vec![B])),
        (AuthUnit::Number, C, None, None),
        (
            AuthUnit::AdminUser,
            A,
            Some(Role::Administrator),
            Some(vec![B]),
        ),
        (AuthUnit::AdminUser, B, Some(Role::User), Some(vec![B])),
        (AuthUnit::AdminUser, C, None, None),
        (AuthUnit::AdminUser, "0399990000", None, None),
    ] {
        let scope = scope.map(|scope| scope.into_iter().map(number).collect::<Vec<_>>());
        assert_eq!(
            line.role(unit, &number(account)),
            role,
            "{unit:?} {account}"
        );
        assert_eq!(
            line.scope(unit, &number(account)),
            scope,
            "{unit:?} {account}"
        );
    }
}

/// UNIT-1: the scope of a subscribed contract number contains the contract number.
#[test]
fn accounts_and_scopes_with_a_subscribed_contract_number() {
    let line = line(&[(A, true), (B, true)]);
    assert_eq!(line.accounts(AuthUnit::Line), [number(A)]);
    assert_eq!(line.accounts(AuthUnit::Number), [number(A), number(B)]);
    assert_eq!(line.accounts(AuthUnit::AdminUser), [number(A), number(B)]);
    assert_eq!(
        line.scope(AuthUnit::AdminUser, &number(A)),
        Some(vec![number(A), number(B)])
    );
    assert_eq!(
        line.scope(AuthUnit::Number, &number(A)),
        Some(vec![number(A)])
    );
}

/// UNIT-2: the first temporary password chooses the unit. A later one may choose again until a permanent password
/// establishes the unit.
#[test]
fn a_unit_is_chosen_until_it_is_established() {
    for wanted in AuthUnit::ALL {
        assert_eq!(UnitState::Unset.choose(wanted), Ok(UnitChoice::First));
        for present in AuthUnit::ALL {
            let same = present == wanted;
            let chosen = if same {
                UnitChoice::Keep
            } else {
                UnitChoice::Replace
            };
            assert_eq!(UnitState::Chosen(present).choose(wanted), Ok(chosen));
            let established = if same {
                Ok(UnitChoice::Keep)
            } else {
                Err(UnitEstablished)
            };
            assert_eq!(UnitState::Established(present).choose(wanted), established);
        }
    }
}

/// UNIT-1: the names of the units in the ledger are parsed back.
#[test]
fn names_are_parsed_back() {
    for unit in AuthUnit::ALL {
        assert_eq!(AuthUnit::parse(unit.as_str()), Ok(unit));
    }
    assert_eq!(AuthUnit::parse("line"), Err(UnknownName));
    assert_eq!(AuthUnit::parse(""), Err(UnknownName));
}

proptest! {
    /// UNIT-1: on any line, exactly the accounts have a role and a scope. A scope contains only subscribed numbers of the
    /// line. Every subscribed number is in the scope of an account.
    #[test]
    fn accounts_and_scopes_agree(subscribed in prop::collection::vec(any::<bool>(), 1..8), unit in 0usize..3) {
        let unit = AuthUnit::ALL[unit];
        let texts: Vec<String> = (0..subscribed.len()).map(|i| format!("031111{i:04}")).collect();
        let members: Vec<(&str, bool)> = texts.iter().map(String::as_str).zip(subscribed).collect();
        let line = line(&members);
        let accounts = line.accounts(unit);
        let mut reached = Vec::new();
        for member in &line.members {
            let scope = line.scope(unit, &member.number);
            prop_assert_eq!(scope.is_some(), accounts.contains(&member.number));
            prop_assert_eq!(scope.is_some(), line.role(unit, &member.number).is_some());
            for number in scope.unwrap_or_default() {
                prop_assert!(line.is_subscribed(&number));
                reached.push(number);
            }
        }
        for member in line.members.iter().filter(|member| member.subscribed) {
            prop_assert!(reached.contains(&member.number));
        }
        if unit != AuthUnit::Number {
            prop_assert!(accounts.contains(&line.contract_number));
        }
    }
}
