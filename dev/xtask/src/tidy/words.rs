//! What only some source files may name.

use std::path::Path;

/// A word that is kept to some places.
struct Reserved {
    /// The word, as a whole.
    word: &'static str,
    /// Paths whose beginning, from the root, allows it. `*` stands for one directory.
    places: &'static [&'static str],
    /// Why.
    reason: &'static str,
}

const RESERVED: [Reserved; 2] = [
    Reserved {
        word: "sqlx",
        places: &[
            "crates/ledger",
            "dev",
            "services/*/src/store",
            "services/*/src/reseal",
            "services/*/tests",
            "tests",
        ],
        reason: "statements live in the ledger and in a service's store",
    },
    Reserved {
        word: "Status",
        places: &[
            "crates/mesh",
            "crates/refusal",
            "crates/api",
            "services/gateway",
            "services/*/src/service",
            // They call services, and hear statuses.
            "frontends",
            "tests",
        ],
        reason: "errors become a status at the edge of a service, in service.rs",
    },
];

/// The breaches in one source file. Comments, and tests at a file's end, may name everything.
pub(super) fn breaches(path: &Path, text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or(text);
    let mut found = Vec::new();
    for reserved in &RESERVED {
        if reserved.places.iter().any(|place| is_under(path, place)) || is_test(path) {
            continue;
        }
        for (index, line) in code.lines().enumerate() {
            let line = line.split("//").next().unwrap_or(line);
            if words(line).any(|word| word == reserved.word) {
                found.push(format!(
                    "{}:{} names {}: {}",
                    path.display(),
                    index + 1,
                    reserved.word,
                    reserved.reason
                ));
            }
        }
    }
    found
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests")
        || path.file_name().is_some_and(|name| name == "tests.rs")
}

/// `path` is the place, is in it, or is it with an ending (`src/store` is `src/store.rs` too).
fn is_under(path: &Path, place: &str) -> bool {
    let mut parts = path
        .components()
        .map(|part| part.as_os_str().to_string_lossy());
    place.split('/').all(|expected| {
        parts.next().is_some_and(|part| {
            expected == "*" || part == expected || part.strip_suffix(".rs") == Some(expected)
        })
    })
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_alphanumeric() || c == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        breaches(Path::new(path), text).len()
    }

    #[test]
    fn statements_stay_in_the_store() {
        assert_eq!(
            count("services/units/src/add_line.rs", "use sqlx::query;\n"),
            1
        );
        assert_eq!(
            count("services/units/src/store.rs", "use sqlx::query;\n"),
            0
        );
        assert_eq!(
            count("services/units/src/store/lines.rs", "use sqlx::query;\n"),
            0
        );
        assert_eq!(count("crates/ledger/src/lib.rs", "sqlx::migrate!()"), 0);
    }

    #[test]
    fn a_status_is_made_at_the_edge() {
        assert_eq!(
            count(
                "services/password/src/change.rs",
                "Err(Status::internal(x))"
            ),
            1
        );
        assert_eq!(
            count("services/password/src/service.rs", "-> Result<T, Status>"),
            0
        );
        assert_eq!(
            count(
                "services/password/src/change.rs",
                "let a = StatusLine; // Status\n"
            ),
            0
        );
    }

    #[test]
    fn tests_may_name_everything() {
        assert_eq!(
            count(
                "services/units/src/a.rs",
                "x\n#[cfg(test)]\nmod tests { sqlx::query(); }"
            ),
            0
        );
        assert_eq!(count("crates/ttl/src/tests.rs", "use tonic::Status;"), 0);
    }
}
