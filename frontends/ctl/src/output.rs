//! Where everything is printed: results on standard output, remarks and faults on standard error.

use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write};

use comfy_table::{Table, presets};
use serde::Serialize;

use crate::cli::Format;
use crate::error::{CommandError, ExitKind};

/// A result: JSON by its shape, and words for people.
pub(crate) trait Printable: Serialize {
    /// For people; may be several lines, without the last line's end.
    fn words(&self) -> String;
}

/// Prints what a command finds.
pub(crate) struct Output {
    pub(crate) format: Format,
    out: BufWriter<Stdout>,
}

impl Output {
    pub(crate) fn new(format: Format) -> Self {
        Self {
            format,
            out: BufWriter::new(io::stdout()),
        }
    }

    /// Prints a result in the format that was asked for.
    pub(crate) fn show(&mut self, result: &impl Printable) -> Result<(), CommandError> {
        match self.format {
            Format::Human => self.line(&result.words()),
            Format::Json => {
                let text = serde_json::to_string(result).map_err(|error| {
                    CommandError::new(ExitKind::Fault, format!("cannot print: {error}"))
                })?;
                self.line(&text)
            }
        }
    }

    /// Prints text as it is.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), CommandError> {
        writeln!(self.out, "{text}").map_err(|error| of_output(&error))
    }

    /// Prints bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), CommandError> {
        self.out.write_all(bytes).map_err(|error| of_output(&error))
    }

    /// Hands on what was printed so far.
    pub(crate) fn flush(&mut self) -> Result<(), CommandError> {
        self.out.flush().map_err(|error| of_output(&error))
    }

    /// Tells why a command could not be done.
    pub(crate) fn complain(&mut self, error: &CommandError) {
        let _ = self.out.flush();
        if error.kind == ExitKind::OutputClosed {
            return;
        }
        match self.format {
            Format::Json => {
                let shape = serde_json::json!({ "error": error });
                remark(&shape.to_string());
            }
            Format::Human => {
                let reason = match &error.reason {
                    Some(reason) => format!(" [{reason}]"),
                    None => String::new(),
                };
                remark(&format!("aikagictl: {}{reason}", error.message));
                if let Some(hint) = &error.hint {
                    remark(&format!("  {hint}"));
                }
            }
        }
    }
}

fn of_output(error: &io::Error) -> CommandError {
    if error.kind() == io::ErrorKind::BrokenPipe {
        CommandError::new(ExitKind::OutputClosed, "")
    } else {
        CommandError::io("cannot print", error)
    }
}

/// A remark beside the results, on standard error. That it cannot be made is nobody's loss.
pub(crate) fn remark(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Asks before something that cannot be undone, unless `yes` was said or nobody is there to be asked.
pub(crate) fn confirm(question: &str, yes: bool) -> Result<(), CommandError> {
    if yes || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(());
    }
    let _ = write!(io::stderr(), "{question} Type yes: ");
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(|error| CommandError::io("cannot ask", &error))?;
    if answer.trim() == "yes" {
        Ok(())
    } else {
        Err(CommandError::new(ExitKind::Refused, "nothing was changed"))
    }
}

/// A table without lines: columns under their names.
pub(crate) fn table(names: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(names.to_vec());
    for row in rows {
        table.add_row(row);
    }
    if let Some(first) = table.column_mut(0) {
        first.set_padding((0, 1));
    }
    let text = table.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}
