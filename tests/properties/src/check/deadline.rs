use std::time::Duration;

use aikagi_mesh::deadline::{LEAST, RESERVE, from_headers, pass_on};
use http::{HeaderMap, HeaderValue};

const HEADER: &str = "grpc-timeout";

/// INV-11: the deadline that a caller sends.
pub fn deadline(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else {
        return;
    };
    let mut headers: HeaderMap = HeaderMap::new();
    headers.insert(HEADER, value);
    let Some(given) = from_headers(&headers) else {
        return;
    };
    let well_formed = bytes.split_last().is_some_and(|(unit, amount)| {
        (1..=8).contains(&amount.len())
            && amount.iter().all(u8::is_ascii_digit)
            && b"HMSmun".contains(unit)
    });
    assert!(well_formed);
    match pass_on(&mut headers, given) {
        Ok(()) => {
            let passed = from_headers(&headers).expect("the forwarded deadline is well-formed");
            let most = Duration::from_millis(99_999_999);
            let expected = given.saturating_sub(RESERVE).min(most);
            assert_eq!(passed.as_millis(), expected.as_millis());
        }
        Err(_refused) => assert!(given < LEAST),
    }
}
