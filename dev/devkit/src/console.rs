//! What a developer's command prints, with colours on a terminal.
#![expect(
    clippy::print_stdout,
    reason = "a command line talks on its standard output"
)]

use std::io::IsTerminal as _;

/// Prints for the person who runs a command.
#[derive(Clone, Copy, Debug)]
pub struct Console {
    colours: bool,
}

impl Console {
    /// Prints on standard output: in colour on a terminal, unless `NO_COLOR` is set.
    #[expect(clippy::new_without_default, reason = "it looks at the environment")]
    pub fn new() -> Self {
        Self {
            colours: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        }
    }

    /// The title of the part that starts.
    pub fn heading(self, text: &str) {
        println!("{}", self.paint("1;36", text));
    }

    /// The step that starts, or a result on the way.
    pub fn step(self, text: &str) {
        println!("{} {text}", self.paint("36", "·"));
    }

    /// The command has done what it should.
    pub fn success(self, text: &str) {
        println!("{}", self.paint("1;32", text));
    }

    /// The command continues, but the person should know this.
    pub fn warning(self, text: &str) {
        println!("{} {text}", self.paint("1;33", "note:"));
    }

    /// Something failed.
    pub fn failure(self, text: &str) {
        println!("{} {text}", self.paint("1;31", "error:"));
    }

    /// A line without a mark.
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
