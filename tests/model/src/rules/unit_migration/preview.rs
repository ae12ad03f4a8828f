//! The preview of a unit migration.

use aikagi_api::edge::v1::PreviewMigrationResponse;
use aikagi_api::units::v1::AuthUnit;

use super::{PreviewRevision, logins, unready};
use crate::rules::session::Session;
use crate::rules::{Handle, Model, Next, Steps};

/// The passwords that a unit migration requires, and the accounts after it (MIG-1 to MIG-3, MIG-6,
/// MIG-7).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Preview {
    handle: Handle,
    to: AuthUnit,
    session: Option<Session>,
}

impl Preview {
    /// A preview of the unit migration to this unit.
    pub fn new(handle: Handle, to: AuthUnit) -> Self {
        Self {
            handle,
            to,
            session: None,
        }
    }

    /// True if the next step only reads the session.
    pub fn only_looks(&self) -> bool {
        self.session.is_none()
    }

    /// True if the preview can still succeed.
    pub fn can_succeed(&self, model: &Model) -> bool {
        let session = self.session.as_ref();
        session.map_or_else(
            || model.is_live(self.handle),
            |session| model.is_account_of(session),
        )
    }

    /// True if the preview can still be refused for this reason.
    pub fn can_be_refused(&self, model: &Model, reason: &str) -> bool {
        reason == "SESSION_ENDED" || self.session.is_some() || model.is_live(self.handle)
    }

    /// The session.
    pub fn seat(&self) -> Handle {
        self.handle
    }
}

impl Steps for Preview {
    /// The preview, and the revision that it shows.
    type Output = (PreviewMigrationResponse, Option<PreviewRevision>);

    fn step(self, model: &mut Model) -> Next<Self, Self::Output> {
        let Some(session) = self.session else {
            return match model.session(self.handle, true) {
                Ok(session) => Next::Continues(Self {
                    session: Some(session),
                    ..self
                }),
                Err(ended) => Next::Answers(Err(ended)),
            };
        };
        let offer = model.offer(&session, self.to);
        Next::Answers(offer.map(|(line, asked_for)| {
            let unready = unready(&line, &asked_for, model.limits).into_iter();
            let shown = PreviewMigrationResponse {
                revision: String::new(),
                unready_numbers: unready.map(str::to_owned).collect(),
                required_numbers: asked_for.into_iter().map(str::to_owned).collect(),
                logins: logins(&line, self.to),
            };
            (shown, model.preview_revision(session.account))
        }))
    }
}
