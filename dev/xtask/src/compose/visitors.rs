//! Those who come from outside in containers of their own: an operator with a command line, and the telephone of the
//! profile `demo`.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Stage;

/// The softphone's port here.
pub(super) const SOFTPHONE_PORT: u16 = 18480;
const LIMIT: Duration = Duration::from_secs(20);
/// A number of the demo's lines (`deploy/demo/lines.csv`).
const DEMO_NUMBER: &str = "0312345002";
/// What the telephone is told when the gateway has let it in and it may go on.
const GOES_ON: &str = "CALL_STEP_UNIT";

/// OPS-1, OPS-2: an operator's commands, as docs/operations.md has them; then the demo, whose telephone reaches a
/// line that was seeded.
pub(super) fn come(stage: &Stage<'_>) -> Result<()> {
    let ctl = |arguments: &[&str]| {
        let mut run = vec!["run", "--rm", "-T", "--build", "--quiet-pull", "aikagictl"];
        run.extend(arguments);
        stage.project.ask(&run)
    };
    ctl(&["healthcheck"])?;
    ctl(&["line", "add", "0311140001", "--subscribed", "0311140001"])?;
    let why = ctl(&["explain", "0311140001", "--output", "json"])?;
    ensure!(
        why.contains("\"can_log_in\":false"),
        "a line without a password: {why}"
    );

    stage.project.run(&[
        "--profile",
        "demo",
        "up",
        "--detach",
        "--wait",
        "--build",
        "--quiet-pull",
        "--no-recreate",
        "softphone",
    ])?;
    let told = turn(&format!(
        r#"{{"call_id": "trial-of-visitors", "sequence": 0, "event": {{"started": "{DEMO_NUMBER}"}}}}"#
    ))?;
    ensure!(told.contains(GOES_ON), "the telephone was told {told}");
    stage
        .project
        .run(&["--profile", "demo", "rm", "--force", "--stop", "softphone"])
}

/// A turn of a call, as the telephone's page asks for it.
fn turn(said: &str) -> Result<String> {
    let mut page = TcpStream::connect((Ipv4Addr::LOCALHOST, SOFTPHONE_PORT))
        .context("the telephone's page is not there")?;
    page.set_read_timeout(Some(LIMIT))?;
    write!(
        page,
        "POST /turn HTTP/1.1\r\nHost: localhost:{SOFTPHONE_PORT}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{said}",
        said.len()
    )
    .context("the telephone's page does not listen")?;
    let mut answer = String::new();
    page.read_to_string(&mut answer)
        .context("the telephone's page does not answer")?;
    Ok(answer)
}
