//! Random operations, generated without knowing the state. An operation chooses its session, call
//! or account only when it is played, so that every part of a sequence is a valid sequence.

use aikagi_api::units::v1::AuthUnit;
use aikagi_model::rules::Password;
use chrono::TimeDelta;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Temporary passwords.
pub(super) const TEMPORARY: [Password; 3] = ["48151623", "27182818", "00000000"];
/// Permanent passwords that follow PW-1.
pub(super) const PERMANENT: [Password; 4] = ["Abc12345", "Xyz98765", "pass1word", "Zz0000000000"];
/// Passwords that break PW-1, each in a different way.
pub(super) const BROKEN: [Password; 5] = [
    "Short01",
    "TooLong123456",
    "12345678",
    "under_score1",
    "あbcdefg1",
];

/// A password that no account has.
pub(super) const WRONG: Password = "Nobodys00";

/// A telephone number of the sequence, as an index into `Play::cast`.
pub(super) type Who = usize;

/// A choice of a session or a call.
#[derive(Debug, Clone)]
pub(super) struct Pick {
    pub(super) which: Which,
    pub(super) at: Index,
}

/// The sessions or calls to choose from. If there are none, the operation is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// The sessions that must change their password.
    MustChange,
    /// The full sessions.
    Full,
    /// Live sessions, or calls in progress.
    Live,
    /// All sessions or calls so far.
    Any,
}

/// A choice of a unit.
#[derive(Debug, Clone, Copy)]
pub(super) enum UnitWish {
    /// The line's own unit, or this one if it has none.
    Fitting(AuthUnit),
    Exactly(AuthUnit),
}

/// A choice of the unit to migrate to.
#[derive(Debug, Clone)]
pub(super) enum NextUnit {
    /// A unit that the site offers (MIG-1).
    Offered(Index),
    Exactly(AuthUnit),
}

/// A choice of an account.
#[derive(Debug, Clone)]
pub(super) enum AccountWish {
    /// One of the accounts with a password.
    Able(Index),
    Exactly(Who),
}

/// A choice of the account that a caller keys.
#[derive(Debug, Clone)]
pub(super) enum TargetWish {
    /// An account of the unit.
    Fitting(Index),
    /// An account without a permanent password.
    Wanting(Index),
    Exactly(Who),
    Nobody,
}

/// A choice of the typed password.
#[derive(Debug, Clone)]
pub(super) enum Typed {
    /// The right password, if there is one.
    Right,
    /// Any password.
    Some(Index),
}

/// An action of a caller.
#[derive(Debug, Clone)]
pub(super) enum Entry {
    /// The next keys of a caller who sets this password without mistakes.
    Proper(UnitWish, TargetWish, Index),
    Keys(String),
    Silence,
    HangUp,
}

/// How the passwords of a unit migration are given.
#[derive(Debug, Clone)]
pub(super) enum Given {
    All,
    /// One password is missing.
    LeftOut(Index),
    /// One password is given twice.
    Twice(Index),
    /// One password too many is given.
    And(Who),
}

/// An operation.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    /// Begins a call. `None`: the number is withheld.
    Dial(Option<Who>),
    Key(Pick, Entry),
    /// Sends the latest turn again.
    KeyAgain(Pick),
    /// Sends a turn whose sequence number is one too high.
    KeyAhead(Pick),
    SetInOneRpc {
        caller: Option<Who>,
        unit: UnitWish,
        target: TargetWish,
        password: Index,
    },
    Login(AccountWish, Typed),
    /// Types wrong passwords, one after another.
    Guess(AccountWish, usize),
    Look {
        session: Pick,
        peek: bool,
    },
    Change {
        session: Pick,
        current: Typed,
        new: Password,
        mistyped: bool,
        look: bool,
    },
    Logout(Pick),
    Access(Pick, Who),
    EndSessions(Who),
    ListSessions(Who),
    Preview(Pick, NextUnit),
    Migrate {
        session: Pick,
        unit: NextUnit,
        typed: Vec<Typed>,
        given: Given,
        look: bool,
    },
    GetLine(Who),
    Explain(Who),
    AddLine(Vec<(Who, bool)>),
    CloseLine(Who),
    AddNumber {
        line: Who,
        number: Who,
        subscribed: bool,
    },
    RemoveNumber(Who),
    Subscribe(Who, bool),
    ResetUnit(Who),
    Wait(TimeDelta),
    LoseTheCache,
}

/// Random sequences of operations.
pub(super) fn sequences() -> impl Strategy<Value = Vec<Operation>> {
    vec(operation(), 40..160)
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        30 => telephone(),
        40 => session(),
        12 => migration(),
        12 => directory(),
        5 => waits().prop_map(Operation::Wait),
        1 => Just(Operation::LoseTheCache),
    ]
}

fn telephone() -> impl Strategy<Value = Operation> {
    prop_oneof![
        3 => withheld().prop_map(Operation::Dial),
        14 => (pick(Which::Live), entry()).prop_map(|(call, entry)| Operation::Key(call, entry)),
        2 => pick(Which::Live).prop_map(Operation::KeyAgain),
        1 => pick(Which::Live).prop_map(Operation::KeyAhead),
        10 => (withheld(), unit_wish(), target_wish(), any::<Index>()).prop_map(
            |(caller, unit, target, password)| Operation::SetInOneRpc {
                caller,
                unit,
                target,
                password,
            }
        ),
    ]
}

fn session() -> impl Strategy<Value = Operation> {
    prop_oneof![
        16 => (account_wish(), typed()).prop_map(|(number, typed)| Operation::Login(number, typed)),
        2 => (account_wish(), 2..12_usize).prop_map(|(number, times)| Operation::Guess(number, times)),
        4 => (pick(Which::Live), any::<bool>())
            .prop_map(|(session, peek)| Operation::Look { session, peek }),
        10 => change(Which::MustChange),
        4 => change(Which::Live),
        1 => pick(Which::Live).prop_map(Operation::Logout),
        2 => (pick(Which::Live), who()).prop_map(|(session, number)| Operation::Access(session, number)),
        4 => (pick(Which::Full), who()).prop_map(|(session, number)| Operation::Access(session, number)),
        1 => who().prop_map(Operation::EndSessions),
        2 => who().prop_map(Operation::ListSessions),
    ]
}

fn change(which: Which) -> impl Strategy<Value = Operation> {
    let new = prop_oneof![9 => select(&PERMANENT), 1 => select(&BROKEN)];
    (
        pick(which),
        typed(),
        new,
        seldom(),
        prop::bool::weighted(0.3),
    )
        .prop_map(
            |(session, current, new, mistyped, look)| Operation::Change {
                session,
                current,
                new,
                mistyped,
                look,
            },
        )
}

fn migration() -> impl Strategy<Value = Operation> {
    let given = prop_oneof![
        8 => Just(Given::All),
        1 => any::<Index>().prop_map(Given::LeftOut),
        1 => any::<Index>().prop_map(Given::Twice),
        1 => who().prop_map(Given::And),
    ];
    prop_oneof![
        1 => (pick(Which::Live), next_unit()).prop_map(|(session, unit)| Operation::Preview(session, unit)),
        4 => (pick(Which::Full), next_unit(), vec(typed(), 4), given, often()).prop_map(
            |(session, unit, typed, given, look)| Operation::Migrate {
                session,
                unit,
                typed,
                given,
                look,
            }
        ),
    ]
}

fn directory() -> impl Strategy<Value = Operation> {
    prop_oneof![
        8 => who().prop_map(Operation::GetLine),
        8 => who().prop_map(Operation::Explain),
        6 => vec((who(), any::<bool>()), 1..4).prop_map(Operation::AddLine),
        1 => who().prop_map(Operation::CloseLine),
        8 => (who(), anybody(), often()).prop_map(|(line, number, subscribed)| {
            Operation::AddNumber {
                line,
                number,
                subscribed,
            }
        }),
        4 => who().prop_map(Operation::RemoveNumber),
        12 => (who(), often()).prop_map(|(number, wanted)| Operation::Subscribe(number, wanted)),
        1 => who().prop_map(Operation::ResetUnit),
    ]
}

fn who() -> impl Strategy<Value = Who> {
    // The first line, the second line, and numbers that are on no line at first.
    prop_oneof![7 => 0..4_usize, 3 => 4..6_usize, 1 => 6..8_usize]
}

/// Any number, all with the same probability.
fn anybody() -> impl Strategy<Value = Who> {
    0..8_usize
}

fn withheld() -> impl Strategy<Value = Option<Who>> {
    prop::option::weighted(0.95, who())
}

fn pick(which: Which) -> impl Strategy<Value = Pick> {
    let which = prop_oneof![9 => Just(which), 1 => Just(Which::Any)];
    (which, any::<Index>()).prop_map(|(which, at)| Pick { which, at })
}

fn typed() -> impl Strategy<Value = Typed> {
    prop_oneof![5 => Just(Typed::Right), 1 => any::<Index>().prop_map(Typed::Some)]
}

fn often() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.7)
}

fn seldom() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.05)
}

fn unit() -> impl Strategy<Value = AuthUnit> {
    select(vec![AuthUnit::Line, AuthUnit::Number, AuthUnit::AdminUser])
}

fn next_unit() -> impl Strategy<Value = NextUnit> {
    prop_oneof![
        4 => any::<Index>().prop_map(NextUnit::Offered),
        1 => unit().prop_map(NextUnit::Exactly),
    ]
}

fn account_wish() -> impl Strategy<Value = AccountWish> {
    prop_oneof![
        4 => any::<Index>().prop_map(AccountWish::Able),
        1 => who().prop_map(AccountWish::Exactly),
    ]
}

fn unit_wish() -> impl Strategy<Value = UnitWish> {
    prop_oneof![
        6 => unit().prop_map(UnitWish::Fitting),
        1 => unit().prop_map(UnitWish::Exactly),
    ]
}

fn target_wish() -> impl Strategy<Value = TargetWish> {
    prop_oneof![
        2 => any::<Index>().prop_map(TargetWish::Fitting),
        6 => any::<Index>().prop_map(TargetWish::Wanting),
        1 => who().prop_map(TargetWish::Exactly),
        1 => Just(TargetWish::Nobody),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    let keys = prop_oneof![
        Just(String::new()),
        Just("#".to_owned()),
        "[0-9*#]{1,3}",
        "[0-9]{7,9}#?",
        "0[0-9]{9,10}#?",
    ];
    prop_oneof![
        16 => (unit_wish(), target_wish(), any::<Index>())
            .prop_map(|(unit, target, password)| Entry::Proper(unit, target, password)),
        2 => keys.prop_map(Entry::Keys),
        1 => Just(Entry::Silence),
        1 => Just(Entry::HangUp),
    ]
}

/// The times after which the rules end a call, a session or a password.
const ENDS: [TimeDelta; 5] = [
    TimeDelta::minutes(5),
    TimeDelta::minutes(15),
    TimeDelta::hours(12),
    TimeDelta::hours(24),
    TimeDelta::days(60),
];

fn waits() -> impl Strategy<Value = TimeDelta> {
    prop_oneof![
        4 => (1..100_i64).prop_map(TimeDelta::seconds),
        4 => (1..14_i64).prop_map(TimeDelta::minutes),
        1 => select(&ENDS),
        1 => select(&ENDS).prop_map(|end| end - TimeDelta::seconds(1)),
        1 => (1..60_i64).prop_map(TimeDelta::days),
    ]
}
