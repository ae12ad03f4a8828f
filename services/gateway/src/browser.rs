//! Recognises browsers, and checks the origin of their pages.

use aikagi_refusal::{ErrorReason, Refusal};
use http::header::ORIGIN;
use http::{HeaderMap, HeaderName};

use crate::grpc_web;
use crate::origin::Origin;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A request extension that marks a request of a browser. A browser's token is in a cookie (SESS-3).
#[derive(Debug, Clone, Copy)]
pub struct Browser;

/// Returns true for a request of a browser. Such a request uses gRPC-Web, or has a header that every browser adds and
/// no page can remove. So a script cannot get a token by claiming to be another client (SESS-3).
///
/// Must be called before the gRPC-Web layer, which changes these headers.
pub fn is_browser(headers: &HeaderMap) -> bool {
    headers.contains_key(ORIGIN) || headers.contains_key(FETCH_SITE) || grpc_web::is_web(headers)
}

/// Refuses a request of a page from another origin. A browser that sends no `origin` must send `sec-fetch-site:
/// same-origin`. A request that has neither header is allowed, because it is not from a browser.
pub fn check_origin(headers: &HeaderMap, allowed: &[Origin]) -> Result<(), Refusal> {
    let is_allowed = |value: &[u8]| {
        allowed
            .iter()
            .any(|origin| origin.as_str().as_bytes() == value)
    };
    let mut origins = headers.get_all(ORIGIN).iter();
    let is_fine = match (origins.next(), origins.next()) {
        (Some(origin), None) => is_allowed(origin.as_bytes()),
        (Some(_), Some(_)) => false,
        (None, _) => headers
            .get_all(FETCH_SITE)
            .iter()
            .all(|site| site == "same-origin"),
    };
    if is_fine {
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

    /// SESS-3: only pages of our origins can use a session.
    #[test]
    fn pages_of_other_origins_are_refused() {
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

    /// SESS-3: a client that is not a browser gets its token in the body. A script in a browser cannot claim to be such a
    /// client.
    #[test]
    fn a_browser_is_recognised_by_its_headers() {
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
