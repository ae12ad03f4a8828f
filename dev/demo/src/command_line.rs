//! Runs `aikagictl` as a process, and shows what it prints.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use super::Story;
use super::narrator::masked_within;

const NAME: &str = "aikagictl";
/// The exit code of a refusal.
pub(super) const REFUSED: i32 = 3;

/// The operator's command line for one system.
#[derive(Debug)]
pub(super) struct CommandLine {
    program: PathBuf,
    state: PathBuf,
}

/// The result of a command.
#[derive(Debug)]
pub(super) struct Typed {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl CommandLine {
    /// The `aikagictl` in the directory of this program.
    pub(super) fn beside_this_program(state: &Path) -> Result<Self> {
        let this = std::env::current_exe().context("cannot find the path of this program")?;
        Ok(Self {
            program: this.with_file_name(NAME),
            state: state.to_owned(),
        })
    }

    /// Runs a command against this system. Settings of `aikagictl` in the environment are ignored.
    pub(super) async fn run(&self, arguments: &[&str]) -> Result<Typed> {
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AIKAGICTL_") {
                command.env_remove(name);
            }
        }
        let output = command
            .arg("--state")
            .arg(&self.state)
            .args(arguments)
            .output()
            .await
            .with_context(|| format!("cannot run {}", self.program.display()))?;
        Ok(Typed {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

impl Story {
    /// Runs a command for the operator, and shows and returns its output. Fails if the exit code is
    /// not the expected one.
    pub(super) async fn types(&self, arguments: &[&str], expected: i32) -> Result<String> {
        self.shows(arguments);
        let typed = self.command_line.run(arguments).await?;
        ensure!(
            typed.code == expected,
            "aikagictl {}: expected exit code {expected}, got {}: {}{}",
            arguments.join(" "),
            typed.code,
            typed.out,
            typed.err
        );
        let printed = format!("{}{}", typed.out, typed.err);
        for line in printed.lines() {
            self.narrator.prints(&masked_within(line));
        }
        Ok(printed)
    }

    /// Shows the command that the operator types.
    pub(super) fn shows(&self, arguments: &[&str]) {
        let typed = masked_within(&arguments.join(" "));
        self.narrator.does("operator", &format!("$ {NAME} {typed}"));
    }
}
