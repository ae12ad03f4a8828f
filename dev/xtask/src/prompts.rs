//! `cargo xtask prompts`: records the guidance that callers hear, with synthetic voices.

use std::path::{Path, PathBuf};
use std::process::Command;

use aikagi_devkit::cargo::build_with_tests;
use aikagi_devkit::command::{self, show};
use aikagi_devkit::console::Console;
use aikagi_devkit::install::{self, Tool};
use aikagi_devkit::process::executable;
use aikagi_devkit::repo::Repo;
use anyhow::{Context, Result};

/// The directory of the recordings, beside the dialplan that uses them.
pub(crate) const SOUNDS: &str = "deploy/asterisk/sounds";
/// The Japanese voice. It is in Debian's component `contrib`, which most machines do not use.
const VOICE_PACKAGE: &str = "hts-voice-nitech-jp-atr503-m001";
const VOICE: &str = "usr/share/hts-voice/nitech-jp-atr503-m001/nitech_jp_atr503_m001.htsvoice";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Installs the speech programs, and records every prompt in both languages.
pub(crate) fn run(repo: &Repo, console: Console) -> Result<()> {
    install::ensure(&[Tool::Speech], console)?;
    let voice = voice(repo, console)?;
    let out = repo.root.join(SOUNDS);
    let binaries = build_with_tests(repo)?;
    console.step("recording");
    let mut record = Command::new(executable(&binaries, "aikagi-prompts")?);
    record.arg("--out").arg(&out).arg("--voice").arg(voice);
    show(&mut record, "the recording")?;
    console.success(&format!("the recordings are in {}", out.display()));
    Ok(())
}

/// Finds the installed voice, or unpacks its package under the target directory.
fn voice(repo: &Repo, console: Console) -> Result<PathBuf> {
    let home = repo.target.join("tools/voice");
    let paths = [Path::new("/").join(VOICE), home.join(VOICE)];
    if let Some(voice) = paths.into_iter().find(|voice| voice.is_file()) {
        return Ok(voice);
    }
    console.step(&format!(
        "downloading {VOICE_PACKAGE} from Debian's contrib"
    ));
    for part in ["lists/partial", "archives/partial"] {
        std::fs::create_dir_all(home.join(part)).context("cannot make a directory")?;
    }
    let sources = home.join("sources.list");
    std::fs::write(&sources, contrib()?).context("cannot write apt's sources")?;
    let apt = |arguments: &[&str]| {
        let mut apt = Command::new("apt-get");
        apt.current_dir(&home).args(["-q", "-o"]);
        apt.arg(format!("Dir::Etc::SourceList={}", sources.display()));
        apt.args(["-o", "Dir::Etc::SourceParts=-", "-o"]);
        apt.arg(format!("Dir::State::Lists={}/lists", home.display()));
        apt.args(["-o"])
            .arg(format!("Dir::Cache={}", home.display()));
        // The user of apt's sandbox cannot write to this directory.
        apt.args(["-o", "APT::Sandbox::User=root"]).args(arguments);
        command::run(&mut apt)
    };
    apt(&["update"])?;
    apt(&["download", VOICE_PACKAGE])?;
    let package = std::fs::read_dir(&home)
        .context("cannot read the download")?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|ending| ending == "deb"))
        .context("apt-get downloaded no package")?;
    command::run(Command::new("dpkg-deb").arg("-x").arg(package).arg(&home))?;
    Ok(home.join(VOICE))
}

/// An apt source for the component `contrib` of this machine's own release.
fn contrib() -> Result<String> {
    let format = "$(COMPONENT) $(SITE) $(CODENAME)";
    let mut ask = Command::new("apt-get");
    ask.args(["indextargets", "--format", format, "Created-By: Packages"]);
    let targets = command::run(&mut ask)?;
    let main = targets
        .lines()
        .find_map(|line| line.strip_prefix("main "))
        .context("apt-get has no package lists: run apt-get update")?;
    Ok(format!("deb [signed-by={KEYRING}] {main} contrib\n"))
}
