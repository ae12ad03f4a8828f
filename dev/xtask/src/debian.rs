//! Programs from Debian's packages that are not installed: this machine's own release has none, or one that is too old.

use std::path::{Path, PathBuf};
use std::process::Command;

use aikagi_devkit::command;
use aikagi_devkit::paths::{private_directory, write_public};
use anyhow::{Context, Result};

/// Where the packages are.
pub(crate) const MIRROR: &str = "http://deb.debian.org/debian";
/// The release that they are of.
pub(crate) const RELEASE: &str = "trixie";

/// Fetches packages, and unpacks them in `home`, which is for nothing else; returns the root of what was in them.
pub(crate) fn unpack(home: &Path, names: &[&str]) -> Result<PathBuf> {
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
    apt(&download).with_context(|| format!("cannot fetch {}", names.join(" ")))?;
    let tree = home.join("tree");
    let entries = std::fs::read_dir(home).context("cannot list packages")?;
    for entry in entries.flatten() {
        if entry.path().extension().is_some_and(|end| end == "deb") {
            let mut unpack = Command::new("dpkg-deb");
            command::run(unpack.arg("-x").arg(entry.path()).arg(&tree))?;
        }
    }
    Ok(tree)
}
