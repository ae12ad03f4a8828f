//! Leaves something behind in the system, and finds it again after whatever was done to it: a password, and how many
//! wrong ones were typed in (LOGIN-3).

use std::path::PathBuf;

use aikagi_api::units::v1::AuthUnit;
use aikagi_mesh::errors::{ErrorReason, name_of};
use aikagi_tests::edge::{Ivr, Operator, Site};
use aikagi_tests::story::Where;
use aikagi_tests::world::reason;
use anyhow::{Context, Result, bail, ensure};
use clap::{Parser, ValueEnum};

const TEMPORARY: &str = "48151623";
const WRONG: &str = "Wrong12345";

/// Leaves something behind, and finds it again.
#[derive(Debug, Parser)]
#[command(name = "witness")]
struct Arguments {
    /// What to do.
    what: What,
    /// Where the system is.
    #[arg(long)]
    state: PathBuf,
    /// A telephone number.
    #[arg(long)]
    number: String,
    /// Its permanent password.
    #[arg(long, default_value = "Abc12345")]
    password: String,
    /// Wrong attempts: to be made, or that must be there.
    #[arg(long, default_value_t = 0)]
    wrong: u32,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// Adds a line, sets its password, types in wrong ones.
    Leave,
    /// Types in more wrong ones.
    Guess,
    /// The count is what it was, and the password opens.
    Find,
    /// There is no such line.
    Miss,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let system = Where::read(&arguments.state)?;
    let site = Site::new(system.public()?);
    let operator = Operator::new(system.private_as("operator")?);
    let number = arguments.number.as_str();
    match arguments.what {
        What::Leave => {
            operator.add_line(&[(number, true)]).await?;
            Ivr::new(system.private_as("ivr")?)
                .set(number, AuthUnit::Line, number, TEMPORARY)
                .await?;
            let session = site.login(number, TEMPORARY).await?;
            session
                .change(TEMPORARY, &arguments.password)
                .await?
                .context("the session could not go on")?;
            guess(&site, number, arguments.wrong).await
        }
        What::Guess => guess(&site, number, arguments.wrong).await,
        What::Find => {
            let count = operator.number(number).await?.failures;
            ensure!(
                count == arguments.wrong,
                "the count is {count}, not {}",
                arguments.wrong
            );
            site.login(number, &arguments.password)
                .await
                .context("the password does not open")?;
            Ok(())
        }
        What::Miss => match operator.line(number).await {
            Err(status) if reason(&status) == name_of(ErrorReason::LineNotFound) => Ok(()),
            Err(status) => Err(status.into()),
            Ok(_) => bail!("the line is there"),
        },
    }
}

async fn guess(site: &Site, number: &str, times: u32) -> Result<()> {
    for _ in 0..times {
        let refused = site.login(number, WRONG).await.err();
        let refused = refused.context("a wrong password opened")?;
        ensure!(
            reason(&refused) == name_of(ErrorReason::LoginRefused),
            "{refused}"
        );
    }
    Ok(())
}
