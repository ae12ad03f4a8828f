use super::*;

/// IVR-1: a call starts with the question for the unit.
#[test]
fn a_call_starts_with_the_unit() {
    let turn = begin(USER, &line(UnitState::Unset));
    assert_eq!(turn.state, CallState::Unit { invalid: 0 });
    assert_eq!(guidance(&turn), [GuidanceId::EnterUnit]);
    let next = Next::Collect {
        step: CallStep::Unit,
        max_digits: 1,
        ends_with_hash: false,
    };
    assert_eq!((turn.next, turn.set), (next, None));
}

/// IVR-1: the keys 1, 2 and 3 choose a unit; every other entry is invalid.
#[test]
fn only_three_keys_choose_a_unit() {
    let line = line(UnitState::Unset);
    for keys in ["1", "2", "3", "1#"] {
        assert_ne!(
            step(&call(CONTRACT, &line, &[keys])),
            Some(CallStep::Unit),
            "{keys}"
        );
    }
    for keys in ["", "#", "0", "4", "*", "11", "1*", "#1", "1##", "１", "-"] {
        let turn = call(CONTRACT, &line, &[keys]);
        assert_eq!(turn.state, CallState::Unit { invalid: 1 }, "{keys}");
        assert_eq!(
            guidance(&turn),
            [GuidanceId::InvalidEntry, GuidanceId::EnterUnit]
        );
    }
}

/// IVR-2: after key 1 the account is the contract number, for every caller of the line.
#[test]
fn unit_line_sets_the_contract_number() {
    for caller in [CONTRACT, USER, PLAIN] {
        let turn = call(caller, &line(UnitState::Unset), &["1"]);
        assert_eq!(step(&turn), Some(CallStep::Password));
        assert_eq!(
            turn.guidance,
            [Guidance::about(
                GuidanceId::EnterPassword,
                &number(CONTRACT)
            )]
        );
    }
}

/// IVR-3: after key 2 the dialog asks for the target, an entry ended by `#`. The target must be a subscribed number of
/// the caller's own line.
#[test]
fn unit_number_asks_for_a_subscribed_target() {
    let line = line(UnitState::Unset);
    let turn = call(PLAIN, &line, &["2"]);
    let next = Next::Collect {
        step: CallStep::Target,
        max_digits: 11,
        ends_with_hash: true,
    };
    assert_eq!(turn.next, next);
    for keys in [USER.to_owned(), format!("{USER}#")] {
        let turn = call(PLAIN, &line, &["2", &keys]);
        assert_eq!(
            turn.guidance,
            [Guidance::about(GuidanceId::EnterPassword, &number(USER))]
        );
    }
}

/// IVR-3, IVR-11: a target that is not allowed is an invalid entry. The guidance is the same whether the number is
/// unknown, unsubscribed, on another line or not a telephone number.
#[test]
fn refused_targets_get_the_same_guidance() {
    let line = line(UnitState::Unset);
    let refusals = [
        PLAIN,
        CONTRACT,
        ELSEWHERE,
        "0399999999",
        "12345",
        "",
        "03*1110002",
        "-",
    ]
    .map(|keys| call(USER, &line, &["2", keys]));
    for turn in &refusals {
        assert_eq!(turn, &refusals[0]);
        assert_eq!(
            guidance(turn),
            [GuidanceId::InvalidEntry, GuidanceId::EnterTarget]
        );
    }
}

/// IVR-4: after key 3 the contract number, which is the administrator, chooses a target.
#[test]
fn the_administrator_chooses_the_target() {
    let line = line(UnitState::Unset);
    assert_eq!(step(&call(CONTRACT, &line, &["3"])), Some(CallStep::Target));
    for (keys, accepted) in [
        (CONTRACT, true),
        (USER, true),
        (PLAIN, false),
        (ELSEWHERE, false),
    ] {
        let turn = call(CONTRACT, &line, &["3", keys]);
        assert_eq!(step(&turn) == Some(CallStep::Password), accepted, "{keys}");
    }
}

/// IVR-4, IVR-11: after key 3 an additional number sets its own password, but only if it is subscribed.
#[test]
fn a_user_sets_its_own_account() {
    let line = line(UnitState::Unset);
    let turn = call(USER, &line, &["3"]);
    assert_eq!(
        turn.guidance,
        [Guidance::about(GuidanceId::EnterPassword, &number(USER))]
    );
    let turn = call(PLAIN, &line, &["3"]);
    assert_eq!(
        guidance(&turn),
        [GuidanceId::InvalidEntry, GuidanceId::EnterUnit]
    );
}

/// IVR-5: a temporary password has exactly eight digits. The guidance reads out the telephone
/// number whose password is set.
#[test]
fn the_password_is_eight_digits() {
    let line = line(UnitState::Unset);
    let turn = call(USER, &line, &["1", "12345678"]);
    assert_eq!(guidance(&turn), [GuidanceId::ConfirmPassword]);
    let next = Next::Collect {
        step: CallStep::Confirm,
        max_digits: 8,
        ends_with_hash: false,
    };
    assert_eq!((turn.next, turn.set), (next, None));
    for keys in ["1234567", "123456789", "1234567*", "1234567#", "", "-"] {
        let turn = call(USER, &line, &["1", keys]);
        assert_eq!(
            guidance(&turn),
            [GuidanceId::InvalidEntry, GuidanceId::EnterPassword],
            "{keys}"
        );
    }
}

/// IVR-6, IVR-8: entering the same digits again sets the password. The guidance says for which number
/// it was set.
#[test]
fn the_same_digits_again_set_the_password() {
    let turn = call(
        CONTRACT,
        &line(UnitState::Unset),
        &["3", USER, "12345678", "12345678#"],
    );
    assert_eq!(
        turn.guidance,
        [Guidance::about(GuidanceId::PasswordSet, &number(USER))]
    );
    assert_eq!(outcome(&turn), Some(CallOutcome::Set));
    let setting = turn.set.unwrap();
    assert_eq!(
        (setting.unit, setting.target),
        (AuthUnit::AdminUser, number(USER))
    );
    assert_eq!(setting.password.expose(), b"12345678");
}

/// IVR-6: different digits are an invalid entry of the confirm step. The step then asks again for the digits
/// that were keyed first.
#[test]
fn different_digits_are_an_invalid_entry() {
    let line = line(UnitState::Unset);
    let turn = call(USER, &line, &["1", "12345678", "12345679"]);
    assert_eq!(
        guidance(&turn),
        [GuidanceId::InvalidEntry, GuidanceId::ConfirmPassword]
    );
    assert_eq!(turn.set, None);
    let turn = call(USER, &line, &["1", "12345678", "12345679", "-", "12345678"]);
    assert_eq!(outcome(&turn), Some(CallOutcome::Set));
    let turn = call(
        USER,
        &line,
        &["1", "12345678", "12345679", "12345679", "12345679"],
    );
    assert_eq!(
        (outcome(&turn), turn.set),
        (Some(CallOutcome::TooManyInvalid), None)
    );
}

/// IVR-7: at every step the third invalid entry ends the call. Silence is an invalid entry.
#[test]
fn the_third_invalid_entry_ends_the_call() {
    let line = line(UnitState::Unset);
    for before in [vec![], vec!["2"], vec!["1"], vec!["1", "12345678"]] {
        let two = [before.clone(), vec!["-", "9"]].concat();
        let turn = call(USER, &line, &two);
        assert_eq!(outcome(&turn), None, "{before:?}");
        let turn = call(USER, &line, &[two, vec!["*"]].concat());
        assert_eq!(
            outcome(&turn),
            Some(CallOutcome::TooManyInvalid),
            "{before:?}"
        );
        assert_eq!(
            (guidance(&turn), turn.set),
            (vec![GuidanceId::TooManyInvalid], None)
        );
    }
}

/// IVR-7: invalid entries are counted separately for each step.
#[test]
fn each_step_has_its_own_count() {
    let entries = [
        "9", "-", "2", "-", "1", USER, "1", "2", "12345678", "1", "2", "12345678",
    ];
    let turn = call(USER, &line(UnitState::Unset), &entries);
    assert_eq!(outcome(&turn), Some(CallOutcome::Set));
}

/// IVR-11: a caller whose number is withheld, unknown or on a closed line is refused, also if the line closes during the
/// call.
#[test]
fn unacceptable_callers_are_refused() {
    let open = line(UnitState::Unset);
    let closed = Line {
        closed: true,
        ..open.clone()
    };
    let caller = number(USER);
    let stranger = number(ELSEWHERE);
    for turn in [
        start(None, None),
        start(Some(&caller), None),
        start(Some(&caller), Some(&closed)),
        start(Some(&stranger), Some(&open)),
        begin(USER, &open)
            .state
            .turn(Some(&caller), Some(&closed), Entry::Keys("1")),
        begin(USER, &open)
            .state
            .turn(Some(&caller), None, Entry::Keys("1")),
    ] {
        assert_eq!(guidance(&turn), [GuidanceId::CallRefused]);
        assert_eq!(
            (outcome(&turn), turn.set),
            (Some(CallOutcome::Refused), None)
        );
    }
}

/// IVR-11, UNIT-2: a unit other than the established one is an invalid entry. A chosen unit may be replaced.
#[test]
fn only_the_established_unit_is_accepted() {
    let established = line(UnitState::Established(AuthUnit::Number));
    assert_eq!(
        step(&call(USER, &established, &["1"])),
        Some(CallStep::Unit)
    );
    assert_eq!(
        step(&call(USER, &established, &["3"])),
        Some(CallStep::Unit)
    );
    assert_eq!(
        step(&call(USER, &established, &["2"])),
        Some(CallStep::Target)
    );
    let chosen = line(UnitState::Chosen(AuthUnit::Number));
    assert_eq!(step(&call(USER, &chosen, &["1"])), Some(CallStep::Password));
}

/// IVR-8, IVR-11: nothing is set if a target that was allowed when it was keyed is no longer allowed at the end.
#[test]
fn a_line_that_changed_during_the_call_sets_nothing() {
    let before = line(UnitState::Unset);
    let after = line(UnitState::Established(AuthUnit::Number));
    let turn = call(USER, &before, &["1", "12345678"]);
    let turn = turn
        .state
        .turn(Some(&number(USER)), Some(&after), Entry::Keys("12345678"));
    assert_eq!(
        (outcome(&turn), turn.set.is_none()),
        (Some(CallOutcome::Failed), true)
    );
    assert_eq!(guidance(&turn), [GuidanceId::TryLater]);
}

/// IVR-7, IVR-12: an ended call keeps its outcome. A call that the caller hung up sets nothing.
#[test]
fn an_ended_call_keeps_its_outcome() {
    let line = line(UnitState::Unset);
    let hung_up = call(USER, &line, &["1", "12345678"]).state.hang_up();
    assert_eq!(
        (outcome(&hung_up), hung_up.set.is_none()),
        (Some(CallOutcome::HungUp), true)
    );
    let set = call(USER, &line, &["1", "12345678", "12345678"]);
    let again = set
        .state
        .clone()
        .turn(Some(&number(USER)), Some(&line), Entry::Keys("12345678"));
    assert_eq!(
        (outcome(&again), again.set, again.guidance),
        (Some(CallOutcome::Set), None, vec![])
    );
    assert_eq!(outcome(&set.state.hang_up()), Some(CallOutcome::Set));
}

/// IVR-13: setting a password in one RPC follows the same rules. The target is required if the dialog would ask
/// for it. Otherwise the target may be absent, or may be the account that the unit determines.
#[test]
fn a_setting_in_one_rpc_follows_the_same_rules() {
    use AuthUnit::{AdminUser, Line as PerLine, Number};
    let line = line(UnitState::Unset);
    for (caller, unit, target, expected) in [
        (USER, PerLine, None, Ok(CONTRACT)),
        (USER, PerLine, Some(CONTRACT), Ok(CONTRACT)),
        (USER, PerLine, Some(USER), Err(SettingDenial::Target)),
        (PLAIN, Number, Some(USER), Ok(USER)),
        (PLAIN, Number, Some(PLAIN), Err(SettingDenial::Target)),
        (USER, Number, None, Err(SettingDenial::Target)),
        (USER, Number, Some(ELSEWHERE), Err(SettingDenial::Target)),
        (CONTRACT, AdminUser, None, Err(SettingDenial::Target)),
        (CONTRACT, AdminUser, Some(CONTRACT), Ok(CONTRACT)),
        (CONTRACT, AdminUser, Some(USER), Ok(USER)),
        (USER, AdminUser, None, Ok(USER)),
        (USER, AdminUser, Some(CONTRACT), Err(SettingDenial::Target)),
        (PLAIN, AdminUser, None, Err(SettingDenial::Unit)),
        (ELSEWHERE, PerLine, None, Err(SettingDenial::Caller)),
    ] {
        let target = target.map(number);
        let decided = check_setting(Some(&number(caller)), Some(&line), unit, target.as_ref());
        assert_eq!(
            decided,
            expected.map(number),
            "{caller} {unit:?} {target:?}"
        );
    }
    assert_eq!(
        check_setting(None, Some(&line), PerLine, None),
        Err(SettingDenial::Caller)
    );
    assert_eq!(
        check_setting(Some(&number(USER)), None, PerLine, None),
        Err(SettingDenial::Caller)
    );
}

/// IVR-13, UNIT-2: setting a password in one RPC does not change an established unit.
#[test]
fn a_setting_in_one_rpc_keeps_an_established_unit() {
    let line = line(UnitState::Established(AuthUnit::Line));
    let target = number(USER);
    let decided = check_setting(Some(&target), Some(&line), AuthUnit::Number, Some(&target));
    assert_eq!(decided, Err(SettingDenial::Unit));
}

/// INV-8: neither an entry nor the state of a call prints a secret.
#[test]
fn the_dialog_does_not_print_keys() {
    let turn = call(USER, &line(UnitState::Unset), &["1", "24681357"]);
    let printed = format!("{turn:?} {:?}", Entry::Keys("24681357"));
    assert!(
        !printed.contains("24681357") && !printed.contains(CONTRACT),
        "{printed}"
    );
}
