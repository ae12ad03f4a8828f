//! Replays the fuzzer's seeds and all their prefixes. So a seed that breaks a property is found
//! without the fuzzer.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a check panics if a property is false, and the test prints the seed"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aikagi_properties::check;
use aikagi_refusal::{ErrorReason, reason_of};
use tonic::{Code, Status};

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap_or_else(|error| {
        panic!("{}: {error}", directory.display());
    });
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn no_seed_breaks_a_property() {
    for (name, check) in check::ALL {
        let seeds = files(&fuzz().join("seeds").join(name));
        assert!(!seeds.is_empty(), "{name}");
        for seed in seeds {
            // If the test fails, the last seed in the output is the one that broke a property.
            println!("{}", seed.display());
            let bytes = std::fs::read(seed).unwrap();
            (0..=bytes.len()).for_each(|end| check(&bytes[..end]));
        }
    }
}

/// The seed `refusal/retry` has one of our reasons. Without one, the check `refusal` would not
/// look at the other details of the seed.
#[test]
fn the_seed_of_a_retry_has_a_reason() {
    let seed = std::fs::read(fuzz().join("seeds/refusal/retry")).unwrap();
    let details = seed[1..].to_vec().into();
    let status = Status::with_details(Code::ResourceExhausted, "", details);
    assert_eq!(reason_of(&status), Some(ErrorReason::TooManyAttempts));
}

#[test]
fn checks_and_fuzz_targets_have_the_same_names() {
    let targets: BTreeSet<String> = files(&fuzz().join("fuzz_targets"))
        .iter()
        .filter_map(|path| path.file_stem()?.to_str().map(str::to_owned))
        .collect();
    let checks: BTreeSet<String> = check::ALL.map(|(name, _)| name.to_owned()).into();
    assert_eq!(targets, checks);
}
