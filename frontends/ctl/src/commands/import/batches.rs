//! Collects rows into batches, and finds numbers that occur in two rows of the file.

use std::collections::HashMap;

use aikagi_api::units::v1::ImportRow;
use aikagi_domain::telephone::TelephoneNumber;
use tokio::sync::mpsc;

use super::file::{RawRow, Source};
use super::row::Rejection;

/// The maximum count of telephone numbers in a batch, by the contract.
const MAX_NUMBERS: usize = 50_000;
/// The maximum size of a batch in bytes. It is far below the maximum size of a message.
const MAX_BYTES: usize = 1024 * 1024;

/// Rows that are sent in one request and committed in one transaction.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The rows to send.
    pub(super) rows: Vec<ImportRow>,
    /// All rows of the batch, including the rejected ones.
    pub(super) raw: Vec<RawRow>,
    /// The rows that are not sent, with their reasons.
    pub(super) rejected: Vec<Rejection>,
    numbers: usize,
    bytes: usize,
}

impl Batch {
    /// Returns the line number of the batch's last row in the file.
    pub(super) fn last_row(&self) -> u64 {
        self.raw.last().map_or(0, |row| row.number)
    }

    fn has_room(&self, row: &ImportRow, bytes: usize, size: usize) -> bool {
        self.raw.len() < size
            && self.numbers + count(row) <= MAX_NUMBERS
            && self.bytes + bytes <= MAX_BYTES
    }
}

/// Reads the rows after row `after` and sends them to the channel in batches of at most `size` rows. Returns early if
/// the receiver was dropped.
pub(super) fn produce(source: &Source, after: u64, size: usize, batches: &mpsc::Sender<Batch>) {
    let mut seen = Seen::default();
    let mut batch = Batch::default();
    for raw in source.rows() {
        let read = source.columns.read(raw.number, source.text(&raw.bytes));
        let read = read.and_then(|row| seen.check(row));
        if raw.number <= after {
            continue;
        }
        let (length, empty) = (raw.bytes.len(), ImportRow::default());
        if !batch.has_room(read.as_ref().unwrap_or(&empty), length, size)
            && batches.blocking_send(std::mem::take(&mut batch)).is_err()
        {
            return;
        }
        batch.raw.push(raw);
        match read {
            Ok(row) => {
                batch.numbers += count(&row);
                batch.bytes += length;
                batch.rows.push(row);
            }
            Err(rejection) => batch.rejected.push(rejection),
        }
    }
    if !batch.raw.is_empty() {
        // This fails if the import was stopped and has dropped the receiver. Then the batch is not needed.
        let _ = batches.blocking_send(batch);
    }
}

fn count(row: &ImportRow) -> usize {
    1 + row.subscribed_numbers.len() + row.unsubscribed_numbers.len()
}

/// The telephone numbers of all accepted rows so far, each with the line number of its row.
#[derive(Debug, Default)]
struct Seen {
    rows: HashMap<u64, u64>,
}

impl Seen {
    /// Rejects a row that repeats a number of an earlier row. The numbers of a rejected row are not remembered.
    fn check(&mut self, row: ImportRow) -> Result<ImportRow, Rejection> {
        let numbers = || {
            [&row.contract_number]
                .into_iter()
                .chain(&row.subscribed_numbers)
                .chain(&row.unsubscribed_numbers)
        };
        for number in numbers() {
            let earlier = key(number).and_then(|key| self.rows.get(&key));
            if let Some(earlier) = earlier {
                return Err(Rejection {
                    number: Some(number.clone()),
                    other_row: Some(*earlier),
                    ..Rejection::new(
                        row.row_number,
                        "NUMBER_IN_ANOTHER_ROW",
                        format!("the number is also in row {earlier}"),
                    )
                });
            }
        }
        for key in numbers().filter_map(|number| key(number)) {
            self.rows.insert(key, row.row_number);
        }
        Ok(row)
    }
}

/// Converts a telephone number to an integer that identifies it: a 1 followed by the digits, so that leading zeros
/// count. Returns `None` if the text is not a telephone number. The system will reject such a row.
fn key(text: &str) -> Option<u64> {
    let number = TelephoneNumber::parse(text).ok()?;
    format!("1{}", number.as_str()).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::file::tests::{HEADER, source};
    use super::*;

    fn batches(rows: &str, after: u64, size: usize) -> Vec<Batch> {
        let source = source(format!("{HEADER}{rows}").as_bytes()).unwrap();
        let (sender, mut receiver) = mpsc::channel(1_000);
        produce(&source, after, size, &sender);
        drop(sender);
        std::iter::from_fn(|| receiver.try_recv().ok()).collect()
    }

    /// Describes each batch by its last row, its number of rows to send and its number of rejected rows.
    fn sizes(batches: &[Batch]) -> Vec<(u64, usize, usize)> {
        batches
            .iter()
            .map(|batch| (batch.last_row(), batch.rows.len(), batch.rejected.len()))
            .collect()
    }

    #[test]
    fn batches_have_the_given_size_and_start_after_the_given_row() {
        let rows = "0312340001,,\n0312340002,,\nbad\n0312340003,,\n0312340004,,\n";
        assert_eq!(
            sizes(&batches(rows, 0, 2)),
            [(3, 2, 0), (5, 1, 1), (6, 1, 0)]
        );
        assert_eq!(sizes(&batches(rows, 3, 2)), [(5, 1, 1), (6, 1, 0)]);
        assert_eq!(sizes(&batches(rows, 6, 2)), []);
    }

    /// OPS-1: a number in two rows is found even if it is written differently or the rows are in different batches. The
    /// rejection names both rows.
    #[test]
    fn a_number_in_two_rows_is_rejected() {
        let rows = "0312340001,0312340001;0312340002,\n0312340003,,\n0312340004,03-1234-0002,\n0312340004,,\n";
        for after in [0, 3] {
            let all = batches(rows, after, 1);
            let rejected: Vec<&Rejection> = all.iter().flat_map(|batch| &batch.rejected).collect();
            let [rejection] = rejected[..] else {
                panic!("{rejected:?}");
            };
            assert_eq!((rejection.row, rejection.other_row), (4, Some(2)));
            assert_eq!(rejection.number.as_deref(), Some("03-1234-0002"));
            // The numbers of a rejected row may occur in other rows.
            assert_eq!(all.last().unwrap().rows[0].contract_number, "0312340004");
        }
    }

    #[test]
    fn numbers_of_ten_and_eleven_digits_differ() {
        assert_ne!(key("0012345678"), key("00012345678"));
        assert_eq!(key("nothing"), None);
    }

    #[test]
    fn a_batch_has_a_maximum_of_numbers() {
        let mut number = 0;
        let mut row = || {
            let mut next = || {
                number += 1;
                format!("09{number:09}")
            };
            let contract = next();
            let others: Vec<String> = (0..999).map(|_| next()).collect();
            format!("{contract},{},\n", others.join(";"))
        };
        let rows: String = (0..120).map(|_| row()).collect();
        let all = batches(&rows, 0, 5_000);
        assert_eq!(
            all.iter().map(|batch| batch.rows.len()).collect::<Vec<_>>(),
            [50, 50, 20]
        );
    }
}
