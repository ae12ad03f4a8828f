//! Rotates the key ring (INV-9). Each service that opens sealed values must know a new key before the key
//! becomes active. An old key must stay until no value is sealed under it.

use std::path::Path;

use aikagi_hashing::seal::KeyRing;
use aikagi_installation::files::write_private;
use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::Subcommand;
use toml::{Table, Value};

/// A change of the key ring.
#[derive(Debug, Subcommand)]
pub(crate) enum Change {
    /// Add a new key. It can open sealed values, but new values are not sealed with it yet.
    Add {
        /// The id of the new key.
        id: String,
    },
    /// Make a key active: new values are sealed with it.
    #[command(alias = "use")]
    Activate {
        /// The id of the key.
        id: String,
    },
    /// Remove a key. Run `aikagi-reseal` first: nothing can open a value that is still sealed under a removed key.
    #[command(alias = "drop")]
    Remove {
        /// The id of the key.
        id: String,
    },
    /// List the ids of the keys.
    List,
}

/// Changes the key ring in `file` and returns the list of its keys. A change is refused if services could not read the
/// key ring after it. A refused change leaves the file as it was.
pub(crate) fn change(file: &Path, change: &Change) -> Result<String> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    // The parser's own message quotes the line, and the line may be a key.
    let mut ring: Table = toml::from_str(&text)
        .ok()
        .with_context(|| format!("{} is not a key ring", file.display()))?;
    match change {
        Change::Add { id } => {
            let fresh: Table = toml::from_str(&KeyRing::generate_file_text(id, &mut rand::rng()))
                .ok()
                .context("the generated key ring cannot be parsed")?;
            let key = keys_of(&fresh)?
                .get(id)
                .cloned()
                .context("the generated key ring does not have the new key")?;
            let keys = ring.get_mut("keys").and_then(Value::as_table_mut);
            let keys = keys.context("the key ring has no table `keys`")?;
            ensure!(
                !keys.contains_key(id),
                "the key ring already has a key {id}: choose another id"
            );
            keys.insert(id.clone(), key);
        }
        Change::Activate { id } => {
            ensure!(
                keys_of(&ring)?.contains_key(id),
                "the key ring has no key {id}: add it first"
            );
            ring.insert("active".to_owned(), Value::from(id.as_str()));
        }
        Change::Remove { id } => {
            if active(&ring) == Some(id) {
                bail!("key {id} is active: activate another key first");
            }
            let keys = ring.get_mut("keys").and_then(Value::as_table_mut);
            let removed = keys.and_then(|keys| keys.remove(id));
            ensure!(removed.is_some(), "the key ring has no key {id}");
        }
        Change::List => {}
    }
    if !matches!(change, Change::List) {
        let changed = ring.to_string();
        KeyRing::parse(&changed)
            .map_err(|problem| anyhow!("services cannot read the changed key ring: {problem}"))?;
        write_private(file, changed.as_bytes())?;
    }
    let ids: Vec<String> = keys_of(&ring)?
        .keys()
        .map(|id| {
            let seals = if active(&ring) == Some(id) {
                " (seals)"
            } else {
                ""
            };
            format!("{id}{seals}")
        })
        .collect();
    Ok(ids.join("\n"))
}

fn active(ring: &Table) -> Option<&str> {
    ring.get("active").and_then(Value::as_str)
}

fn keys_of(ring: &Table) -> Result<&Table> {
    ring.get("keys")
        .and_then(Value::as_table)
        .context("the key ring has no table `keys`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key-ring.toml");
        let text = KeyRing::generate_file_text("1", &mut rand::rng());
        write_private(&file, text.as_bytes()).unwrap();
        (dir, file)
    }

    /// INV-9: a new key is added, then activated, and only then the old key can be removed. At the end, services can
    /// read the key ring.
    #[test]
    fn a_key_is_removed_only_after_another_is_active() {
        let (_dir, file) = ring();
        let id = || "2".to_owned();
        let old = || "1".to_owned();
        assert_eq!(
            change(&file, &Change::Add { id: id() }).unwrap(),
            "1 (seals)\n2"
        );
        change(&file, &Change::Remove { id: old() }).unwrap_err();
        assert_eq!(
            change(&file, &Change::Activate { id: id() }).unwrap(),
            "1\n2 (seals)"
        );
        assert_eq!(
            change(&file, &Change::Remove { id: old() }).unwrap(),
            "2 (seals)"
        );
        KeyRing::load(&file).unwrap();
    }

    #[test]
    fn a_refused_change_changes_nothing() {
        let (_dir, file) = ring();
        let before = std::fs::read(&file).unwrap();
        for wrong in [
            Change::Add { id: "1".to_owned() },
            Change::Add { id: String::new() },
            Change::Add {
                id: "1".repeat(256),
            },
            Change::Activate { id: "9".to_owned() },
            Change::Remove { id: "9".to_owned() },
        ] {
            change(&file, &wrong).unwrap_err();
        }
        assert_eq!(change(&file, &Change::List).unwrap(), "1 (seals)");
        assert_eq!(std::fs::read(&file).unwrap(), before);
    }
}
