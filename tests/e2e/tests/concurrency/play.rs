//! A line in use: the clients' shared state, and the history of their operations.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aikagi_api::authentication::v1::Session;
use aikagi_api::issuance::v1::TakeTurnRequest;
use aikagi_client::{Ivr, LoggedIn, Operator, Site, call_id, reason};
use aikagi_e2e::processes::ProcessSystem;
use aikagi_model::history::{Observed, Operation, Recorder, Response, Rounds, Situation};
use aikagi_model::rules::{Handle, Limits, Model, Number, Password};
use aikagi_model::wire::{heard, refusal, wire};
use chrono::DateTime;
use tonic::{Code, Status};

/// LOGIN-2: the limits of the services.
const LIMITS: Limits = Limits {
    temporary: 3,
    permanent: 10,
};

/// A line in use.
pub(crate) struct Play {
    pub(crate) scene: Arc<Scene>,
    /// The history until the end of the last round.
    pub(crate) rounds: Rounds,
}

/// State that all clients of a line share.
pub(crate) struct Scene {
    pub(crate) ivr: Ivr,
    pub(crate) site: Site,
    pub(crate) operator: Operator,
    pub(crate) recorder: Recorder,
    pub(crate) contract: Number,
    /// Two numbers that are subscribed at first, and one that is not.
    pub(crate) additional: [Number; 3],
    /// The clients with sessions. The index is the session's handle. `None` if the login did not
    /// succeed.
    seats: Mutex<Vec<Option<LoggedIn>>>,
    /// The sessions in use in this round. Each belongs to one client.
    taken: Mutex<BTreeSet<Handle>>,
    /// For each session, the revision of the preview that it saw last.
    previews: Mutex<BTreeMap<Handle, String>>,
    /// The call ids. The index is the call's handle.
    calls: Mutex<Vec<String>>,
    /// For each number, the password that a response has confirmed.
    known: Mutex<BTreeMap<Number, Password>>,
    /// Passwords that may be set or not, because the response was lost.
    doubtful: Mutex<Vec<(Number, Password)>>,
    passwords: AtomicUsize,
}

impl Play {
    /// Adds a line. Its numbers are made from `line`, so that no other line has them.
    pub(crate) async fn begin(system: &ProcessSystem, line: u64, variant: u32) -> Self {
        // The leak is harmless, because each line has only a few numbers.
        let name = |ending: u32| -> Number { format!("03{line:06}{ending:02}").leak() };
        let scene = Scene {
            ivr: system.ivr(),
            site: system.site(),
            operator: system.operator(),
            recorder: Recorder::new(),
            contract: name(10),
            additional: [name(11), name(12), name(13)],
            seats: Mutex::default(),
            taken: Mutex::default(),
            previews: Mutex::default(),
            calls: Mutex::default(),
            known: Mutex::default(),
            doubtful: Mutex::default(),
            passwords: AtomicUsize::new(0),
        };
        let [first, second, third] = scene.additional;
        let numbers = [
            (scene.contract, variant.is_multiple_of(2)),
            (first, true),
            (second, true),
            (third, false),
        ];
        let added = scene.operator.add_line(&numbers).await.unwrap();
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let mut model = Model::at(start, LIMITS);
        assert_eq!(added, model.add_line(&numbers).unwrap());
        Self {
            scene: Arc::new(scene),
            rounds: Rounds::begin(Situation::new(model)),
        }
    }

    /// The model of the line after the last round.
    pub(crate) fn model(&self) -> &Model {
        &self.rounds.present().model
    }
}

impl Scene {
    pub(crate) fn numbers(&self) -> [Number; 4] {
        let [first, second, third] = self.additional;
        [self.contract, first, second, third]
    }

    /// The handle of a new session, which is taken for the client that calls this function.
    pub(crate) fn new_seat(&self) -> Handle {
        let mut seats = self.seats.lock().unwrap();
        seats.push(None);
        let seat = seats.len() - 1;
        self.take_seat(seat);
        seat
    }

    pub(crate) fn person(&self, seat: Handle) -> Option<LoggedIn> {
        self.seats.lock().unwrap()[seat].clone()
    }

    pub(crate) fn seats(&self) -> Vec<Handle> {
        let seats = self.seats.lock().unwrap();
        let taken = seats
            .iter()
            .enumerate()
            .filter(|(_, person)| person.is_some());
        taken.map(|(seat, _)| seat).collect()
    }

    /// Takes a session for one client in this round. False if another client has it.
    pub(crate) fn take_seat(&self, seat: Handle) -> bool {
        self.taken.lock().unwrap().insert(seat)
    }

    pub(crate) fn release_seats(&self) {
        self.taken.lock().unwrap().clear();
    }

    pub(crate) fn new_call(&self) -> Handle {
        let mut calls = self.calls.lock().unwrap();
        calls.push(call_id());
        calls.len() - 1
    }

    /// A new permanent password.
    pub(crate) fn new_permanent(&self) -> Password {
        let next = self.passwords.fetch_add(1, Ordering::Relaxed);
        format!("Pass{next:05}").leak()
    }

    /// A new temporary password.
    pub(crate) fn new_temporary(&self) -> Password {
        let next = self.passwords.fetch_add(1, Ordering::Relaxed);
        format!("{next:08}").leak()
    }

    pub(crate) fn known(&self, number: Number) -> Option<Password> {
        self.known.lock().unwrap().get(number).copied()
    }

    pub(crate) fn learn(&self, number: Number, password: Password) {
        self.known.lock().unwrap().insert(number, password);
    }

    pub(crate) fn doubt(&self, number: Number, password: Password) {
        self.doubtful.lock().unwrap().push((number, password));
    }

    /// All passwords that may work at the end of a round, each with its number.
    pub(crate) fn to_be_tried(&self) -> Vec<(Number, Password)> {
        let mut all = std::mem::take(&mut *self.doubtful.lock().unwrap());
        let known = self.known.lock().unwrap();
        all.extend(known.iter().map(|(number, password)| (*number, *password)));
        all
    }

    /// Replaces the known passwords by those of the model.
    pub(crate) fn know_only(&self, model: &Model) {
        let numbers = self.numbers().into_iter();
        let known = numbers.filter_map(|number| Some((number, model.password(number)?)));
        *self.known.lock().unwrap() = known.collect();
    }

    /// The number of the line that equals this text.
    pub(crate) fn number(&self, text: &str) -> Number {
        let numbers = self.numbers().into_iter();
        let mut found = numbers.filter(|number| *number == text);
        found.next().expect("the number is on the line")
    }

    /// Performs and records an operation. Returns `None` if the response was lost.
    pub(crate) async fn ask(&self, client: usize, operation: Operation) -> Option<Response> {
        let call = self.recorder.begin(client, operation.clone());
        let response = match self.put(&operation).await {
            Ok(observed) => Some(Ok(observed)),
            Err(status) if is_lost(&status) => None,
            Err(status) => Some(Err(refusal(&status))),
        };
        self.recorder.end(call, response.clone());
        response
    }

    async fn put(&self, operation: &Operation) -> Result<Observed, Status> {
        let person = |seat: Handle| self.person(seat).expect("the login succeeded");
        match operation {
            Operation::Login {
                seat,
                number,
                typed,
            } => {
                let person = self.site.login(number, typed).await?;
                Ok(self.sit(*seat, Some(person)))
            }
            Operation::Look { seat } => {
                let session = person(*seat).peek().await?;
                self.see(*seat, &session);
                Ok(Observed::session(session))
            }
            Operation::Change {
                seat,
                successor,
                current,
                new,
            } => {
                let person = person(*seat).change(current, new).await?;
                Ok(self.sit(*successor, person))
            }
            Operation::Logout { seat } => {
                person(*seat).logout().await?;
                Ok(Observed::Nothing)
            }
            Operation::Preview { seat, to } => {
                let preview = person(*seat).preview(*to).await?;
                let revision = preview.revision.clone();
                self.previews.lock().unwrap().insert(*seat, revision);
                Ok(Observed::preview(preview))
            }
            Operation::Migrate {
                seat,
                to,
                passwords,
            } => {
                let seen = self.previews.lock().unwrap().get(seat).cloned();
                let seen = seen.unwrap_or_default();
                let logins = person(*seat).migrate_with(*to, passwords, &seen).await?;
                Ok(Observed::Logins(logins))
            }
            Operation::SetTemporary {
                caller,
                unit,
                target,
                password,
            } => {
                let target = target.unwrap_or_default();
                let mut set = self.ivr.set(caller, *unit, target, password).await?;
                Ok(Observed::Account(std::mem::take(&mut set.account_number)))
            }
            Operation::Turn {
                call,
                sequence,
                event,
            } => {
                let request = TakeTurnRequest {
                    call_id: self.calls.lock().unwrap()[*call].clone(),
                    sequence: *sequence,
                    event: Some(wire(event)),
                };
                Ok(Observed::Heard(heard(&self.ivr.take_turn(request).await?)))
            }
            Operation::Subscribe { number, wanted } => {
                let line = if *wanted {
                    self.operator.subscribe(number).await?
                } else {
                    self.operator.unsubscribe(number).await?
                };
                Ok(Observed::line(line))
            }
            Operation::AddNumber {
                line,
                number,
                subscribed,
            } => {
                let added = self.operator.add_number(line, number, *subscribed).await?;
                Ok(Observed::line(added))
            }
            Operation::RemoveNumber { number } => {
                Ok(Observed::line(self.operator.remove_number(number).await?))
            }
            Operation::ResetUnit { number } => {
                Ok(Observed::line(self.operator.reset_unit(number).await?))
            }
            Operation::EndSessions { number } => {
                self.operator.end_sessions(number).await?;
                Ok(Observed::Nothing)
            }
            Operation::GetLine { number } => Ok(Observed::line(self.operator.line(number).await?)),
            Operation::Explain { number } => Ok(Observed::Verdict(
                self.operator.explain(number).await?.verdict(),
            )),
            Operation::Happens(_) => unreachable!("no client performs an event"),
        }
    }

    fn sit(&self, seat: Handle, person: Option<LoggedIn>) -> Observed {
        let observed = person.as_ref().map(|person| person.session.clone());
        self.seats.lock().unwrap()[seat] = person;
        observed.map_or(Observed::Nothing, Observed::session)
    }

    fn see(&self, seat: Handle, session: &Session) {
        if let Some(person) = &mut self.seats.lock().unwrap()[seat] {
            person.session.revision.clone_from(&session.revision);
        }
    }
}

/// True if the effect of the operation is unknown, because a service says so, or the edge or the
/// gateway is unavailable.
pub(super) fn is_lost(status: &Status) -> bool {
    match reason(status) {
        "UNAVAILABLE" | "DEADLINE_EXCEEDED" => true,
        // A status of the transport has no reason.
        "none" => [
            Code::Unavailable,
            Code::Unknown,
            Code::Internal,
            Code::Cancelled,
        ]
        .contains(&status.code()),
        _ => false,
    }
}
