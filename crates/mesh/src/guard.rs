//! What stands before every RPC: caller policy (INV-7), load shedding, the deadline (INV-11) and the span.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use aikagi_refusal::first_of_minute::FirstOfMinute;
use aikagi_refusal::{ErrorReason, Refusal};
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, pending};
use http::{Request, Response};
use http_body::Body as _;
use http_body_util::{BodyStream, StreamBody};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};
use tracing::Instrument;

use crate::connection::Peer;
use crate::deadline;
use crate::identity::Identity;
use crate::policy::Policies;
use crate::response;
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

/// Whom the audit trail names for a call that a guard let in (OPS-3).
pub fn actor_of<T>(request: &tonic::Request<T>) -> String {
    request
        .extensions()
        .get::<Caller>()
        .map_or_else(String::new, |caller| caller.actor().to_owned())
}

/// Whom a port lets in (INV-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Workloads of ours: those that the policy's `callers` name.
    Inside,
    /// Outside workloads, at the gateway's private port: those that the policy's `edge_callers` name.
    Edge,
    /// Anyone, at the gateway's public port: to what the policy calls `public`, and to the mesh's own
    /// services. Nothing there outlives its deadline, and no deadline is longer than the default.
    Public,
}

/// Puts a [`Guard`] before a service.
#[derive(Debug, Clone)]
pub struct GuardLayer {
    door: Door,
    policies: Arc<Policies>,
    places: Arc<Semaphore>,
    default_deadline: Duration,
    /// Callers that were not allowed, and the method.
    not_allowed: Arc<FirstOfMinute<(String, String)>>,
}

impl GuardLayer {
    /// Guards a port for workloads of ours with these policies, taking on so many calls at once.
    pub fn new(policies: Arc<Policies>, max_in_flight: usize, default_deadline: Duration) -> Self {
        telemetry::meters::shed(0);
        Self {
            door: Door::Inside,
            policies,
            places: Arc::new(Semaphore::new(max_in_flight)),
            default_deadline,
            not_allowed: Arc::default(),
        }
    }

    /// Guards a port for others.
    #[must_use]
    pub fn at(self, door: Door) -> Self {
        Self { door, ..self }
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
        let span = telemetry::server_span(rules.told(request.uri().path()), request.headers());
        let method = telemetry::method_of(rules.told(request.uri().path())).to_owned();
        let begun = Instant::now();
        let response = async move {
            let caller = match admit(&rules, &request) {
                Ok(Admitted::AsLongAsItLikes) => return inner.call(request).await,
                Ok(Admitted::ForACall(caller)) => caller,
                Err(refusal) => {
                    rules.log_not_allowed(&request);
                    return Ok(refuse(refusal));
                }
            };
            let Ok(place) = Arc::clone(&rules.places).try_acquire_owned() else {
                telemetry::meters::shed(1);
                let overloaded =
                    Refusal::new(ErrorReason::Overloaded).retry_after(Duration::from_secs(1));
                return Ok(refuse(overloaded));
            };
            let given = rules.deadline(deadline::from_headers(request.headers()));
            if given < deadline::LEAST {
                return Ok(refuse(Refusal::new(ErrorReason::DeadlineExceeded)));
            }
            let end = Instant::now() + given.saturating_sub(deadline::RESERVE);
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            match deadline::within(end, inner.call(request)).await {
                Ok(response) => {
                    response.map(|response| rules.hold(response::mend(response), place, end))
                }
                Err(late) => Ok(refuse(late)),
            }
        };
        Box::pin(
            async move {
                let response = response.await;
                if let Ok(response) = &response {
                    let code = telemetry::status_of(response.headers());
                    telemetry::record_status(code, true);
                    telemetry::meters::served(&method, code, begun.elapsed());
                }
                response
            }
            .instrument(span),
        )
    }
}

impl GuardLayer {
    /// What a span may tell of a path: one that is none of ours could hold anything.
    fn told<'a>(&self, path: &'a str) -> &'a str {
        if is_of_the_mesh(path) || self.policies.method(path).is_some() {
            path
        } else {
            "/unknown/unknown"
        }
    }

    /// Logs a workload that was not let in. Strangers at the public port are none.
    fn log_not_allowed(&self, request: &Request<Body>) {
        if self.door == Door::Public {
            return;
        }
        let peer = request.extensions().get::<Peer>();
        let peer = peer.map_or_else(String::new, |peer| match &peer.identity {
            Some(identity) => identity.path().to_owned(),
            None => peer.address.ip().to_canonical().to_string(),
        });
        let method = telemetry::method_of(self.told(request.uri().path())).to_owned();
        let kind = (peer.clone(), method.clone());
        if let Some(suppressed) = self.not_allowed.admit(kind, std::time::Instant::now()) {
            tracing::warn!(peer, rpc.method = method, suppressed, "caller not allowed");
        }
    }

    fn deadline(&self, given: Option<Duration>) -> Duration {
        let given = given.unwrap_or(self.default_deadline);
        match self.door {
            Door::Inside | Door::Edge => given,
            Door::Public => given.min(self.default_deadline),
        }
    }

    /// Lets a call keep its place until its answer has been sent, at a door to the outside.
    fn hold(
        &self,
        response: Response<Body>,
        place: OwnedSemaphorePermit,
        end: Instant,
    ) -> Response<Body> {
        let end = match self.door {
            Door::Inside => return response,
            Door::Edge => None,
            Door::Public => Some(end),
        };
        if response.body().is_end_stream() {
            return response;
        }
        let late = async move {
            match end {
                Some(end) => tokio::time::sleep_until(end).await,
                None => pending().await,
            }
        };
        response.map(|body| {
            let frames = BodyStream::new(body).take_until(Box::pin(late));
            Body::new(StreamBody::new(frames.inspect(move |_frame| {
                let _held = &place;
            })))
        })
    }
}

fn is_of_the_mesh(path: &str) -> bool {
    MESH_SERVICES
        .iter()
        .any(|service| path.starts_with(service))
}

/// How a call is let in.
enum Admitted {
    /// Streams of the mesh's own services (a watch of health) have no deadline of their own.
    AsLongAsItLikes,
    /// With a place and a deadline, and who called where that is known.
    ForACall(Option<Caller>),
}

/// How the call is let in, or why it is not.
fn admit(rules: &GuardLayer, request: &Request<Body>) -> Result<Admitted, Refusal> {
    let refused = || Refusal::new(ErrorReason::CallerNotAllowed);
    let path = request.uri().path();
    let method = rules.policies.method(path);
    if rules.door == Door::Public {
        let served = is_of_the_mesh(path) || method.is_some_and(|method| method.policy.public);
        return served
            .then_some(Admitted::ForACall(None))
            .ok_or_else(refused);
    }
    let peer = request
        .extensions()
        .get::<Peer>()
        .and_then(|peer| peer.identity.clone())
        .ok_or_else(refused)?;
    if is_of_the_mesh(path) {
        return Ok(Admitted::AsLongAsItLikes);
    }
    let policy = &method.ok_or_else(refused)?.policy;
    let names = match rules.door {
        Door::Inside => &policy.callers,
        Door::Edge | Door::Public => &policy.edge_callers,
    };
    if !names.iter().any(|name| name == peer.name()) {
        return Err(refused());
    }
    let on_behalf_of = match request.headers().get(CALLER_HEADER) {
        Some(value) if rules.door == Door::Inside && peer.name() == GATEWAY => Some(
            value
                .to_str()
                .ok()
                .and_then(|uri| Identity::parse(uri).ok())
                .ok_or_else(refused)?,
        ),
        Some(_) | None => None,
    };
    if let Some(outside) = &on_behalf_of
        && !policy
            .edge_callers
            .iter()
            .any(|name| name == outside.name())
    {
        return Err(refused());
    }
    Ok(Admitted::ForACall(Some(Caller { peer, on_behalf_of })))
}

/// A refusal as an HTTP response.
pub fn refuse(refusal: Refusal) -> Response<Body> {
    Status::from(refusal).into_http()
}
