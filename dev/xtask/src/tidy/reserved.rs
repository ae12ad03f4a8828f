//! Names that only some source files may use. `dependencies.rs` checks which packages may use a
//! crate. This check restricts the crate to some files of these packages.

use super::rust::{Kind, code};
use super::tree::{Tree, is_test};

/// A name, and the files that may use it.
struct Reserved {
    name: &'static str,
    /// Files and folders, from the root. `*` is any one part of a path. A file's ending may be left
    /// out.
    places: &'static [&'static str],
    reason: &'static str,
}

const RESERVED: [Reserved; 3] = [
    Reserved {
        name: "sqlx",
        places: &[
            "crates/ledger",
            "dev",
            "services/*/src/store",
            "services/*/src/reseal",
        ],
        reason: "statements live in the ledger and in a service's store",
    },
    Reserved {
        name: "rustls",
        places: &["crates/mesh", "dev", "services/gateway/src/certificate"],
        reason: "TLS is set up in mesh, and the public certificate in the edge",
    },
    Reserved {
        name: "Status",
        places: &[
            "crates/api",
            "crates/mesh",
            "crates/refusal",
            "dev",
            // Frontends call services and read statuses.
            "frontends",
            "services/gateway",
            "services/*/src/service",
        ],
        reason: "a refusal becomes a status at the edge of a service, in service.rs",
    },
];

/// Names in files that may not use them. Comments and tests may name everything.
pub(super) fn breaches(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.ending(".rs").filter(|(path, _)| !is_test(path)) {
        let outside = RESERVED
            .iter()
            .filter(|reserved| !reserved.places.iter().any(|place| is_in(path, place)));
        let outside: Vec<&Reserved> = outside.collect();
        for token in code(text).iter().filter(|token| token.kind == Kind::Word) {
            for reserved in outside.iter().filter(|reserved| token.is(reserved.name)) {
                found.push(format!(
                    "{path}:{}: {} may not be used here: {}",
                    token.line, reserved.name, reserved.reason
                ));
            }
        }
    }
    found
}

/// True if `path` is the place or in it. The place may lack the ending: `src/store` is `src/store.rs`, too.
fn is_in(path: &str, place: &str) -> bool {
    let mut parts = path.split('/');
    place.split('/').all(|expected| {
        parts.next().is_some_and(|part| {
            expected == "*" || part == expected || part.strip_suffix(".rs") == Some(expected)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        breaches(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn statements_stay_in_the_store() {
        let statement = "use sqlx::query;\n";
        assert_eq!(count("services/units/src/add_line.rs", statement), 1);
        assert_eq!(count("services/units/src/store.rs", statement), 0);
        assert_eq!(count("services/units/src/store/lines.rs", statement), 0);
        assert_eq!(count("crates/ledger/src/lib.rs", "sqlx::migrate!()"), 0);
    }

    #[test]
    fn a_status_is_made_at_the_edge() {
        let refusal = "Err(Status::internal(x))";
        assert_eq!(count("services/password/src/change.rs", refusal), 1);
        assert_eq!(count("services/password/src/service.rs", refusal), 0);
        let other = "let a = StatusLine; // Status\n";
        assert_eq!(count("services/password/src/change.rs", other), 0);
    }

    #[test]
    fn tls_stays_in_mesh() {
        let tls = "let a = rustls::ServerConfig::builder();";
        assert_eq!(count("services/gateway/src/public.rs", tls), 1);
        assert_eq!(count("services/gateway/src/certificate.rs", tls), 0);
        assert_eq!(count("crates/mesh/src/tls.rs", tls), 0);
    }

    #[test]
    fn tests_may_name_everything() {
        let tests = "x;\n#[cfg(test)]\nmod tests { fn a() { sqlx::query(); } }";
        assert_eq!(count("services/units/src/a.rs", tests), 0);
        assert_eq!(
            count("services/units/src/tests.rs", "use tonic::Status;"),
            0
        );
        let after = "#[cfg(test)]\nmod tests;\nuse sqlx::query;";
        assert_eq!(count("services/units/src/a.rs", after), 1);
    }
}
