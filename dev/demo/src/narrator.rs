//! Narrates the story while it is played: a transcript for people.
#![allow(clippy::print_stdout, reason = "it prints the transcript")]

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io::IsTerminal as _;

use aikagi_domain::telephone::TelephoneNumber;

/// The width of the column with the actor's name.
const WHO: usize = 12;

/// Prints what happens in the story. A quiet narrator prints only the result.
#[derive(Debug)]
pub struct Narrator {
    quiet: bool,
    colours: bool,
    chapters: Cell<u32>,
    refusals: RefCell<BTreeSet<String>>,
}

impl Narrator {
    /// Creates a narrator. If `quiet` is true, the narrator prints only the result.
    pub fn new(quiet: bool) -> Self {
        let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self {
            quiet,
            colours,
            chapters: Cell::new(0),
            refusals: RefCell::default(),
        }
    }

    /// Prints the title of a new chapter, with its number.
    pub(super) fn chapter(&self, title: &str) {
        self.chapters.set(self.chapters.get() + 1);
        let title = format!("{}. {title}", self.chapters.get());
        self.say(&format!("\n{}", self.paint("1;36", &title)));
    }

    /// Prints the title of a new part of a chapter.
    pub(super) fn part(&self, text: &str) {
        self.say(&format!("\n  {}", self.paint("1", text)));
    }

    /// Prints who does what.
    pub(super) fn does(&self, who: &str, what: &str) {
        self.say(&format!(
            "  {} {what}",
            self.paint("33", &format!("{who:WHO$}"))
        ));
    }

    /// Prints the system's response.
    pub(super) fn answer(&self, text: &str) {
        self.say(&format!("  {:WHO$} {} {text}", "", self.paint("32", "→")));
    }

    /// Prints a refusal. Each message is printed only the first time.
    pub(super) fn refusal(&self, reason: &str, message: &str) {
        let seen = !self.refusals.borrow_mut().insert(message.to_owned());
        let text = if seen {
            String::new()
        } else {
            format!(" “{message}”")
        };
        let reason = self.paint("31", reason);
        self.say(&format!("  {:WHO$} → {reason}{text}", ""));
    }

    /// Prints a line of a command's output.
    pub(super) fn prints(&self, line: &str) {
        self.say(&format!("  {:WHO$} {}", "", self.paint("2", line)));
    }

    /// Prints what a caller hears.
    pub(super) fn hears(&self, text: &str) {
        self.say(&format!("  {:WHO$} ♪ “{text}”", ""));
    }

    /// Prints the result of the story, even if the narrator is quiet.
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

/// UNIT-3: a number, masked for people other than its owner.
pub(super) fn masked(number: &str) -> String {
    TelephoneNumber::parse(number).map_or_else(
        |_malformed| "a malformed number".to_owned(),
        |number| number.masked(),
    )
}

/// UNIT-3: a text in which every number is masked. Its length stays the same.
pub(super) fn masked_within(text: &str) -> String {
    let mut shown = String::new();
    let mut digits = String::new();
    for letter in text.chars().chain(['\n']) {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        match TelephoneNumber::parse(&digits) {
            Ok(number) => shown.push_str(&number.masked()),
            Err(_malformed) => shown.push_str(&digits),
        }
        digits.clear();
        shown.push(letter);
    }
    shown.pop();
    shown
}

/// UNIT-3: a list of numbers, each masked.
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

    /// UNIT-3: the output of a command is masked too.
    #[test]
    fn numbers_within_a_text_are_masked() {
        for (text, shown) in [
            ("line 05012345678, 2026", "line *******5678, 2026"),
            ("0312345678", "******5678"),
            (
                "trace 0af7651916cd43dd8448eb211c80319c",
                "trace 0af7651916cd43dd8448eb211c80319c",
            ),
            ("", ""),
        ] {
            assert_eq!(masked_within(text), shown);
        }
    }
}
