//! The subscriber's story, played against a running system through the gateway's ports: what the demo shows, and a
//! test by itself. Each chapter has lines of its own, and ends at the first surprise.

mod cast;
mod chapters;
mod command_line;
mod lines;
mod narrator;
mod site;
mod telephone;

use std::path::Path;

use aikagi_refusal::{ErrorReason, name_of};
use anyhow::{Context, Result, bail, ensure};
use tonic::Status;

pub use cast::Where;
pub use lines::seed;
pub use narrator::Narrator;

use command_line::CommandLine;

use crate::edge::{Backend, Ivr, Operator, Site};
use crate::world::reason;

/// Who plays, and who tells it.
pub struct Story {
    narrator: Narrator,
    ivr: Ivr,
    site: Site,
    backend: Backend,
    operator: Operator,
    command_line: CommandLine,
}

impl Story {
    /// A story in the system that `state.json` describes.
    pub fn at(state: &Path, narrator: Narrator) -> Result<Self> {
        let system = Where::read(state)?;
        Ok(Self {
            narrator,
            ivr: Ivr::new(system.private_as("ivr")?),
            site: Site::new(system.public()?),
            backend: Backend::new(system.private_as("backend")?),
            operator: Operator::new(system.private_as("operator")?),
            command_line: CommandLine::beside_us(state)?,
        })
    }

    /// Plays all of it; fails at the first surprise, with what was expected and what came.
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
            three_wrong_attempts: "Three wrong attempts, and the way back",
            ten_wrong_attempts: "Ten wrong attempts, and the way back",
            the_four_migrations: "Another unit, chosen on the site",
            migrations_refused: "Another unit, refused",
            the_operators_desk: "The operator's desk",
        }
        self.narrator.end("The story went as the rules say.");
        Ok(())
    }
}

/// What came has to be what was expected.
fn expect<T: PartialEq + std::fmt::Debug>(what: &str, expected: &T, came: &T) -> Result<()> {
    ensure!(
        expected == came,
        "{what}: expected {expected:?}, came {came:?}"
    );
    Ok(())
}

/// The call has to be answered.
fn answered<T>(what: &str, answer: Result<T, Status>) -> Result<T> {
    answer.map_err(|status| {
        let (reason, code) = (reason(&status), status.code());
        anyhow::anyhow!(
            "{what}: expected an answer, came {reason} ({code:?}): {}",
            status.message()
        )
    })
}

/// The call has to be refused, for this reason.
fn refused<T>(what: &str, answer: Result<T, Status>, expected: ErrorReason) -> Result<Status> {
    let expected = name_of(expected);
    match answer {
        Ok(_) => bail!("{what}: expected the refusal {expected}, came an answer"),
        Err(status) => {
            let (came, code) = (reason(&status), status.code());
            ensure!(
                came == expected,
                "{what}: expected the refusal {expected}, came {came} ({code:?}): {}",
                status.message()
            );
            Ok(status)
        }
    }
}
