//! Printing: results to standard output, remarks and errors to standard error.

use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write};

use comfy_table::{Table, presets};
use serde::Serialize;

use crate::cli::Format;
use crate::error::{CommandError, ExitKind};

/// A result that can be printed: as JSON by `Serialize`, or as text for people.
pub(crate) trait Printable: Serialize {
    /// The text for people: one or more lines, without a line feed at the end.
    fn text(&self) -> String;
}

/// Prints the results of a command.
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

    /// Prints a result in the chosen format.
    pub(crate) fn show(&mut self, result: &impl Printable) -> Result<(), CommandError> {
        match self.format {
            Format::Human => self.line(&harmless(&result.text())),
            Format::Json => {
                let text = serde_json::to_string(result).map_err(|error| {
                    CommandError::new(ExitKind::Fault, format!("cannot print: {error}"))
                })?;
                self.line(&text)
            }
        }
    }

    /// Prints a text and a line feed.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), CommandError> {
        writeln!(self.out, "{text}").map_err(|error| print_error(&error))
    }

    /// Prints bytes unchanged.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), CommandError> {
        self.out
            .write_all(bytes)
            .map_err(|error| print_error(&error))
    }

    /// Writes the buffered output to standard output.
    pub(crate) fn flush(&mut self) -> Result<(), CommandError> {
        self.out.flush().map_err(|error| print_error(&error))
    }

    /// Prints an error to standard error.
    pub(crate) fn show_error(&mut self, error: &CommandError) {
        let _ = self.out.flush();
        if error.kind == ExitKind::OutputClosed {
            return;
        }
        match self.format {
            Format::Json => {
                let document = serde_json::json!({ "error": error });
                let _ = writeln!(io::stderr(), "{document}");
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

fn print_error(error: &io::Error) -> CommandError {
    if error.kind() == io::ErrorKind::BrokenPipe {
        CommandError::new(ExitKind::OutputClosed, "")
    } else {
        CommandError::io("cannot print", error)
    }
}

/// Prints a remark to standard error. Ignores a failure, because a remark is not part of the result.
pub(crate) fn remark(text: &str) {
    let _ = writeln!(io::stderr(), "{}", harmless(text));
}

/// Replaces the characters that could control a terminal or reverse the order of a text, such as ESC by `\u{1b}`. A text
/// can contain them because it quotes a file or a response. Line feeds and tabs stay.
pub(crate) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_harmless(character) || matches!(character, '\n' | '\t') {
            shown.push(character);
        } else {
            shown.extend(character.escape_unicode());
        }
    }
    shown
}

/// False for control characters, and for the characters of Unicode that change the direction or the lines of a text.
pub(crate) fn is_harmless(character: char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// Asks for confirmation before an action that cannot be undone. Does not ask if `yes` is true, or if standard input or
/// standard error is not a terminal. Fails if the operator does not type `yes`.
pub(crate) fn confirm(question: &str, yes: bool) -> Result<(), CommandError> {
    if yes || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(());
    }
    let _ = write!(io::stderr(), "{question} Type yes: ");
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(|error| CommandError::io("cannot read the confirmation", &error))?;
    if answer.trim() == "yes" {
        Ok(())
    } else {
        Err(CommandError::new(ExitKind::Refused, "nothing was changed"))
    }
}

/// Formats a table without borders, with the column names in the first line.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_harmlessly() {
        let text = "a\u{1b}[2Jb\r\u{9b}1m\u{202e}\u{0}\u{7f}\n\t合鍵";
        let shown = r"a\u{1b}[2Jb\u{d}\u{9b}1m\u{202e}\u{0}\u{7f}".to_owned() + "\n\t合鍵";
        assert_eq!(harmless(text), shown);
    }
}
