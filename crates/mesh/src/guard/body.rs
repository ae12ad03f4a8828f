//! The bodies of requests and responses: how long they may take, and how long they keep their permit (OPS-5).

use aikagi_refusal::{ErrorReason, Refusal};
use futures_util::StreamExt;
use futures_util::future::pending;
use http::{Request, Response};
use http_body::Body as _;
use http_body_util::{BodyExt as _, BodyStream, Full, LengthLimitError, Limited, StreamBody};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tonic::body::Body;
use tower_http::timeout::TimeoutBody;

use super::{GuardLayer, PortAudience, overloaded};
use crate::port::{RequestPlace, pause_before_refusal};
use crate::relief::Reason;

/// The path prefix of the reflection services. Their callers send a stream of messages.
const REFLECTION: &str = "/grpc.reflection.";

impl GuardLayer {
    /// Reads the whole request if it is not a stream. So a request that never ends takes no permit from others. Each
    /// part of a stream must arrive within the time limit.
    pub(super) async fn complete(&self, request: Request<Body>) -> Result<Request<Body>, Refusal> {
        let Some(place) = request.extensions().get::<RequestPlace>().cloned() else {
            return Ok(request);
        };
        if self.is_stream(request.uri().path()) {
            return if place.complete() {
                let limit = place.body_time();
                Ok(request.map(|body| Body::new(TimeoutBody::new(limit, body))))
            } else {
                Err(overloaded())
            };
        }
        let (head, body) = request.into_parts();
        let read = tokio::time::timeout(
            place.body_time(),
            Limited::new(body, self.max_request).collect(),
        );
        let body = tokio::select! {
            () = place.lost() => {
                pause_before_refusal().await;
                return Err(overloaded());
            }
            read = read => match read {
                Ok(Ok(collected)) => collected.to_bytes(),
                Ok(Err(error)) if error.is::<LengthLimitError>() => {
                    return Err(Refusal::invalid_field("request", "too large"));
                }
                Ok(Err(_broken)) => return Err(Refusal::invalid_field("request", "malformed or cut off")),
                Err(_elapsed) => {
                    place.count(Reason::Body);
                    return Err(Refusal::new(ErrorReason::DeadlineExceeded));
                }
            },
        };
        if !place.complete() {
            return Err(overloaded());
        }
        Ok(Request::from_parts(head, Body::new(Full::new(body))))
    }

    /// True if the caller sends a stream of messages.
    fn is_stream(&self, path: &str) -> bool {
        match self.policies.method(path) {
            Some(method) => method.client_streaming,
            None => path.starts_with(REFLECTION),
        }
    }

    /// At the public and the private port, keeps the permit until the response has been sent. At the public port, the
    /// deadline also ends the response.
    pub(super) fn hold(
        &self,
        response: Response<Body>,
        permit: OwnedSemaphorePermit,
        end: Instant,
    ) -> Response<Body> {
        let end = match self.audience {
            PortAudience::Inside => return response,
            PortAudience::Outside => None,
            PortAudience::Public => Some(end),
        };
        if response.body().is_end_stream() {
            return response;
        }
        let deadline = async move {
            match end {
                Some(end) => tokio::time::sleep_until(end).await,
                None => pending().await,
            }
        };
        response.map(|body| {
            let frames = BodyStream::new(body).take_until(Box::pin(deadline));
            Body::new(StreamBody::new(frames.inspect(move |_frame| {
                let _held = &permit;
            })))
        })
    }
}
