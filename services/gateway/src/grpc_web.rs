//! Converts forms of gRPC-Web that tonic's layer cannot read to the form that it can read. These forms are media types
//! with parameters or in upper case, and base64 in several padded pieces.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tonic::Status;
use tonic::body::Body;

const GRPC: &str = "application/grpc";
const WEB: &str = "application/grpc-web";
const TEXT: &str = "application/grpc-web-text";
const WEB_PROTO: HeaderValue = HeaderValue::from_static("application/grpc-web+proto");
const TEXT_PROTO: HeaderValue = HeaderValue::from_static("application/grpc-web-text+proto");

/// The number of base64 characters that are decoded together.
const QUAD: usize = 4;

/// True for a request of gRPC or gRPC-Web.
pub(crate) fn is_rpc(headers: &HeaderMap) -> bool {
    content_type(headers).is_some_and(|name| name.starts_with(GRPC))
}

/// True for a request of gRPC-Web.
pub(crate) fn is_web(headers: &HeaderMap) -> bool {
    content_type(headers).is_some_and(|name| name.starts_with(WEB))
}

/// Converts a gRPC-Web request to the form that tonic's layer can read. Does not change other requests.
pub(crate) fn normalise(mut request: Request<Body>) -> Request<Body> {
    let Some(name) = content_type(request.headers()) else {
        return request;
    };
    let is_text = is_of(&name, TEXT);
    if !is_text && !is_of(&name, WEB) {
        return request;
    }
    let wants_text = wants_text(request.headers());
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, WEB_PROTO);
    headers.insert(ACCEPT, if wants_text { TEXT_PROTO } else { WEB_PROTO });
    if is_text {
        request.map(|body| Body::new(StreamBody::new(decoded(body))))
    } else {
        request
    }
}

/// True if `name` is this media type, with or without the suffix `+proto`.
fn is_of(name: &str, media_type: &str) -> bool {
    name.strip_prefix(media_type)
        .is_some_and(|rest| rest.is_empty() || rest == "+proto")
}

fn content_type(headers: &HeaderMap) -> Option<String> {
    headers.get(CONTENT_TYPE)?.to_str().ok().map(media_type)
}

/// True if the client accepts a response in base64.
fn wants_text(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT).iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .any(|range| is_of(&media_type(range), TEXT))
}

/// A media type without its parameters, in lower case.
fn media_type(text: &str) -> String {
    let name = text.split(';').next().unwrap_or(text);
    name.trim().to_ascii_lowercase()
}

/// Decodes a body in base64. The body can have several pieces, each with padding.
fn decoded(body: Body) -> impl Stream<Item = Result<Frame<Bytes>, Status>> {
    let content = stream::unfold(Some((body, BytesMut::new())), async |state| {
        let (mut body, mut text) = state?;
        match body.frame().await {
            Some(Ok(frame)) => {
                text.extend(frame.into_data().unwrap_or_default());
                let whole = text.split_to(text.len() - text.len() % QUAD);
                Some(match decode(&whole) {
                    Some(content) => (Ok(Frame::data(content)), Some((body, text))),
                    None => (Err(malformed()), None),
                })
            }
            Some(Err(broken)) => Some((Err(broken), None)),
            None if text.has_remaining() => Some((Err(malformed()), None)),
            None => None,
        }
    });
    content.boxed()
}

fn malformed() -> Status {
    Status::invalid_argument("malformed base64")
}

/// Decodes pieces of base64. Each piece can end with padding.
fn decode(mut text: &[u8]) -> Option<Bytes> {
    let mut content = Vec::with_capacity(text.len());
    while !text.is_empty() {
        let padded = text
            .chunks(QUAD)
            .position(|quad| quad.last() == Some(&b'='));
        let length = padded.map_or(text.len(), |quads| (quads + 1) * QUAD);
        let (piece, rest) = text.split_at_checked(length)?;
        BASE64_STANDARD.decode_vec(piece, &mut content).ok()?;
        text = rest;
    }
    Some(content.into())
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    async fn decoded_from(parts: &[&'static str]) -> Option<Vec<u8>> {
        let parts: Vec<Result<_, Status>> = parts
            .iter()
            .map(|part| Ok(Frame::data(Bytes::from_static(part.as_bytes()))))
            .collect();
        let body = Body::new(StreamBody::new(stream::iter(parts)));
        let body = Body::new(StreamBody::new(decoded(body)));
        Some(body.collect().await.ok()?.to_bytes().to_vec())
    }

    /// OPS-4: a piece of base64 can be split between two parts of the body at any character.
    #[tokio::test]
    async fn pieces_are_decoded_across_parts() {
        for parts in [
            &["aGVsbG8gd29ybGQ="][..],
            &["aGVsbG8=IHdvcmxk"],
            &["aA==ZQ==bGxvIHdvcmxk"],
            &["aGVs", "bG8gd29ybGQ="],
            &["a", "GVsbG8", "=IHdvcm", "xk"],
        ] {
            let content = decoded_from(parts).await;
            assert_eq!(content.as_deref(), Some(&b"hello world"[..]), "{parts:?}");
        }
        for parts in [&["aGVsbG8"][..], &["aGVs", "b"], &["a=Vs"], &["aGV!"]] {
            assert_eq!(decoded_from(parts).await, None, "{parts:?}");
        }
    }

    /// Other media types are not changed.
    #[test]
    fn other_requests_are_not_changed() {
        for name in [
            "application/grpc",
            "application/grpc-web+json",
            "text/plain",
        ] {
            let request = Request::post("/").header(CONTENT_TYPE, name);
            let body = Body::new(Full::<Bytes>::default());
            let request = normalise(request.body(body).unwrap());
            assert_eq!(request.headers()[CONTENT_TYPE], name);
            assert!(!request.headers().contains_key(ACCEPT));
        }
    }
}
