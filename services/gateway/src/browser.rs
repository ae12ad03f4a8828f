//! What tells a browser from another client, and which pages may act.

use aikagi_refusal::{ErrorReason, Refusal};
use http::header::{CONTENT_TYPE, ORIGIN};
use http::{HeaderMap, HeaderName};

use crate::origin::Origin;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const GRPC_WEB: &[u8] = b"application/grpc-web";

/// In a request's extensions: it comes from a browser, whose session is in a cookie (SESS-3).
#[derive(Debug, Clone, Copy)]
pub struct Browser;

/// Whether a request is a browser's: it speaks gRPC-Web, or has a header that a browser adds and a page cannot
/// leave out. A script so cannot pass for another client to be given a token (SESS-3). To be asked before the
/// gRPC-Web layer, which makes requests look alike.
pub fn is_browser(headers: &HeaderMap) -> bool {
    headers.contains_key(ORIGIN)
        || headers.contains_key(FETCH_SITE)
        || headers
            .get(CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(GRPC_WEB))
}

/// Refuses what the page of another origin asks for. A browser that does not name the origin must say that it is
/// the same; what says neither is no browser.
pub fn check_origin(headers: &HeaderMap, allowed: &[Origin]) -> Result<(), Refusal> {
    let is_allowed = |value: &[u8]| {
        allowed
            .iter()
            .any(|origin| origin.as_str().as_bytes() == value)
    };
    let mut origins = headers.get_all(ORIGIN).iter();
    let fine = match (origins.next(), origins.next()) {
        (Some(origin), None) => is_allowed(origin.as_bytes()),
        (Some(_), Some(_)) => false,
        (None, _) => headers
            .get_all(FETCH_SITE)
            .iter()
            .all(|site| site == "same-origin"),
    };
    if fine {
        Ok(())
    } else {
        Err(Refusal::new(ErrorReason::OriginNotAllowed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    /// SESS-3: a session is used by pages of our own origin only.
    #[test]
    fn pages_of_other_origins_may_not_act() {
        let allowed = [Origin::try_from("https://localhost:8443".to_owned()).unwrap()];
        let own = ("origin", "https://localhost:8443");
        let cases: [(&[(&str, &str)], bool); 12] = [
            (&[], true),
            (&[own], true),
            (&[own, ("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("origin", "https://evil.example")], false),
            (&[("origin", "https://localhost")], false),
            (&[("origin", "http://localhost:8443")], false),
            (&[("origin", "null")], false),
            (&[("origin", "")], false),
            (&[own, ("origin", "https://evil.example")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site")], false),
        ];
        for (pairs, fine) in cases {
            assert_eq!(
                check_origin(&headers(pairs), &allowed).is_ok(),
                fine,
                "{pairs:?}"
            );
        }
    }

    /// SESS-3: a script cannot pass for a client that is given its token.
    #[test]
    fn a_browser_is_known_by_what_it_cannot_leave_out() {
        for pairs in [
            [("content-type", "application/grpc-web+proto")],
            [("content-type", "application/grpc-web-text")],
            [("origin", "https://localhost:8443")],
            [("sec-fetch-site", "same-origin")],
        ] {
            assert!(is_browser(&headers(&pairs)), "{pairs:?}");
        }
        assert!(!is_browser(&headers(&[(
            "content-type",
            "application/grpc"
        )])));
    }
}
