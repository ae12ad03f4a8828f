//! Changes the deny list, with which workloads refuse stolen certificates (INV-12).

use std::path::Path;

use aikagi_installation::files::write_private;
use aikagi_installation::workloads::{OutsideWorkload, Service};
use aikagi_mesh::tls::{DenyList, certificates, serial_entry};
use anyhow::{Context as _, Result, ensure};
use clap::Subcommand;

/// The text of a new deny list.
const HEADER: &str =
    "# Certificates that every workload refuses: serial=HEX or spiffe://aikagi/NAME\n";

/// A change of the deny list.
#[derive(Debug, Subcommand)]
pub(crate) enum Change {
    /// Deny a certificate or an identity. Workloads read the new list by themselves.
    Add {
        /// `serial=HEX`, or an identity such as `spiffe://aikagi/operator/alice`.
        entry: String,
    },
    /// Remove an entry.
    Remove {
        /// The entry.
        entry: String,
    },
    /// Print the list.
    List,
    /// Print the serial numbers of the present certificates of all workloads.
    Certificates,
}

/// Creates a list that denies nobody, if there is no list.
pub(crate) fn ensure_list(file: &Path) -> Result<()> {
    if file.try_exists()? {
        return Ok(());
    }
    write_private(file, HEADER.as_bytes())
}

/// Changes the deny list in `file`, and returns the text to print. A refused change leaves the file as it was.
/// `vault` has the certificates.
pub(crate) fn change(file: &Path, vault: &Path, change: &Change) -> Result<String> {
    ensure_list(file)?;
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let text = match change {
        Change::Add { entry } => {
            let denied = parse_one(entry)?;
            let is_present = text.lines().any(|line| is_entry(line, &denied));
            ensure!(!is_present, "the deny list already has {entry}");
            let end = if text.is_empty() || text.ends_with('\n') {
                ""
            } else {
                "\n"
            };
            format!("{text}{end}{}\n", entry.trim())
        }
        Change::Remove { entry } => {
            let denied = parse_one(entry)?;
            let kept: String = text
                .split_inclusive('\n')
                .filter(|line| !is_entry(line, &denied))
                .collect();
            ensure!(kept != text, "the deny list does not have {entry}");
            kept
        }
        Change::List => return Ok(text),
        Change::Certificates => return serials(vault),
    };
    DenyList::parse(&text).context("workloads cannot read the changed deny list")?;
    write_private(file, text.as_bytes())?;
    Ok(text)
}

/// Reads the entry of a command line.
fn parse_one(entry: &str) -> Result<DenyList> {
    let parsed = DenyList::parse(entry).ok().filter(|list| list.len() == 1);
    parsed.with_context(|| format!("`{entry}` is neither `serial=HEX` nor `spiffe://aikagi/NAME`"))
}

fn is_entry(line: &str, denied: &DenyList) -> bool {
    DenyList::parse(line).is_ok_and(|list| list == *denied)
}

/// A line for each workload: its name, and the entry that denies its present certificate.
fn serials(vault: &Path) -> Result<String> {
    let services = Service::ALL.into_iter().map(Service::name);
    let outside = OutsideWorkload::ALL.into_iter().map(OutsideWorkload::name);
    let mut lines = Vec::new();
    for name in services.chain(outside) {
        let chain = certificates(&vault.join(format!("certificates/{name}.pem")))?;
        let entry = chain.first().and_then(serial_entry);
        let entry = entry.with_context(|| format!("the certificate of {name} has no serial"))?;
        lines.push(format!("{name:15} {entry}"));
    }
    Ok(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shares;

    /// INV-12: an entry is added and removed in any spelling. Comments stay.
    #[test]
    fn an_entry_is_added_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("deny-list.txt");
        let add = |entry: &str| {
            let entry = entry.to_owned();
            change(&file, dir.path(), &Change::Add { entry })
        };
        let remove = |entry: &str| {
            let entry = entry.to_owned();
            change(&file, dir.path(), &Change::Remove { entry })
        };
        add("serial=4A:0F").unwrap();
        let alice = "spiffe://aikagi/operator/alice";
        let expected = format!("{HEADER}serial=4A:0F\n{alice}\n");
        assert_eq!(add(alice).unwrap(), expected);
        for wrong in ["serial=4a0f", "units", "", "# x", "serial=01\nserial=02"] {
            add(wrong).unwrap_err();
        }
        remove("serial=01").unwrap_err();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
        assert_eq!(
            remove("serial=004a0f").unwrap(),
            format!("{HEADER}{alice}\n")
        );
        std::fs::write(&file, "serial=01").unwrap();
        assert_eq!(add("serial=02").unwrap(), "serial=01\nserial=02\n");
    }

    /// INV-12: the printed entry denies the certificate of the workload. Every workload gets the list.
    #[test]
    fn each_workload_gets_the_list() {
        let dir = tempfile::tempdir().unwrap();
        shares::make(dir.path(), &[], false, |_| {}).unwrap();
        let file = shares::deny_list(dir.path());
        let vault = dir.path().join("vault");
        let printed = change(&file, &vault, &Change::Certificates).unwrap();
        let line = printed.lines().find(|line| line.starts_with("units "));
        let entry = line.unwrap().split_whitespace().nth(1).unwrap().to_owned();
        change(&file, &vault, &Change::Add { entry }).unwrap();
        shares::share_deny_list(dir.path()).unwrap();
        let list = std::fs::read(&file).unwrap();
        for share in [
            "edge", "gateway", "units", "password", "ivr", "operator", "outside",
        ] {
            let copy = dir.path().join(share).join("deny-list.txt");
            assert_eq!(std::fs::read(copy).unwrap(), list, "{share}");
        }
        // Another run keeps the list.
        shares::make(dir.path(), &[], true, |_| {}).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), list);
    }
}
