//! Checks the direction of dependencies with a table of the packages that each package may use.
//! docs/architecture.md has the same table.

use toml::{Table, Value};

use super::tree::Tree;

/// A package of this workspace.
struct Package {
    name: &'static str,
    /// The package's row in the table. A package uses packages of lower rows. It may also use
    /// packages of its own row, if its entry lists them.
    row: u8,
    uses: Uses,
}

/// The packages of this workspace that a package may use.
enum Uses {
    /// Only these packages.
    Only(&'static [&'static str]),
    /// Every package of a lower row, and these packages of its own row.
    Below { beside: &'static [&'static str] },
    /// Every package of a lower row except the domain.
    WithoutDomain,
}

const fn only(row: u8, name: &'static str, uses: &'static [&'static str]) -> Package {
    Package {
        name,
        row,
        uses: Uses::Only(uses),
    }
}

const fn below(name: &'static str, beside: &'static [&'static str]) -> Package {
    Package {
        name,
        row: 5,
        uses: Uses::Below { beside },
    }
}

const PACKAGES: [Package; 30] = [
    only(1, "aikagi-domain", &[]),
    only(1, "aikagi-agi", &[]),
    only(2, "aikagi-refusal", &["aikagi-domain"]),
    only(2, "aikagi-api", &["aikagi-domain"]),
    only(2, "aikagi-ledger", &["aikagi-domain"]),
    only(2, "aikagi-ttl", &["aikagi-domain"]),
    only(2, "aikagi-hashing", &["aikagi-domain"]),
    only(3, "aikagi-mesh", &["aikagi-domain", "aikagi-refusal"]),
    only(3, "aikagi-installation", &["aikagi-hashing"]),
    // Services may use the packages of rows 1 to 3, except agi and installation. The gateway uses neither a database
    // nor hashes. Password and units do not use Redis.
    only(
        4,
        "aikagi-gateway",
        &[
            "aikagi-api",
            "aikagi-domain",
            "aikagi-mesh",
            "aikagi-refusal",
            "aikagi-ttl",
        ],
    ),
    only(
        4,
        "aikagi-issuance",
        &[
            "aikagi-api",
            "aikagi-domain",
            "aikagi-hashing",
            "aikagi-ledger",
            "aikagi-mesh",
            "aikagi-refusal",
            "aikagi-ttl",
        ],
    ),
    only(
        4,
        "aikagi-authentication",
        &[
            "aikagi-api",
            "aikagi-domain",
            "aikagi-hashing",
            "aikagi-ledger",
            "aikagi-mesh",
            "aikagi-refusal",
            "aikagi-ttl",
        ],
    ),
    only(
        4,
        "aikagi-password",
        &[
            "aikagi-api",
            "aikagi-domain",
            "aikagi-hashing",
            "aikagi-ledger",
            "aikagi-mesh",
            "aikagi-refusal",
        ],
    ),
    only(
        4,
        "aikagi-units",
        &[
            "aikagi-api",
            "aikagi-domain",
            "aikagi-hashing",
            "aikagi-ledger",
            "aikagi-mesh",
            "aikagi-refusal",
        ],
    ),
    // Frontends use the system through its contracts and have no store.
    only(
        4,
        "aikagi-ctl",
        &[
            "aikagi-api",
            "aikagi-domain",
            "aikagi-mesh",
            "aikagi-refusal",
        ],
    ),
    only(
        4,
        "aikagi-ivr",
        &[
            "aikagi-agi",
            "aikagi-api",
            "aikagi-domain",
            "aikagi-mesh",
            "aikagi-refusal",
        ],
    ),
    only(
        4,
        "aikagi-setup",
        &[
            "aikagi-hashing",
            "aikagi-installation",
            "aikagi-ledger",
            "aikagi-mesh",
        ],
    ),
    only(4, "aikagi-devkit", &["aikagi-installation"]),
    only(
        4,
        "aikagi-client",
        &["aikagi-api", "aikagi-devkit", "aikagi-refusal"],
    ),
    only(
        4,
        "aikagi-fixtures",
        &["aikagi-devkit", "aikagi-installation", "aikagi-ledger"],
    ),
    only(5, "xtask", &["aikagi-devkit"]),
    only(
        5,
        "aikagi-demo",
        &[
            "aikagi-api",
            "aikagi-client",
            "aikagi-devkit",
            "aikagi-domain",
            "aikagi-refusal",
        ],
    ),
    only(5, "aikagi-softphone", &["aikagi-api"]),
    below("aikagi-bench", &[]),
    below("aikagi-calls", &[]),
    below("aikagi-container-tests", &[]),
    below("aikagi-properties", &[]),
    below("aikagi-e2e", &["aikagi-model"]),
    below("aikagi-fuzz", &["aikagi-properties"]),
    // The model states the rules independently of the domain, so it must not use the domain.
    Package {
        name: "aikagi-model",
        row: 5,
        uses: Uses::WithoutDomain,
    },
];

/// In these folders, only tests may use the packages of `FOR_TESTS`.
const PRODUCT: [&str; 4] = ["crates/", "services/", "frontends/", "deploy/"];
const FOR_TESTS: [&str; 2] = ["aikagi-devkit", "aikagi-fixtures"];

/// A crate from outside that only some packages may use.
struct Reserved {
    name: &'static str,
    /// The packages that may use it.
    users: &'static [&'static str],
    /// The packages whose tests may use it, too.
    in_tests: &'static [&'static str],
}

const RESERVED: [Reserved; 6] = [
    Reserved {
        name: "sqlx",
        users: &[
            "aikagi-ledger",
            "aikagi-authentication",
            "aikagi-issuance",
            "aikagi-password",
            "aikagi-units",
            "aikagi-fixtures",
            "aikagi-bench",
            "aikagi-e2e",
        ],
        in_tests: &[],
    },
    Reserved {
        name: "redis",
        users: &[
            "aikagi-ttl",
            "aikagi-fixtures",
            "aikagi-bench",
            "aikagi-e2e",
        ],
        in_tests: &["aikagi-issuance"],
    },
    Reserved {
        name: "argon2",
        users: &["aikagi-hashing"],
        in_tests: &[],
    },
    Reserved {
        name: "argon2-rust",
        users: &["aikagi-hashing"],
        in_tests: &[],
    },
    // Services seal and open through the types of aikagi-hashing, which say who can open (INV-9).
    Reserved {
        name: "hpke",
        users: &["aikagi-hashing"],
        in_tests: &[],
    },
    Reserved {
        name: "rustls",
        users: &["aikagi-mesh", "aikagi-gateway"],
        in_tests: &[],
    },
];

/// Dependencies that the table does not allow, in every manifest.
pub(super) fn breaches(tree: &Tree) -> Vec<String> {
    tree.ending("Cargo.toml")
        .flat_map(|(path, text)| in_manifest(path, text))
        .map(|(path, breach)| format!("{path}: {breach}"))
        .collect()
}

fn in_manifest<'a>(path: &'a str, text: &str) -> Vec<(&'a str, String)> {
    let Ok(manifest) = toml::from_str::<Table>(text) else {
        return vec![(path, "is not TOML".to_owned())];
    };
    let name = |package: &Value| Some(package.get("name")?.as_str()?.to_owned());
    let Some(package) = manifest.get("package").and_then(name) else {
        return vec![];
    };
    let mut found = Vec::new();
    let Some(entry) = entry(&package) else {
        return vec![(
            path,
            format!("{package} is not in the table of dev/xtask/src/tidy/dependencies.rs"),
        )];
    };
    for (used, in_tests) in dependencies(&manifest) {
        let is_ours = used.starts_with("aikagi-") || used == "xtask";
        let may_test = in_tests
            && FOR_TESTS.contains(&used.as_str())
            && PRODUCT.iter().any(|folder| path.starts_with(folder));
        if is_ours && !may_use(entry, &used) && !may_test {
            let kind = if in_tests { ", not even in tests" } else { "" };
            found.push((path, format!("{package} may not use {used}{kind}")));
        }
        for reserved in RESERVED.iter().filter(|reserved| reserved.name == used) {
            let users = [reserved.users, reserved.in_tests];
            let users = users.iter().take(if in_tests { 2 } else { 1 });
            if !users.copied().flatten().any(|user| *user == package) {
                found.push((path, format!("{package} may not use {used}")));
            }
        }
    }
    let lints = manifest
        .get("lints")
        .and_then(|lints| lints.get("workspace"));
    if lints.and_then(Value::as_bool) != Some(true) {
        found.push((
            path,
            format!("{package} does not take the workspace's lints"),
        ));
    }
    found
}

fn entry(package: &str) -> Option<&'static Package> {
    PACKAGES.iter().find(|entry| entry.name == package)
}

fn may_use(package: &Package, used: &str) -> bool {
    let is_below = entry(used).is_some_and(|found| found.row < package.row);
    match &package.uses {
        Uses::Only(packages) => packages.contains(&used),
        Uses::Below { beside } => is_below || beside.contains(&used),
        Uses::WithoutDomain => is_below && used != "aikagi-domain",
    }
}

/// The packages that a manifest names in any of its sections, and whether only tests use them.
fn dependencies(manifest: &Table) -> Vec<(String, bool)> {
    let targets = manifest
        .get("target")
        .and_then(Value::as_table)
        .into_iter()
        .flat_map(Table::values)
        .filter_map(Value::as_table);
    let mut found = Vec::new();
    for table in targets.chain([manifest]) {
        for (section, in_tests) in [
            ("dependencies", false),
            ("build-dependencies", false),
            ("dev-dependencies", true),
        ] {
            let section = table.get(section).and_then(Value::as_table);
            for (name, entry) in section.into_iter().flatten() {
                let renamed = entry.get("package").and_then(Value::as_str);
                found.push((renamed.unwrap_or(name).to_owned(), in_tests));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, package: &str, rest: &str) -> Vec<String> {
        let text = format!("[package]\nname = \"{package}\"\n[lints]\nworkspace = true\n{rest}");
        breaches(&Tree::of(&[(&format!("{path}/Cargo.toml"), &text)]))
    }

    fn uses(path: &str, package: &str, used: &str) -> usize {
        let rest = format!("[dependencies]\n{used}.workspace = true");
        check(path, package, &rest).len()
    }

    #[test]
    fn no_package_uses_a_package_of_a_higher_row() {
        for package in &PACKAGES {
            let named = match package.uses {
                Uses::Only(packages) => packages,
                Uses::Below { beside } => beside,
                Uses::WithoutDomain => &[],
            };
            for used in named {
                let used = entry(used).unwrap();
                assert!(
                    used.row <= package.row,
                    "{} uses {}",
                    package.name,
                    used.name
                );
            }
        }
    }

    #[test]
    fn only_dependencies_in_the_table_are_allowed() {
        assert_eq!(uses("services/units", "aikagi-units", "aikagi-mesh"), 0);
        assert_eq!(uses("services/units", "aikagi-units", "sqlx"), 0);
        assert_eq!(uses("tests/e2e", "aikagi-e2e", "aikagi-units"), 0);
        assert_eq!(uses("tests/e2e", "aikagi-e2e", "aikagi-model"), 0);
        assert_eq!(uses("tests/model", "aikagi-model", "aikagi-client"), 0);
        for (path, package, used) in [
            ("services/units", "aikagi-units", "aikagi-password"),
            ("services/units", "aikagi-units", "aikagi-ttl"),
            ("services/units", "aikagi-units", "redis"),
            ("services/gateway", "aikagi-gateway", "aikagi-ledger"),
            ("services/gateway", "aikagi-gateway", "aikagi-hashing"),
            ("frontends/ctl", "aikagi-ctl", "aikagi-ledger"),
            ("crates/domain", "aikagi-domain", "aikagi-api"),
            ("crates/mesh", "aikagi-mesh", "aikagi-devkit"),
            ("deploy/setup", "aikagi-setup", "aikagi-devkit"),
            ("tests/model", "aikagi-model", "aikagi-domain"),
            ("tests/calls", "aikagi-calls", "aikagi-e2e"),
            ("dev/xtask", "xtask", "aikagi-ledger"),
            ("dev/demo", "aikagi-demo", "xtask"),
            ("crates/ttl", "aikagi-ttl", "argon2"),
        ] {
            assert_eq!(uses(path, package, used), 1, "{package} uses {used}");
        }
    }

    #[test]
    fn dependencies_are_found_in_every_section_and_under_another_name() {
        for rest in [
            "[build-dependencies]\naikagi-ledger.workspace = true",
            "[target.'cfg(unix)'.dependencies]\naikagi-ledger = \"1\"",
            "[dependencies]\nledger = { package = \"aikagi-ledger\", path = \"x\" }",
            "[dev-dependencies]\naikagi-ledger.workspace = true",
        ] {
            assert_eq!(check("crates/ttl", "aikagi-ttl", rest).len(), 1, "{rest}");
        }
    }

    #[test]
    fn tests_of_the_product_may_use_fixtures_but_no_other_higher_package() {
        let dev = |used| format!("[dev-dependencies]\n{used}.workspace = true");
        for used in ["aikagi-devkit", "aikagi-fixtures"] {
            assert!(check("crates/ttl", "aikagi-ttl", &dev(used)).is_empty());
        }
        for (path, package, used) in [
            ("crates/ttl", "aikagi-ttl", "aikagi-client"),
            ("services/units", "aikagi-units", "aikagi-e2e"),
            ("dev/xtask", "xtask", "aikagi-fixtures"),
        ] {
            assert_eq!(
                check(path, package, &dev(used)).len(),
                1,
                "{package} {used}"
            );
        }
        assert!(check("services/issuance", "aikagi-issuance", &dev("redis")).is_empty());
        assert_eq!(uses("services/issuance", "aikagi-issuance", "redis"), 1);
    }

    #[test]
    fn a_package_that_is_unknown_or_has_no_lints_is_refused() {
        assert_eq!(check("crates/new", "aikagi-new", "").len(), 1);
        let bare = "[package]\nname = \"aikagi-domain\"";
        let tree = Tree::of(&[("crates/domain/Cargo.toml", bare)]);
        assert_eq!(breaches(&tree).len(), 1);
    }
}
