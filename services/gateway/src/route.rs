//! Passing a call on to the service that owns it, as it is: messages are neither read nor made anew.

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

use crate::upstreams::Upstreams;

/// The largest request that is not a stream, in bytes.
const MAX_REQUEST: usize = 1024 * 1024;

/// What is said between us and the services behind; nobody else may say it.
const OWN_PREFIX: &str = "x-aikagi-";

/// What concerns one connection and not the call.
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

/// Sends each call to its service's owner.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    policies: Arc<Policies>,
    upstreams: Upstreams,
}

impl Route {
    pub(crate) fn new(policies: Arc<Policies>, upstreams: Upstreams) -> Self {
        Self {
            policies,
            upstreams,
        }
    }

    async fn pass_on(self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let not_allowed = || Refusal::new(ErrorReason::CallerNotAllowed);
        let (mut head, body) = request.into_parts();
        // The guard has let the caller in; without its word nobody goes on.
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
            whole(body).await?
        };
        let outside = HeaderValue::from_str(&format!("{TRUST_DOMAIN}{}", caller.peer.path()))
            .map_err(|_invalid| internal("an identity that a header can hold"))?;
        let mut onward = Request::new(body);
        *onward.method_mut() = head.method;
        *onward.uri_mut() = path_only(&head.uri)?;
        clean(&mut head.headers);
        *onward.headers_mut() = head.headers;
        onward
            .headers_mut()
            .insert(TE, HeaderValue::from_static("trailers"));
        onward.headers_mut().insert(CALLER_HEADER, outside);

        let answer = owner.clone().oneshot(onward).await;
        let mut answer = answer.map_err(|status| forward(&status))?;
        *answer.extensions_mut() = http::Extensions::new();
        clean(answer.headers_mut());
        Ok(outward(answer))
    }
}

/// The body, read to its end: it is not a stream, and it is to be bounded.
async fn whole(body: Body) -> Result<Body, Refusal> {
    let read = Limited::new(body, MAX_REQUEST).collect().await;
    match read {
        Ok(collected) => Ok(Body::new(Full::new(collected.to_bytes()))),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Refusal::invalid_field("request", "larger than 1 MiB"))
        }
        Err(_gone) => Err(Refusal::new(ErrorReason::DeadlineExceeded)),
    }
}

fn path_only(uri: &Uri) -> Result<Uri, Refusal> {
    uri.path()
        .parse()
        .map_err(|_invalid| internal("the path of a URI"))
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

/// INV-7: who may call whom inside is not the outside's business, nor is a transport's text.
fn outward(answer: Response<Body>) -> Response<Body> {
    let Some(status) = Status::from_header_map(answer.headers()) else {
        return answer;
    };
    match reason_of(&status) {
        _ if status.code() == Code::Ok => answer,
        Some(ErrorReason::CallerNotAllowed) | None => forward(&status).into_http(),
        Some(_) => answer,
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
            Ok(match route.pass_on(request).await {
                Ok(answer) => answer,
                Err(status) => status.into_http(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// INV-7: the outside says nothing in the gateway's name.
    #[test]
    fn what_is_not_the_calls_own_is_dropped() {
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

    /// INV-7: that a service inside refused the gateway is our fault, and told as such.
    #[test]
    fn a_refusal_among_ourselves_is_internal() {
        let reason = |status: Status| {
            let answer = outward(status.into_http());
            reason_of(&Status::from_header_map(answer.headers()).unwrap())
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
        assert!(outward(Response::new(Body::empty())).headers().is_empty());
    }

    /// Too much is refused with a reason, before it is sent anywhere.
    #[tokio::test]
    async fn a_request_that_is_too_large_is_refused() {
        let body = |size: usize| Body::new(Full::new(vec![0_u8; size].into()));
        assert!(whole(body(MAX_REQUEST)).await.is_ok());
        let refusal = whole(body(MAX_REQUEST + 1)).await.unwrap_err();
        assert_eq!(refusal.reason(), ErrorReason::InvalidField);
    }
}
