//! Takes the steps of operations on the model.

use std::collections::BTreeMap;

use super::operation::{Event, Observed, Operation, Response};
use crate::rules::{
    Answer, Change, ChangePassword, Handle, Login, Migrate, Model, Next, Preview, PreviewRevision,
    Revision, SetTemporary, Steps, TakeTurn,
};

/// The system, and the revisions that the sessions have seen (SESS-5).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Situation {
    /// The state of the system.
    pub model: Model,
    views: BTreeMap<Handle, Revision>,
    previews: BTreeMap<Handle, PreviewRevision>,
}

/// An operation in progress.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Progress {
    Login(Login),
    Change(ChangePassword),
    Preview(Preview),
    Migrate(Migrate),
    SetTemporary(SetTemporary),
    Turn(TakeTurn),
    /// An operation of one step.
    Once(Operation),
}

/// The result of a step.
pub enum Progressed {
    Continues(Progress),
    Answers(Response),
}

impl Progress {
    /// An operation that has taken no step yet.
    pub fn begin(operation: &Operation, situation: &Situation) -> Self {
        match operation.clone() {
            Operation::Login {
                seat,
                number,
                typed,
            } => Self::Login(Login::new(seat, number, typed)),
            Operation::Change {
                seat,
                successor,
                current,
                new,
            } => {
                let change = Change {
                    current,
                    new,
                    again: new,
                    seen: situation.views.get(&seat).copied(),
                };
                Self::Change(ChangePassword::new(seat, successor, change))
            }
            Operation::Preview { seat, to } => Self::Preview(Preview::new(seat, to)),
            Operation::Migrate {
                seat,
                to,
                passwords,
            } => {
                let seen = situation.previews.get(&seat).cloned();
                Self::Migrate(Migrate::new(seat, to, passwords, seen))
            }
            Operation::SetTemporary {
                caller,
                unit,
                target,
                password,
            } => Self::SetTemporary(SetTemporary::new(Some(caller), unit, target, password)),
            Operation::Turn {
                call,
                sequence,
                event,
            } => Self::Turn(TakeTurn::new(call, sequence, event)),
            once @ (Operation::Look { .. }
            | Operation::Logout { .. }
            | Operation::Subscribe { .. }
            | Operation::AddNumber { .. }
            | Operation::RemoveNumber { .. }
            | Operation::ResetUnit { .. }
            | Operation::EndSessions { .. }
            | Operation::GetLine { .. }
            | Operation::Explain { .. }
            | Operation::Happens(_)) => Self::Once(once),
        }
    }

    /// Copies of the operation, one for each step that it can take next. Only a unit migration can have
    /// several: it verifies its passwords in parallel.
    pub fn choices(self) -> Vec<Self> {
        match self {
            Self::Migrate(migrate) => migrate.choices().into_iter().map(Self::Migrate).collect(),
            other => vec![other],
        }
    }

    /// True if the next step only reads, so that no other operation can notice it. The search takes
    /// such a step as early as possible. The step may need a live session and a current
    /// revision. If the session ends or the revision is outdated, no later step restores it.
    pub fn only_looks(&self, model: &Model) -> bool {
        match self {
            Self::Login(login) => login.only_looks(model),
            Self::Change(change) => change.only_looks(model),
            Self::Preview(preview) => preview.only_looks(),
            Self::Migrate(migrate) => migrate.only_looks(model),
            Self::Once(operation) => matches!(
                operation,
                Operation::GetLine { .. } | Operation::Explain { .. }
            ),
            Self::SetTemporary(_) | Self::Turn(_) => false,
        }
    }

    /// False if the operation can no longer get this response, regardless of what other operations
    /// do.
    pub fn can_answer(&self, response: &Response, model: &Model) -> bool {
        match (self, response) {
            (Self::Login(login), Ok(Observed::Session(session))) => {
                login.can_open(model, session.wrong_attempts)
            }
            (Self::Change(change), Ok(output)) => {
                change.can_succeed(model, matches!(output, Observed::Session(_)))
            }
            (Self::Change(change), Err(refused)) => change.can_be_refused(model, refused.reason),
            (Self::Preview(preview), Ok(_)) => preview.can_succeed(model),
            (Self::Preview(preview), Err(refused)) => preview.can_be_refused(model, refused.reason),
            (Self::Migrate(migrate), Ok(_)) => migrate.can_succeed(model),
            (Self::Migrate(migrate), Err(refused)) => migrate.can_be_refused(model, refused),
            (Self::Once(Operation::Look { seat }), Ok(_)) => model.is_live(*seat),
            (Self::Login(login), Err(_)) => login.can_be_refused(),
            (
                Self::Login(_) | Self::SetTemporary(_) | Self::Turn(_) | Self::Once(_),
                Ok(_) | Err(_),
            ) => true,
        }
    }

    /// LOGIN-3, LOGIN-4, LOGIN-6: true if the charge of a right password is open. Only a crash of authentication may
    /// leave it so.
    pub fn owes_a_refund(&self, model: &Model) -> bool {
        match self {
            Self::Login(login) => login.owes_a_refund(model),
            Self::Change(change) => change.owes_a_refund(model),
            Self::Migrate(migrate) => migrate.owes_a_refund(model),
            Self::Preview(_) | Self::SetTemporary(_) | Self::Turn(_) | Self::Once(_) => false,
        }
    }

    /// The response if a dependency fails at this point. The operation may still take effect.
    /// Examples: a password cannot be verified (MIG-5), a session cannot continue (SESS-2), a call
    /// cannot end as planned (IVR-10).
    pub fn response_after_a_fault(&self, model: &mut Model) -> Option<Response> {
        match self {
            Self::Turn(turn) => turn
                .answer_after_a_fault(model)
                .map(Observed::Heard)
                .map(Ok),
            Self::Migrate(migrate) => migrate.answer_after_a_fault().map(Err),
            Self::Change(change) => change.is_done().then_some(Ok(Observed::Nothing)),
            _ => None,
        }
    }

    /// LOGIN-4: makes the dependency of the next step fail, and refunds the charge of the attempt.
    /// Returns the operation as it continues after the fault. `None` if a fault at this step
    /// refunds nothing.
    pub fn fail(self, model: &mut Model) -> Option<Self> {
        match self {
            Self::Login(login) => login.fail(model).map(Self::Login),
            Self::Change(change) => change.fail(model).map(Self::Change),
            Self::Migrate(migrate) => migrate.fail(model).map(Self::Migrate),
            Self::Preview(_) | Self::SetTemporary(_) | Self::Turn(_) | Self::Once(_) => None,
        }
    }
}

/// Takes a step of an operation, and turns its result into a response.
fn take<S: Steps>(
    operation: S,
    model: &mut Model,
    into: fn(S) -> Progress,
    tell: impl FnOnce(&mut Model, S::Output) -> Observed,
) -> Progressed {
    match operation.step(model) {
        Next::Continues(on) => Progressed::Continues(into(on)),
        Next::Answers(answer) => Progressed::Answers(answer.map(|output| tell(model, output))),
    }
}

impl Situation {
    /// A system in which no session has seen a revision.
    pub fn new(model: Model) -> Self {
        Self {
            model,
            views: BTreeMap::new(),
            previews: BTreeMap::new(),
        }
    }

    /// Takes the next step. `is_seen` is true if the client receives the response and uses the
    /// revision in it.
    pub fn step(&mut self, progress: Progress, is_seen: bool) -> Progressed {
        let Self {
            model,
            views,
            previews,
        } = self;
        let mut see = |model: &Model, seat: Handle| {
            if is_seen {
                views.extend(model.revision(seat).map(|revision| (seat, revision)));
            }
        };
        match progress {
            Progress::Login(login) => {
                let seat = login.seat();
                take(login, model, Progress::Login, |model, session| {
                    see(model, seat);
                    Observed::session(session)
                })
            }
            Progress::Change(change) => {
                let seat = change.successor();
                take(change, model, Progress::Change, |model, session| {
                    see(model, seat);
                    session.map_or(Observed::Nothing, Observed::session)
                })
            }
            Progress::Preview(preview) => {
                let seat = preview.seat();
                take(preview, model, Progress::Preview, |_, (shown, revision)| {
                    if is_seen {
                        previews.extend(revision.map(|revision| (seat, revision)));
                    }
                    Observed::preview(shown)
                })
            }
            Progress::Migrate(migrate) => take(migrate, model, Progress::Migrate, |_, logins| {
                Observed::Logins(logins)
            }),
            Progress::SetTemporary(set) => {
                take(set, model, Progress::SetTemporary, |_, (account, _)| {
                    Observed::Account(account.to_owned())
                })
            }
            Progress::Turn(turn) => take(turn, model, Progress::Turn, |_, heard| {
                Observed::Heard(heard)
            }),
            Progress::Once(operation) => {
                let response = once(&operation, model);
                if let (Operation::Look { seat }, Ok(_)) = (operation, &response) {
                    see(model, seat);
                }
                Progressed::Answers(response)
            }
        }
    }
}

fn once(operation: &Operation, model: &mut Model) -> Response {
    match *operation {
        Operation::Look { seat } => model.look(seat, false).map(Observed::session),
        Operation::Logout { seat } => {
            model.logout(seat);
            Ok(Observed::Nothing)
        }
        Operation::Subscribe { number, wanted } => {
            model.subscribe(number, wanted).map(Observed::line)
        }
        Operation::AddNumber {
            line,
            number,
            subscribed,
        } => model
            .add_number(line, number, subscribed)
            .map(Observed::line),
        Operation::RemoveNumber { number } => model.remove_number(number).map(Observed::line),
        Operation::ResetUnit { number } => model.reset_unit(number).map(Observed::line),
        Operation::EndSessions { number } => done(model.end_sessions(number)),
        Operation::GetLine { number } => model.get_line(number).map(Observed::line),
        Operation::Explain { number } => Ok(Observed::Verdict(model.explain(number))),
        Operation::Happens(event) => {
            happens(event, model);
            Ok(Observed::Nothing)
        }
        Operation::Login { .. }
        | Operation::Change { .. }
        | Operation::Preview { .. }
        | Operation::Migrate { .. }
        | Operation::SetTemporary { .. }
        | Operation::Turn { .. } => unreachable!("the operation has several steps"),
    }
}

fn happens(event: Event, model: &mut Model) {
    match event {
        Event::CacheLost => model.lose_the_cache(),
        Event::CacheCopied => model.copy_the_cache(),
        Event::CopyTaken => model.take_the_copy(),
        Event::TimePassed(time) => {
            let _forgotten = model.wait(time);
        }
    }
}

fn done(answer: Answer<()>) -> Response {
    answer.map(|()| Observed::Nothing)
}
