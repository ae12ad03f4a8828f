//! A witness is a line with a permanent password and a count of wrong attempts. A trial creates it,
//! disturbs the system, and checks that password and count are unchanged (LOGIN-3).

use aikagi_api::units::v1::AuthUnit;
use aikagi_client::{Ivr, Operator, RunningSystem, Site, reason};
use aikagi_refusal::{ErrorReason, name_of};
use anyhow::{Context, Result, bail, ensure};

use crate::system::ContainerSystem;

const TEMPORARY_PASSWORD: &str = "48151623";
const PASSWORD: &str = "Abc12345";
const WRONG_PASSWORD: &str = "Wrong12345";

/// Adds a line, sets its permanent password, and makes `wrong` wrong attempts.
pub(crate) fn leave(system: &ContainerSystem<'_>, number: &str, wrong: u32) -> Result<()> {
    with_clients(system, number, "cannot be created", async |clients| {
        clients.operator.add_line(&[(number, true)]).await?;
        clients
            .ivr
            .set(number, AuthUnit::Line, number, TEMPORARY_PASSWORD)
            .await?;
        let session = clients.site.login(number, TEMPORARY_PASSWORD).await?;
        session
            .change(TEMPORARY_PASSWORD, PASSWORD)
            .await?
            .context("the session ended with the change")?;
        clients.guess(number, wrong).await
    })
}

/// Makes `wrong` more wrong attempts.
pub(crate) fn guess(system: &ContainerSystem<'_>, number: &str, wrong: u32) -> Result<()> {
    with_clients(
        system,
        number,
        "could not be given wrong attempts",
        async |clients| clients.guess(number, wrong).await,
    )
}

/// Fails unless the count is `wrong` and the password logs in. The login sets the count to 0.
pub(crate) fn find(system: &ContainerSystem<'_>, number: &str, wrong: u32) -> Result<()> {
    with_clients(system, number, "may have changed", async |clients| {
        let count = clients.operator.number(number).await?.failures;
        ensure!(
            count == wrong,
            "the count of wrong attempts is {count}, not {wrong}"
        );
        clients
            .site
            .login(number, PASSWORD)
            .await
            .context("the password does not log in")?;
        Ok(())
    })
}

/// Fails unless the number is on no line.
pub(crate) fn find_none(system: &ContainerSystem<'_>, number: &str) -> Result<()> {
    with_clients(system, number, "may exist", async |clients| {
        match clients.operator.line(number).await {
            Err(status) if reason(&status) == name_of(ErrorReason::LineNotFound) => Ok(()),
            Err(status) => Err(status.into()),
            Ok(_) => bail!("the line exists"),
        }
    })
}

struct Clients {
    ivr: Ivr,
    site: Site,
    operator: Operator,
}

impl Clients {
    /// Makes wrong attempts, each of which must be refused.
    async fn guess(&self, number: &str, times: u32) -> Result<()> {
        for _ in 0..times {
            let refused = self.site.login(number, WRONG_PASSWORD).await.err();
            let refused = refused.context("a wrong password logged in")?;
            ensure!(
                reason(&refused) == name_of(ErrorReason::LoginRefused),
                "a wrong password was refused for another reason: {refused}"
            );
        }
        Ok(())
    }
}

/// Runs `work` with clients of the edges and gateways that run now.
fn with_clients(
    system: &ContainerSystem<'_>,
    number: &str,
    failure: &str,
    work: impl AsyncFnOnce(&Clients) -> Result<()>,
) -> Result<()> {
    let file = system.with_used_ports()?;
    let worked = system.runtime.block_on(async {
        let gateway = RunningSystem::read(&file)?;
        let clients = Clients {
            ivr: Ivr::new(gateway.private_as("ivr")?),
            site: Site::new(gateway.public()?),
            operator: Operator::new(gateway.private_as("operator")?),
        };
        work(&clients).await
    });
    worked.with_context(|| format!("the witness {number} {failure}"))
}
