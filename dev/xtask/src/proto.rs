//! The contracts: Buf's lint, its format, and whether callers of the main branch would break.

use std::process::Command;

use anyhow::Result;

use crate::cargo::show;
use crate::repo::Repo;
use crate::say::Say;
use crate::tools;

/// Checks the contracts.
pub(crate) fn run(repo: &Repo, say: Say) -> Result<()> {
    let buf = tools::buf(repo, say)?;
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
        say.warning(
            "breaking changes not looked for: this is the main branch, or there is none here",
        );
        return Ok(());
    };
    if repo
        .git(&["cat-file", "-e", &format!("{base}:buf.yaml")])
        .is_err()
    {
        say.warning("breaking changes not looked for: the main branch has no contracts yet");
        return Ok(());
    }
    let against = format!(".git#ref={base}");
    show(
        &mut command(&["breaking", "--against", &against]),
        "buf breaking",
    )
}
