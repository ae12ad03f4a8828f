//! The operations of a history and their responses.

use aikagi_api::authentication::v1::Session;
use aikagi_api::edge::v1::PreviewMigrationResponse;
use aikagi_api::units::v1::{AuthUnit, Line, Login, LoginVerdict};
use chrono::TimeDelta;
use prost_types::Timestamp;

use crate::rules::{Answer, Event as CallEvent, Handle, Heard, Number, Password};

/// What a client asks of the system. The client that begins a session or a call gives it a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A login.
    Login {
        /// The name for the session.
        seat: Handle,
        /// The account.
        number: Number,
        /// The password as typed.
        typed: Password,
    },
    /// A read of the session that does not count as use.
    Look {
        /// The session.
        seat: Handle,
    },
    /// A session changes its password, on the view that it saw last.
    Change {
        /// The session.
        seat: Handle,
        /// The name under which the session is carried on.
        successor: Handle,
        /// The password as typed.
        current: Password,
        /// The new password, typed twice in the same way.
        new: Password,
    },
    /// A logout.
    Logout {
        /// The session.
        seat: Handle,
    },
    /// A preview of a unit migration.
    Preview {
        /// The session.
        seat: Handle,
        /// The unit to migrate to.
        to: AuthUnit,
    },
    /// A unit migration, on the preview that the session saw last.
    Migrate {
        /// The session.
        seat: Handle,
        /// The unit to migrate to.
        to: AuthUnit,
        /// The passwords as typed, each with its account.
        passwords: Vec<(Number, Password)>,
    },
    /// A caller sets a temporary password through a platform that holds its own dialog (IVR-13).
    SetTemporary {
        /// The number that calls.
        caller: Number,
        /// The unit that the caller chooses.
        unit: AuthUnit,
        /// The account that the caller names, if any.
        target: Option<Number>,
        /// The password.
        password: Password,
    },
    /// A turn of a call (IVR-12).
    Turn {
        /// The call.
        call: Handle,
        /// The turn's number in the call, from 0.
        sequence: u32,
        /// What the caller does.
        event: CallEvent,
    },
    /// An operator subscribes a number to the option service, or unsubscribes it.
    Subscribe {
        /// The number.
        number: Number,
        /// Whether the number is to have the service.
        wanted: bool,
    },
    /// An operator adds a number to a line.
    AddNumber {
        /// A number of the line.
        line: Number,
        /// The number to add.
        number: Number,
        /// Whether it has the option service.
        subscribed: bool,
    },
    /// An operator removes a number from its line.
    RemoveNumber {
        /// The number.
        number: Number,
    },
    /// An operator takes the auth unit away from a line.
    ResetUnit {
        /// A number of the line.
        number: Number,
    },
    /// An operator ends the sessions of an account.
    EndSessions {
        /// The account.
        number: Number,
    },
    /// An operator reads a line.
    GetLine {
        /// A number of the line.
        number: Number,
    },
    /// An operator asks why a number can or cannot log in.
    Explain {
        /// The number.
        number: Number,
    },
    /// An event that no client asks for.
    Happens(Event),
}

/// An event that concerns all clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// Everything with a TTL is lost (INV-3).
    CacheLost,
    /// A Redis replica has received everything so far, and receives nothing more from now on.
    CacheCopied,
    /// That replica takes over.
    CopyTaken,
    /// Time passes while no operation is in progress.
    TimePassed(TimeDelta),
}

/// A successful response. Of moments only their presence is kept.
#[derive(Debug, Clone, PartialEq)]
pub enum Observed {
    /// Success without content.
    Nothing,
    /// The session.
    Session(Session),
    /// The preview of a unit migration.
    Preview(PreviewMigrationResponse),
    /// Who logs in after a unit migration.
    Logins(Vec<Login>),
    /// The account whose temporary password is set.
    Account(String),
    /// What the caller hears.
    Heard(Heard),
    /// The line.
    Line(Line),
    /// Why a number can or cannot log in.
    Verdict(LoginVerdict),
}

/// A response or a refusal.
pub type Response = Answer<Observed>;

impl Operation {
    /// Whether things with a TTL may be lost after it.
    pub fn loses_the_cache(&self) -> bool {
        matches!(self, Self::Happens(Event::CacheLost | Event::CopyTaken))
    }

    /// Whether the gateway sends the RPC again when a replica is lost (`idempotency_level` in the contracts). Then the
    /// operation may happen more than once.
    pub fn is_sent_again(&self) -> bool {
        // Reads, logouts and turns are sent again too, but a second time changes nothing.
        matches!(
            self,
            Self::Subscribe { .. } | Self::AddNumber { .. } | Self::EndSessions { .. }
        )
    }

    /// Whether the system's response fits the model's.
    pub fn fits(&self, system: &Response, model: &Response) -> bool {
        match (self, system, model) {
            // Attempts may be charged and settled while a line changes (LOGIN-4). The counts in the response are those
            // of a moment shortly before the change.
            (
                Self::Subscribe { .. }
                | Self::AddNumber { .. }
                | Self::RemoveNumber { .. }
                | Self::ResetUnit { .. },
                Ok(Observed::Line(system)),
                Ok(Observed::Line(model)),
            ) => without_counts(system) == without_counts(model),
            _ => system == model,
        }
    }
}

fn without_counts(line: &Line) -> Line {
    let mut line = line.clone();
    for number in &mut line.numbers {
        number.failures = 0;
        number.kill_time = None;
    }
    line
}

impl Observed {
    /// A session without its revision. Moments are kept only as present or not.
    pub fn session(mut session: Session) -> Self {
        session.revision.clear();
        for time in [
            &mut session.idle_expire_time,
            &mut session.server_time,
            &mut session.expire_time,
            &mut session.password_expire_time,
            &mut session.last_login_time,
        ] {
            forget(time);
        }
        Self::Session(session)
    }

    /// A preview without its revision.
    pub fn preview(mut preview: PreviewMigrationResponse) -> Self {
        preview.revision.clear();
        Self::Preview(preview)
    }

    /// A line. Moments are kept only as present or not.
    pub fn line(mut line: Line) -> Self {
        forget(&mut line.unit_established_time);
        forget(&mut line.close_time);
        for number in &mut line.numbers {
            forget(&mut number.kill_time);
            forget(&mut number.temporary_expire_time);
            forget(&mut number.change_time);
        }
        Self::Line(line)
    }
}

/// Keeps only whether there is a moment: the model's clock stands still, the system's does not.
fn forget(time: &mut Option<Timestamp>) {
    *time = time.map(|_| Timestamp::default());
}
