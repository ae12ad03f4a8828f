//! Replays what the fuzzer starts from, and every beginning of it: a seed that does not hold is found without a fuzzer.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "what does not hold is told by a panic, and which seed it was"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aikagi_properties::check;

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
fn every_seed_holds() {
    for (name, check) in check::ALL {
        let seeds = files(&fuzz().join("seeds").join(name));
        assert!(!seeds.is_empty(), "{name}");
        for seed in seeds {
            // Shown when the test fails.
            println!("{}", seed.display());
            let bytes = std::fs::read(seed).unwrap();
            (0..=bytes.len()).for_each(|end| check(&bytes[..end]));
        }
    }
}

#[test]
fn every_check_has_a_target_of_its_name() {
    let targets: BTreeSet<String> = files(&fuzz().join("fuzz_targets"))
        .iter()
        .filter_map(|path| path.file_stem()?.to_str().map(str::to_owned))
        .collect();
    let checks: BTreeSet<String> = check::ALL.map(|(name, _)| name.to_owned()).into();
    assert_eq!(targets, checks);
}
