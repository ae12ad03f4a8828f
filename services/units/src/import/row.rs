//! Reads one row of an import into a new line (UNIT-3).

use std::collections::BTreeSet;

use aikagi_api::units::v1::{ImportRow, RejectedRow, RejectionReason};
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit::Member;

use crate::store::directory::NewLine;

/// The maximum number of telephone numbers in one row.
const MAX_NUMBERS: usize = 1000;

/// A row whose numbers are well-formed. It contains no number twice.
#[derive(Debug)]
pub(crate) struct ReadRow {
    pub(crate) row_number: u64,
    pub(crate) line: NewLine,
}

/// A rejected row. `number` is the number that caused the rejection, or empty.
pub(crate) fn rejected(row_number: u64, reason: RejectionReason, number: &str) -> RejectedRow {
    RejectedRow {
        row_number,
        reason: reason.into(),
        number: number.to_owned(),
    }
}

/// UNIT-3: reads a row. The error names the first problem of the row.
pub(crate) fn read(row: &ImportRow) -> Result<ReadRow, RejectedRow> {
    let reject = |reason, number: &str| rejected(row.row_number, reason, number);
    if row.subscribed_numbers.len() + row.unsubscribed_numbers.len() > MAX_NUMBERS {
        return Err(reject(RejectionReason::TooManyNumbers, ""));
    }
    let contract = TelephoneNumber::parse(&row.contract_number).map_err(|_malformed| {
        reject(RejectionReason::ContractNumberInvalid, &row.contract_number)
    })?;
    let mut contract = Member {
        number: contract,
        subscribed: false,
    };
    let subscribed = row.subscribed_numbers.iter().map(|text| (text, true));
    let unsubscribed = row.unsubscribed_numbers.iter().map(|text| (text, false));
    let mut seen = BTreeSet::new();
    let mut additional = Vec::new();
    for (text, subscribed) in subscribed.chain(unsubscribed) {
        let number = TelephoneNumber::parse(text)
            .map_err(|_malformed| reject(RejectionReason::NumberInvalid, text))?;
        if !seen.insert(number.clone()) {
            return Err(reject(RejectionReason::NumberTwice, text));
        }
        if number == contract.number {
            contract.subscribed = subscribed;
        } else {
            additional.push(Member { number, subscribed });
        }
    }
    Ok(ReadRow {
        row_number: row.row_number,
        line: NewLine {
            contract,
            additional,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(contract: &str, subscribed: &[&str], unsubscribed: &[&str]) -> ImportRow {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        ImportRow {
            row_number: 7,
            contract_number: contract.to_owned(),
            subscribed_numbers: texts(subscribed),
            unsubscribed_numbers: texts(unsubscribed),
        }
    }

    /// OPS-1, UNIT-3: a row is a line. The contract number is subscribed if it is in the list of subscribed numbers.
    #[test]
    fn a_row_is_a_line() {
        let read = |row| read(&row).unwrap().line;
        let line = read(row(
            "03-1111-0001",
            &["０３１１１１０００２"],
            &["03 1111 0003"],
        ));
        assert_eq!(line.contract.number.as_str(), "0311110001");
        assert!(!line.contract.subscribed);
        let additional: Vec<_> = line
            .additional
            .iter()
            .map(|member| (member.number.as_str(), member.subscribed))
            .collect();
        assert_eq!(additional, [("0311110002", true), ("0311110003", false)]);
        let line = read(row("0311110001", &["03-1111-0001"], &[]));
        assert!(line.contract.subscribed && line.additional.is_empty());
    }

    /// OPS-1: a rejection has its reason, and the number in the form in which the row has it.
    #[test]
    fn a_rejection_has_its_reason() {
        let many: Vec<String> = (0..=MAX_NUMBERS).map(|n| format!("03{n:08}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for (row, reason, number) in [
            (
                row("", &[], &[]),
                RejectionReason::ContractNumberInvalid,
                "",
            ),
            (
                row("3111", &[], &[]),
                RejectionReason::ContractNumberInvalid,
                "3111",
            ),
            (
                row("0311110001", &["03111x"], &[]),
                RejectionReason::NumberInvalid,
                "03111x",
            ),
            (
                row("0311110001", &["0311110002"], &["03-1111-0002"]),
                RejectionReason::NumberTwice,
                "03-1111-0002",
            ),
            (
                row("0311110001", &many, &[]),
                RejectionReason::TooManyNumbers,
                "",
            ),
        ] {
            assert_eq!(read(&row).unwrap_err(), rejected(7, reason, number));
        }
    }
}
