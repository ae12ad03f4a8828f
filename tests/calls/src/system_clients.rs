//! Clients of the system behind the IVR adapter. They prepare lines before a call and check them
//! after it.

use aikagi_api::units::v1::{AuthUnit, Line as State};
use aikagi_client::samples::{OTHER_TEMPORARY, PERMANENT};
use aikagi_client::{Ivr, Operator, Site};
use anyhow::{Context, Result, ensure};

use super::cases::{Line, PASSWORD, Past};

/// The clients of a system.
pub(super) struct SystemClients {
    /// An operator.
    pub(super) operator: Operator,
    /// Another IVR platform.
    pub(super) ivr: Ivr,
    /// A subscriber.
    pub(super) site: Site,
}

impl SystemClients {
    /// Adds a line and brings it into the given state.
    pub(super) async fn add(&self, line: &Line, past: Past) -> Result<State> {
        let added = self.operator.add_line(&line.numbers()).await;
        added.context("a line was not added")?;
        match past {
            Past::New => {}
            Past::Established(unit) => self
                .establish(line, unit)
                .await
                .context("the unit of a line was not established")?,
            Past::Closed => {
                let closed = self.operator.close_line(&line.contract).await;
                closed.context("a line was not closed")?;
            }
        }
        self.state(line).await
    }

    async fn establish(&self, line: &Line, unit: AuthUnit) -> Result<()> {
        let account = line.first.as_str();
        let set = self.ivr.set(account, unit, account, OTHER_TEMPORARY);
        set.await?;
        let session = self.site.login(account, OTHER_TEMPORARY).await?;
        let changed = session.change(OTHER_TEMPORARY, PERMANENT).await?;
        changed.map(|_session| ()).context("the session has ended")
    }

    /// Checks that the account logs in with the keyed password.
    pub(super) async fn logs_in(&self, account: &str) -> Result<()> {
        let logged_in = self.site.login(account, PASSWORD).await;
        logged_in
            .map(|_session| ())
            .context("the keyed password does not log in")
    }

    /// Checks that the line has not changed since it was read.
    pub(super) async fn unchanged(&self, line: &Line, since: &State) -> Result<()> {
        let now = self.state(line).await?;
        ensure!(now == *since, "the line has changed");
        Ok(())
    }

    async fn state(&self, line: &Line) -> Result<State> {
        let state = self.operator.line(&line.contract).await;
        state.context("a line cannot be read")
    }
}
