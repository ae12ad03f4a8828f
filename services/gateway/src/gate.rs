//! The checks between the guard and a public RPC: first the origin of the page, then the load of authentication, then the
//! limit of the client's address.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use aikagi_mesh::connection::Peer;
use aikagi_mesh::guard::refuse;
use aikagi_refusal::{Refusal, internal};
use futures_util::future::BoxFuture;
use http::{Request, Response};
use ipnet::IpNet;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::address;
use crate::browser::check_origin;
use crate::limit::{AttemptLimiter, ClientAttempts};
use crate::origin::Origin;
use crate::shedding::Shedding;

const LOGIN: &str = "/aikagi.edge.v1.SubscriberService/Login";
/// The RPCs that count as one attempt (LOGIN-8): those that try one password, and the end of all other sessions (SESS-7).
const ATTEMPTS: [&str; 3] = [
    LOGIN,
    "/aikagi.edge.v1.SubscriberService/ChangePassword",
    "/aikagi.edge.v1.SubscriberService/EndOtherSessions",
];

/// The RPC that tries several passwords (LOGIN-8). The RPC itself takes its attempts, because their number is in the
/// request's message.
const SEVERAL_ATTEMPTS: &str = "/aikagi.edge.v1.SubscriberService/Migrate";

/// Puts a [`Gate`] in front of a service.
#[derive(Debug, Clone)]
pub(crate) struct GateLayer(Arc<Rules>);

#[derive(Debug)]
struct Rules {
    origins: Vec<Origin>,
    trusted_proxies: Vec<IpNet>,
    attempts: Arc<AttemptLimiter>,
    shedding: Shedding,
}

impl GateLayer {
    /// Creates gates that allow only pages of these origins.
    pub(crate) fn new(
        origins: Vec<Origin>,
        trusted_proxies: Vec<IpNet>,
        attempts: AttemptLimiter,
        shedding: Shedding,
    ) -> Self {
        Self(Arc::new(Rules {
            origins,
            trusted_proxies,
            attempts: Arc::new(attempts),
            shedding,
        }))
    }
}

impl<S> Layer<S> for GateLayer {
    type Service = Gate<S>;

    fn layer(&self, inner: S) -> Gate<S> {
        Gate {
            inner,
            rules: Arc::clone(&self.0),
        }
    }
}

/// Checks a public request before the inner service gets it.
#[derive(Debug, Clone)]
pub(crate) struct Gate<S> {
    inner: S,
    rules: Arc<Rules>,
}

impl Rules {
    /// The attempts of the client that sent the request.
    fn attempts_of(&self, request: &Request<Body>) -> Result<ClientAttempts, Refusal> {
        let peer = request
            .extensions()
            .get::<Peer>()
            .ok_or_else(|| internal("a request has no peer address"))?;
        let client =
            address::of_client(peer.address.ip(), request.headers(), &self.trusted_proxies);
        Ok(self.attempts.of(client))
    }

    /// LOGIN-8: takes the attempt of a request that counts as one. Adds the [`ClientAttempts`] for attempts that
    /// depend on the message: one for each of several passwords, or one at a number (LOGIN-9).
    async fn limit(&self, mut request: Request<Body>) -> Result<Request<Body>, Refusal> {
        let path = request.uri().path();
        let counts_as_one = ATTEMPTS.contains(&path);
        if counts_as_one || path == SEVERAL_ATTEMPTS {
            let attempts = self.attempts_of(&request)?;
            if counts_as_one {
                attempts.take(1).await?;
            }
            request.extensions_mut().insert(attempts);
        }
        Ok(request)
    }
}

impl<S> Service<Request<Body>> for Gate<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut inner = self.inner.clone();
        std::mem::swap(&mut inner, &mut self.inner);
        let rules = Arc::clone(&self.rules);
        Box::pin(async move {
            // Check the origin first, so that pages of other origins cannot use up a subscriber's attempts.
            if let Err(refusal) = check_origin(request.headers(), &rules.origins) {
                return Ok(refuse(refusal));
            }
            // OPS-8: before any work for the request.
            if request.uri().path() == LOGIN
                && let Err(refusal) = rules.shedding.admit()
            {
                return Ok(refuse(refusal));
            }
            let request = match rules.limit(request).await {
                Ok(request) => request,
                Err(refusal) => return Ok(refuse(refusal)),
            };
            inner.call(request).await
        })
    }
}
