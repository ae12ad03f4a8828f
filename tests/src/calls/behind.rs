//! The system behind the telephone, as an operator and the site's users see it.

use aikagi_api::units::v1::{AuthUnit, CredentialKind};
use anyhow::{Context, Result, ensure};

use super::cases::{Line, PASSWORD};
use crate::edge::{Operator, Site};

/// The system behind the telephone.
pub(super) struct Behind {
    /// An operator's way in.
    pub(super) operator: Operator,
    /// The site.
    pub(super) site: Site,
}

impl Behind {
    /// Adds a line.
    pub(super) async fn add(&self, line: &Line) -> Result<()> {
        let added = self.operator.add_line(&line.numbers()).await;
        added.map(|_line| ()).context("a line was not added")
    }

    /// The account logs in on the site with what was keyed.
    pub(super) async fn logs_in(&self, account: &str) -> Result<()> {
        let logged_in = self.site.login(account, PASSWORD).await;
        logged_in
            .map(|_session| ())
            .context("the keyed password does not log in")
    }

    /// Nothing was set on the line.
    pub(super) async fn unchanged(&self, line: &Line) -> Result<()> {
        let line = self.operator.line(&line.contract).await?;
        let none = |kind| kind == CredentialKind::None;
        ensure!(
            line.unit() == AuthUnit::Unspecified
                && line
                    .numbers
                    .iter()
                    .all(|number| none(number.credential_kind())),
            "something was set"
        );
        Ok(())
    }
}
