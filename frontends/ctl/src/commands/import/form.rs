//! The forms of CSV that spreadsheet programs write. An import accepts the harmless ones. It refuses the others,
//! and says what is wrong.

use std::ops::Range;

/// The bytes with which a file in UTF-8 may begin.
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
const UTF16_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// The end of a file in DOS (Ctrl-Z).
const END_OF_FILE: u8 = 0x1a;

/// The first line with which some spreadsheet programs name the separator.
const SEPARATOR: &[u8] = b"sep=";

/// Where the header and the rows of a file are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// The header's bytes, without the line end.
    pub(super) header: Range<usize>,
    /// The line number of the header.
    pub(super) line: u64,
    /// The offset of the first byte after the header.
    pub(super) body: usize,
    /// The offset of the first byte after the last row. Ctrl-Z at the end of the file is not part of a row.
    pub(super) end: usize,
}

/// Finds the header. The error says why the file is not the expected CSV, and how to mend that.
pub(super) fn of_file(bytes: &[u8]) -> Result<Form, String> {
    let is_utf16 = UTF16_MARKS.iter().any(|mark| bytes.starts_with(mark));
    if is_utf16 || bytes.iter().take(64).any(|byte| *byte == 0) {
        return Err("the file is UTF-16: save it as CSV in UTF-8".into());
    }
    let end = end_of_rows(bytes);
    let bytes = bytes.get(..end).unwrap_or_default();
    let start = if bytes.starts_with(UTF8_MARK) {
        UTF8_MARK.len()
    } else {
        0
    };
    let (mut header, mut body) = line_at(bytes, start);
    let mut line = 1;
    if let Some(separator) = separator(bytes.get(header.clone()).unwrap_or_default()) {
        if separator != b"," {
            return Err(other_separator(&String::from_utf8_lossy(separator)));
        }
        (header, body) = line_at(bytes, body);
        line += 1;
    }
    let text = bytes.get(header.clone()).unwrap_or_default();
    if text.contains(&b'\r') {
        return Err(
            "the lines end with CR: save the file with line ends of Windows (CRLF) or Unix (LF)"
                .into(),
        );
    }
    if !text.contains(&b',') {
        let others = [(b';', "`;`"), (b'\t', "tabs"), (b'|', "`|`")];
        let found = others.iter().find(|(byte, _)| text.contains(byte));
        if let Some((_, name)) = found {
            return Err(other_separator(name));
        }
    }
    Ok(Form {
        header,
        line,
        body,
        end,
    })
}

fn other_separator(name: &str) -> String {
    format!("the columns are separated by {name}: save the file with commas")
}

/// Returns the separator that a line names, or `None` for another line.
fn separator(line: &[u8]) -> Option<&[u8]> {
    let line = line.trim_ascii();
    let line = line
        .strip_prefix(b"\"")
        .and_then(|line| line.strip_suffix(b"\""))
        .unwrap_or(line);
    let (start, separator) = line.split_at_checked(SEPARATOR.len())?;
    start.eq_ignore_ascii_case(SEPARATOR).then_some(separator)
}

fn end_of_rows(bytes: &[u8]) -> usize {
    let is_end = |byte: &u8| matches!(*byte, END_OF_FILE | b'\r' | b'\n');
    let ends = bytes.iter().rev().take_while(|byte| is_end(byte)).count();
    let rows = bytes.len() - ends;
    if bytes.iter().skip(rows).any(|byte| *byte == END_OF_FILE) {
        rows
    } else {
        bytes.len()
    }
}

/// Returns the range of the line that starts at `start`, and the start of the next line. The range does not include the
/// line end (LF or CRLF).
pub(super) fn line_at(bytes: &[u8], start: usize) -> (Range<usize>, usize) {
    let rest = bytes.get(start..).unwrap_or_default();
    let (length, next) = match memchr::memchr(b'\n', rest) {
        Some(length) => (length, start + length + 1),
        None => (rest.len(), bytes.len()),
    };
    let line = rest.get(..length).unwrap_or_default();
    let length = line.strip_suffix(b"\r").map_or(length, <[u8]>::len);
    (start..start + length, next)
}

/// True if a line has no content: it is empty, or all its fields are empty.
pub(super) fn is_blank(line: &[u8]) -> bool {
    let is_ignored = |byte: &u8| matches!(*byte, b',' | b'"') || byte.is_ascii_whitespace();
    let is_closed = memchr::memchr_iter(b'"', line).count().is_multiple_of(2);
    is_closed && line.iter().all(is_ignored)
}

#[cfg(test)]
mod tests {
    use super::super::file::tests::HEADER;
    use super::*;

    /// OPS-1: a file in a form that cannot be imported is refused with the cause.
    #[test]
    fn a_form_that_cannot_be_imported_is_named() {
        let utf16 = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            HEADER.encode_utf16().flat_map(bytes).collect()
        };
        let cases: [(Vec<u8>, &str); 10] = [
            (HEADER.replace(',', ";").into(), "separated by `;`"),
            (HEADER.replace(',', "\t").into(), "separated by tabs"),
            (format!("sep=;\r\n{HEADER}").into(), "separated by ;"),
            (format!("\"sep=\t\"\r\n{HEADER}").into(), "separated by"),
            (format!("sep=\n{HEADER}").into(), "separated by"),
            (format!("{HEADER}1,,\n").replace('\n', "\r").into(), "CR"),
            (utf16(u16::to_le_bytes), "UTF-16"),
            (utf16(u16::to_be_bytes), "UTF-16"),
            (b"\xff\xfec\0".to_vec(), "UTF-16"),
            (b"\xfe\xff\0c".to_vec(), "UTF-16"),
        ];
        for (content, cause) in cases {
            let error = of_file(&content).unwrap_err();
            assert!(error.contains(cause), "{error}");
        }
    }

    #[test]
    fn a_line_with_the_separator_and_ctrl_z_are_taken() {
        let header = HEADER.trim_end();
        for (content, line, rows) in [
            (format!("{HEADER}1,,\n"), 1, "1,,\n"),
            (format!("\u{feff}sep=,\r\n{HEADER}1,,"), 2, "1,,"),
            (format!("\"SEP=,\"\n{HEADER}1,,\n"), 2, "1,,\n"),
            (format!("{HEADER}1,,\r\n\u{1a}"), 1, "1,,"),
            (format!("{HEADER}1,,\u{1a}\r\n\u{1a}\n"), 1, "1,,"),
            (format!("{header}\u{1a}"), 1, ""),
        ] {
            let form = of_file(content.as_bytes()).unwrap();
            assert_eq!(&content[form.header], header, "{content:?}");
            assert_eq!(form.line, line);
            assert_eq!(&content[form.body..form.end], rows);
        }
    }

    #[test]
    fn a_line_of_empty_fields_is_blank() {
        for blank in ["", " ", ",,", " , \t,,,", "\"\",\"\",", "\r,"] {
            assert!(is_blank(blank.as_bytes()), "{blank:?}");
        }
        for other in ["1,,", ",1,", "\",,", "\"", ",\u{1a}"] {
            assert!(!is_blank(other.as_bytes()), "{other:?}");
        }
    }
}
