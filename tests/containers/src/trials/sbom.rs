//! The bills of materials (SBOM) in the images.

use anyhow::{Context, Result, ensure};

use crate::system::{ContainerSystem, RUNNING};

/// The section that cargo-auditable writes into an executable.
const SECTION: &[u8] = b".dep-v0";
/// The containers without an executable of ours.
const STORES: [&str; 2] = ["postgres", "redis"];

/// Checks the SBOM of the site. With `--from-source`, also checks that each executable of ours
/// contains an SBOM.
pub(super) fn check(system: &ContainerSystem<'_>) -> Result<()> {
    for service in RUNNING {
        let containers = system.project.containers(service)?;
        let container = containers
            .first()
            .with_context(|| format!("{service} does not run"))?;
        let read = |path: &str| {
            std::fs::read(format!("/proc/{}/root/{path}", container.pid))
                .with_context(|| format!("cannot read {path} in {}", container.name))
        };
        if service == "edge" {
            let bill: serde_json::Value =
                serde_json::from_slice(&read("usr/share/sbom/site.cdx.json")?)
                    .context("the site's SBOM is not JSON")?;
            ensure!(
                bill.get("bomFormat")
                    .is_some_and(|format| format == "CycloneDX"),
                "the site's SBOM is not CycloneDX"
            );
        }
        if system.from_source && !STORES.contains(&service) {
            let executable = read("usr/local/bin/aikagi")?;
            ensure!(
                executable
                    .windows(SECTION.len())
                    .any(|window| window == SECTION),
                "the executable of {service} has no SBOM"
            );
        }
    }
    Ok(())
}
