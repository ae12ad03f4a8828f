//! How the model does what is asked, step by step.

use std::collections::BTreeMap;

use super::operation::{Event, Operation, Said, Told};
use crate::model::{
    Answer, Change, ChangePassword, Handle, Login, Migrate, Model, Next, Preview, PreviewRevision,
    Revision, SetTemporary, Steps, TakeTurn,
};

/// The system, and what those who have sessions have seen of it (SESS-5).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Situation {
    pub(crate) model: Model,
    views: BTreeMap<Handle, Revision>,
    previews: BTreeMap<Handle, PreviewRevision>,
}

/// An operation as far as it has come.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Progress {
    Login(Login),
    Change(ChangePassword),
    Preview(Preview),
    Migrate(Migrate),
    SetTemporary(SetTemporary),
    Turn(TakeTurn),
    /// One moment is all that it takes.
    Once(Operation),
}

/// What comes of a step.
pub(crate) enum Step {
    Goes(Progress),
    Answers(Said),
}

impl Progress {
    /// Nothing of the operation has happened yet.
    pub(crate) fn begin(operation: &Operation, situation: &Situation) -> Self {
        match operation.clone() {
            Operation::Login {
                seat,
                number,
                typed,
            } => Self::Login(Login::new(seat, number, typed)),
            Operation::Change {
                seat,
                goes_on,
                current,
                new,
            } => {
                let change = Change {
                    current,
                    new,
                    again: new,
                    seen: situation.views.get(&seat).copied(),
                };
                Self::Change(ChangePassword::new(seat, goes_on, change))
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

    /// The next step is only a look, which others do not notice: when nothing else is to come of it, it is best taken
    /// at once. For what a look needs to find (a session, a view that is not stale) is lost for good once it is lost.
    pub(crate) fn only_looks(&self, model: &Model) -> bool {
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

    /// Whether this can still be answered, as far as that can be foreseen: what others may do is not asked.
    pub(crate) fn can_answer(&self, said: &Said, model: &Model) -> bool {
        match (self, said) {
            (Self::Login(login), Ok(Told::Session(session))) => {
                login.can_open(model, session.wrong_attempts)
            }
            (Self::Change(change), Ok(told)) => {
                change.can_succeed(model, matches!(told, Told::Session(_)))
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

    /// What is answered when something is lost that the operation stands on, though the operation itself goes on: a
    /// password that could not be verified (MIG-5), a session that could not be carried on (SESS-2), a call that could
    /// not be ended as it should (IVR-10).
    pub(crate) fn after_a_loss(&self, model: &mut Model) -> Option<Said> {
        match self {
            Self::Turn(turn) => turn.told_after_a_fault(model).map(Told::Heard).map(Ok),
            Self::Migrate(migrate) => migrate.told_after_a_fault().map(Err),
            Self::Change(change) => change.is_done().then_some(Ok(Told::Nothing)),
            _ => None,
        }
    }

    /// LOGIN-4: how it goes on when what its next step stands on is away: an attempt that was charged is given back.
    pub(crate) fn fail(self, model: &mut Model) -> Option<Self> {
        match self {
            Self::Login(login) => login.fail(model).map(Self::Login),
            Self::Change(change) => change.fail(model).map(Self::Change),
            Self::Migrate(migrate) => migrate.fail(model).map(Self::Migrate),
            Self::Preview(_) | Self::SetTemporary(_) | Self::Turn(_) | Self::Once(_) => None,
        }
    }
}

/// Takes a step of an operation whose told is made into words.
fn take<S: Steps>(
    operation: S,
    model: &mut Model,
    into: fn(S) -> Progress,
    tell: impl FnOnce(&mut Model, S::Told) -> Told,
) -> Step {
    match operation.step(model) {
        Next::Goes(on) => Step::Goes(into(on)),
        Next::Answers(answer) => Step::Answers(answer.map(|told| tell(model, told))),
    }
}

impl Situation {
    pub(crate) fn new(model: Model) -> Self {
        Self {
            model,
            views: BTreeMap::new(),
            previews: BTreeMap::new(),
        }
    }

    /// Takes the next step. `is_seen`: the caller gets the answer, if there is one, and goes by it.
    pub(crate) fn step(&mut self, progress: Progress, is_seen: bool) -> Step {
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
                    Told::session(session)
                })
            }
            Progress::Change(change) => {
                let seat = change.goes_on();
                take(change, model, Progress::Change, |model, session| {
                    see(model, seat);
                    session.map_or(Told::Nothing, Told::session)
                })
            }
            Progress::Preview(preview) => {
                let seat = preview.seat();
                take(preview, model, Progress::Preview, |_, (shown, revision)| {
                    if is_seen {
                        previews.extend(revision.map(|revision| (seat, revision)));
                    }
                    Told::preview(shown)
                })
            }
            Progress::Migrate(migrate) => take(migrate, model, Progress::Migrate, |_, logins| {
                Told::Logins(logins)
            }),
            Progress::SetTemporary(set) => {
                take(set, model, Progress::SetTemporary, |_, (account, _)| {
                    Told::Account(account.to_owned())
                })
            }
            Progress::Turn(turn) => {
                take(turn, model, Progress::Turn, |_, heard| Told::Heard(heard))
            }
            Progress::Once(operation) => {
                let said = once(&operation, model);
                if let (Operation::Look { seat }, Ok(_)) = (operation, &said) {
                    see(model, seat);
                }
                Step::Answers(said)
            }
        }
    }
}

fn once(operation: &Operation, model: &mut Model) -> Said {
    match *operation {
        Operation::Look { seat } => model.look(seat, false).map(Told::session),
        Operation::Logout { seat } => {
            model.logout(seat);
            Ok(Told::Nothing)
        }
        Operation::Subscribe { number, wanted } => model.subscribe(number, wanted).map(Told::line),
        Operation::AddNumber {
            line,
            number,
            subscribed,
        } => model.add_number(line, number, subscribed).map(Told::line),
        Operation::RemoveNumber { number } => model.remove_number(number).map(Told::line),
        Operation::ResetUnit { number } => model.reset_unit(number).map(Told::line),
        Operation::EndSessions { number } => done(model.end_sessions(number)),
        Operation::GetLine { number } => model.get_line(number).map(Told::line),
        Operation::Explain { number } => Ok(Told::Verdict(model.explain(number))),
        Operation::Happens(event) => {
            happens(event, model);
            Ok(Told::Nothing)
        }
        Operation::Login { .. }
        | Operation::Change { .. }
        | Operation::Preview { .. }
        | Operation::Migrate { .. }
        | Operation::SetTemporary { .. }
        | Operation::Turn { .. } => unreachable!("it has steps"),
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

fn done(answer: Answer<()>) -> Said {
    answer.map(|()| Told::Nothing)
}
