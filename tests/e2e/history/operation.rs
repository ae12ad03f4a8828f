//! What somebody asks of the system, and what is answered.

use aikagi_api::authentication::v1::Session;
use aikagi_api::edge::v1::PreviewMigrationResponse;
use aikagi_api::units::v1::{AuthUnit, Line, Login, LoginVerdict};
use chrono::TimeDelta;
use prost_types::Timestamp;

use crate::model::{Answer, Event as CallEvent, Handle, Heard, Number, Password};

/// What somebody asks of the system. Sessions and calls have the names that whoever begins them gives.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    Login {
        seat: Handle,
        number: Number,
        typed: Password,
    },
    Look {
        seat: Handle,
    },
    /// On the view of the session that was seen last.
    Change {
        seat: Handle,
        goes_on: Handle,
        current: Password,
        new: Password,
    },
    Logout {
        seat: Handle,
    },
    Preview {
        seat: Handle,
        to: AuthUnit,
    },
    /// On the preview that was seen last.
    Migrate {
        seat: Handle,
        to: AuthUnit,
        passwords: Vec<(Number, Password)>,
    },
    SetTemporary {
        caller: Number,
        unit: AuthUnit,
        target: Option<Number>,
        password: Password,
    },
    Turn {
        call: Handle,
        sequence: u32,
        event: CallEvent,
    },
    Subscribe {
        number: Number,
        wanted: bool,
    },
    AddNumber {
        line: Number,
        number: Number,
        subscribed: bool,
    },
    RemoveNumber {
        number: Number,
    },
    ResetUnit {
        number: Number,
    },
    EndSessions {
        number: Number,
    },
    GetLine {
        number: Number,
    },
    Explain {
        number: Number,
    },
    /// Nobody asks for it.
    Happens(Event),
}

/// What happens to everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Event {
    /// What has a TTL is lost (INV-3).
    CacheLost,
    /// A replica of what has a TTL has all that there is, and gets no more from now on.
    CacheCopied,
    /// That replica takes over.
    CopyTaken,
    /// While nothing else is under way.
    TimePassed(TimeDelta),
}

/// What is told of what was done; moments as whether there are any.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Told {
    Nothing,
    Session(Session),
    Preview(PreviewMigrationResponse),
    Logins(Vec<Login>),
    /// The account whose temporary password is set.
    Account(String),
    Heard(Heard),
    Line(Line),
    Verdict(LoginVerdict),
}

/// An answer.
pub(crate) type Said = Answer<Told>;

impl Operation {
    /// What has a TTL can be gone afterwards.
    pub(crate) fn loses_the_cache(&self) -> bool {
        matches!(self, Self::Happens(Event::CacheLost | Event::CopyTaken))
    }

    /// Those between the caller and the system send it again when a replica was lost (`idempotency_level` in the
    /// contracts), so that it may happen more than once. All others are sent on once.
    pub(crate) fn is_sent_again(&self) -> bool {
        // Of what else is sent again (looks, logouts, turns) a second time changes nothing.
        matches!(
            self,
            Self::Subscribe { .. } | Self::AddNumber { .. } | Self::EndSessions { .. }
        )
    }

    /// Whether the system's answer is the model's.
    pub(crate) fn fits(&self, system: &Said, model: &Said) -> bool {
        match (self, system, model) {
            // A change of the line does not keep attempts from being charged and settled meanwhile (LOGIN-4): the
            // counts that its answer shows are of a moment shortly before it.
            (
                Self::Subscribe { .. }
                | Self::AddNumber { .. }
                | Self::RemoveNumber { .. }
                | Self::ResetUnit { .. },
                Ok(Told::Line(system)),
                Ok(Told::Line(model)),
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

impl Told {
    pub(crate) fn session(mut session: Session) -> Self {
        session.revision.clear();
        for time in [
            &mut session.idle_expire_time,
            &mut session.expire_time,
            &mut session.password_expire_time,
            &mut session.last_login_time,
        ] {
            forget(time);
        }
        Self::Session(session)
    }

    pub(crate) fn preview(mut preview: PreviewMigrationResponse) -> Self {
        preview.revision.clear();
        Self::Preview(preview)
    }

    pub(crate) fn line(mut line: Line) -> Self {
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

/// The model's clock stands, and the system's does not.
fn forget(time: &mut Option<Timestamp>) {
    *time = time.map(|_| Timestamp::default());
}
