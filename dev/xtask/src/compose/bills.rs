//! What the images say of what is in them.

use anyhow::{Context, Result, ensure};

use super::{RUNNING, Stage};

/// The section that cargo-auditable puts into an executable.
const SECTION: &[u8] = b".dep-v0";
/// Those that have no executable of ours.
const STORES: [&str; 2] = ["postgres", "redis"];

/// The site's bill of materials, and each executable's where it was compiled in its image.
pub(super) fn check(stage: &Stage<'_>) -> Result<()> {
    for service in RUNNING {
        let containers = stage.project.containers(service)?;
        let container = containers
            .first()
            .with_context(|| format!("{service} does not run"))?;
        let read = |path: &str| {
            std::fs::read(format!("/proc/{}/root/{path}", container.pid))
                .with_context(|| format!("{}: {path}", container.name))
        };
        if service == "gateway" {
            let bill: serde_json::Value =
                serde_json::from_slice(&read("usr/share/sbom/site.cdx.json")?)
                    .context("the site's SBOM")?;
            ensure!(
                bill.get("bomFormat")
                    .is_some_and(|format| format == "CycloneDX"),
                "the site's SBOM is no CycloneDX"
            );
        }
        if stage.from_source && !STORES.contains(&service) {
            let executable = read("usr/local/bin/aikagi")?;
            ensure!(
                executable
                    .windows(SECTION.len())
                    .any(|window| window == SECTION),
                "{service} does not say what went into it"
            );
        }
    }
    Ok(())
}
