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

/// A line whose contract number and first additional number are subscribed, and one more is not.
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

/// Whose passwords a change costs, under a unit.
fn voided(change: &Change, unit: AuthUnit) -> Vec<String> {
    let decided = change
        .decide(&line(UnitState::Established(unit)))
        .unwrap()
        .unwrap();
    let voided = decided.voided.iter();
    voided.map(|number| number.as_str().to_owned()).collect()
}

/// OPS-1: on a closed line nothing changes, but closing it again is no error.
#[test]
fn a_closed_line_stays_as_it_is() {
    for change in every_change() {
        let expected = match change {
            Change::Close => Ok(None),
            _ => Err(ChangeDenial::LineClosed),
        };
        assert_eq!(change.decide(&closed()), expected, "{change:?}");
    }
}

/// OPS-1, UNIT-1, SESS-2: a close costs every account its password, under each unit.
#[test]
fn a_close_voids_every_account() {
    assert_eq!(voided(&Change::Close, AuthUnit::Line), [CONTRACT]);
    assert_eq!(voided(&Change::Close, AuthUnit::Number), [CONTRACT, FIRST]);
    assert_eq!(
        voided(&Change::Close, AuthUnit::AdminUser),
        [CONTRACT, FIRST]
    );
}

/// OPS-2, UNIT-2: a reset costs every account its password and takes the unit away, established or chosen; the
/// numbers stay. A line without a unit is as it would be.
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

/// OPS-1, UNIT-1: who loses the option service loses the password only where it was an account by it.
#[test]
fn unsubscribing_voids_who_is_no_account_any_more() {
    let first = Change::Subscribe(member(FIRST, false));
    assert_eq!(voided(&first, AuthUnit::Number), [FIRST]);
    assert_eq!(voided(&first, AuthUnit::AdminUser), [FIRST]);
    assert!(voided(&first, AuthUnit::Line).is_empty());
    let contract = Change::Subscribe(member(CONTRACT, false));
    assert_eq!(voided(&contract, AuthUnit::Number), [CONTRACT]);
    assert!(voided(&contract, AuthUnit::AdminUser).is_empty());
    assert!(voided(&contract, AuthUnit::Line).is_empty());
}

/// OPS-1: a number that comes or gets the service costs nobody anything; one that leaves takes its own along.
#[test]
fn coming_and_leaving_voids_nobody_else() {
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

/// OPS-1: the line afterwards is the line before with just this change.
#[test]
fn a_change_changes_just_what_it_says() {
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

/// OPS-1: what stands already is no change, and what contradicts it is refused by name.
#[test]
fn repetition_and_contradiction() {
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
