//! Telephone numbers and their normal form (UNIT-3).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A telephone number in domestic form: ten or eleven digits, the first of which is 0 (UNIT-3).
///
/// `Debug` prints only the last four digits, and there is no `Display`. The serialised form contains the full number, so
/// it must be sealed or stored in a number column.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TelephoneNumber(String);

/// The text is not a telephone number (UNIT-3). The error does not contain the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a domestic telephone number of ten or eleven digits")]
pub struct TelephoneNumberError;

const DIGITS: std::ops::RangeInclusive<usize> = 10..=11;
const SHOWN_DIGITS: usize = 4;
/// The country code of Japan.
const COUNTRY_CODE: &str = "81";

impl TelephoneNumber {
    /// UNIT-3: parses a number as people type it: hyphens, spaces and full-width digits are allowed. Fails for any other
    /// text.
    pub fn parse(text: &str) -> Result<Self, TelephoneNumberError> {
        let mut digits = String::with_capacity(*DIGITS.end());
        for c in text.chars().filter(|c| !is_separator(*c)) {
            let digit = half_width_digit(c).ok_or(TelephoneNumberError)?;
            if digits.len() == *DIGITS.end() {
                return Err(TelephoneNumberError);
            }
            digits.push(digit);
        }
        if DIGITS.contains(&digits.len()) && digits.starts_with('0') {
            Ok(Self(digits))
        } else {
            Err(TelephoneNumberError)
        }
    }

    /// IVR-14: parses a caller's number as a telephone network delivers it. This is the domestic form, or the country code
    /// 81 with or without a `+`, followed by the number with or without its leading 0. Parameters after a `;` do not
    /// belong to the number. Fails for any other text, also for a number of another country.
    pub fn parse_caller(text: &str) -> Result<Self, TelephoneNumberError> {
        let number = text.split(';').next().unwrap_or_default();
        let (international, digits) = match number.strip_prefix('+') {
            Some(digits) => (true, digits),
            None => (false, number),
        };
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(TelephoneNumberError);
        }
        // A domestic number begins with 0, so a number that begins with 81 has the country code.
        match digits.strip_prefix(COUNTRY_CODE) {
            Some(rest) => {
                let rest = rest.strip_prefix('0').unwrap_or(rest);
                if rest.starts_with('0') {
                    return Err(TelephoneNumberError);
                }
                Self::parse(&format!("0{rest}"))
            }
            None if international => Err(TelephoneNumberError),
            None => Self::parse(digits),
        }
    }

    /// All digits. Only stores, messages and the owner of the line may see them.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// UNIT-3: the masked number, for everyone else: `*******1234`.
    pub fn masked(&self) -> String {
        let hidden = self.0.len().saturating_sub(SHOWN_DIGITS);
        let shown = self.0.get(hidden..).unwrap_or_default();
        format!("{}{shown}", "*".repeat(hidden))
    }
}

fn half_width_digit(c: char) -> Option<char> {
    match c {
        '0'..='9' => Some(c),
        '０'..='９' => char::from_digit(u32::from(c) - u32::from('０'), 10),
        _ => None,
    }
}

/// True for spaces and for the characters that Japanese input methods produce for the hyphen key.
fn is_separator(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '-' | '\u{2010}'
                ..='\u{2015}' // hyphens, dashes and the horizontal bar
                | '\u{2212}' // minus sign
                | '\u{2500}' // box drawing line
                | '\u{30FC}' // long vowel mark
                | '\u{FE63}' // small hyphen
                | '\u{FF0D}' // full-width hyphen
                | '\u{FF70}' // half-width long vowel mark
        )
}

impl fmt::Debug for TelephoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl TryFrom<String> for TelephoneNumber {
    type Error = TelephoneNumberError;

    fn try_from(text: String) -> Result<Self, TelephoneNumberError> {
        Self::parse(&text)
    }
}

impl From<TelephoneNumber> for String {
    fn from(number: TelephoneNumber) -> Self {
        number.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// UNIT-3: hyphens, spaces and full-width digits are accepted and normalised.
    #[test]
    fn typed_numbers_are_normalised() {
        for (typed, normal) in [
            ("0312345678", "0312345678"),
            ("03-1234-5678", "0312345678"),
            ("  090 1234 5678 ", "09012345678"),
            ("０９０－１２３４－５６７８", "09012345678"),
            ("０３‐1234ー5678", "0312345678"),
            ("03−1234―5678", "0312345678"),
            ("03\u{3000}1234\u{3000}5678", "0312345678"),
            ("03ｰ1234–5678", "0312345678"),
        ] {
            let number = TelephoneNumber::parse(typed).unwrap();
            assert_eq!(number.as_str(), normal, "{typed}");
        }
    }

    /// UNIT-3: any other text is refused.
    #[test]
    fn other_texts_are_refused() {
        for typed in [
            "",
            "   ",
            "0",
            "031234567",
            "090123456789",
            "1312345678",
            "+81312345678",
            "(03)12345678",
            "03-1234-567a",
            "03/1234/5678",
            "٠٣١٢٣٤٥٦٧٨",
            "03123456789012345678901234567890",
        ] {
            assert_eq!(
                TelephoneNumber::parse(typed),
                Err(TelephoneNumberError),
                "{typed}"
            );
        }
    }

    /// IVR-14: the country code becomes a leading 0, and parameters are cut off.
    #[test]
    fn a_callers_number_becomes_domestic() {
        for delivered in [
            "0312340001",
            "+81312340001",
            "81312340001",
            "+810312340001",
            "810312340001",
            "0312340001;tgrp=12",
            "+81312340001;phone-context=example.jp;tgrp=12",
            "0312340001;",
        ] {
            let number = TelephoneNumber::parse_caller(delivered).unwrap();
            assert_eq!(number.as_str(), "0312340001", "{delivered}");
        }
        let mobile = TelephoneNumber::parse_caller("+819012345678").unwrap();
        assert_eq!(mobile.as_str(), "09012345678");
    }

    /// IVR-14: a number of another country, a number that is no telephone number, and any other text are refused.
    #[test]
    fn other_callers_are_refused() {
        for delivered in [
            "",
            "+",
            "+81",
            "81",
            "+0312340001",
            "+8100312340001",
            "8100312340001",
            "++81312340001",
            "+82212345678",
            "12125550100",
            "0081312340001",
            "010813123400010",
            "+81312340001234",
            "+81-3-1234-0001",
            "03 1234 0001",
            "０３１２３４０００１",
            ";0312340001",
            "tgrp=12;0312340001",
            "sip:0312340001",
            "anonymous",
        ] {
            assert_eq!(
                TelephoneNumber::parse_caller(delivered),
                Err(TelephoneNumberError),
                "{delivered}"
            );
        }
    }

    /// UNIT-3, INV-8: a number is printed masked. Only the last four digits are visible.
    #[test]
    fn a_number_is_printed_masked() {
        let number = TelephoneNumber::parse("09012341234").unwrap();
        assert_eq!(number.masked(), "*******1234");
        assert_eq!(format!("{number:?}"), "*******1234");
        let number = TelephoneNumber::parse("0312345678").unwrap();
        assert_eq!(number.masked(), "******5678");
    }

    /// UNIT-3: the separators that this parser accepts are the ones in the list. The site's tests read
    /// the same list.
    #[test]
    fn the_list_of_separators_is_complete() {
        let taken: Vec<String> = ('\0'..=char::MAX)
            .filter(|c| is_separator(*c))
            .map(|c| format!("U+{:04X}", u32::from(c)))
            .collect();
        let listed: Vec<&str> = include_str!("telephone/separators.txt").lines().collect();
        assert_eq!(taken, listed);
    }

    proptest! {
        /// UNIT-3: parsing a normal form returns the same number, and the parser does not panic on any text.
        #[test]
        fn parsing_is_idempotent(text in "[0０][0-9０-９ー－ -]{9,14}|\\PC*") {
            if let Ok(number) = TelephoneNumber::parse(&text) {
                prop_assert_eq!(TelephoneNumber::parse(number.as_str()).unwrap(), number);
            }
        }

        /// IVR-14: no text causes a panic, and every form of a caller's number is parsed to the same number.
        #[test]
        fn every_form_of_a_caller_is_one_number(digits in "0[1-9][0-9]{8,9}", text in "\\PC*") {
            let _ = TelephoneNumber::parse_caller(&text);
            let rest = digits.trim_start_matches('0');
            for form in [format!("+81{rest}"), format!("81{rest}"), format!("+81{digits}"), format!("{digits};{text}")] {
                let number = TelephoneNumber::parse_caller(&form).unwrap();
                prop_assert_eq!(number.as_str(), &digits);
            }
        }

        /// UNIT-3: separators at any position change nothing.
        #[test]
        fn separators_change_nothing(digits in "0[0-9]{9,10}", at in 0usize..10, sep in "[-ー－‐ \u{3000}]{1,3}") {
            let mut typed = digits.clone();
            typed.insert_str(at, &sep);
            let number = TelephoneNumber::parse(&typed).unwrap();
            prop_assert_eq!(number.as_str(), digits);
        }
    }
}
