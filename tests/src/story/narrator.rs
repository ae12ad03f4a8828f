//! Tells the story as it is played: a transcript for people.
#![allow(clippy::print_stdout, reason = "the transcript is what it is for")]

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io::IsTerminal as _;

use aikagi_domain::telephone::TelephoneNumber;

/// Columns for who acts.
const WHO: usize = 12;

/// Prints what happens, unless it is to be quiet.
#[derive(Debug)]
pub struct Narrator {
    quiet: bool,
    colours: bool,
    chapters: Cell<u32>,
    refusals: RefCell<BTreeSet<String>>,
}

impl Narrator {
    /// A narrator; a quiet one says only how it ended.
    pub fn new(quiet: bool) -> Self {
        let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self {
            quiet,
            colours,
            chapters: Cell::new(0),
            refusals: RefCell::default(),
        }
    }

    /// A chapter begins.
    pub(super) fn chapter(&self, title: &str) {
        self.chapters.set(self.chapters.get() + 1);
        let title = format!("{}. {title}", self.chapters.get());
        self.say(&format!("\n{}", self.paint("1;36", &title)));
    }

    /// A part of a chapter begins.
    pub(super) fn part(&self, text: &str) {
        self.say(&format!("\n  {}", self.paint("1", text)));
    }

    /// Somebody does something.
    pub(super) fn does(&self, who: &str, what: &str) {
        self.say(&format!(
            "  {} {what}",
            self.paint("33", &format!("{who:WHO$}"))
        ));
    }

    /// What the system answers.
    pub(super) fn answer(&self, text: &str) {
        self.say(&format!("  {:WHO$} {} {text}", "", self.paint("32", "→")));
    }

    /// What the system refuses, and how it says so: in full the first time.
    pub(super) fn refusal(&self, reason: &str, message: &str) {
        let told = !self.refusals.borrow_mut().insert(message.to_owned());
        let text = if told {
            String::new()
        } else {
            format!(" “{message}”")
        };
        let reason = self.paint("31", reason);
        self.say(&format!("  {:WHO$} → {reason}{text}", ""));
    }

    /// What a command prints.
    pub(super) fn prints(&self, line: &str) {
        self.say(&format!("  {:WHO$} {}", "", self.paint("2", line)));
    }

    /// What is heard on the telephone.
    pub(super) fn hears(&self, text: &str) {
        self.say(&format!("  {:WHO$} ♪ “{text}”", ""));
    }

    /// The story is over.
    pub(super) fn end(&self, text: &str) {
        println!("\n{}", self.paint("1;32", text));
    }

    fn say(&self, text: &str) {
        if !self.quiet {
            println!("{text}");
        }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colours {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// UNIT-3: a number for everybody else's eyes.
pub(super) fn masked(number: &str) -> String {
    TelephoneNumber::parse(number).map_or_else(
        |_malformed| "a malformed number".to_owned(),
        |number| number.masked(),
    )
}

/// UNIT-3: a text with every number in it masked, at its length.
pub(super) fn masked_within(text: &str) -> String {
    let mut told = String::new();
    let mut digits = String::new();
    for letter in text.chars().chain(['\n']) {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        match TelephoneNumber::parse(&digits) {
            Ok(number) => told.push_str(&number.masked()),
            Err(_malformed) => told.push_str(&digits),
        }
        digits.clear();
        told.push(letter);
    }
    told.pop();
    told
}

/// Several of them.
pub(super) fn all_masked<'a>(numbers: impl IntoIterator<Item = &'a String>) -> String {
    let list: Vec<String> = numbers.into_iter().map(|number| masked(number)).collect();
    list.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// UNIT-3: the transcript shows numbers masked to the last four digits.
    #[test]
    fn numbers_are_masked() {
        assert_eq!(masked("0501234 5678"), "*******5678");
        assert_eq!(masked("12"), "a malformed number");
    }

    /// UNIT-3: in what a command prints, too.
    #[test]
    fn numbers_within_a_text_are_masked() {
        for (text, told) in [
            ("line 05012345678, 2026", "line *******5678, 2026"),
            ("0312345678", "******5678"),
            (
                "trace 0af7651916cd43dd8448eb211c80319c",
                "trace 0af7651916cd43dd8448eb211c80319c",
            ),
            ("", ""),
        ] {
            assert_eq!(masked_within(text), told);
        }
    }
}
