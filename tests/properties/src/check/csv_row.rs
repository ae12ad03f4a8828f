use aikagi_ctl::commands::import::row::{Columns, fields};

const ROW: u64 = 7;
const LIST: [char; 1] = [';'];

/// OPS-1: a row of an import. The first line is the header, the second line is the row.
pub fn csv_row(bytes: &[u8]) {
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let header = lines.next().unwrap_or_default();
    let line = lines.next().unwrap_or_default();
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Ok(columns) = Columns::of_header(&fields(header)) else {
        return;
    };
    let raw_fields = columns.raw_fields(line);
    let row = match columns.read(ROW, line) {
        Ok(row) => row,
        Err(rejection) => {
            assert!(rejection.row == ROW && !rejection.text.is_empty());
            return;
        }
    };
    assert_eq!(row.row_number, ROW);
    let numbers = || {
        let lists = row
            .subscribed_numbers
            .iter()
            .chain(&row.unsubscribed_numbers);
        lists.map(String::as_str)
    };
    assert!(numbers().count() <= 1_000);
    for number in numbers() {
        assert!(!number.is_empty() && !number.contains(LIST));
        assert!(!number.contains(char::is_whitespace));
    }

    // No digit is lost: if the header has only the three columns for numbers, every digit of the line is in the row.
    if fields(header).len() == 3 {
        let count = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
        let line = std::str::from_utf8(line).expect("an accepted line is UTF-8");
        let read: usize = numbers()
            .chain([row.contract_number.as_str()])
            .map(count)
            .sum();
        assert_eq!(read, count(line));
    }

    // If the raw fields are written as a new line, the same row is read from it.
    let [contract, subscribed, unsubscribed] = raw_fields.map(|field| quoted(&field));
    let again = [contract, subscribed, unsubscribed].join(&b","[..]);
    let usual = b"contract_number,subscribed_numbers,unsubscribed_numbers";
    let usual = Columns::of_header(&fields(usual)).expect("the usual header is valid");
    assert_eq!(usual.read(ROW, &again), Ok(row));
}

fn quoted(field: &[u8]) -> Vec<u8> {
    let mut text = vec![b'"'];
    for byte in field {
        text.push(*byte);
        if *byte == b'"' {
            text.push(*byte);
        }
    }
    text.push(b'"');
    text
}
