use proptest::prelude::*;

use super::*;

/// A line with random subscriptions and a random state; rarely closed.
fn any_line() -> impl Strategy<Value = Line> {
    let state = prop_oneof![
        Just(UnitState::Unset),
        (0usize..3).prop_map(|unit| UnitState::Chosen(AuthUnit::ALL[unit])),
        (0usize..3).prop_map(|unit| UnitState::Established(AuthUnit::ALL[unit])),
    ];
    (
        prop::array::uniform3(any::<bool>()),
        state,
        prop::bool::weighted(0.05),
    )
        .prop_map(|(subscribed, state, closed)| {
            let mut line = line(state);
            for (member, subscribed) in line.members.iter_mut().zip(subscribed) {
                member.subscribed = subscribed;
            }
            Line { closed, ..line }
        })
}

/// Random keys. Most of them are valid in some step.
fn any_keys() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[1-3]#?",
        4 => prop::sample::select(vec![CONTRACT, USER, PLAIN, ELSEWHERE]).prop_map(str::to_owned),
        6 => prop::sample::select(vec!["12345678", "87654321"]).prop_map(str::to_owned),
        1 => Just("-".to_owned()),
        2 => "[0-9*#]{0,12}",
    ]
}

fn any_caller() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![CONTRACT, USER, PLAIN, ELSEWHERE])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// IVR-2 to IVR-7, IVR-11: on any line and with any keys, a call sets passwords only of accounts for
    /// which its caller may set one. The caller must key the same eight digits twice. A step takes at most
    /// three invalid entries. An entry after the end of the call sets nothing.
    #[test]
    fn only_allowed_settings_are_made(
        line in any_line(),
        caller in any_caller(),
        entries in prop::collection::vec(any_keys(), 0..16),
    ) {
        let caller = number(caller);
        let mut turn = start(Some(&caller), Some(&line));
        let mut invalid_in_step = 0;
        let mut keyed = Vec::new();
        for keys in entries {
            let before = step(&turn);
            let entry = if keys == "-" { Entry::Silence } else { Entry::Keys(&keys) };
            turn = turn.state.turn(Some(&caller), Some(&line), entry);
            let Some(before) = before else {
                prop_assert!(turn.set.is_none() && outcome(&turn).is_some());
                continue;
            };
            let digits = keys.strip_suffix('#').unwrap_or(&keys).to_owned();
            if step(&turn) == Some(before) {
                invalid_in_step += 1;
                prop_assert!(invalid_in_step < INVALID_LIMIT);
                prop_assert_eq!(turn.guidance[0].id, GuidanceId::InvalidEntry);
            } else {
                if outcome(&turn) == Some(CallOutcome::TooManyInvalid) {
                    prop_assert_eq!(invalid_in_step + 1, INVALID_LIMIT);
                }
                invalid_in_step = 0;
                keyed.push(digits);
            }
            prop_assert_eq!(turn.set.is_some(), outcome(&turn) == Some(CallOutcome::Set));
            if let Some(setting) = &turn.set {
                prop_assert_eq!(before, CallStep::Confirm);
                let (password, again) = (&keyed[keyed.len() - 2], &keyed[keyed.len() - 1]);
                prop_assert_eq!(password, again);
                prop_assert_eq!(setting.password.expose(), password.as_bytes());
                prop_assert!(!line.closed && line.has(&caller));
                prop_assert!(line.role(setting.unit, &setting.target).is_some());
                prop_assert!(line.state.choose(setting.unit).is_ok());
                let allowed = check_setting(Some(&caller), Some(&line), setting.unit, Some(&setting.target));
                prop_assert_eq!(allowed.as_ref(), Ok(&setting.target));
            }
        }
    }

    /// IVR-13, UNIT-1: a caller may set the password only of an account of its own open line. Under `ADMIN_USER` a user
    /// may set only its own password.
    #[test]
    fn only_accounts_of_the_callers_line_are_set(
        line in any_line(),
        caller in any_caller(),
        unit in 0usize..3,
        target in prop::option::of(any_caller()),
    ) {
        let (unit, caller, target) = (AuthUnit::ALL[unit], number(caller), target.map(number));
        if let Ok(account) = check_setting(Some(&caller), Some(&line), unit, target.as_ref()) {
            prop_assert!(line.role(unit, &account).is_some());
            prop_assert!(line.has(&caller) && !line.closed);
            prop_assert!(target.is_none_or(|target| target == account));
            if unit == AuthUnit::AdminUser && caller != line.contract_number {
                prop_assert_eq!(&account, &caller);
            }
        }
    }
}
