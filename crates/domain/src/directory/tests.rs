use super::*;
use crate::unit::AuthUnit;

const CONTRACT: &str = "0311110001";
const FIRST: &str = "0311110002";
const PLAIN: &str = "0311110003";
const ELSEWHERE: &str = "0311110009";

fn number(text: &str) -> TelephoneNumber {
    TelephoneNumber::parse(text).unwrap()
}

fn member(text: &str, subscribed: bool) -> Member {
    Member {
        number: number(text),
        subscribed,
    }
}

/// A line with a subscribed contract number, a subscribed and an unsubscribed additional number.
fn line(state: UnitState) -> Line {
    Line {
        contract_number: number(CONTRACT),
        members: vec![
            member(CONTRACT, true),
            member(FIRST, true),
            member(PLAIN, false),
        ],
        state,
        closed: false,
        version: 7,
    }
}

fn closed() -> Line {
    Line {
        closed: true,
        ..line(UnitState::Established(AuthUnit::Number))
    }
}

fn every_change() -> [Change; 6] {
    [
        Change::Close,
        Change::AddNumber(member(ELSEWHERE, true)),
        Change::RemoveNumber(number(FIRST)),
        Change::Subscribe(member(PLAIN, true)),
        Change::Subscribe(member(FIRST, false)),
        Change::ResetUnit,
    ]
}

/// The numbers whose passwords a change voids, under a unit.
fn voided(change: &Change, unit: AuthUnit) -> Vec<String> {
    let decided = change
        .decide(&line(UnitState::Established(unit)))
        .unwrap()
        .unwrap();
    let voided = decided.voided.iter();
    voided.map(|number| number.as_str().to_owned()).collect()
}

/// OPS-1: a closed line cannot be changed, but closing it again is not an error.
#[test]
fn a_closed_line_does_not_change() {
    for change in every_change() {
        let expected = match change {
            Change::Close => Ok(None),
            _ => Err(ChangeDenial::LineClosed),
        };
        assert_eq!(change.decide(&closed()), expected, "{change:?}");
    }
}

/// OPS-1, UNIT-1, SESS-2: under each unit, closing the line voids the password of every account.
#[test]
fn a_close_voids_every_account() {
    assert_eq!(voided(&Change::Close, AuthUnit::Line), [CONTRACT]);
    assert_eq!(voided(&Change::Close, AuthUnit::Number), [CONTRACT, FIRST]);
    assert_eq!(
        voided(&Change::Close, AuthUnit::AdminUser),
        [CONTRACT, FIRST]
    );
}

/// OPS-2, UNIT-2: a reset voids the password of every account and removes a chosen or an established unit. The numbers
/// stay. On a line without a unit a reset changes nothing.
#[test]
fn a_reset_voids_every_account() {
    for state in [UnitState::Established, UnitState::Chosen] {
        let before = line(state(AuthUnit::Number));
        let decided = Change::ResetUnit.decide(&before).unwrap().unwrap();
        assert_eq!(decided.line.state, UnitState::Unset);
        assert_eq!(decided.line.members, before.members);
        assert_eq!(decided.voided, [number(CONTRACT), number(FIRST)]);
    }
    assert_eq!(Change::ResetUnit.decide(&line(UnitState::Unset)), Ok(None));
}

/// OPS-1, UNIT-1: unsubscribing a number voids its password only if the number is no longer an account.
#[test]
fn unsubscribing_voids_numbers_that_are_no_longer_accounts() {
    let first = Change::Subscribe(member(FIRST, false));
    assert_eq!(voided(&first, AuthUnit::Number), [FIRST]);
    assert_eq!(voided(&first, AuthUnit::AdminUser), [FIRST]);
    assert!(voided(&first, AuthUnit::Line).is_empty());
    let contract = Change::Subscribe(member(CONTRACT, false));
    assert_eq!(voided(&contract, AuthUnit::Number), [CONTRACT]);
    assert!(voided(&contract, AuthUnit::AdminUser).is_empty());
    assert!(voided(&contract, AuthUnit::Line).is_empty());
}

/// OPS-1: adding, subscribing or removing a number voids no account that stays on the line.
#[test]
fn adding_and_removing_void_no_other_account() {
    for change in [
        Change::AddNumber(member(ELSEWHERE, true)),
        Change::Subscribe(member(PLAIN, true)),
        Change::RemoveNumber(number(FIRST)),
    ] {
        for unit in AuthUnit::ALL {
            assert!(voided(&change, unit).is_empty(), "{change:?}");
        }
    }
}

/// OPS-1: a change alters only the number that it names.
#[test]
fn a_change_alters_nothing_else() {
    let before = line(UnitState::Chosen(AuthUnit::Line));
    let after = |change: Change| change.decide(&before).unwrap().unwrap().line;
    let with = |members: &[Member]| Line {
        members: members.to_vec(),
        ..before.clone()
    };
    let [contract, first, plain] = before.members.clone().try_into().unwrap();
    let new = member(ELSEWHERE, false);
    assert_eq!(
        after(Change::AddNumber(new.clone())),
        with(&[contract.clone(), first.clone(), plain.clone(), new])
    );
    assert_eq!(
        after(Change::RemoveNumber(number(FIRST))),
        with(&[contract.clone(), plain])
    );
    assert_eq!(
        after(Change::Subscribe(member(PLAIN, true))),
        with(&[contract, first, member(PLAIN, true)])
    );
}

/// OPS-1: a repeated change does nothing. A change that contradicts the line is refused with its own
/// reason.
#[test]
fn repeated_and_contradicting_changes() {
    let decide = |change: Change| change.decide(&line(UnitState::Unset));
    assert_eq!(decide(Change::AddNumber(member(FIRST, true))), Ok(None));
    assert_eq!(
        decide(Change::AddNumber(member(FIRST, false))),
        Err(ChangeDenial::NumberOnLine)
    );
    assert_eq!(decide(Change::Subscribe(member(FIRST, true))), Ok(None));
    assert_eq!(
        decide(Change::Subscribe(member(ELSEWHERE, true))),
        Err(ChangeDenial::NumberNotOnLine)
    );
    assert_eq!(
        decide(Change::RemoveNumber(number(ELSEWHERE))),
        Err(ChangeDenial::NumberNotOnLine)
    );
    assert_eq!(
        decide(Change::RemoveNumber(number(CONTRACT))),
        Err(ChangeDenial::ContractNumberStays)
    );
}
