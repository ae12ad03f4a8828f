//! Outside workloads that run as containers: the operator's command line, and the softphone of the profile `demo`.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::system::{ContainerSystem, SOFTPHONE_PORT};

const LIMIT: Duration = Duration::from_secs(20);
/// A number on one of the demo's lines (`deploy/demo/lines.csv`).
const DEMO_NUMBER: &str = "0312345002";
/// The step in the response to a call that the system has accepted.
const NEXT_STEP: &str = "CALL_STEP_UNIT";

/// OPS-1, OPS-2: runs an operator's commands from docs/operations.md. Then starts the demo's
/// softphone and makes a call from one of the demo's lines.
pub(super) fn check(system: &ContainerSystem<'_>) -> Result<()> {
    let ctl = |arguments: &[&str]| {
        let mut run = vec!["run", "--rm", "-T", "--build", "--quiet-pull", "aikagictl"];
        run.extend(arguments);
        system.project.ask(&run)
    };
    ctl(&["healthcheck"])?;
    ctl(&["line", "add", "0311140001", "--subscribed", "0311140001"])?;
    let explanation = ctl(&["explain", "0311140001", "--output", "json"])?;
    ensure!(
        explanation.contains("\"can_log_in\":false"),
        "a line without a password can log in: {explanation}"
    );

    let profile = ["--profile", "demo"];
    let up = ["up", "--detach", "--wait", "--build", "--quiet-pull"];
    let softphone = ["--no-recreate", "softphone"];
    system
        .project
        .run(&[&profile[..], &up, &softphone].concat())?;
    let response = take_turn(&format!(
        r#"{{"call_id": "trial-outside-workloads", "sequence": 0, "event": {{"started": "{DEMO_NUMBER}"}}}}"#
    ))?;
    ensure!(
        response.contains(NEXT_STEP),
        "unexpected response to the softphone's call: {response}"
    );
    let remove = ["rm", "--force", "--stop", "softphone"];
    system.project.run(&[&profile[..], &remove].concat())
}

/// Takes a turn of a call as the softphone's page does, and returns the HTTP response.
fn take_turn(body: &str) -> Result<String> {
    let mut page = TcpStream::connect((Ipv4Addr::LOCALHOST, SOFTPHONE_PORT))
        .context("cannot connect to the softphone")?;
    page.set_read_timeout(Some(LIMIT))?;
    write!(
        page,
        "POST /turn HTTP/1.1\r\nHost: localhost:{SOFTPHONE_PORT}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .context("cannot send a request to the softphone")?;
    let mut response = String::new();
    page.read_to_string(&mut response)
        .context("the softphone does not respond")?;
    Ok(response)
}
