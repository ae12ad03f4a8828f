//! What the commands say, with colours where people read it.

use std::io::IsTerminal as _;

/// How to talk to whoever runs a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Say {
    colours: bool,
}

impl Say {
    /// Colours on a terminal, unless `NO_COLOR` is set.
    pub(crate) fn new() -> Self {
        Self {
            colours: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        }
    }

    /// A part begins.
    pub(crate) fn heading(self, text: &str) {
        println!("{}", self.paint("1;36", text));
    }

    /// A step that is being done.
    pub(crate) fn step(self, text: &str) {
        println!("{} {text}", self.paint("36", "·"));
    }

    /// Something went as it should.
    pub(crate) fn success(self, text: &str) {
        println!("{}", self.paint("1;32", text));
    }

    /// Something to know.
    pub(crate) fn warning(self, text: &str) {
        println!("{} {text}", self.paint("1;33", "note:"));
    }

    /// Something went wrong.
    pub(crate) fn failure(self, text: &str) {
        println!("{} {text}", self.paint("1;31", "error:"));
    }

    /// A plain line.
    #[expect(clippy::unused_self, reason = "one way to talk")]
    pub(crate) fn line(self, text: &str) {
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
