//! Unique numbers and passwords, and the search for them.

use data_encoding::HEXLOWER;

pub(crate) const CONTRACT: &str = "0977531864";
pub(crate) const FIRST: &str = "09775318652";
pub(crate) const SECOND: &str = "09775318663";
pub(crate) const STRANGER: &str = "0588642097";
pub(crate) const NOBODY: &str = "0588642198";
pub(crate) const TEMPORARY: &str = "73914628";
pub(crate) const OTHER_TEMPORARY: &str = "64820517";
pub(crate) const WRONG_TEMPORARY: &str = "90817263";
pub(crate) const PERMANENT: &str = "Kanaria7Xq";
pub(crate) const OTHER_PERMANENT: &str = "Uguisu42Wz";
pub(crate) const WRONG_PERMANENT: &str = "Hibari85Vk";
pub(crate) const REFUSED_PERMANENT: &str = "tsubame";
pub(crate) const NUMBERS: [&str; 5] = [CONTRACT, FIRST, SECOND, STRANGER, NOBODY];
pub(crate) const PASSWORDS: [&str; 7] = [
    TEMPORARY,
    OTHER_TEMPORARY,
    WRONG_TEMPORARY,
    PERMANENT,
    OTHER_PERMANENT,
    WRONG_PERMANENT,
    REFUSED_PERMANENT,
];

/// Texts that must not be found. Each is stored in all forms in which a program may print it.
#[derive(Default)]
pub(crate) struct Canaries(Vec<(String, Vec<u8>)>);

impl Canaries {
    /// Adds a text.
    pub(crate) fn add(&mut self, secret: &str) {
        let bytes = secret.as_bytes();
        let hexadecimal = HEXLOWER.encode(bytes);
        let list: Vec<String> = bytes.iter().map(u8::to_string).collect();
        for form in [
            secret.to_owned(),
            hexadecimal.to_uppercase(),
            hexadecimal,
            list.join(", "),
        ] {
            self.0.push((secret.to_owned(), form.into_bytes()));
        }
    }

    /// All texts except the numbers.
    pub(crate) fn secrets(&self) -> Self {
        let secrets = self
            .0
            .iter()
            .filter(|(secret, _)| !NUMBERS.contains(&secret.as_str()));
        Self(secrets.cloned().collect())
    }

    /// Returns the first canary that a text contains in any form.
    pub(crate) fn found(&self, text: &[u8]) -> Option<&str> {
        let found = self
            .0
            .iter()
            .find(|(_, form)| memchr::memmem::find(text, form).is_some());
        found.map(|(secret, _)| secret.as_str())
    }

    /// Checks that a text contains no canary. `place` names the text.
    #[track_caller]
    pub(crate) fn not_in(&self, text: &[u8], place: &str) {
        if let Some(secret) = self.found(text) {
            let lines = text.split(|byte| *byte == b'\n');
            let line = lines
                .map(String::from_utf8_lossy)
                .find(|line| self.found(line.as_bytes()).is_some());
            panic!("{secret} is in {place}: {}", line.unwrap_or_default());
        }
    }
}

/// The unique numbers of the story.
pub(crate) fn numbers() -> Canaries {
    let mut canaries = Canaries::default();
    for number in NUMBERS {
        canaries.add(number);
    }
    canaries
}

/// INV-8: the search finds a text in each form, and prints the line that contains it.
#[test]
#[should_panic(expected = "64820517 is in a log: and [54, 52, 56, 50, 48, 53, 49, 55] too")]
fn a_secret_is_found_in_each_form() {
    let mut canaries = numbers();
    canaries.add(OTHER_TEMPORARY);
    for text in ["x64820517y", "3634383230353137", "0977531864"] {
        assert!(canaries.found(text.as_bytes()).is_some(), "{text}");
    }
    assert_eq!(canaries.secrets().found(b"0977531864"), None);
    canaries.not_in(b"******1864", "a log");
    canaries.not_in(
        b"one\nand [54, 52, 56, 50, 48, 53, 49, 55] too\nthree",
        "a log",
    );
}
