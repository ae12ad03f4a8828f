//! The guard in front of every RPC. It enforces the caller policy (INV-7) and the deadline (INV-11), sheds load and
//! opens the span.

mod admission;
mod body;

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use aikagi_refusal::first_of_minute::FirstOfMinute;
use aikagi_refusal::{ErrorReason, Refusal};
use futures_util::future::BoxFuture;
use http::{Request, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};
use tracing::Instrument;

use crate::connection::Peer;
use crate::deadline;
use crate::policy::Policies;
use crate::port::RequestPlace;
use crate::relief::Reason;
use crate::response;
use crate::telemetry;

use admission::{Admitted, admit, is_of_the_mesh};
pub use admission::{CALLER_HEADER, Caller, PortAudience, actor_of};

/// The permits that [`GuardLayer::keeping`] keeps for certain RPCs.
#[derive(Debug, Clone)]
struct Kept {
    paths: &'static [&'static str],
    permits: Arc<Semaphore>,
}

/// The default maximum size of a request that is not a stream, in bytes. tonic decodes no larger request.
const MAX_REQUEST: usize = 4 * 1024 * 1024;

/// Adds a [`Guard`] to a service.
#[derive(Debug, Clone)]
pub struct GuardLayer {
    audience: PortAudience,
    policies: Arc<Policies>,
    /// One permit for each RPC that may be in progress. These are not the permits of the hashing pool.
    permits: Arc<Semaphore>,
    /// Permits that only certain RPCs may take. These RPCs take one if no other permit is free.
    kept: Kept,
    default_deadline: Duration,
    /// The maximum size of a request that is not a stream, in bytes.
    max_request: usize,
    /// The callers that were not allowed, each with the RPC. Each pair is logged once a minute.
    not_allowed: Arc<FirstOfMinute<(String, String)>>,
}

impl GuardLayer {
    /// Creates the guard of a port for workloads of the system. At most `max_in_flight` RPCs are in progress at the
    /// same time.
    pub fn new(policies: Arc<Policies>, max_in_flight: usize, default_deadline: Duration) -> Self {
        telemetry::metrics::rpcs_shed(0);
        Self {
            audience: PortAudience::Inside,
            policies,
            permits: Arc::new(Semaphore::new(max_in_flight)),
            kept: Kept {
                paths: &[],
                permits: Arc::new(Semaphore::new(0)),
            },
            default_deadline,
            max_request: MAX_REQUEST,
            not_allowed: Arc::default(),
        }
    }

    /// Changes the audience of the port.
    #[must_use]
    pub fn for_audience(self, audience: PortAudience) -> Self {
        Self { audience, ..self }
    }

    /// Keeps this number of permits for the RPCs with these paths, but at most half of all permits. Other RPCs use only
    /// the remaining permits (OPS-5).
    #[must_use]
    pub fn keeping(self, places: usize, paths: &'static [&'static str]) -> Self {
        let places = places.min(self.permits.available_permits() / 2);
        self.permits.forget_permits(places);
        let permits = Arc::new(Semaphore::new(places));
        Self {
            kept: Kept { paths, permits },
            ..self
        }
    }

    /// Puts this guard in front of a service.
    pub fn of<S>(&self, service: S) -> Guard<S> {
        self.layer(service)
    }

    /// Sets the maximum size of a request that is not a stream, in bytes. A larger request is refused.
    #[must_use]
    pub fn with_max_request(self, bytes: usize) -> Self {
        Self {
            max_request: bytes,
            ..self
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

/// Admits an RPC, or refuses it.
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

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut inner = self.inner.clone();
        std::mem::swap(&mut inner, &mut self.inner);
        let rules = self.rules.clone();
        let span =
            telemetry::server_span(rules.known_path(request.uri().path()), request.headers());
        let method = telemetry::method_of(rules.known_path(request.uri().path())).to_owned();
        let started_at = Instant::now();
        let response = async move {
            let caller = match admit(&rules, &request) {
                Ok(_) if lacks_a_place(&request) => return Ok(refuse(overloaded())),
                Ok(Admitted::Unlimited) => {
                    if let Some(place) = request.extensions().get::<RequestPlace>() {
                        place.complete();
                    }
                    return inner.call(request).await;
                }
                Ok(Admitted::Limited(caller)) => caller,
                Err(refusal) => {
                    rules.log_not_allowed(&request);
                    return Ok(refuse(refusal));
                }
            };
            let mut request = match rules.complete(request).await {
                Ok(request) => request,
                Err(refusal) => return Ok(refuse(refusal)),
            };
            let Some(permit) = rules.permit(request.uri().path()) else {
                if let Some(place) = request.extensions().get::<RequestPlace>() {
                    place.count(Reason::InFlight);
                }
                return Ok(refuse(overloaded()));
            };
            let by_caller = deadline::from_headers(request.headers());
            let allowed = rules.time_allowed(request.uri().path(), by_caller);
            if allowed.saturating_sub(started_at.elapsed()) < deadline::LEAST {
                return Ok(refuse(Refusal::new(ErrorReason::DeadlineExceeded)));
            }
            let end = started_at + allowed.saturating_sub(deadline::RESERVE);
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            match deadline::within(end, inner.call(request)).await {
                Ok(response) => {
                    response.map(|response| rules.hold(response::mend(response), permit, end))
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
                    telemetry::metrics::rpc_served(&method, code, started_at.elapsed());
                }
                response
            }
            .instrument(span),
        )
    }
}

impl GuardLayer {
    /// Takes a permit for an RPC whose request is complete. `None` if no permit is free.
    fn permit(&self, path: &str) -> Option<OwnedSemaphorePermit> {
        let general = Arc::clone(&self.permits).try_acquire_owned();
        let permit = general.or_else(|full| {
            if self.kept.paths.contains(&path) {
                Arc::clone(&self.kept.permits).try_acquire_owned()
            } else {
                Err(full)
            }
        });
        if permit.is_err() {
            telemetry::metrics::rpcs_shed(1);
        }
        permit.ok()
    }

    /// The path of an RPC for telemetry. An unknown path is replaced, because it could contain anything.
    fn known_path<'a>(&self, path: &'a str) -> &'a str {
        if is_of_the_mesh(path) || self.policies.method(path).is_some() {
            path
        } else {
            "/unknown/unknown"
        }
    }

    /// Logs a caller that is not allowed. At the public port nothing is logged, because anyone may connect to it.
    fn log_not_allowed(&self, request: &Request<Body>) {
        if self.audience == PortAudience::Public {
            return;
        }
        let peer = request.extensions().get::<Peer>();
        let peer = peer.map_or_else(String::new, |peer| match &peer.identity {
            Some(identity) => identity.path().to_owned(),
            None => peer.address.ip().to_canonical().to_string(),
        });
        let method = telemetry::method_of(self.known_path(request.uri().path())).to_owned();
        let kind = (peer.clone(), method.clone());
        if let Some(suppressed) = self.not_allowed.admit(kind, std::time::Instant::now()) {
            tracing::warn!(peer, rpc.method = method, suppressed, "caller not allowed");
        }
    }

    /// The time that an RPC may take. `by_caller` is the time that its caller allows. At the public port the time is at
    /// most [`longest`](Self::longest).
    fn time_allowed(&self, path: &str, by_caller: Option<Duration>) -> Duration {
        let allowed = by_caller.unwrap_or(self.default_deadline);
        match self.audience {
            PortAudience::Inside | PortAudience::Outside => allowed,
            PortAudience::Public => allowed.min(self.longest(path)),
        }
    }

    /// The longest deadline of an RPC at the public port: the default, or the RPC's own limit if
    /// that is longer.
    fn longest(&self, path: &str) -> Duration {
        let policy = self.policies.method(path).map(|method| &method.policy);
        let seconds = policy.map_or(0, |policy| policy.longest_seconds);
        Duration::from_secs(seconds.into()).max(self.default_deadline)
    }
}

fn overloaded() -> Refusal {
    Refusal::new(ErrorReason::Overloaded).retry_after(Duration::from_secs(1))
}

/// True if the request has no place, because its client has too many requests in progress.
fn lacks_a_place(request: &Request<Body>) -> bool {
    let place = request.extensions().get::<RequestPlace>();
    place.is_some_and(|place| !place.is_held())
}

/// The HTTP response for a refusal.
pub fn refuse(refusal: Refusal) -> Response<Body> {
    Status::from(refusal).into_http()
}
