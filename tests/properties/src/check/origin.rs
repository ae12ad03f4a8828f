use aikagi_gateway::browser::{check_origin, is_browser};
use aikagi_gateway::origin::Origin;
use aikagi_refusal::ErrorReason;
use http::header::ORIGIN;
use http::{HeaderMap, HeaderValue};

/// SESS-3: an origin in the settings and in a browser's request.
pub fn origin(bytes: &[u8]) {
    let own = Origin::try_from("https://localhost:8443".to_owned()).expect("the origin is valid");
    if let Ok(value) = HeaderValue::from_bytes(bytes) {
        let headers: HeaderMap = [(ORIGIN, value)].into_iter().collect();
        assert!(is_browser(&headers));
        let refused = check_origin(&headers, std::slice::from_ref(&own)).err();
        let expected = (bytes != own.as_str().as_bytes()).then_some(ErrorReason::OriginNotAllowed);
        assert_eq!(refused.map(|refusal| refusal.reason()), expected);
    }
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    if let Ok(origin) = Origin::try_from(text.to_owned()) {
        assert_eq!(origin.as_str(), text);
        let host = text.split_once("://").map_or("", |(_, host)| host);
        assert!(!host.is_empty() && !host.contains(['/', '@', '?', '#', ' ']));
        assert!(
            !host.ends_with(':'),
            "an origin with an empty port was accepted"
        );
        // This origin in the settings allows a request with the same origin.
        let headers: HeaderMap = [(ORIGIN, text.parse().expect("the header value is valid"))]
            .into_iter()
            .collect();
        assert!(check_origin(&headers, &[origin]).is_ok());
    }
}
