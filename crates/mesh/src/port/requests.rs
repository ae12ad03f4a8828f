//! The requests of a port. Each one takes a place of its client until its response has been sent.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tonic::Status;
use tonic::body::Body;
use tower::{Service, ServiceExt as _};

use super::life::Life;
use super::report::{HEALTH_CHECK, PortReport};
use crate::connection::Peer;
use crate::places::{Place, Places};
use crate::relief::{Reason, Relief};

/// How long a client with too many requests waits for a refusal. Without the pause the client could send the next
/// request immediately, again and again. Refusing them all would slow down other clients.
const REFUSAL_PAUSE: Duration = Duration::from_secs(3);

/// Waits before a request is refused because its client has too many requests in progress.
pub(crate) async fn pause_before_refusal() {
    tokio::time::sleep(REFUSAL_PAUSE).await;
}

/// Finds the client of a request, from the address of its peer and from its headers.
pub type ClientOf = Arc<dyn Fn(IpAddr, &HeaderMap) -> IpAddr + Send + Sync>;

/// The requests of one port. Clones share their places.
#[derive(Clone)]
pub(super) struct Requests {
    places: Places,
    body: Duration,
    relief: Relief,
    client_of: Option<ClientOf>,
    reporter: Option<Reporter>,
}

/// Creates the report that a health check carries.
pub(super) type Reporter = Arc<dyn Fn() -> PortReport + Send + Sync>;

impl std::fmt::Debug for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Requests").finish_non_exhaustive()
    }
}

/// The place of a request. It is in the request's extensions.
#[derive(Clone, Debug)]
pub struct RequestPlace {
    /// `None` if no place was free for the client of the request.
    place: Option<Arc<Place>>,
    body: Duration,
    relief: Relief,
}

impl RequestPlace {
    /// True if the request has a place. A request without one must be refused.
    pub fn is_held(&self) -> bool {
        self.place.is_some()
    }

    /// The maximum time to receive the body.
    pub(crate) fn body_time(&self) -> Duration {
        self.body
    }

    /// Records that the request is complete. From now on it keeps its place. Returns false if it has lost its place.
    pub(crate) fn complete(&self) -> bool {
        self.place.as_ref().is_some_and(|place| place.busy())
    }

    /// Waits until the place is lost.
    pub(crate) async fn lost(&self) {
        match &self.place {
            Some(place) => place.lost().await,
            None => std::future::pending().await,
        }
    }

    /// Counts the refusal of the request.
    pub(crate) fn count(&self, reason: Reason) {
        self.relief.count(reason);
    }
}

impl Requests {
    pub(super) fn new(places: Places, body: Duration, relief: Relief) -> Self {
        Self {
            places,
            body,
            relief,
            client_of: None,
            reporter: None,
        }
    }

    /// Adds a report to each response to a health check.
    pub(super) fn with_report(&self, reporter: Reporter) -> Self {
        Self {
            reporter: Some(reporter),
            ..self.clone()
        }
    }

    pub(super) fn for_clients(self, client_of: ClientOf) -> Self {
        Self {
            client_of: Some(client_of),
            ..self
        }
    }

    /// Serves the requests of one connection.
    pub(super) fn of_connection<S>(
        &self,
        peer: Peer,
        life: Arc<Life>,
        service: S,
    ) -> OfConnection<S> {
        OfConnection {
            requests: self.clone(),
            peer,
            life,
            service,
        }
    }

    fn place(&self, peer: &Peer, headers: &HeaderMap) -> RequestPlace {
        let address = peer.address.ip();
        let client = match &self.client_of {
            Some(client_of) => client_of(address, headers),
            None => address,
        };
        RequestPlace {
            place: self.places.take(client).map(Arc::new),
            body: self.body,
            relief: self.relief.clone(),
        }
    }
}

/// The service of one connection.
pub(super) struct OfConnection<S> {
    requests: Requests,
    peer: Peer,
    life: Arc<Life>,
    service: S,
}

impl<S> hyper::service::Service<Request<Incoming>> for OfConnection<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    type Response = Response<Sent>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Sent>, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let place = self.requests.place(&self.peer, request.headers());
        let progress = Progress {
            number: self.life.begin(),
            life: Arc::clone(&self.life),
            _place: place.place.clone(),
        };
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(self.peer.clone());
        let is_held = place.is_held();
        request.extensions_mut().insert(place);
        let service = self.service.clone();
        let reporter = self.requests.reporter.clone();
        let reporter = reporter.filter(|_| request.uri().path() == HEALTH_CHECK);
        Box::pin(async move {
            if !is_held {
                pause_before_refusal().await;
            }
            let mut response = service.oneshot(request).await?;
            if let Some(reporter) = reporter {
                reporter().write(response.headers_mut());
            }
            Ok(response.map(|body| Sent::new(body, progress)))
        })
    }
}

/// A request in progress. It ends when this is dropped.
#[derive(Debug)]
struct Progress {
    number: u64,
    life: Arc<Life>,
    _place: Option<Arc<Place>>,
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.life.end(self.number);
    }
}

/// The body of a response. hyper asks for the next part when the peer can receive it.
#[derive(Debug)]
pub(super) struct Sent {
    body: Body,
    progress: Progress,
}

impl Sent {
    fn new(body: Body, progress: Progress) -> Self {
        progress.life.ready(progress.number);
        Self { body, progress }
    }
}

impl http_body::Body for Sent {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        let Progress { number, life, .. } = &self.progress;
        match &polled {
            Poll::Ready(_) => life.ready(*number),
            Poll::Pending => life.taken(*number),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
