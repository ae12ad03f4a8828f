//! A port accepts TLS connections and serves HTTP on them, within its bounds (OPS-5).
//!
//! A client that sends nothing, reads nothing or sends too much can keep a place from other clients only for a short
//! time.

mod life;
mod report;
mod requests;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use aikagi_domain::fault::ErrorType;
use http::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tower::Service;

use crate::bounds::Bounds;
use crate::connection::{Clients, Connection, Failures, class_of, handshake};
use crate::places::{Kind, Place, Places};
use crate::relief::{Reason, Relief};
use crate::shutdown::Shutdown;
use crate::tls::{Acceptor, Denials};

use life::{Life, Verdict};
pub use report::PortReport;
pub(crate) use requests::pause_before_refusal;
pub use requests::{ClientOf, RequestPlace};
use requests::{Reporter, Requests};

/// The pause after `accept` has failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a connection without a place stays open.
const LINGER: Duration = Duration::from_secs(1);

/// A port holds this many requests, complete or not, for each RPC that may be in progress.
const REQUESTS_PER_RPC: usize = 2;

/// The size of the buffer of an HTTP/1.1 connection, in bytes, unless a request's head may be larger.
const HTTP1_BUFFER: usize = 32 * 1024;

/// The maximum number of streams that a client opens and resets before they are accepted (rapid reset, CVE-2023-44487).
/// Beyond it the connection is closed.
const MAX_PENDING_RESETS: usize = 20;

/// The maximum number of streams that this end resets because the client violates the protocol (`MadeYouReset`,
/// CVE-2025-8671). Beyond it the connection is closed.
const MAX_ERROR_RESETS: usize = 100;

/// The maximum size of a frame that is read, in bytes. RFC 9113 allows no smaller maximum.
const MAX_FRAME: u32 = 16 * 1024;

/// The maximum number of bytes that a client may send on one stream before they are read. It is the default of RFC
/// 9113, rounded up.
const MAX_STREAM_WINDOW: u32 = 64 * 1024;

/// The interval of HTTP/2 pings, and the maximum time until a ping is acknowledged.
const PING: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(10));

/// The settings of a port.
#[derive(Debug)]
pub struct PortSettings {
    /// The name of the port, for logs and metrics.
    pub name: &'static str,
    /// The clients that connect to it.
    pub clients: Clients,
    /// Its bounds.
    pub bounds: Bounds,
    /// The maximum number of RPCs in progress.
    pub max_in_flight: usize,
    /// The maximum time for which requests in progress may continue after the stop begins.
    pub drain: Duration,
}

/// A port. Clones share its places.
#[derive(Clone, Debug)]
pub struct Port {
    name: &'static str,
    clients: Clients,
    bounds: Arc<Bounds>,
    drain: Duration,
    relief: Relief,
    connections: Places,
    handshakes: Places,
    requests: Requests,
    /// A connection without a place needs one of these permits to stay open for the time `LINGER`.
    lingering: Arc<Semaphore>,
}

impl Port {
    /// Creates a port. The client of a request is the peer of its connection.
    pub fn new(settings: PortSettings) -> Self {
        let bounds = Arc::new(settings.bounds);
        let relief = Relief::new(settings.name, settings.clients);
        let places = |kind| Places::new(Arc::clone(&bounds), kind, relief.clone());
        let connections = places(Kind {
            total: bounds.connections,
            of_share: |share| share.connections,
            exempts_proxies: true,
            in_all: Reason::Connections,
            of_address: Reason::AddressConnections,
        });
        let handshakes = places(Kind {
            total: bounds.handshakes,
            of_share: |share| share.handshakes,
            exempts_proxies: true,
            in_all: Reason::Handshakes,
            of_address: Reason::AddressHandshakes,
        });
        let requests = places(Kind {
            total: settings.max_in_flight.saturating_mul(REQUESTS_PER_RPC),
            of_share: |share| share.requests,
            exempts_proxies: false,
            in_all: Reason::Requests,
            of_address: Reason::AddressRequests,
        });
        Self {
            name: settings.name,
            clients: settings.clients,
            requests: Requests::new(requests, bounds.body, relief.clone()),
            lingering: Arc::new(Semaphore::new(bounds.handshakes)),
            bounds,
            drain: settings.drain,
            relief,
            connections,
            handshakes,
        }
    }

    /// Sets the function that finds the client of a request. Each request counts for that client. Behind a proxy, the
    /// function finds the client that the proxy names.
    #[must_use]
    pub fn for_clients(self, client_of: ClientOf) -> Self {
        Self {
            requests: self.requests.for_clients(client_of),
            ..self
        }
    }

    /// Serves until the stop. Then waits until the requests in progress have ended, but at most the drain time. After
    /// that it waits at most the drain time again for other work.
    pub async fn serve<S>(
        mut self,
        listener: TcpListener,
        acceptor: impl Acceptor,
        service: S,
        shutdown: &Shutdown,
    ) where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send,
    {
        let denials = acceptor.denials();
        if self.clients == Clients::Workloads {
            self.requests = self.requests.with_report(self.reporter(denials.clone()));
        }
        let connections = TaskTracker::new();
        let (port, http, stop) = (self.clone(), Arc::new(self.http()), shutdown.clone());
        let serve = move |connection: Connection, place| {
            let (port, http) = (port.clone(), Arc::clone(&http));
            let (service, stop) = (service.clone(), stop.clone());
            let denied = connection.denial(denials.clone());
            async move {
                tokio::select! {
                    // A denied peer must not send another request, so this is checked first.
                    biased;
                    () = denied => {}
                    () = port.serve_connection(&http, connection, place, service, &stop) => {}
                }
            }
        };
        self.accept(listener, acceptor, shutdown, &connections, serve)
            .await;
        connections.close();
        if timeout(self.drain, connections.wait()).await.is_err() {
            tracing::warn!("stopped with RPCs in progress");
        }
        shutdown.wait_for_work(self.drain).await;
    }

    /// Describes the age of connections and the deny list, for a health check.
    fn reporter(&self, denials: Denials) -> Reporter {
        let (age, grace) = (self.bounds.age, self.bounds.grace);
        Arc::new(move || PortReport {
            age,
            grace,
            deny_list: denials.summary(),
        })
    }

    /// Accepts connections until the stop, and starts a task for each. A handshake that fails or is slow affects no
    /// other connection.
    pub(crate) async fn accept<F, Served>(
        &self,
        listener: TcpListener,
        tls: impl Acceptor,
        shutdown: &Shutdown,
        tasks: &TaskTracker,
        serve: F,
    ) where
        F: Fn(Connection, Place) -> Served + Clone + Send + 'static,
        Served: Future<Output = ()> + Send,
    {
        let failures = Arc::new(Failures::new(self.name, self.clients));
        loop {
            let accepted = tokio::select! {
                () = shutdown.begun() => return,
                accepted = listener.accept() => accepted,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Most likely no file descriptor is free. Closing a silent connection frees one.
                    failures.accept(&error);
                    self.connections.end_oldest();
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let place = self.connections.take(address.ip());
            let handshaking = self.handshakes.take(address.ip());
            let (Some(place), Some(handshaking)) = (place, handshaking) else {
                let port = self.clone();
                tokio::spawn(async move {
                    port.linger().await;
                    drop(stream);
                });
                continue;
            };
            let acceptor = TlsAcceptor::from(tls.config());
            let (port, failures, serve) = (self.clone(), Arc::clone(&failures), serve.clone());
            let stop = shutdown.clone();
            tasks.spawn(async move {
                let mut shaking = pin!(port.shake_hands(acceptor, stream, address));
                let shaken = tokio::select! {
                    () = place.lost() => None,
                    () = handshaking.lost() => None,
                    () = stop.begun() => return,
                    shaken = &mut shaking => Some(shaken),
                };
                drop(handshaking);
                let Some(shaken) = shaken else {
                    drop(place);
                    return port.linger().await;
                };
                match shaken {
                    Ok(connection) => serve(connection, place).await,
                    Err(error_type) => failures.handshake(address, error_type),
                }
            });
        }
    }

    /// Waits before a connection without a place is closed. Without the pause its client could replace the connection
    /// immediately, again and again. The number of connections that wait is bounded; the others are closed
    /// immediately.
    async fn linger(&self) {
        if let Ok(_permit) = self.lingering.try_acquire() {
            tokio::time::sleep(LINGER).await;
        }
    }

    async fn shake_hands(
        &self,
        acceptor: TlsAcceptor,
        stream: TcpStream,
        address: SocketAddr,
    ) -> Result<Connection, ErrorType> {
        let late = |reason| {
            move |_elapsed| {
                self.relief.count(reason);
                ErrorType::Timeout
            }
        };
        timeout(self.bounds.first_byte, stream.readable())
            .await
            .map_err(late(Reason::FirstByte))?
            .map_err(|error: io::Error| class_of(&error))?;
        timeout(self.bounds.handshake, handshake(acceptor, stream, address))
            .await
            .map_err(late(Reason::Handshake))?
            .map_err(|error| class_of(&error))
    }

    /// Creates hyper's connection builder, with the bounds of one connection.
    fn http(&self) -> Builder<TokioExecutor> {
        let bounds = &self.bounds;
        let mut builder = Builder::new(TokioExecutor::new());
        if self.clients == Clients::Workloads {
            builder = builder.http2_only();
        }
        let (every, patience) = PING;
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(every)
            .keep_alive_timeout(patience)
            .max_concurrent_streams(bounds.streams)
            .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
            .max_local_error_reset_streams(MAX_ERROR_RESETS)
            .max_header_list_size(bounds.head_bytes)
            .max_frame_size(MAX_FRAME)
            .initial_stream_window_size(bounds.window_bytes.min(MAX_STREAM_WINDOW))
            .initial_connection_window_size(bounds.window_bytes)
            .max_send_buf_size(bounds.send_bytes);
        builder
            .http1()
            .timer(TokioTimer::new())
            // This timeout includes the silence before the head, so it must not be shorter than the bounds on that
            // silence.
            .header_read_timeout(bounds.idle.max(bounds.first_request))
            .max_buf_size(HTTP1_BUFFER.max(bounds.head_bytes as usize));
        builder
    }

    async fn serve_connection<S>(
        &self,
        http: &Builder<TokioExecutor>,
        connection: Connection,
        place: Place,
        service: S,
        stop: &Shutdown,
    ) where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send,
    {
        let life = Arc::new(Life::new(place));
        let requests =
            self.requests
                .of_connection(connection.peer().clone(), Arc::clone(&life), service);
        let mut serving = pin!(http.serve_connection(TokioIo::new(connection), requests));
        let mut tick = interval(self.bounds.tick());
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The time at which the connection ends, even if requests are in progress.
        let mut end = None;
        let mut stopping = false;
        loop {
            tokio::select! {
                ended = &mut serving => {
                    if let Err(error) = ended {
                        tracing::debug!(error, "connection failed");
                    }
                    return;
                }
                () = life.lost() => return,
                () = stop.begun(), if !stopping => {
                    stopping = true;
                    serving.as_mut().graceful_shutdown();
                }
                _ = tick.tick() => {
                    let now = Instant::now();
                    if end.is_some_and(|end| now >= end) {
                        return;
                    }
                    match life.judge(now, &self.bounds) {
                        Verdict::Keep => {}
                        Verdict::Cut(reason) => {
                            self.relief.count(reason);
                            return;
                        }
                        Verdict::Close(_) | Verdict::Age if end.is_some() || stopping => {}
                        Verdict::Close(reason) => {
                            self.relief.count(reason);
                            serving.as_mut().graceful_shutdown();
                            end = Some(now + self.drain);
                        }
                        Verdict::Age => {
                            serving.as_mut().graceful_shutdown();
                            end = Some(now + self.bounds.grace);
                        }
                    }
                }
            }
        }
    }
}
