//! A history with very many possible orders. Only a few of them explain it, and the checker must
//! find one.

use aikagi_api::authentication::v1::MustChangeReason;
use aikagi_api::units::v1::AuthUnit;
use chrono::DateTime;

use super::{
    CONTRACT, FIRST, LIMITS, Observed, Operation, Response, SECOND, Script, Situation, Tick,
    change, line, login,
};
use crate::rules::{Handle, Model, Refused};

/// The temporary password that opens the must-change sessions.
const TEMPORARY: &str = "00000012";

impl Script {
    /// A line under LINE with a temporary password, and the must-change session 21.
    fn by_line() -> Self {
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let mut script = Self::of(Situation::new(Model::at(start, LIMITS)));
        let numbers = [(CONTRACT, true), (FIRST, true), (SECOND, true)];
        script.situation.model.add_line(&numbers).unwrap();
        script.set_line("00000000");
        script.perform(&login(0, CONTRACT, "00000000")).unwrap();
        let establish = change(0, 1, "00000000", "a1234567");
        script.perform(&establish).unwrap();
        script.set_line(TEMPORARY);
        script.perform(&login(21, CONTRACT, TEMPORARY)).unwrap();
        Self::of(script.situation)
    }

    fn set_line(&mut self, password: &'static str) {
        let set = Operation::SetTemporary {
            caller: CONTRACT,
            unit: AuthUnit::Line,
            target: None,
            password,
        };
        self.perform(&set).unwrap();
    }

    /// Records a login while a replica is killed.
    fn logs_in(
        &mut self,
        (begun, ended): (Tick, Tick),
        seat: Handle,
        typed: &'static str,
        response: Response,
    ) {
        self.after_a_fault((begun, ended), login(seat, CONTRACT, typed), Some(response));
    }

    /// Records an operation that ends after a fault.
    fn after_a_fault(
        &mut self,
        (begun, ended): (Tick, Tick),
        what: Operation,
        response: Option<Response>,
    ) {
        self.during(begun, ended, what, response);
        self.operations.last_mut().unwrap().is_after_a_fault = true;
    }

    /// The session that the temporary password opens after this number of wrong attempts.
    fn must_change(&self, wrong_attempts: u32) -> Observed {
        let mut aside = Self::of(self.begun.clone());
        with(
            aside.perform(&login(90, CONTRACT, TEMPORARY)),
            wrong_attempts,
        )
    }

    /// The session after the password change.
    fn full(&self, wrong_attempts: u32) -> Observed {
        let mut aside = Self::of(self.begun.clone());
        let change = change(21, 91, TEMPORARY, "Pass00016");
        with(aside.perform(&change), wrong_attempts)
    }
}

fn with(response: Response, wrong_attempts: u32) -> Observed {
    let Ok(Observed::Session(mut session)) = response else {
        panic!("the response is not a session");
    };
    session.wrong_attempts = wrong_attempts;
    Observed::Session(session)
}

fn no(reason: &'static str) -> Response {
    Err(Refused::new(reason))
}

/// LOGIN-4, PW-5: clients with four sessions of one temporary password change it at the same time.
/// Two logins have a wrong password. Two responses are lost, and one change succeeds.
#[test]
fn many_clients_with_one_temporary_password_are_explained() {
    let mut script = Script::by_line();
    let [none, one, two] = [0, 1, 2].map(|wrong| script.must_change(wrong));
    assert!(matches!(&none, Observed::Session(session)
        if session.must_change_reason() == MustChangeReason::Temporary));
    let (first, last) = (script.full(2), script.full(3));
    let changes = |seat, successor, new| change(seat, successor, TEMPORARY, new);
    let refused = || no("LOGIN_REFUSED");
    let wrong = Refused {
        reason: "PASSWORD_WRONG",
        fields: vec!["current_password".to_owned()],
    };
    script.logs_in((159, 176), 22, TEMPORARY, Ok(one));
    script.after_a_fault((160, 191), changes(21, 23, "Pass00014"), None);
    script.logs_in((161, 164), 24, "Nobodys00", refused());
    script.logs_in((162, 167), 25, TEMPORARY, Ok(none));
    script.logs_in((163, 170), 26, TEMPORARY, Ok(two));
    script.logs_in((165, 166), 27, "Nobodys00", refused());
    script.after_a_fault((168, 191), changes(25, 28, "Pass00015"), None);
    script.after_a_fault((171, 180), changes(26, 29, "Pass00016"), Some(Ok(first)));
    for (moments, seat, new, reason) in [
        ((173, 178), 21, "Pass00014", "CHANGED_MEANWHILE"),
        ((175, 186), 25, "Pass00015", "CHANGED_MEANWHILE"),
        ((177, 182), 22, "Pass00017", "SESSION_ENDED"),
        ((179, 184), 21, "Pass00018", "SESSION_ENDED"),
        ((183, 185), 22, "Pass00020", "SESSION_ENDED"),
        ((187, 189), 25, "Pass00021", "SESSION_ENDED"),
    ] {
        script.after_a_fault(moments, changes(seat, 90, new), Some(no(reason)));
    }
    script.after_a_fault((181, 190), changes(29, 34, "Pass00019"), Some(Err(wrong)));
    script.now = 191;

    let mut aside = Script::of(script.begun.clone());
    aside.perform(&changes(21, 91, "Pass00016")).unwrap();
    let Ok(Observed::Line(mut left)) = aside.perform(&line()) else {
        panic!("the response is not a line");
    };
    left.numbers[0].failures = 1;
    script.answered(line(), Ok(Observed::Line(left)));
    script.answered(login(37, CONTRACT, "Pass00014"), refused());
    script.answered(login(38, CONTRACT, "Pass00015"), refused());
    script.answered(login(39, CONTRACT, "Pass00016"), Ok(last));
    assert!(script.is_explained());
}
