//! The operations of a history and their responses.

use aikagi_api::authentication::v1::Session;
use aikagi_api::edge::v1::PreviewMigrationResponse;
use aikagi_api::units::v1::{AuthUnit, Line, Login, LoginVerdict};
use chrono::TimeDelta;
use prost_types::Timestamp;

use crate::rules::{Answer, Event as CallEvent, Handle, Heard, Number, Password};

/// An operation of a client, or an event. The client that begins a session or a call chooses its
/// handle.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A login.
    Login {
        /// The handle for the session.
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
    /// A session changes its password, with the revision that it saw last.
    Change {
        /// The session.
        seat: Handle,
        /// The handle under which the session continues.
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
    /// A unit migration, with the revision of the preview that the session saw last.
    Migrate {
        /// The session.
        seat: Handle,
        /// The unit to migrate to.
        to: AuthUnit,
        /// The passwords as typed, each with its account.
        passwords: Vec<(Number, Password)>,
    },
    /// A caller sets a temporary password through an IVR platform with its own dialog (IVR-13).
    SetTemporary {
        /// The number that calls.
        caller: Number,
        /// The unit that the caller chooses.
        unit: AuthUnit,
        /// The account that the caller keys, if any.
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
        /// True to subscribe the number, false to unsubscribe it.
        wanted: bool,
    },
    /// An operator adds a number to a line.
    AddNumber {
        /// A number of the line.
        line: Number,
        /// The number to add.
        number: Number,
        /// True if the number has the option service.
        subscribed: bool,
    },
    /// An operator removes a number from its line.
    RemoveNumber {
        /// The number.
        number: Number,
    },
    /// An operator resets the auth unit of a line.
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
    /// All data with a TTL is lost (INV-3).
    CacheLost,
    /// A Redis replica has received all data so far, and receives nothing from now on.
    CacheCopied,
    /// That replica becomes the master.
    CopyTaken,
    /// Time passes while no operation is in progress.
    TimePassed(TimeDelta),
}

/// A successful response. A time is only recorded as present or absent.
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
    /// True if data with a TTL may be lost after this operation.
    pub fn loses_the_cache(&self) -> bool {
        matches!(self, Self::Happens(Event::CacheLost | Event::CopyTaken))
    }

    /// True if the gateway retries the RPC when a replica fails (`idempotency_level` in the
    /// contracts), and a retry can change something. The operation may then happen more than once.
    pub fn is_sent_again(&self) -> bool {
        // Reads, logouts and turns are retried too, but a retry of them changes nothing.
        matches!(
            self,
            Self::Subscribe { .. } | Self::AddNumber { .. } | Self::EndSessions { .. }
        )
    }

    /// True if the system's response fits the model's.
    pub fn fits(&self, system: &Response, model: &Response) -> bool {
        match (self, system, model) {
            // Attempts may be charged and settled while a line changes (LOGIN-4). The response has
            // the counts from shortly before the change.
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
        number.open_charges = 0;
        number.kill_time = None;
    }
    line
}

impl Observed {
    /// A session without its revision. A time is only recorded as present or absent.
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

    /// A line. A time is only recorded as present or absent.
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

/// Replaces a time by a constant, because the model's clock does not run and the system's clock
/// does.
fn forget(time: &mut Option<Timestamp>) {
    *time = time.map(|_| Timestamp::default());
}
