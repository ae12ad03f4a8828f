//! What stands before every RPC: caller policy (INV-7), load shedding, the deadline (INV-11) and the span.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{Request, Response};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};
use tracing::Instrument;

use crate::deadline;
use crate::errors::{ErrorReason, Refusal};
use crate::identity::Identity;
use crate::policy::Policies;
use crate::server::Peer;
use crate::telemetry;

/// Metadata in which the gateway says whom it calls for.
pub const CALLER_HEADER: &str = "x-aikagi-caller";

/// The one workload that may call for others.
const GATEWAY: &str = "gateway";

/// Services that belong to the mesh itself; any workload of ours may call them.
const MESH_SERVICES: [&str; 3] = [
    "/grpc.health.v1.Health/",
    "/grpc.reflection.v1.ServerReflection/",
    "/grpc.reflection.v1alpha.ServerReflection/",
];

/// Who called, in a request's extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The workload at the other end of the connection.
    pub peer: Identity,
    /// The outside workload that the gateway calls for.
    pub on_behalf_of: Option<Identity>,
}

impl Caller {
    /// Whom the audit trail names.
    pub fn actor(&self) -> &str {
        self.on_behalf_of.as_ref().unwrap_or(&self.peer).path()
    }
}

/// Puts a [`Guard`] before a service.
#[derive(Debug, Clone)]
pub struct GuardLayer {
    policies: Arc<Policies>,
    places: Arc<Semaphore>,
    default_deadline: Duration,
}

impl GuardLayer {
    /// Guards with these policies, taking on so many calls at once.
    pub fn new(policies: Arc<Policies>, max_in_flight: usize, default_deadline: Duration) -> Self {
        Self {
            policies,
            places: Arc::new(Semaphore::new(max_in_flight)),
            default_deadline,
        }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard {
            inner,
            rules: self.clone(),
        }
    }
}

/// Admits a call, or answers why not.
#[derive(Debug, Clone)]
pub struct Guard<S> {
    inner: S,
    rules: GuardLayer,
}

impl<S> Service<Request<Body>> for Guard<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let mut inner = self.inner.clone();
        std::mem::swap(&mut inner, &mut self.inner);
        let rules = self.rules.clone();
        let span = telemetry::server_span(request.uri().path(), request.headers());
        let response = async move {
            let admitted = match admit(&rules, &request) {
                Ok(admitted) => admitted,
                Err(refusal) => return Ok(refuse(refusal)),
            };
            // Streams of the mesh's own services (a watch of health) have no deadline of their own.
            let Some(caller) = admitted else {
                return inner.call(request).await;
            };
            let Ok(_place) = Arc::clone(&rules.places).try_acquire_owned() else {
                let overloaded =
                    Refusal::new(ErrorReason::Overloaded).retry_after(Duration::from_secs(1));
                return Ok(refuse(overloaded));
            };
            let given = deadline::from_headers(request.headers()).unwrap_or(rules.default_deadline);
            if given < deadline::LEAST {
                return Ok(refuse(Refusal::new(ErrorReason::DeadlineExceeded)));
            }
            let end = Instant::now() + given.saturating_sub(deadline::RESERVE);
            request.extensions_mut().insert(caller);
            match deadline::within(end, inner.call(request)).await {
                Ok(response) => response,
                Err(late) => Ok(refuse(late)),
            }
        };
        Box::pin(
            async move {
                let response = response.await;
                if let Ok(response) = &response {
                    telemetry::record_status(response.headers());
                }
                response
            }
            .instrument(span),
        )
    }
}

/// The caller, none for the mesh's own services, or why the call is not admitted.
fn admit(rules: &GuardLayer, request: &Request<Body>) -> Result<Option<Caller>, Refusal> {
    let refused = || Refusal::new(ErrorReason::CallerNotAllowed);
    let peer = request
        .extensions()
        .get::<Peer>()
        .and_then(|peer| peer.identity.clone())
        .ok_or_else(refused)?;
    let path = request.uri().path();
    if MESH_SERVICES
        .iter()
        .any(|service| path.starts_with(service))
    {
        return Ok(None);
    }
    let method = rules.policies.method(path).ok_or_else(refused)?;
    if !method.policy.callers.iter().any(|name| name == peer.name()) {
        tracing::warn!(
            peer = peer.path(),
            path,
            "a caller that the policy does not allow"
        );
        return Err(refused());
    }
    let on_behalf_of = match request.headers().get(CALLER_HEADER) {
        Some(value) if peer.name() == GATEWAY => Some(
            value
                .to_str()
                .ok()
                .and_then(|uri| Identity::parse(uri).ok())
                .ok_or_else(refused)?,
        ),
        Some(_) | None => None,
    };
    if let Some(outside) = &on_behalf_of
        && !method
            .policy
            .edge_callers
            .iter()
            .any(|name| name == outside.name())
    {
        return Err(refused());
    }
    Ok(Some(Caller { peer, on_behalf_of }))
}

/// A refusal as an HTTP response.
pub fn refuse(refusal: Refusal) -> Response<Body> {
    Status::from(refusal).into_http()
}
