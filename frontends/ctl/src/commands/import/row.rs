//! One row: its fields, and the line that they describe. Numbers are judged by the system (UNIT-3); what is refused
//! here could not be sent.

use aikagi_api::units::v1::{ImportRow, RejectionReason};
use csv::{ByteRecord, ReaderBuilder, Terminator};
use serde::Serialize;

/// As the contract says of a row.
const MOST_NUMBERS: usize = 1_000;
/// Longer than any row with so many numbers.
const MOST_BYTES: usize = 64 * 1024;

const CONTRACT: &str = "contract_number";
const SUBSCRIBED: &str = "subscribed_numbers";
const UNSUBSCRIBED: &str = "unsubscribed_numbers";
/// What a file of rejected rows has besides; its own rejections are imported with it.
pub(super) const ROW: &str = "row";
pub(super) const REASON: &str = "reason";
/// The header of a file of rejected rows.
pub(super) const REJECTED_HEADER: [&str; 5] = [CONTRACT, SUBSCRIBED, UNSUBSCRIBED, ROW, REASON];

/// Which column is which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Columns {
    contract: usize,
    subscribed: usize,
    unsubscribed: usize,
    width: usize,
}

/// Why a row was not added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Rejection {
    /// Its line in the file.
    pub(super) row: u64,
    /// A stable name.
    pub(super) reason: &'static str,
    /// The number concerned, as the row has it.
    pub(super) number: Option<String>,
    /// The other row concerned.
    pub(super) other_row: Option<u64>,
    /// In words.
    pub(super) text: String,
}

impl Rejection {
    pub(super) fn new(row: u64, reason: &'static str, text: impl Into<String>) -> Self {
        Self {
            row,
            reason,
            number: None,
            other_row: None,
            text: text.into(),
        }
    }

    /// What the system answered.
    pub(super) fn answered(row: u64, reason: RejectionReason, number: String) -> Self {
        let (name, text) = match reason {
            RejectionReason::Unspecified => (
                "UNKNOWN",
                "the system gives a reason that this aikagictl does not know",
            ),
            RejectionReason::ContractNumberInvalid => (
                "CONTRACT_NUMBER_INVALID",
                "the contract number is missing, or is no telephone number",
            ),
            RejectionReason::NumberInvalid => ("NUMBER_INVALID", "not a telephone number"),
            RejectionReason::NumberTwice => {
                ("NUMBER_TWICE", "the same number stands twice in the row")
            }
            RejectionReason::NumberTaken => ("NUMBER_TAKEN", "the number is on another open line"),
            RejectionReason::LineDiffers => (
                "LINE_DIFFERS",
                "the line exists already, with other numbers or another subscription",
            ),
            RejectionReason::TooManyNumbers => ("TOO_MANY_NUMBERS", "more than 1,000 numbers"),
        };
        Self {
            number: (!number.is_empty()).then_some(number),
            ..Self::new(row, name, text)
        }
    }

    /// In words, with the number.
    pub(super) fn words(&self) -> String {
        match &self.number {
            Some(number) => format!("{}: {number}", self.text),
            None => self.text.clone(),
        }
    }
}

impl Columns {
    /// Finds the columns by their names, in any order.
    pub(super) fn of_header(header: &ByteRecord) -> Result<Self, String> {
        let names: Vec<String> = header
            .iter()
            .map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase())
            .collect();
        let find = |name: &str| {
            let mut found = names.iter().enumerate().filter(|(_, have)| *have == name);
            match (found.next(), found.next()) {
                (Some((index, _)), None) => Ok(index),
                (None, _) => Err(format!("no column {name} in the header")),
                (Some(_), Some(_)) => Err(format!("the column {name} stands twice in the header")),
            }
        };
        let columns = Self {
            contract: find(CONTRACT)?,
            subscribed: find(SUBSCRIBED)?,
            unsubscribed: find(UNSUBSCRIBED)?,
            width: names.len(),
        };
        match names
            .iter()
            .find(|name| !REJECTED_HEADER.contains(&name.as_str()))
        {
            Some(unknown) => Err(format!("an unknown column {unknown} in the header")),
            None => Ok(columns),
        }
    }

    /// The line that a row describes.
    pub(super) fn read(&self, number: u64, line: &[u8]) -> Result<ImportRow, Rejection> {
        let reject = |reason, text: &str| Err(Rejection::new(number, reason, text));
        if line.len() > MOST_BYTES {
            return reject("ROW_TOO_LONG", "longer than 64 KiB");
        }
        if std::str::from_utf8(line).is_err() {
            return reject("NOT_UTF8", "not UTF-8");
        }
        if memchr::memchr_iter(b'"', line).count() % 2 == 1 {
            return reject("QUOTE_NOT_CLOSED", "a quote is not closed in its line");
        }
        let record = fields(line);
        if record.len() != self.width {
            let text = format!("{} columns instead of {}", record.len(), self.width);
            return reject("COLUMN_COUNT", &text);
        }
        let text = |column: usize| {
            let field = record.get(column).unwrap_or_default();
            std::str::from_utf8(field).unwrap_or_default().trim()
        };
        let row = ImportRow {
            row_number: number,
            contract_number: text(self.contract).to_owned(),
            subscribed_numbers: list(text(self.subscribed)),
            unsubscribed_numbers: list(text(self.unsubscribed)),
        };
        if row.subscribed_numbers.len() + row.unsubscribed_numbers.len() > MOST_NUMBERS {
            return Err(Rejection::answered(
                number,
                RejectionReason::TooManyNumbers,
                String::new(),
            ));
        }
        Ok(row)
    }

    /// The three columns of a row as they stand, to be mended: also of one that could not be read.
    pub(super) fn as_they_stand(&self, line: &[u8]) -> [Vec<u8>; 3] {
        let record = fields(line);
        let field = |column: usize| record.get(column).unwrap_or_default().to_vec();
        if record.len() == self.width {
            return [self.contract, self.subscribed, self.unsubscribed].map(field);
        }
        let rest: Vec<&[u8]> = record.iter().skip(2).collect();
        [field(0), field(1), rest.join(&b","[..])]
    }
}

/// The fields of a line.
pub(super) fn fields(line: &[u8]) -> ByteRecord {
    if memchr::memchr(b'"', line).is_none() {
        return line.split(|byte| *byte == b',').collect();
    }
    let mut record = ByteRecord::new();
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        // What stands behind a stray carriage return belongs to the line.
        .terminator(Terminator::Any(b'\n'))
        .from_reader(line);
    // A line in memory cannot fail to be read, and every line of a flexible reader is a record.
    let _ = reader.read_byte_record(&mut record);
    record
}

fn list(text: &str) -> Vec<String> {
    text.split(|c: char| c == ';' || c.is_whitespace())
        .filter(|number| !number.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(header: &str) -> Columns {
        Columns::of_header(&fields(header.as_bytes())).unwrap()
    }

    fn usual() -> Columns {
        columns("contract_number,subscribed_numbers,unsubscribed_numbers")
    }

    /// OPS-1: lists are separated by `;` or spaces, fields may be quoted, columns may stand in another order.
    #[test]
    fn a_row_is_a_line() {
        let expected = ImportRow {
            row_number: 7,
            contract_number: "03-1234-0001".into(),
            subscribed_numbers: vec!["0312340001".into(), "0312340002".into()],
            unsubscribed_numbers: vec!["0312340003".into()],
        };
        for line in [
            "03-1234-0001,0312340001;0312340002,0312340003",
            " 03-1234-0001 , 0312340001  0312340002 ;, 0312340003 ",
            "\"03-1234-0001\",\"0312340001;0312340002\",0312340003",
            "\"03-1234-0001\",0312340001\r0312340002,0312340003",
        ] {
            assert_eq!(
                usual().read(7, line.as_bytes()).unwrap(),
                expected,
                "{line}"
            );
        }
        let rejected =
            columns("row,Unsubscribed_Numbers,contract_number,subscribed_numbers,reason");
        let line = "12,0312340003,03-1234-0001,0312340001 0312340002,\"taken, alas\"";
        assert_eq!(rejected.read(7, line.as_bytes()).unwrap(), expected);
    }

    /// OPS-1: what cannot be read is rejected by itself, with its reason.
    #[test]
    fn what_cannot_be_read_is_rejected() {
        let many = format!("0312340001,{},", "0312340002;".repeat(1_001));
        let long = format!("0312340001,{},", " ".repeat(70_000));
        for (line, reason) in [
            (b"0312340001,".as_slice(), "COLUMN_COUNT"),
            (b"0312340001,,,", "COLUMN_COUNT"),
            (b"0312340001", "COLUMN_COUNT"),
            (b"\"0312340001\",,\r,0312340002", "COLUMN_COUNT"),
            (b"0312340001,\"0312340002,", "QUOTE_NOT_CLOSED"),
            (
                b"0312340001,\"0312340002\",0312340003\"",
                "QUOTE_NOT_CLOSED",
            ),
            (b"0312340001,\xe3\x81,", "NOT_UTF8"),
            (many.as_bytes(), "TOO_MANY_NUMBERS"),
            (long.as_bytes(), "ROW_TOO_LONG"),
        ] {
            let rejection = usual().read(3, line).unwrap_err();
            assert_eq!((rejection.row, rejection.reason), (3, reason));
        }
    }

    #[test]
    fn a_bad_row_is_given_back_to_be_mended() {
        let text = |line: &[u8]| {
            usual()
                .as_they_stand(line)
                .map(|field| String::from_utf8(field).unwrap())
        };
        assert_eq!(text(b"1,2;3,\"4\""), ["1", "2;3", "4"]);
        assert_eq!(text(b"1,2"), ["1", "2", ""]);
        assert_eq!(text(b"1,2,3,4,5"), ["1", "2", "3,4,5"]);
    }
}
