//! A browser's requests: gRPC-Web over HTTP/1.1.

use aikagi_refusal::{ErrorReason, reason_of};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use prost::Message;
use tonic::{Code, Status};

use crate::fixture::{Fixture, ORIGIN};

/// The response to an RPC over gRPC-Web.
#[derive(Debug)]
pub(crate) struct WebResponse {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) status: Status,
}

impl WebResponse {
    pub(crate) fn reason(&self) -> Option<ErrorReason> {
        reason_of(&self.status)
    }

    /// The message of a successful RPC.
    pub(crate) fn message<M: Message + Default>(&self) -> M {
        assert_eq!(self.status.code(), Code::Ok, "{:?}", self.status);
        let length = u32::from_be_bytes(self.body[1..5].try_into().unwrap()) as usize;
        M::decode(&self.body[5..5 + length]).unwrap()
    }

    pub(crate) fn cookie(&self) -> Option<&str> {
        self.headers
            .get("set-cookie")
            .map(|value| value.to_str().unwrap())
    }
}

impl Fixture {
    /// Calls an RPC as a page of the site does, with these additional headers.
    pub(crate) async fn web(
        &self,
        rpc: &str,
        message: &impl Message,
        more: &[(&str, &str)],
    ) -> WebResponse {
        let path = format!("/aikagi.edge.v1.SubscriberService/{rpc}");
        let mut headers = vec![("origin", ORIGIN), ("sec-fetch-site", "same-origin")];
        headers.extend_from_slice(more);
        self.web_raw(&path, message, &headers).await
    }

    /// Calls an RPC over gRPC-Web with these headers and no headers of a browser.
    pub(crate) async fn web_raw(
        &self,
        path: &str,
        message: &impl Message,
        more: &[(&str, &str)],
    ) -> WebResponse {
        let message = message.encode_to_vec();
        let mut frame = vec![0];
        frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        frame.extend(message);
        let mut request = Request::post(path)
            .body(Full::new(Bytes::from(frame)))
            .unwrap();
        request.headers_mut().insert(
            "content-type",
            "application/grpc-web+proto".parse().unwrap(),
        );
        for (name, value) in more {
            request.headers_mut().append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        let (head, body) = self.http1(request).await.into_parts();
        assert_eq!(head.headers["content-type"], "application/grpc-web+proto");
        let status =
            Status::from_header_map(&head.headers).unwrap_or_else(|| trailing_status(&body));
        WebResponse {
            headers: head.headers,
            body,
            status,
        }
    }

    /// Calls an RPC over gRPC-Web from a page of the site, with this body and these headers. Returns the headers and
    /// the body of the response.
    pub(crate) async fn web_as(
        &self,
        rpc: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> (HeaderMap, Bytes) {
        let path = format!("/aikagi.edge.v1.SubscriberService/{rpc}");
        let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
        let mut request = Request::post(path).header("origin", ORIGIN);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, body) = self.http1(request.body(body).unwrap()).await.into_parts();
        (head.headers, body)
    }

    /// Sends a request over HTTP/1.1.
    pub(crate) async fn http1(&self, mut request: Request<Full<Bytes>>) -> Response<Bytes> {
        request
            .headers_mut()
            .insert("host", "localhost:8443".parse().unwrap());
        let stream = TokioIo::new(self.connect("http/1.1").await);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
        let connection = tokio::spawn(connection);
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        connection.abort();
        Response::from_parts(head, body)
    }
}

/// The status in the frame of trailers that ends a gRPC-Web body.
fn trailing_status(mut body: &[u8]) -> Status {
    while body.len() >= 5 {
        let length = u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize;
        let (frame, rest) = body[5..].split_at(length);
        if body[0] & 0x80 != 0 {
            let mut trailers = HeaderMap::new();
            for line in std::str::from_utf8(frame).unwrap().lines() {
                let (name, value) = line.split_once(':').unwrap();
                trailers.insert(
                    HeaderName::from_bytes(name.as_bytes()).unwrap(),
                    value.trim().parse().unwrap(),
                );
            }
            return Status::from_header_map(&trailers).unwrap();
        }
        body = rest;
    }
    panic!("the response has no trailers");
}
