//! The site's files: what a browser may do with them, and for how long it may keep them.

use std::convert::Infallible;
use std::path::Path;

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_FRAME_OPTIONS,
};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use tonic::body::Body;
use tower::ServiceExt;
use tower_http::services::ServeDir;

/// Scripts and styles are the site's own files, never text in a page, and scripts cannot turn text into markup
/// (Trusted Types without any policy). Nothing is fetched from elsewhere, nobody frames the site.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (REFERRER_POLICY, "no-referrer"),
    (X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// Files below here have their content's hash in their names.
const HASHED: &str = "/assets/";
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";
const PAGE: &str = "/index.html";

/// The site's directory. Beside a file may lie the same for Brotli (`.br`) and for gzip (`.gz`).
#[derive(Clone, Debug)]
pub(crate) struct Site(ServeDir);

impl Site {
    pub(crate) fn new(directory: &Path) -> Self {
        Self(
            ServeDir::new(directory)
                .precompressed_br()
                .precompressed_gzip(),
        )
    }

    /// A file, or the one page: every address without a dot is a page of the site, which tells them apart itself.
    pub(crate) async fn serve(
        self,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, Infallible> {
        let path = request.uri().path();
        let hashed = path.starts_with(HASHED);
        let reads = request.method() == Method::GET || request.method() == Method::HEAD;
        if reads && !hashed && !path.contains('.') {
            *request.uri_mut() = Uri::from_static(PAGE);
        }
        let mut response = self.0.oneshot(request).await?.map(Body::new);
        let lasting = hashed
            && matches!(
                response.status(),
                StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED
            );
        let keep = if lasting { FOR_EVER } else { ASK_AGAIN };
        response
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static(keep));
        protect(&mut response);
        Ok(response)
    }
}

/// Adds what every answer to a browser that is no call's carries.
pub(crate) fn protect(response: &mut Response<Body>) {
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
}
