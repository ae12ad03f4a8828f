//! Tests of the checker with handwritten histories. It accepts the histories that the rules
//! explain, and rejects the others.

mod limits;
mod sessions;
mod tangled;

use aikagi_api::issuance::v1::CallOutcome;
use aikagi_api::units::v1::AuthUnit;
use aikagi_client::Asked;
use chrono::DateTime;

use super::progress::{Progress, Progressed};
use super::record::Tick;
use super::{Observed, Operation, RecordedOperation, Response, Rounds, Situation, Verdict};
use crate::rules::{Event, Handle, Limits, Model, Number, Password, Refused};

const CONTRACT: Number = "0312340001";
const FIRST: Number = "0312340002";
const SECOND: Number = "0312340003";
const LIMITS: Limits = Limits {
    temporary: 3,
    permanent: 10,
};

/// A history under construction. A model performs each operation immediately, which gives the
/// response. The recorded ticks are chosen independently of that.
struct Script {
    begun: Situation,
    situation: Situation,
    operations: Vec<RecordedOperation>,
    now: Tick,
}

impl Script {
    /// A line under NUMBER, on which FIRST has the password `a1234567` and SECOND has `b1234567`.
    fn by_number() -> Self {
        let mut script = Self::of(Situation::new(Model::at(
            DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            LIMITS,
        )));
        let numbers = [(CONTRACT, false), (FIRST, true), (SECOND, true)];
        script.situation.model.add_line(&numbers).unwrap();
        for (seat, number, password) in [(0, FIRST, "a1234567"), (2, SECOND, "b1234567")] {
            script.perform(&set(number, "00000000")).unwrap();
            script.perform(&login(seat, number, "00000000")).unwrap();
            let change = change(seat, seat + 1, "00000000", password);
            script.perform(&change).unwrap();
        }
        Self::of(script.situation)
    }

    fn of(situation: Situation) -> Self {
        Self {
            begun: situation.clone(),
            situation,
            operations: Vec::new(),
            now: 0,
        }
    }

    /// Performs an operation on the model, and does not record it.
    fn perform(&mut self, operation: &Operation) -> Response {
        let mut progress = Progress::begin(operation, &self.situation);
        loop {
            match self.situation.step(progress, true) {
                Progressed::Continues(on) => progress = on,
                Progressed::Answers(response) => return response,
            }
        }
    }

    /// Records an operation with the model's response, after everything recorded so far.
    fn done(&mut self, operation: Operation) -> Response {
        let response = self.perform(&operation);
        self.answered(operation, response.clone());
        response
    }

    /// Records an operation with the given response, without asking the model.
    fn answered(&mut self, operation: Operation, response: Response) {
        self.during(self.now + 1, self.now + 2, operation, Some(response));
    }

    /// Records an operation without a response. The model does not perform it.
    fn lost(&mut self, operation: Operation) {
        let now = self.now + 1;
        self.during(now, Tick::MAX, operation, None);
        self.now = now;
    }

    fn during(
        &mut self,
        begun: Tick,
        ended: Tick,
        operation: Operation,
        response: Option<Response>,
    ) {
        self.operations.push(RecordedOperation {
            client: 0,
            operation,
            begun,
            ended,
            response,
            is_after_a_fault: false,
            is_after_a_crash: false,
        });
        self.now = self.now.max(ended.min(Tick::MAX - 1));
    }

    /// Makes all operations since the given position overlap.
    fn together(&mut self, from: usize) {
        let begun = self.operations[from..]
            .iter()
            .map(|recorded| recorded.begun)
            .min();
        for recorded in &mut self.operations[from..] {
            recorded.begun = begun.unwrap();
            recorded.ended = recorded.ended.max(self.now);
        }
    }

    fn is_explained(&self) -> bool {
        let mut rounds = Rounds::begin(self.begun.clone());
        match rounds.add(self.operations.clone()) {
            Verdict::Explained => true,
            Verdict::Unexplained(_) => false,
            Verdict::TooTangled(text) => panic!("{text}"),
        }
    }
}

fn login(seat: Handle, number: Number, typed: Password) -> Operation {
    Operation::Login {
        seat,
        number,
        typed,
    }
}

fn change(seat: Handle, successor: Handle, current: Password, new: Password) -> Operation {
    Operation::Change {
        seat,
        successor,
        current,
        new,
    }
}

fn set(number: Number, password: Password) -> Operation {
    Operation::SetTemporary {
        caller: number,
        unit: AuthUnit::Number,
        target: Some(number),
        password,
    }
}

fn preview(seat: Handle, to: AuthUnit) -> Operation {
    Operation::Preview { seat, to }
}

fn migrate(seat: Handle, to: AuthUnit) -> Operation {
    Operation::Migrate {
        seat,
        to,
        passwords: vec![(FIRST, "a1234567"), (SECOND, "b1234567")],
    }
}

fn line() -> Operation {
    Operation::GetLine { number: CONTRACT }
}

fn refused(response: &Response) -> &'static str {
    response.as_ref().unwrap_err().reason
}

/// PW-5, LOGIN-7: an acknowledged change must not be lost. The old password must not work again.
#[test]
fn a_lost_change_is_refused() {
    let mut script = Script::by_number();
    script.done(login(4, FIRST, "a1234567")).unwrap();
    let without = script.situation.clone();
    script.done(change(4, 5, "a1234567", "c1234567")).unwrap();
    assert!(script.is_explained());
    script.situation = without;
    script.done(login(6, FIRST, "a1234567")).unwrap();
    assert!(!script.is_explained());
}

/// PW-5: a change without a response may have happened or not. If a later response shows that it
/// happened, no response after that may show the opposite.
#[test]
fn a_change_without_a_response_may_have_happened_or_not() {
    for changed in [true, false] {
        let mut script = Script::by_number();
        script.done(login(4, FIRST, "a1234567")).unwrap();
        let without = script.situation.clone();
        script.lost(change(4, 5, "a1234567", "c1234567"));
        if changed {
            script
                .perform(&change(4, 5, "a1234567", "c1234567"))
                .unwrap();
        }
        let opens = if changed { "c1234567" } else { "a1234567" };
        script.done(login(6, FIRST, opens)).unwrap();
        assert!(script.is_explained());
        if changed {
            script.situation = without;
            script.done(login(7, FIRST, "a1234567")).unwrap();
            assert!(
                !script.is_explained(),
                "the checker accepted that a change was undone"
            );
        }
    }
}

/// LOGIN-4: an attempt whose response was lost is charged at most once.
#[test]
fn an_attempt_without_a_response_is_charged_at_most_once() {
    for (charged, explained) in [(0, true), (1, true), (2, false)] {
        let mut script = Script::by_number();
        script.lost(login(4, FIRST, "wrong123"));
        for _ in 0..charged {
            script.perform(&login(5, FIRST, "wrong123")).unwrap_err();
        }
        script.done(line()).unwrap();
        assert_eq!(script.is_explained(), explained, "{charged} charges");
    }
}

/// MIG-4: during a unit migration, clients see the old line or the new line, never a mixture. Once it is
/// acknowledged, they see only the new line.
#[test]
fn a_half_migrated_line_is_refused() {
    let mut script = Script::by_number();
    script.done(login(4, FIRST, "a1234567")).unwrap();
    script.done(preview(4, AuthUnit::AdminUser)).unwrap();
    let before = script.situation.clone();
    let from = script.operations.len();
    script.done(migrate(4, AuthUnit::AdminUser)).unwrap();
    let after = script.situation.clone();
    let seen = script.done(line());
    script.together(from);
    assert!(script.is_explained());

    // The unit is from before the migration, everything else from after it.
    script.situation = before;
    let Ok(Observed::Line(old)) = script.perform(&line()) else {
        panic!("the response is not a line");
    };
    let Ok(Observed::Line(mut half)) = seen else {
        panic!("the response is not a line");
    };
    half.unit = old.unit;
    script.operations.last_mut().unwrap().response = Some(Ok(Observed::Line(half)));
    assert!(!script.is_explained());

    // After the migration is acknowledged, no client sees the line as it was before.
    script.operations.pop();
    script.situation = after;
    assert!(script.is_explained());
    script.answered(line(), Ok(Observed::Line(old)));
    assert!(!script.is_explained());
}

/// MIG-4, PW-5: a unit migration and a concurrent password change cannot both succeed.
#[test]
fn a_migration_and_a_change_cannot_both_succeed() {
    let mut script = Script::by_number();
    script.done(login(4, FIRST, "a1234567")).unwrap();
    script.done(login(5, SECOND, "b1234567")).unwrap();
    script.done(preview(4, AuthUnit::Line)).unwrap();
    let before = script.situation.clone();
    let from = script.operations.len();
    script.done(migrate(4, AuthUnit::Line)).unwrap();
    let late = script.done(change(5, 6, "b1234567", "c1234567"));
    assert_eq!(refused(&late), "SESSION_ENDED");
    script.together(from);
    assert!(script.is_explained());
    let meanwhile = Err(Refused::new("CHANGED_MEANWHILE"));
    script.operations.last_mut().unwrap().response = Some(meanwhile);
    assert!(
        script.is_explained(),
        "the checker rejected a change whose password was verified before the unit migration"
    );

    script.situation = before;
    let changed = script.perform(&change(5, 6, "b1234567", "c1234567"));
    script.operations.last_mut().unwrap().response = Some(changed);
    assert!(!script.is_explained());
}

/// MIG-5, LOGIN-6: the passwords of a unit migration are verified in parallel. The attempt at SECOND may be
/// charged after FIRST has lost its password and its session, but only once.
#[test]
fn the_passwords_of_a_migration_are_verified_in_parallel() {
    let mut script = Script::by_number();
    script.done(login(4, FIRST, "a1234567")).unwrap();
    script.done(preview(4, AuthUnit::Line)).unwrap();
    let from = script.operations.len();
    let unsubscribe = Operation::Subscribe {
        number: FIRST,
        wanted: false,
    };
    script.done(unsubscribe).unwrap();
    script.done(set(SECOND, "11111111")).unwrap();
    let dead = Refused::new("PASSWORD_DEAD").field("passwords[0]");
    script.answered(migrate(4, AuthUnit::Line), Err(dead));
    script.together(from);
    let opened = script.done(login(5, SECOND, "11111111"));
    let Ok(Observed::Session(session)) = opened else {
        panic!("{opened:?}");
    };
    for (wrong_attempts, is_possible) in [(0, true), (1, true), (2, false)] {
        let mut seen = session.clone();
        seen.wrong_attempts = wrong_attempts;
        let response = Ok(Observed::Session(seen));
        script.operations.last_mut().unwrap().response = Some(response);
        assert_eq!(script.is_explained(), is_possible, "{wrong_attempts}");
    }
}

/// PW-5: two concurrent changes with the same revision cannot both succeed.
#[test]
fn two_concurrent_changes_cannot_both_succeed() {
    let mut script = Script::by_number();
    script.done(login(4, FIRST, "a1234567")).unwrap();
    script.done(login(5, FIRST, "a1234567")).unwrap();
    let before = script.situation.clone();
    let from = script.operations.len();
    script.done(change(4, 6, "a1234567", "c1234567")).unwrap();
    script.situation = before;
    script.done(change(5, 7, "a1234567", "d1234567")).unwrap();
    script.together(from);
    assert!(!script.is_explained());
}

/// IVR-10: a retired password never works again, even if the temporary password that replaced it
/// was never used.
#[test]
fn a_resurrected_password_is_refused() {
    let mut script = Script::by_number();
    let before = script.situation.clone();
    script.done(set(FIRST, "11111111")).unwrap();
    let after = script.situation.clone();
    script.situation = before;
    script.done(login(4, FIRST, "a1234567")).unwrap();
    assert!(!script.is_explained());
    // The first temporary password also never works after another one has replaced it.
    script.operations.pop();
    script.situation = after;
    script.done(set(FIRST, "22222222")).unwrap();
    script.done(login(4, FIRST, "11111111")).unwrap_err();
    assert!(script.is_explained());
    script.done(login(5, FIRST, "22222222")).unwrap();
    assert!(script.is_explained());
}

/// IVR-12: a call's last turn sets the password once, even if it is sent again after its response was lost.
#[test]
fn a_turn_sent_again_counts_once() {
    let mut script = Script::by_number();
    let turn = |sequence, event| Operation::Turn {
        call: 0,
        sequence,
        event,
    };
    let keys = |keys: &str| Event::Keys(keys.to_owned());
    let target = format!("{FIRST}#");
    let events = [
        Event::Started(Some(FIRST)),
        keys("2"),
        keys(&target),
        keys("11111111"),
    ];
    for (sequence, event) in (0..).zip(events) {
        script.done(turn(sequence, event)).unwrap();
    }
    script.lost(turn(4, keys("11111111")));
    let Ok(Observed::Heard(heard)) = script.perform(&turn(4, keys("11111111"))) else {
        panic!("the response is not guidance");
    };
    assert_eq!(heard.next, Asked::Ended(CallOutcome::Set));
    script.done(login(4, FIRST, "11111111")).unwrap();
    script.done(change(4, 5, "11111111", "c1234567")).unwrap();
    script.done(turn(4, keys("11111111"))).unwrap();
    assert!(script.is_explained());
    // If the repeated turn had set the temporary password again, it would work again. The checker
    // must reject this.
    script.perform(&set(FIRST, "11111111")).unwrap();
    script.done(login(6, FIRST, "11111111")).unwrap();
    assert!(!script.is_explained());
}

/// OPS-1: a directory change that the gateway retries after a failure may happen twice. Without a failure it may not.
#[test]
fn a_retried_change_may_happen_twice() {
    let subscribe = |wanted| Operation::Subscribe {
        number: SECOND,
        wanted,
    };
    let mut script = Script::by_number();
    let from = script.operations.len();
    script.done(subscribe(false)).unwrap();
    script.done(subscribe(true)).unwrap();
    script.done(line()).unwrap();
    script.operations[from].ended = script.now + 2;
    script.now += 2;
    script.perform(&subscribe(false)).unwrap();
    script.done(line()).unwrap();
    assert!(!script.is_explained());
    script.operations[from].is_after_a_fault = true;
    assert!(script.is_explained());
}
