//! Programs from Debian's packages, unpacked without installation. A machine needs them if its own
//! release does not have the program, or has a version that is too old.

use std::path::{Path, PathBuf};
use std::process::Command;

use aikagi_installation::files::{private_directory, write_public};
use anyhow::{Context, Result};

use crate::command;

/// The archive of packages.
pub const MIRROR: &str = "http://deb.debian.org/debian";
/// The release of the packages.
pub const RELEASE: &str = "trixie";

/// Downloads packages and unpacks them under `home`, which must not contain other files. Returns
/// the root of the unpacked files.
pub fn unpack(home: &Path, names: &[&str]) -> Result<PathBuf> {
    let lists = private_directory(&home.join("lists"))?;
    private_directory(&lists.join("partial"))?;
    let sources = home.join("sources.list");
    let line = format!(
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {MIRROR} {RELEASE} main\n"
    );
    write_public(&sources, line.as_bytes())?;
    let options = [
        format!("Dir::Etc::SourceList={}", sources.display()),
        "Dir::Etc::SourceParts=-".to_owned(),
        "APT::Sandbox::User=root".to_owned(),
        format!("Dir::State::Lists={}", lists.display()),
    ];
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.arg("-q").current_dir(home);
        for option in &options {
            command.args(["-o", option]);
        }
        command::run(command.args(arguments))
    };
    apt(&["update"]).context("cannot read Debian's list of packages")?;
    let mut download = vec!["download"];
    download.extend(names);
    apt(&download).with_context(|| format!("cannot download {}", names.join(" ")))?;
    let tree = home.join("tree");
    let entries = std::fs::read_dir(home).context("cannot list the downloaded packages")?;
    for entry in entries.flatten() {
        if entry.path().extension().is_some_and(|end| end == "deb") {
            let mut unpack = Command::new("dpkg-deb");
            command::run(unpack.arg("-x").arg(entry.path()).arg(&tree))?;
        }
    }
    Ok(tree)
}
