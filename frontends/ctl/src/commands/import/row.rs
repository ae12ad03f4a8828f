//! Parses a row of the CSV file. This module rejects only rows that cannot be sent. The system checks the numbers
//! (UNIT-3).

use aikagi_api::units::v1::{ImportRow, RejectionReason};
use csv::{ByteRecord, ReaderBuilder, Terminator};
use serde::Serialize;

/// The maximum count of telephone numbers in a row. `import_service.proto` sets it.
const MAX_NUMBERS: usize = 1_000;
/// The maximum size of a row in bytes. A row with 1,000 numbers is shorter.
const MAX_BYTES: usize = 64 * 1024;

const CONTRACT: &str = "contract_number";
const SUBSCRIBED: &str = "subscribed_numbers";
const UNSUBSCRIBED: &str = "unsubscribed_numbers";
/// The additional columns in a file of rejected rows. An import ignores them.
pub(super) const ROW: &str = "row";
pub(super) const REASON: &str = "reason";
/// The header of a file of rejected rows.
pub(super) const REJECTED_HEADER: [&str; 5] = [CONTRACT, SUBSCRIBED, UNSUBSCRIBED, ROW, REASON];

/// The index of each known column, and the number of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Columns {
    contract: usize,
    subscribed: usize,
    unsubscribed: usize,
    /// The number of columns with a name.
    named: usize,
    /// The number of all columns. Those without a name are the last ones.
    width: usize,
}

/// The reason why a row was rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// The row's line number in the file.
    pub row: u64,
    /// The stable name of the reason.
    pub reason: &'static str,
    /// The number concerned, as written in the row.
    pub number: Option<String>,
    /// The other row concerned.
    pub other_row: Option<u64>,
    /// The reason for people.
    pub text: String,
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

    /// Converts a rejection by the system.
    pub(super) fn by_system(row: u64, reason: RejectionReason, number: String) -> Self {
        let (name, text) = match reason {
            RejectionReason::Unspecified => (
                "UNKNOWN",
                "the system returned a reason that this aikagictl does not know",
            ),
            RejectionReason::ContractNumberInvalid => (
                "CONTRACT_NUMBER_INVALID",
                "the contract number is missing or not a telephone number",
            ),
            RejectionReason::NumberInvalid => ("NUMBER_INVALID", "not a telephone number"),
            RejectionReason::NumberTwice => ("NUMBER_TWICE", "the same number is in the row twice"),
            RejectionReason::NumberTaken => ("NUMBER_TAKEN", "the number is on another open line"),
            RejectionReason::LineDiffers => (
                "LINE_DIFFERS",
                "the line already exists, with other numbers or other subscriptions",
            ),
            RejectionReason::TooManyNumbers => ("TOO_MANY_NUMBERS", "more than 1,000 numbers"),
        };
        Self {
            number: (!number.is_empty()).then_some(number),
            ..Self::new(row, name, text)
        }
    }

    /// Returns the reason for people, with the number.
    pub(super) fn message(&self) -> String {
        match &self.number {
            Some(number) => format!("{}: {number}", self.text),
            None => self.text.clone(),
        }
    }
}

impl Columns {
    /// Finds the columns by their names, in any order. Fails if a column is missing, repeated or unknown. The last
    /// columns may have no name. They must then be empty in every row.
    pub fn of_header(header: &ByteRecord) -> Result<Self, String> {
        let names: Vec<String> = header
            .iter()
            .map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase())
            .collect();
        let find = |name: &str| {
            let mut found = names.iter().enumerate().filter(|(_, have)| *have == name);
            match (found.next(), found.next()) {
                (Some((index, _)), None) => Ok(index),
                (None, _) => Err(format!("no column {name} in the header")),
                (Some(_), Some(_)) => Err(format!("column {name} is in the header twice")),
            }
        };
        let columns = Self {
            contract: find(CONTRACT)?,
            subscribed: find(SUBSCRIBED)?,
            unsubscribed: find(UNSUBSCRIBED)?,
            named: names.len()
                - names
                    .iter()
                    .rev()
                    .take_while(|name| name.is_empty())
                    .count(),
            width: names.len(),
        };
        match names
            .iter()
            .take(columns.named)
            .find(|name| !REJECTED_HEADER.contains(&name.as_str()))
        {
            Some(unknown) => Err(format!("unknown column {unknown} in the header")),
            None => Ok(columns),
        }
    }

    /// Parses a row. `number` is its line number.
    pub fn read(&self, number: u64, line: &[u8]) -> Result<ImportRow, Rejection> {
        let reject = |reason, text: &str| Err(Rejection::new(number, reason, text));
        if line.len() > MAX_BYTES {
            return reject("ROW_TOO_LONG", "longer than 64 KiB");
        }
        if std::str::from_utf8(line).is_err() {
            return reject("NOT_UTF8", "not UTF-8");
        }
        if memchr::memchr_iter(b'"', line).count() % 2 == 1 {
            return reject("QUOTE_NOT_CLOSED", "a quote is not closed in this line");
        }
        let record = fields(line);
        if record.len() != self.width {
            let text = format!("{} columns instead of {}", record.len(), self.width);
            return reject("COLUMN_COUNT", &text);
        }
        let has_content = |field: &[u8]| !field.trim_ascii().is_empty();
        if record.iter().skip(self.named).any(has_content) {
            let text = format!("more than {} columns with content", self.named);
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
        if row.subscribed_numbers.len() + row.unsubscribed_numbers.len() > MAX_NUMBERS {
            return Err(Rejection::by_system(
                number,
                RejectionReason::TooManyNumbers,
                String::new(),
            ));
        }
        Ok(row)
    }

    /// Returns the three fields of a row unchanged, for `FILE.rejected.csv`. This works even if the row cannot be
    /// parsed.
    pub fn raw_fields(&self, line: &[u8]) -> [Vec<u8>; 3] {
        let record = fields(line);
        let field = |column: usize| record.get(column).unwrap_or_default().to_vec();
        if record.len() == self.width {
            return [self.contract, self.subscribed, self.unsubscribed].map(field);
        }
        let rest: Vec<&[u8]> = record.iter().skip(2).collect();
        [field(0), field(1), rest.join(&b","[..])]
    }
}

/// Splits a line into its fields.
pub fn fields(line: &[u8]) -> ByteRecord {
    if memchr::memchr(b'"', line).is_none() {
        return line.split(|byte| *byte == b',').collect();
    }
    let mut record = ByteRecord::new();
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        // A carriage return inside the line must not end the record.
        .terminator(Terminator::Any(b'\n'))
        .from_reader(line);
    // This cannot fail: the line is in memory, and a flexible reader accepts any line.
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

    /// OPS-1: lists are separated by `;` or spaces, fields may be quoted, and columns may be in another order.
    #[test]
    fn a_row_is_parsed() {
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
        let padded = columns("contract_number,subscribed_numbers,unsubscribed_numbers,, ");
        let line = "03-1234-0001,0312340001;0312340002,0312340003, ,";
        assert_eq!(padded.read(7, line.as_bytes()).unwrap(), expected);
    }

    /// OPS-1: a row that cannot be parsed is rejected with its reason.
    #[test]
    fn a_row_that_cannot_be_parsed_is_rejected() {
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

    /// OPS-1: a column without a name is empty in every row.
    #[test]
    fn a_column_without_a_name_must_be_empty() {
        let padded = columns("contract_number,subscribed_numbers,unsubscribed_numbers,,");
        for line in ["0312340001,,,x,", "0312340001,,", "0312340001,,,,,"] {
            let rejection = padded.read(3, line.as_bytes()).unwrap_err();
            assert_eq!(rejection.reason, "COLUMN_COUNT", "{line}");
        }
        let text = "contract_number,,subscribed_numbers,unsubscribed_numbers";
        Columns::of_header(&fields(text.as_bytes())).unwrap_err();
    }

    #[test]
    fn the_fields_of_a_bad_row_are_kept() {
        let text = |line: &[u8]| {
            usual()
                .raw_fields(line)
                .map(|field| String::from_utf8(field).unwrap())
        };
        assert_eq!(text(b"1,2;3,\"4\""), ["1", "2;3", "4"]);
        assert_eq!(text(b"1,2"), ["1", "2", ""]);
        assert_eq!(text(b"1,2,3,4,5"), ["1", "2", "3,4,5"]);
    }
}
