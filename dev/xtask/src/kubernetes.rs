//! Renders the manifests for Kubernetes as `kubectl apply --kustomize` does, and checks them
//! against the schemas of Kubernetes.

use std::path::PathBuf;
use std::process::Command;

use aikagi_devkit::command::{self, show};
use aikagi_devkit::console::Console;
use aikagi_devkit::debian;
use aikagi_devkit::install::{self, Tool};
use aikagi_devkit::installation::files::{private_directory, write_public};
use aikagi_devkit::repo::Repo;
use anyhow::{Context, Result};

const DIRECTORY: &str = "deploy/kubernetes";
/// The directories in `DIRECTORY` that are rendered.
const RENDERED: [&str; 2] = ["base", "overlays/example"];
/// `kubectl version` prints this if its kustomize is new enough.
const NEW_ENOUGH: &str = "Kustomize Version: v5";

/// Renders the directories of [`RENDERED`], and checks the results.
pub(crate) fn check(repo: &Repo, console: Console) -> Result<()> {
    install::ensure(&[Tool::Python], console)?;
    let kubectl = kubectl(repo, console)?;
    let home = private_directory(&repo.target.join("test/kubernetes"))?;
    let mut check = Command::new(python(repo, console)?);
    check
        .arg("-B")
        .arg(repo.root.join(DIRECTORY).join("check.py"))
        .arg(repo.root.join("docker-compose.yml"));
    for name in RENDERED {
        let mut kustomize = Command::new(&kubectl);
        kustomize
            .arg("kustomize")
            .arg(repo.root.join(DIRECTORY).join(name));
        let rendered = command::run(&mut kustomize)?;
        let file = home.join(format!("{}.yaml", name.replace('/', "-")));
        write_public(&file, rendered.as_bytes())?;
        check.arg(file);
    }
    show(&mut check, "the check of the manifests")
}

/// Finds a kubectl on this machine that is new enough, or downloads Debian's.
fn kubectl(repo: &Repo, console: Console) -> Result<PathBuf> {
    let new_enough = |program: &PathBuf| {
        command::run(Command::new(program).args(["version", "--client"]))
            .is_ok_and(|version| version.contains(NEW_ENOUGH))
    };
    let downloaded = repo.target.join("tools/kubectl");
    let mut known = command::find("kubectl")
        .into_iter()
        .chain([downloaded.clone()]);
    if let Some(found) = known.find(new_enough) {
        return Ok(found);
    }
    console.step("downloading kubectl from Debian");
    let packages = private_directory(&repo.target.join("tools/kubectl-package"))?;
    let tree = debian::unpack(&packages, &["kubernetes-client"])?;
    std::fs::copy(tree.join("usr/bin/kubectl"), &downloaded)
        .context("kubectl is not in its package")?;
    let _ = std::fs::remove_dir_all(&packages);
    Ok(downloaded)
}

/// Finds a Python environment with the packages of the check, or makes one.
fn python(repo: &Repo, console: Console) -> Result<PathBuf> {
    let wanted = repo.root.join(DIRECTORY).join("requirements.txt");
    let home = repo.target.join("tools/kubernetes");
    let installed = home.join("requirements.txt");
    let python = home.join("bin/python");
    let text = std::fs::read(&wanted).context("cannot read requirements.txt")?;
    if !std::fs::read(&installed).is_ok_and(|found| found == text) {
        console.step("installing the Kubernetes schemas with pip");
        let mut venv = Command::new("python3");
        command::run(venv.args(["-m", "venv", "--clear"]).arg(&home))?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet"])
            .args(["--disable-pip-version-check", "-r"])
            .arg(&wanted);
        command::run(&mut pip)?;
        std::fs::write(&installed, text).context("cannot write the list of installed packages")?;
    }
    Ok(python)
}
