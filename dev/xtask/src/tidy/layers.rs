//! Dependencies run one way: services, then the crates of the middle row, then the domain.

use std::path::Path;

use anyhow::{Context, Result};
use toml::Table;

const MIDDLE: [&str; 6] = [
    "aikagi-api",
    "aikagi-refusal",
    "aikagi-ledger",
    "aikagi-ttl",
    "aikagi-hashing",
    "aikagi-mesh",
];
/// Programs outside the system, which know it by its contracts.
const OUTSIDE: [&str; 1] = ["aikagi-ctl"];
const SERVICES: [&str; 5] = [
    "aikagi-authentication",
    "aikagi-gateway",
    "aikagi-issuance",
    "aikagi-password",
    "aikagi-units",
];

/// Crates from outside that only some of ours may use, and who those are.
const RESERVED: [(&str, &[&str]); 4] = [
    (
        "sqlx",
        &[
            "aikagi-ledger",
            "aikagi-authentication",
            "aikagi-issuance",
            "aikagi-password",
            "aikagi-units",
            "aikagi-fixtures",
            "aikagi-bench",
            "aikagi-e2e",
        ],
    ),
    ("redis", &["aikagi-ttl", "aikagi-bench", "aikagi-e2e"]),
    ("argon2", &["aikagi-hashing"]),
    ("rustls", &["aikagi-mesh", "aikagi-gateway"]),
];

/// What a package of ours may depend on, among ours, for other than its tests. None for those that may
/// depend on everything.
fn allowed(package: &str) -> Option<Vec<&'static str>> {
    if package == "aikagi-domain" || package == "aikagi-agi" {
        Some(vec![])
    } else if package == "aikagi-ivr" {
        // It reaches everything through the gateway, as anybody outside does.
        Some(vec![
            "aikagi-agi",
            "aikagi-api",
            "aikagi-domain",
            "aikagi-mesh",
            "aikagi-refusal",
        ])
    } else if package == "aikagi-mesh" {
        Some(vec!["aikagi-domain", "aikagi-refusal"])
    } else if MIDDLE.contains(&package) {
        Some(vec!["aikagi-domain"])
    } else if package == "aikagi-installation" {
        Some(vec!["aikagi-hashing"])
    } else if package == "aikagi-setup" {
        // Production images contain it, so nothing of dev or tests.
        Some(vec![
            "aikagi-hashing",
            "aikagi-installation",
            "aikagi-ledger",
        ])
    } else if SERVICES.contains(&package) {
        Some([&MIDDLE[..], &["aikagi-domain"]].concat())
    } else if OUTSIDE.contains(&package) {
        Some(vec![
            "aikagi-api",
            "aikagi-domain",
            "aikagi-mesh",
            "aikagi-refusal",
        ])
    } else {
        None
    }
}

/// The breaches in one manifest.
pub(super) fn breaches(path: &Path, text: &str) -> Result<Vec<String>> {
    let manifest: Table = toml::from_str(text).with_context(|| path.display().to_string())?;
    let package = manifest
        .get("package")
        .and_then(|package| package.get("name"))
        .and_then(|name| name.as_str())
        .with_context(|| format!("{} names no package", path.display()))?;
    let names = |section: &str| -> Vec<&String> {
        manifest
            .get(section)
            .and_then(|table| table.as_table())
            .into_iter()
            .flat_map(Table::keys)
            .collect()
    };

    let mut found = Vec::new();
    if let Some(allowed) = allowed(package) {
        for name in names("dependencies") {
            if (name.starts_with("aikagi-") || name == "xtask") && !allowed.contains(&name.as_str())
            {
                found.push(format!("{package} may not depend on {name}"));
            }
        }
    }
    for (name, users) in RESERVED {
        let uses = names("dependencies").into_iter().any(|have| have == name);
        if uses && !users.contains(&package) {
            found.push(format!("{package} may not use {name}"));
        }
    }
    let inherits = manifest
        .get("lints")
        .and_then(|lints| lints.get("workspace"));
    if inherits.and_then(toml::Value::as_bool) != Some(true) {
        found.push(format!("{package} does not take the workspace's lints"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(package: &str, dependencies: &str) -> Vec<String> {
        let text = format!(
            "[package]\nname = \"{package}\"\n[lints]\nworkspace = true\n[dependencies]\n{dependencies}"
        );
        breaches(Path::new("Cargo.toml"), &text).unwrap()
    }

    #[test]
    fn the_layers_hold() {
        assert!(check("aikagi-units", "aikagi-mesh.workspace = true\nsqlx = \"1\"").is_empty());
        assert_eq!(
            check("aikagi-ttl", "aikagi-ledger.workspace = true").len(),
            1
        );
        assert_eq!(
            check("aikagi-domain", "aikagi-mesh.workspace = true").len(),
            1
        );
        assert!(check("aikagi-mesh", "aikagi-refusal.workspace = true").is_empty());
        assert_eq!(
            check("aikagi-refusal", "aikagi-mesh.workspace = true").len(),
            1
        );
        assert!(check("aikagi-ivr", "aikagi-agi.workspace = true").is_empty());
        assert!(check("aikagi-setup", "aikagi-installation.workspace = true").is_empty());
        assert_eq!(
            check("aikagi-setup", "aikagi-devkit.workspace = true").len(),
            1
        );
        assert_eq!(check("aikagi-ivr", "aikagi-ttl.workspace = true").len(), 1);
        assert_eq!(
            check(
                "aikagi-units",
                "aikagi-password.workspace = true\nredis = \"1\""
            )
            .len(),
            2
        );
        assert_eq!(
            check(
                "aikagi-ctl",
                "aikagi-mesh.workspace = true\naikagi-ledger.workspace = true"
            )
            .len(),
            1
        );
        assert!(check("aikagi-e2e", "aikagi-units.workspace = true\nredis = \"1\"").is_empty());
    }

    #[test]
    fn tests_may_use_what_they_need() {
        let text = "[package]\nname = \"aikagi-ttl\"\n[lints]\nworkspace = true\n[dev-dependencies]\naikagi-devkit = \"1\"";
        assert!(breaches(Path::new("Cargo.toml"), text).unwrap().is_empty());
        assert_eq!(
            breaches(Path::new("Cargo.toml"), "[package]\nname = \"x\"")
                .unwrap()
                .len(),
            1
        );
    }
}
