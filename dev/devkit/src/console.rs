//! The output of developers' commands, with colours on a terminal.
#![expect(
    clippy::print_stdout,
    reason = "a command prints its results on standard output"
)]

use std::io::IsTerminal as _;

/// Prints messages for the person who runs a command.
#[derive(Clone, Copy, Debug)]
pub struct Console {
    colours: bool,
}

impl Console {
    /// A console on standard output. It uses colours on a terminal, unless `NO_COLOR` is set.
    #[expect(clippy::new_without_default, reason = "it reads the environment")]
    pub fn new() -> Self {
        Self {
            colours: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        }
    }

    /// Prints the title of a part of the work that starts.
    pub fn heading(self, text: &str) {
        println!("{}", self.paint("1;36", text));
    }

    /// Prints a step that starts, or an intermediate result.
    pub fn step(self, text: &str) {
        println!("{} {text}", self.paint("36", "·"));
    }

    /// Prints that the command has succeeded.
    pub fn success(self, text: &str) {
        println!("{}", self.paint("1;32", text));
    }

    /// Prints a problem that the person should know about. The command continues.
    pub fn warning(self, text: &str) {
        println!("{} {text}", self.paint("1;33", "note:"));
    }

    /// Prints an error.
    pub fn failure(self, text: &str) {
        println!("{} {text}", self.paint("1;31", "error:"));
    }

    /// Prints a line without a mark.
    pub fn line(self, text: &str) {
        println!("{text}");
    }

    fn paint(self, colour: &str, text: &str) -> String {
        if self.colours {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
