//! The subscriber's story, played against a running system through the public and the private port. It is a
//! demo and also a test: each chapter uses new lines and stops at the first unexpected result.

#![allow(
    clippy::missing_panics_doc,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up fails"
)]

mod calls;
mod chapters;
mod command_line;
mod lines;
mod narrator;
mod site;

use std::path::Path;

use aikagi_client::{Backend, Ivr, Operator, RunningSystem, Site, reason};
use aikagi_refusal::{ErrorReason, name_of};
use anyhow::{Context, Result, bail, ensure};
use tonic::Status;

pub use lines::seed;
pub use narrator::Narrator;

use command_line::CommandLine;

/// The clients that play the story, and its narrator.
pub struct Story {
    narrator: Narrator,
    ivr: Ivr,
    site: Site,
    backend: Backend,
    operator: Operator,
    command_line: CommandLine,
}

impl Story {
    /// A story in the system that the file `state.json` describes.
    pub fn at(state: &Path, narrator: Narrator) -> Result<Self> {
        let system = RunningSystem::read(state)?;
        Ok(Self {
            narrator,
            ivr: Ivr::new(system.private_as("ivr")?),
            site: Site::new(system.public()?),
            backend: Backend::new(system.private_as("backend")?),
            operator: Operator::new(system.private_as("operator")?),
            command_line: CommandLine::beside_this_program(state)?,
        })
    }

    /// Plays all chapters. Fails at the first unexpected result. The error has the expected and the
    /// actual result.
    pub async fn play(&self) -> Result<()> {
        macro_rules! play {
            ($($chapter:ident: $title:literal),+ $(,)?) => {
                $(
                    self.narrator.chapter($title);
                    self.$chapter().await.context($title)?;
                )+
            };
        }
        play! {
            one_login_for_the_line: "LINE: one login for the whole line",
            a_login_for_each_number: "NUMBER: a login for each number",
            an_administrator_and_users: "ADMIN_USER: an administrator and users",
            mistakes_on_the_telephone: "Mistakes on the telephone",
            calls_that_are_not_accepted: "Calls that are not accepted",
            three_wrong_attempts: "Three wrong attempts, and a new password by telephone",
            ten_wrong_attempts: "Ten wrong attempts, and a new password by telephone",
            the_four_unit_migrations: "Changing the unit on the site",
            unit_migrations_refused: "Refused changes of the unit",
            an_operators_work: "An operator's work",
        }
        self.narrator.end("Everything happened as the rules say.");
        Ok(())
    }
}

/// Fails unless the result is the expected one.
fn expect<T: PartialEq + std::fmt::Debug>(what: &str, expected: &T, got: &T) -> Result<()> {
    ensure!(
        expected == got,
        "{what}: expected {expected:?}, got {got:?}"
    );
    Ok(())
}

/// Fails unless the RPC succeeded.
fn answered<T>(what: &str, answer: Result<T, Status>) -> Result<T> {
    answer.map_err(|status| {
        let (reason, code) = (reason(&status), status.code());
        anyhow::anyhow!(
            "{what}: expected success, got {reason} ({code:?}): {}",
            status.message()
        )
    })
}

/// Fails unless the RPC was refused for this reason.
fn refused<T>(what: &str, answer: Result<T, Status>, expected: ErrorReason) -> Result<Status> {
    let expected = name_of(expected);
    match answer {
        Ok(_) => bail!("{what}: expected the refusal {expected}, got success"),
        Err(status) => {
            let (got, code) = (reason(&status), status.code());
            ensure!(
                got == expected,
                "{what}: expected the refusal {expected}, got {got} ({code:?}): {}",
                status.message()
            );
            Ok(status)
        }
    }
}
