use aikagi_domain::guidance::groups;
use aikagi_domain::telephone::TelephoneNumber;

/// UNIT-3: a typed telephone number.
pub fn telephone(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let digits: String = text.chars().filter_map(digit).collect();
    let is_number = matches!(digits.len(), 10..=11) && digits.starts_with('0');
    let Ok(number) = TelephoneNumber::parse(text) else {
        let plain = text.chars().all(|c| digit(c).is_some() || "- ".contains(c));
        assert!(!(plain && is_number), "a telephone number was refused");
        return;
    };
    assert!(is_number, "{digits} is not a telephone number");
    assert_eq!(number.as_str(), digits);
    assert_eq!(TelephoneNumber::parse(&digits).as_ref(), Ok(&number));
    assert_eq!(groups(&number).concat(), digits);

    let masked = number.masked();
    assert_eq!(masked, format!("{number:?}"));
    let shown = masked.trim_start_matches('*');
    assert!(shown.len() == 4 && masked.len() == digits.len() && digits.ends_with(shown));
}

/// The digit of a character. The code differs from the parser on purpose, so that a fault of one is found by
/// the other.
fn digit(c: char) -> Option<char> {
    const FULL_WIDTH: &str = "０１２３４５６７８９";
    if c.is_ascii_digit() {
        return Some(c);
    }
    let value = FULL_WIDTH.chars().position(|full| full == c)?;
    char::from_digit(u32::try_from(value).ok()?, 10)
}
