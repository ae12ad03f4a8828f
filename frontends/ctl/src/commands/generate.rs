//! `aikagictl completions` and `aikagictl man`. Both generate their output from the definition of the arguments.

use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Arguments;
use crate::error::CommandError;
use crate::output::Output;

pub(crate) fn completions(shell: Shell, output: &mut Output) -> Result<(), CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "aikagictl", &mut script);
    output.bytes(&script)
}

pub(crate) fn man(directory: &Path, output: &mut Output) -> Result<(), CommandError> {
    let shown = directory.display();
    std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(Arguments::command(), directory))
        .map_err(|error| CommandError::io(&format!("cannot write into {shown}"), &error))?;
    output.line(&format!(
        "man pages are in {shown}: man -l {shown}/aikagictl.1"
    ))
}
