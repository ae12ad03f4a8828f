//! The files of the site, with their security headers and cache times.

mod files;

use std::convert::Infallible;
use std::io;
use std::path::Path;

use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, LOCATION, RANGE,
    REFERRER_POLICY, X_FRAME_OPTIONS,
};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use tonic::body::Body;
use tower::ServiceExt;
use tower_http::services::ServeDir;

use files::Files;

/// The content security policy. Scripts and styles can only be files of the site, not text in a page. Scripts cannot
/// turn text into markup (Trusted Types without any policy). Pages load nothing from other sites. No site can frame
/// them.
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

/// The path prefix of files whose names contain the hash of their content.
const HASHED: &str = "/assets/";
const CACHE_FOREVER: &str = "public, max-age=31536000, immutable";
const REVALIDATE: &str = "no-cache";
const PAGE: &str = "/index.html";
/// The path at which password managers look for the page that changes a password (W3C, "A Well-Known URL for Changing
/// Passwords").
const WELL_KNOWN: &str = "/.well-known/change-password";
/// The path of the page that changes a password.
const CHANGE_PASSWORD: &str = "/password";

/// The site's files, in memory. A file can have compressed versions in the same directory, for Brotli (`.br`) and gzip
/// (`.gz`).
#[derive(Clone, Debug)]
pub(crate) struct Site(Files);

impl Site {
    /// Reads the directory of the site.
    pub(crate) fn load(directory: &Path) -> io::Result<Self> {
        Files::read(directory).map(Self)
    }

    /// Serves a file, or the site's only HTML page for a path without a dot. The page shows the view that belongs to
    /// the path.
    pub(crate) async fn serve(
        self,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, Infallible> {
        let path = request.uri().path();
        let hashed = path.starts_with(HASHED);
        let is_read = request.method() == Method::GET || request.method() == Method::HEAD;
        if is_read && path.trim_end_matches('/') == WELL_KNOWN {
            return Ok(redirect(CHANGE_PASSWORD));
        }
        if is_read && !hashed && !path.contains('.') {
            *request.uri_mut() = Uri::from_static(PAGE);
        }
        // Always serve a whole file, even if the request asks for a part: files are small, and responses with the
        // same file share one copy of its content.
        request.headers_mut().remove(RANGE);
        let is_get = request.method() == Method::GET;
        let files = self.0.for_request();
        let response = ServeDir::with_backend("", files.clone())
            .precompressed_br()
            .precompressed_gzip()
            .with_buf_chunk_size(1)
            .oneshot(request)
            .await?;
        let is_whole = is_get && response.status() == StatusCode::OK;
        let content = files.opened().filter(|_| is_whole).unwrap_or_default();
        let mut response = response.map(|_unused| Body::new(Full::new(content)));
        response.headers_mut().remove(ACCEPT_RANGES);
        let is_lasting =
            hashed && matches!(response.status(), StatusCode::OK | StatusCode::NOT_MODIFIED);
        let cache = if is_lasting {
            CACHE_FOREVER
        } else {
            REVALIDATE
        };
        response
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static(cache));
        protect(&mut response);
        Ok(response)
    }
}

/// SITE-8: a temporary redirect. A later version may change its target.
fn redirect(path: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::from_static(path));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(REVALIDATE));
    protect(&mut response);
    response
}

/// Adds the security headers to a response. Responses of RPCs do not need them.
pub(crate) fn protect(response: &mut Response<Body>) {
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
}
