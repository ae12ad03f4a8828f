//! Removes the bridges that a killed engine left behind.
//!
//! A bridge outlives its engine. It keeps its address, so the kernel routes packets for the next
//! engine's containers into the old bridge, which leads to no container.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::command;

/// The start of every address that `docker-compose.yml` gives to a network.
const ADDRESSES: &str = "10.117.";

/// Removes the bridges of this project's networks to which no container is connected. Call it only while no engine runs.
pub(super) fn remove_stale() -> Result<()> {
    let Some(ip) = command::find("ip") else {
        return Ok(());
    };
    let bridges = command::run(
        Command::new(&ip).args(["-oneline", "-4", "address", "show", "type", "bridge"]),
    )?;
    for name in ours(&bridges).filter(|name| is_empty(name)) {
        command::run(Command::new(&ip).args(["link", "delete", name]))?;
    }
    Ok(())
}

/// The names of this project's bridges in the output of `ip -oneline -4 address show`.
fn ours(addresses: &str) -> impl Iterator<Item = &str> {
    addresses.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let name = fields.next()?;
        let address = fields.nth(1)?;
        (name.starts_with("br-") && address.starts_with(ADDRESSES)).then_some(name)
    })
}

/// True if the bridge has no members.
fn is_empty(bridge: &str) -> bool {
    let members = Path::new("/sys/class/net").join(bridge).join("brif");
    std::fs::read_dir(members).is_ok_and(|mut members| members.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bridges_of_this_projects_networks_are_removed() {
        let addresses = r"3: docker0    inet 172.17.0.1/16 brd 172.17.255.255 scope global docker0\       valid_lft forever
4: br-924107ec1412    inet 10.117.3.1/24 brd 10.117.3.255 scope global br-924107ec1412\       valid_lft forever
5: br-efb69a900184    inet 172.20.0.1/16 brd 172.20.255.255 scope global br-efb69a900184\       valid_lft forever
6: office    inet 10.117.4.1/24 scope global office\       valid_lft forever
";
        assert_eq!(ours(addresses).collect::<Vec<_>>(), ["br-924107ec1412"]);
    }
}
