//! `cargo xtask proto`: checks the contracts with Buf. It checks lint rules and format, and that no
//! change breaks a client of the main branch.

use std::process::Command;

use anyhow::Result;

use crate::tools;
use aikagi_devkit::command::show;
use aikagi_devkit::console::Console;
use aikagi_devkit::repo::Repo;

/// Checks the contracts.
pub(crate) fn run(repo: &Repo, console: Console) -> Result<()> {
    let buf = tools::buf(repo, console)?;
    let command = |arguments: &[&str]| {
        let mut command = Command::new(&buf);
        command.current_dir(&repo.root).args(arguments);
        command
    };
    show(&mut command(&["lint"]), "buf lint")?;
    show(
        &mut command(&["format", "--diff", "--exit-code"]),
        "buf format",
    )?;
    let Some(base) = repo.base() else {
        console.warning(
            "breaking changes are not checked: this is the main branch, or the repository has none",
        );
        return Ok(());
    };
    if repo
        .git(&["cat-file", "-e", &format!("{base}:buf.yaml")])
        .is_err()
    {
        console.warning("breaking changes are not checked: the main branch has no contracts yet");
        return Ok(());
    }
    let against = format!(".git#ref={base}");
    show(
        &mut command(&["breaking", "--against", &against]),
        "buf breaking",
    )
}
