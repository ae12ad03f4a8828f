//! Finds the programs that a developer needs besides Rust, and installs the missing ones with apt.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::command::{find, run};
use crate::console::Console;

/// The oldest PostgreSQL on which the ledger's schema works.
const OLDEST_POSTGRES: u32 = 15;
const POSTGRES_PACKAGES: &str = "/usr/lib/postgresql";
const ARGON2_HEADER: &str = "/usr/include/argon2.h";

/// A program that does not come with Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// The server's programs, such as initdb and postgres.
    PostgreSql,
    /// redis-server.
    Redis,
    /// Node with npm, for Buf and the web clients.
    Node,
    /// A browser and a Japanese font, for the site's browser tests.
    Chromium,
    /// Python that can make virtual environments, for the Python client.
    Python,
    /// Programs that record the guidance: they speak Japanese and English, and convert sound.
    Speech,
    /// The SIP client of the tests with real calls.
    SipTester,
    /// Runs a process with a time that differs from the machine's time.
    Clock,
    /// The C compiler, with which Rust links and some crates build.
    CCompiler,
    /// The C++ compiler, with which libFuzzer is built.
    CxxCompiler,
    /// The reference library of Argon2, with which the benchmarks compare logins.
    Argon2,
    /// The Docker engine and its command line.
    Docker,
    /// Makes a small Debian as a tar archive.
    Mmdebstrap,
    /// Tests the rules of alerts. It is part of Prometheus, whose server is not used here.
    Promtool,
}

impl Tool {
    /// True if the tool is installed.
    pub fn present(self) -> bool {
        match self {
            Self::PostgreSql => postgres_programs().is_some(),
            Self::Redis => find("redis-server").is_some(),
            Self::Node => find("node").is_some() && find("npm").is_some(),
            Self::Chromium => find("chromium").is_some(),
            Self::Python => find("python3").is_some_and(|python| {
                run(Command::new(python).args(["-c", "import ensurepip, venv"])).is_ok()
            }),
            Self::Speech => ["open_jtalk", "espeak-ng", "sox"]
                .into_iter()
                .all(|program| find(program).is_some()),
            Self::SipTester => find("sipp").is_some(),
            Self::Clock => find("faketime").is_some(),
            Self::CCompiler => find("cc").is_some(),
            Self::CxxCompiler => find("c++").is_some(),
            Self::Argon2 => Path::new(ARGON2_HEADER).is_file(),
            Self::Docker => find("dockerd").is_some() && find("docker").is_some(),
            Self::Mmdebstrap => find("mmdebstrap").is_some(),
            Self::Promtool => find("promtool").is_some(),
        }
    }

    /// The tool's packages in Debian. The packages of PostgreSQL and Redis also start servers. Our
    /// programs do not use these servers: they start private servers with other directories and
    /// ports.
    const fn packages(self) -> &'static [&'static str] {
        match self {
            Self::PostgreSql => &["postgresql"],
            Self::Redis => &["redis-server"],
            Self::Node => &["nodejs", "npm"],
            Self::Chromium => &["chromium", "fonts-noto-cjk"],
            Self::Python => &["python3", "python3-venv", "python3-pip"],
            Self::Speech => &[
                "open-jtalk",
                "open-jtalk-mecab-naist-jdic",
                "espeak-ng",
                "sox",
            ],
            Self::SipTester => &["sip-tester"],
            Self::Clock => &["faketime"],
            Self::CCompiler => &["gcc", "libc6-dev"],
            Self::CxxCompiler => &["g++"],
            Self::Argon2 => &["libargon2-dev"],
            Self::Docker => &["docker.io", "iproute2", "iptables"],
            Self::Mmdebstrap => &["mmdebstrap"],
            Self::Promtool => &["prometheus"],
        }
    }
}

/// The directory of the programs of the newest installed PostgreSQL. None if every version is too
/// old.
pub fn postgres_programs() -> Option<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir(POSTGRES_PACKAGES)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .chain(on_path())
        .filter(|dir| dir.join("initdb").is_file())
        .filter_map(|dir| Some((postgres_version(&dir.join("postgres"))?, dir)))
        .filter(|(version, _)| *version >= OLDEST_POSTGRES)
        .collect();
    found.sort();
    found.pop().map(|(_, dir)| dir)
}

/// The directory of the server on PATH. A link to the server is followed, because the other
/// programs may not be beside the link.
fn on_path() -> Option<PathBuf> {
    let program = find("postgres")?.canonicalize().ok()?;
    program.parent().map(Path::to_owned)
}

/// The major version, from a line such as `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`.
fn postgres_version(program: &Path) -> Option<u32> {
    parse_version(&run(Command::new(program).arg("--version")).ok()?)
}

fn parse_version(line: &str) -> Option<u32> {
    let version = line.split(") ").nth(1)?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Installs each of `tools` that is missing, and prints what it installs.
///
/// Fails if a missing tool cannot be installed: there is no apt, or neither root nor sudo.
pub fn ensure(tools: &[Tool], console: Console) -> Result<()> {
    let missing: Vec<Tool> = tools
        .iter()
        .copied()
        .filter(|tool| !tool.present())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing
        .iter()
        .flat_map(|tool| tool.packages())
        .copied()
        .collect();
    let list = packages.join(" ");
    if find("apt-get").is_none() {
        bail!("missing: {missing:?}. Install them (on Debian: apt-get install {list})");
    }
    console.step(&format!("installing {list} with apt-get"));
    apt(&["update", "-q"]).with_context(|| by_hand(&list))?;
    let mut install = vec!["install", "-q", "-y", "--no-install-recommends"];
    install.extend(&packages);
    apt(&install).with_context(|| by_hand(&list))?;
    if let Some(tool) = missing.iter().find(|tool| !tool.present()) {
        bail!("{tool:?} is still missing or too old after installing {list}");
    }
    Ok(())
}

fn by_hand(packages: &str) -> String {
    format!(
        "cannot install packages; as root, run: apt-get update && apt-get install -y {packages}"
    )
}

fn apt(arguments: &[&str]) -> Result<()> {
    let mut command = if nix::unistd::geteuid().is_root() {
        Command::new("env")
    } else {
        let sudo = find("sudo").context("only root can do this, and sudo is not installed")?;
        let mut command = Command::new(sudo);
        command.arg("env");
        command
    };
    let status = command
        .args(["DEBIAN_FRONTEND=noninteractive", "apt-get"])
        .args(arguments)
        .stdout(Stdio::null())
        .status()
        .context("cannot start apt-get")?;
    if !status.success() {
        bail!("apt-get {} ended with {status}", arguments.join(" "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_debian_writes_them() {
        assert_eq!(
            parse_version("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(parse_version("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(parse_version("what?"), None);
    }
}
