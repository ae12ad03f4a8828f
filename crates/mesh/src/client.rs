//! Sends RPCs to another service.
//!
//! Each connection uses mutual TLS, and checks that the other end is the intended workload. RPCs are spread over all
//! replicas. They carry the deadline and the trace. A failed RPC is repeated if that is safe.

mod balance;
mod connect;
mod deniable;
mod probe;

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use aikagi_domain::fault::{Dependency, Endpoint, ErrorType};
use aikagi_refusal::RpcFault;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::Service;
use tracing::Instrument;

use crate::deadline;
use crate::policy::Policies;
use crate::shutdown::Shutdown;
use crate::telemetry;
use crate::tls::TlsIdentity;

use balance::{Balance, Broken};
pub use connect::was_never_started;
pub use probe::{Obstacle, probe};

/// The maximum number of tries for one RPC.
const MAX_ATTEMPTS: u32 = 3;

/// The time limit for checking that the upstream is available.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// The time limit of an RPC that is not sent on behalf of another RPC.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);

/// All replicas of a workload. Generated clients use it as their channel. Clones are cheap and share the connections.
#[derive(Debug, Clone)]
pub struct Upstream {
    workload: Arc<str>,
    balance: Arc<Balance>,
    policies: Arc<Policies>,
}

impl Upstream {
    /// Creates a client of the workload at these addresses (`host:port`). Each address that a host name resolves to is
    /// a replica. Names are resolved repeatedly until the service stops.
    pub fn new(
        workload: &str,
        targets: impl Into<Vec<String>>,
        identity: TlsIdentity,
        policies: Arc<Policies>,
        shutdown: &Shutdown,
    ) -> Self {
        let balance = Balance::start(workload, targets.into(), identity, shutdown);
        Self {
            workload: workload.into(),
            balance,
            policies,
        }
    }

    async fn send(self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let end = deadline::current().unwrap_or_else(|| Instant::now() + DEFAULT_DEADLINE);
        let contract = self.policies.method(request.uri().path());
        let idempotent = contract.is_some_and(|method| method.idempotent);
        let method = telemetry::method_of(request.uri().path()).to_owned();
        let (mut head, body) = request.into_parts();
        telemetry::pass_on(&mut head.headers);
        if contract.is_none_or(|method| method.client_streaming) {
            // A stream is sent only once. It cannot be repeated, because its messages are not kept in memory.
            return self
                .send_once(&method, head, body, end)
                .await
                .map_err(|failed| failed.status);
        }
        let body = body.collect().await?.to_bytes();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let body = Body::new(Full::new(body.clone()));
            let result = self.send_once(&method, head.clone(), body, end).await;
            let may_repeat = match &result {
                Ok(response) => idempotent && is_unavailable(response),
                Err(failed) => {
                    !failed.sent || (idempotent && failed.status.code() == Code::Unavailable)
                }
            };
            let pause = Duration::from_millis(rand::random_range(5..20) << attempts);
            let time_left = end.saturating_duration_since(Instant::now());
            if !may_repeat || attempts >= MAX_ATTEMPTS || time_left < pause + deadline::LEAST {
                return result.map_err(|failed| failed.status);
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn send_once(
        &self,
        method: &str,
        mut head: http::request::Parts,
        body: Body,
        end: Instant,
    ) -> Result<Response<Body>, Failed> {
        let replica = self
            .balance
            .connected(end)
            .await
            .map_err(|error_type| Failed::unsent(self.fault(method, error_type)))?;
        let remaining = end.saturating_duration_since(Instant::now());
        deadline::pass_on(&mut head.headers, remaining).map_err(Failed::unsent)?;
        let timeout = remaining.saturating_sub(deadline::RESERVE);
        match tokio::time::timeout(timeout, replica.call(Request::from_parts(head, body))).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(Broken { error, is_usual })) => {
                let error_type = connect::class_of(&error, ErrorType::Reset);
                let status = if is_usual {
                    RpcFault::new(Arc::clone(&self.workload), method, error_type).into()
                } else {
                    self.fault(method, error_type)
                };
                Err(Failed {
                    status,
                    sent: !was_never_started(&error),
                })
            }
            Err(_elapsed) => Err(Failed {
                status: self.fault(method, ErrorType::Deadline),
                sent: true,
            }),
        }
    }

    /// Counts a failed RPC, and returns its status.
    fn fault(&self, method: &str, error_type: ErrorType) -> Status {
        telemetry::metrics::dependency_failed(&self.workload, error_type);
        RpcFault::new(Arc::clone(&self.workload), method, error_type).into()
    }
}

impl Dependency for Upstream {
    type Error = RpcFault;

    fn name(&self) -> &str {
        &self.workload
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint {
            address: self.balance.targets().join(","),
            port: None,
        }
    }

    /// Fails if no replica can be reached.
    async fn check(&self) -> Result<(), RpcFault> {
        let connected = self.balance.connected(Instant::now() + CHECK_TIMEOUT).await;
        connected.map(drop).map_err(|error_type| {
            telemetry::metrics::dependency_failed(&self.workload, error_type);
            RpcFault::new(Arc::clone(&self.workload), "check", error_type)
        })
    }
}

/// An RPC that failed without a response from the service.
struct Failed {
    status: Status,
    /// True if the service may have received the request.
    sent: bool,
}

impl Failed {
    fn unsent(status: impl Into<Status>) -> Self {
        Self {
            status: status.into(),
            sent: false,
        }
    }
}

fn is_unavailable(response: &Response<Body>) -> bool {
    Status::from_header_map(response.headers())
        .is_some_and(|status| status.code() == Code::Unavailable)
}

impl Service<Request<Body>> for Upstream {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Response<Body>, Status>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let span = telemetry::client_span(request.uri().path());
        let method = telemetry::method_of(request.uri().path()).to_owned();
        let started_at = Instant::now();
        let upstream = self.clone();
        Box::pin(
            async move {
                let result = upstream.send(request).await;
                let code = match &result {
                    Ok(response) => telemetry::status_of(response.headers()),
                    Err(status) => status.code(),
                };
                telemetry::record_status(code, false);
                telemetry::metrics::rpc_made(&method, code, started_at.elapsed());
                result
            }
            .instrument(span),
        )
    }
}
