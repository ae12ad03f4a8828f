//! Routes a request to the service that owns it. The messages are not decoded.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use aikagi_mesh::guard::{CALLER_HEADER, Caller};
use aikagi_mesh::identity::TRUST_DOMAIN;
use aikagi_mesh::policy::Policies;
use aikagi_refusal::{ErrorReason, Refusal, forward, internal, reason_of};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{CONNECTION, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Service, ServiceExt};

use crate::upstreams::GatewayUpstreams;

/// The maximum size of a request that is not a stream, in bytes.
const MAX_REQUEST: usize = 1024 * 1024;

/// The prefix of headers between the gateway and our services. Such headers are removed from outside requests and from
/// responses.
const OWN_PREFIX: &str = "x-aikagi-";

/// The headers that concern only one connection. They are not passed on.
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    HOST,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Routes each request to the upstream that owns the gRPC service.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    policies: Arc<Policies>,
    upstreams: GatewayUpstreams,
}

impl Route {
    pub(crate) fn new(policies: Arc<Policies>, upstreams: GatewayUpstreams) -> Self {
        Self {
            policies,
            upstreams,
        }
    }

    async fn route(self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let not_allowed = || Refusal::new(ErrorReason::CallerNotAllowed);
        let (mut head, body) = request.into_parts();
        // Only the guard sets this extension, after it has allowed the caller.
        let caller = head.extensions.get::<Caller>().ok_or_else(not_allowed)?;
        let method = self
            .policies
            .method(head.uri.path())
            .ok_or_else(not_allowed)?;
        let owner = self
            .upstreams
            .owner(&method.service)
            .ok_or_else(not_allowed)?;

        let body = if method.client_streaming {
            body
        } else {
            read_body(body).await?
        };
        let outside = HeaderValue::from_str(&format!("{TRUST_DOMAIN}{}", caller.peer.path()))
            .map_err(|_invalid| internal("an identity is not a valid header value"))?;
        let mut onward = Request::new(body);
        *onward.method_mut() = head.method;
        *onward.uri_mut() = path_only(&head.uri)?;
        clean(&mut head.headers);
        *onward.headers_mut() = head.headers;
        onward
            .headers_mut()
            .insert(TE, HeaderValue::from_static("trailers"));
        onward.headers_mut().insert(CALLER_HEADER, outside);

        let response = owner.clone().oneshot(onward).await;
        let mut response = response.map_err(|status| forward(&status))?;
        *response.extensions_mut() = http::Extensions::new();
        clean(response.headers_mut());
        Ok(for_outside(response))
    }
}

/// Reads the body of a request that is not a stream. Fails if the body is larger than [`MAX_REQUEST`] or cut off. The
/// guard limits the time of the whole RPC (INV-11).
async fn read_body(body: Body) -> Result<Body, Refusal> {
    let read = Limited::new(body, MAX_REQUEST).collect().await;
    match read {
        Ok(collected) => Ok(Body::new(Full::new(collected.to_bytes()))),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Refusal::invalid_field("request", "is larger than 1 MiB"))
        }
        Err(_broken) => Err(Refusal::invalid_field("request", "malformed or cut off")),
    }
}

fn path_only(uri: &Uri) -> Result<Uri, Refusal> {
    uri.path()
        .parse()
        .map_err(|_invalid| internal("the path of a request is not a valid URI"))
}

fn clean(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    let own: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with(OWN_PREFIX))
        .cloned()
        .collect();
    for name in own {
        headers.remove(name);
    }
}

/// INV-7: hides two things from outside callers: refusals between our services, and error texts of the transport.
fn for_outside(response: Response<Body>) -> Response<Body> {
    let Some(status) = Status::from_header_map(response.headers()) else {
        return response;
    };
    match reason_of(&status) {
        _ if status.code() == Code::Ok => response,
        Some(ErrorReason::CallerNotAllowed) | None => forward(&status).into_http(),
        Some(_) => response,
    }
}

impl<B> Service<Request<B>> for Route
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (route, request) = (self.clone(), request.map(Body::new));
        Box::pin(async move {
            Ok(match route.route(request).await {
                Ok(response) => response,
                Err(status) => status.into_http(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;

    /// INV-7: the gateway's headers and the headers of a connection are removed from an outside request.
    #[test]
    fn own_and_connection_headers_are_removed() {
        let mut headers = HeaderMap::new();
        for name in [
            "x-aikagi-caller",
            "x-aikagi-anything",
            "connection",
            "upgrade",
            "te",
            "x-request-id",
        ] {
            headers.append(name, HeaderValue::from_static("spiffe://aikagi/operator"));
            headers.append(name, HeaderValue::from_static("again"));
        }
        clean(&mut headers);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["x-request-id"]);
    }

    /// INV-7: if a service does not allow the gateway to call it, the outside caller sees an internal fault.
    #[test]
    fn a_refusal_between_services_is_internal() {
        let reason = |status: Status| {
            let response = for_outside(status.into_http());
            reason_of(&Status::from_header_map(response.headers()).unwrap())
        };
        let refused = |reason| Status::from(Refusal::new(reason));
        assert_eq!(
            reason(refused(ErrorReason::CallerNotAllowed)),
            Some(ErrorReason::Internal)
        );
        assert_eq!(
            reason(Status::unknown("tcp connect error")),
            Some(ErrorReason::Internal)
        );
        assert_eq!(
            reason(refused(ErrorReason::CallUnknown)),
            Some(ErrorReason::CallUnknown)
        );
        assert!(
            for_outside(Response::new(Body::empty()))
                .headers()
                .is_empty()
        );
    }

    /// A request that is too large is refused before it is sent to a service.
    #[tokio::test]
    async fn a_request_that_is_too_large_is_refused() {
        let body = |size: usize| Body::new(Full::new(vec![0_u8; size].into()));
        assert!(read_body(body(MAX_REQUEST)).await.is_ok());
        let refusal = read_body(body(MAX_REQUEST + 1)).await.unwrap_err();
        assert_eq!(refusal.reason(), ErrorReason::InvalidField);
    }

    /// A request is invalid if it is cut off: the client reset the stream, or the connection broke.
    #[tokio::test]
    async fn a_request_that_is_cut_off_is_invalid() {
        let part = Ok(Frame::data(Bytes::from_static(b"half")));
        let broken = Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        let frames = futures_util::stream::iter([part, broken]);
        let refusal = read_body(Body::new(StreamBody::new(frames)))
            .await
            .unwrap_err();
        assert_eq!(refusal.reason(), ErrorReason::InvalidField);
    }
}
