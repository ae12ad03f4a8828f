//! Finds the class of a client's device (SESS-7). Only the class is passed on, never the text of the header.

use aikagi_api::authentication::v1::DeviceClass;
use http::HeaderMap;
use http::header::USER_AGENT;

/// The maximum number of bytes of `User-Agent` that are read.
const READ: usize = 512;

/// The words of a header, and the class that they mean. The first row with a word of the header decides.
const CLASSES: [(&[&str], DeviceClass); 4] = [
    (
        &["iPad", "Tablet", "PlayBook", "Silk/"],
        DeviceClass::Tablet,
    ),
    (&["iPhone", "iPod", "Mobile", "Phone"], DeviceClass::Phone),
    // An Android device without the word "Mobile" is a tablet.
    (&["Android"], DeviceClass::Tablet),
    (
        &["Windows NT", "Macintosh", "X11;", "CrOS"],
        DeviceClass::Desktop,
    ),
];

/// The class that the headers of a request claim. A client can claim any class, so no decision may depend on it.
pub(crate) fn class_of(headers: &HeaderMap) -> DeviceClass {
    let agent = headers.get(USER_AGENT).map_or(&[][..], |value| {
        let bytes = value.as_bytes();
        bytes.get(..READ).unwrap_or(bytes)
    });
    let agent = String::from_utf8_lossy(agent);
    let found = CLASSES
        .iter()
        .find(|(words, _)| words.iter().any(|word| agent.contains(word)));
    found.map_or(DeviceClass::Unspecified, |(_, class)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(agent: &[u8]) -> DeviceClass {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, agent.try_into().unwrap());
        class_of(&headers)
    }

    /// SESS-7: the usual browsers have their class. Programs and unusual texts have none.
    #[test]
    fn a_device_has_a_coarse_class() {
        for (agent, expected) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36",
                DeviceClass::Desktop,
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
                DeviceClass::Desktop,
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
                DeviceClass::Desktop,
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
                DeviceClass::Phone,
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Mobile Safari/537.36",
                DeviceClass::Phone,
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36",
                DeviceClass::Tablet,
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1 Mobile/15E148 Safari/604.1",
                DeviceClass::Tablet,
            ),
            (
                "Mozilla/5.0 (Android 14; Tablet; rv:145.0) Gecko/145.0 Firefox/145.0",
                DeviceClass::Tablet,
            ),
            ("tonic/0.14", DeviceClass::Unspecified),
            ("", DeviceClass::Unspecified),
        ] {
            assert_eq!(class(agent.as_bytes()), expected, "{agent}");
        }
        assert_eq!(class(b"\xff\xfe iPhone"), DeviceClass::Phone);
        let late = [vec![b'x'; READ], b"iPhone".to_vec()].concat();
        assert_eq!(class(&late), DeviceClass::Unspecified);
        assert_eq!(class_of(&HeaderMap::new()), DeviceClass::Unspecified);
    }
}
