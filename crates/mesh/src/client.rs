//! Calling another service: mutual TLS to the workload meant and no other, load spread over all its
//! replicas, the deadline and the trace passed on, and calls tried again where that is safe.

mod balance;
mod connect;
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

use balance::Balance;
pub use connect::was_never_begun;
pub use probe::{Obstacle, probe};

/// How often a call is made at most.
const MAX_TRIES: u32 = 3;

/// How long a check looks for a replica.
const CHECK: Duration = Duration::from_secs(1);

/// The deadline of a call made outside of any.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);

/// A workload that can be called, over all its replicas. Cheap to clone; give it to a generated client.
#[derive(Debug, Clone)]
pub struct Upstream {
    workload: Arc<str>,
    balance: Arc<Balance>,
    policies: Arc<Policies>,
}

impl Upstream {
    /// The workload at these addresses (`host:port`; every address of a name is a replica). Names are
    /// looked up again until the stop.
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
            // Reading a stream to its end first is not for us; it is sent once.
            return self
                .send_once(&method, head, body, end)
                .await
                .map_err(|failed| failed.status);
        }
        let body = body.collect().await?.to_bytes();
        let mut tries = 0;
        loop {
            tries += 1;
            let again = Body::new(Full::new(body.clone()));
            let answer = self.send_once(&method, head.clone(), again, end).await;
            let worth_another = match &answer {
                Ok(response) => idempotent && is_unavailable(response),
                Err(failed) => {
                    !failed.sent || (idempotent && failed.status.code() == Code::Unavailable)
                }
            };
            let pause = Duration::from_millis(rand::random_range(5..20) << tries);
            let time_left = end.saturating_duration_since(Instant::now());
            if !worth_another || tries >= MAX_TRIES || time_left < pause + deadline::LEAST {
                return answer.map_err(|failed| failed.status);
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
        let cut = remaining.saturating_sub(deadline::RESERVE);
        match tokio::time::timeout(cut, replica.call(Request::from_parts(head, body))).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(Failed {
                status: self.fault(method, connect::class_of(&error, ErrorType::Reset)),
                sent: !was_never_begun(&error),
            }),
            Err(_elapsed) => Err(Failed {
                status: self.fault(method, ErrorType::Deadline),
                sent: true,
            }),
        }
    }

    /// The status of an RPC that failed on the way.
    fn fault(&self, method: &str, error_type: ErrorType) -> Status {
        telemetry::meters::dependency_failed(&self.workload, error_type);
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

    /// Whether a replica can be reached.
    async fn check(&self) -> Result<(), RpcFault> {
        let connected = self.balance.connected(Instant::now() + CHECK).await;
        connected.map(drop).map_err(|error_type| {
            telemetry::meters::dependency_failed(&self.workload, error_type);
            RpcFault::new(Arc::clone(&self.workload), "check", error_type)
        })
    }
}

/// A call that got no answer from a service.
struct Failed {
    status: Status,
    /// Something of it may have arrived.
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
        let begun = Instant::now();
        let upstream = self.clone();
        Box::pin(
            async move {
                let answer = upstream.send(request).await;
                let code = match &answer {
                    Ok(response) => telemetry::status_of(response.headers()),
                    Err(status) => status.code(),
                };
                telemetry::record_status(code, false);
                telemetry::meters::made(&method, code, begun.elapsed());
                answer
            }
            .instrument(span),
        )
    }
}
