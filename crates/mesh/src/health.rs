//! The health service `grpc.health.v1`, and the log of outages. A service is ready only while all its dependencies are
//! available.

mod outage;

use std::sync::Arc;
use std::time::Duration;

use aikagi_domain::fault::{Cause, Dependency, Endpoint, ErrorType, Fault as _, StatusCode};
use futures_util::future::{BoxFuture, join_all};
use tokio::sync::{Mutex, OnceCell, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::shutdown::Shutdown;
use crate::telemetry::metrics;
use outage::{Notice, Outages};

/// The interval at which each dependency is checked. It is also the time limit of a check.
const INTERVAL: Duration = Duration::from_secs(2);

type Check = Box<dyn Fn() -> BoxFuture<'static, Result<(), Cause>> + Send + Sync>;

/// The readiness of a service: it is ready while all its dependencies are available. Clones share it.
#[derive(Clone, Default)]
pub struct Readiness {
    dependencies: Vec<Arc<Watched>>,
    /// True if all dependencies were available at the last check.
    ready: Arc<OnceCell<watch::Receiver<bool>>>,
}

/// A dependency with its check.
struct Watched {
    name: String,
    endpoint: Endpoint,
    check: Check,
    outages: Mutex<Outages>,
}

impl std::fmt::Debug for Readiness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.dependencies.iter().map(|watched| &watched.name))
            .finish()
    }
}

impl Readiness {
    /// The readiness of a service without dependencies, which is always ready.
    pub fn always() -> Self {
        Self::default()
    }

    /// Adds a dependency. The service is ready only while it is available too.
    #[must_use]
    pub fn and(mut self, dependency: impl Dependency) -> Self {
        let (name, endpoint) = (dependency.name().to_owned(), dependency.endpoint());
        let dependency = Arc::new(dependency);
        let check: Check = Box::new(move || {
            let dependency = Arc::clone(&dependency);
            Box::pin(async move { dependency.check().await.map_err(|fault| fault.cause()) })
        });
        self.dependencies.push(Arc::new(Watched {
            name,
            endpoint,
            check,
            outages: Mutex::default(),
        }));
        self
    }

    /// Checks every dependency once. Returns true if all are available.
    pub async fn check(&self) -> bool {
        let checks = self.dependencies.iter().map(|watched| watched.check());
        let available = join_all(checks).await;
        available.into_iter().all(|available| available)
    }

    /// Starts the checks and returns the health service. The health service reports the result of the last check.
    /// After the stop has begun, it reports "not serving".
    pub async fn serve(
        self,
        services: Vec<&'static str>,
        shutdown: &Shutdown,
    ) -> tonic_health::pb::health_server::HealthServer<impl tonic_health::pb::health_server::Health>
    {
        let (reporter, server) = tonic_health::server::health_reporter();
        let mut ready = self.keep_checking(shutdown).await;
        let now = *ready.borrow_and_update();
        report(&reporter, &services, now).await;
        let shutdown = shutdown.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = shutdown.begun() => break,
                    changed = ready.changed() => if changed.is_err() { break },
                }
                let now = *ready.borrow_and_update();
                report(&reporter, &services, now).await;
            }
            report(&reporter, &services, false).await;
        });
        server
    }

    /// Checks the dependencies repeatedly until the stop. All callers share one series of checks, so that an outage is
    /// logged once.
    async fn keep_checking(&self, shutdown: &Shutdown) -> watch::Receiver<bool> {
        let begin = || async {
            let (sender, ready) = watch::channel(self.check().await);
            let (dependencies, shutdown) = (self.dependencies.clone(), shutdown.clone());
            tokio::spawn(async move {
                let checked = Self {
                    dependencies,
                    ready: Arc::default(),
                };
                let mut ticks = interval(INTERVAL);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                // The first tick is immediate, and the first check has just ended.
                ticks.tick().await;
                loop {
                    tokio::select! {
                        () = shutdown.begun() => return,
                        _tick = ticks.tick() => {}
                    }
                    let now = checked.check().await;
                    sender.send_if_modified(|ready| std::mem::replace(ready, now) != now);
                }
            });
            ready
        };
        self.ready.get_or_init(begin).await.clone()
    }
}

impl Watched {
    /// Checks the dependency once, and logs a change. Returns true if it is available.
    async fn check(&self) -> bool {
        let result = match timeout(INTERVAL, (self.check)()).await {
            Ok(result) => result,
            Err(_elapsed) => {
                metrics::dependency_failed(&self.name, ErrorType::Timeout);
                Err(ErrorType::Timeout.into())
            }
        };
        metrics::dependency_down(&self.name, result.is_err());
        let notice = self.outages.lock().await.observe(result, Instant::now());
        match notice {
            None => {}
            Some(Notice::Unavailable(cause)) => self.log_unavailable(cause),
            Some(Notice::Available { outage }) => tracing::info!(
                dependency = self.name,
                outage_seconds = outage.as_secs(),
                "dependency available"
            ),
        }
        result.is_ok()
    }

    fn log_unavailable(&self, cause: Cause) {
        tracing::warn!(
            dependency = self.name,
            error.type = cause.error_type.as_str(),
            db.response.status_code = cause.code.as_ref().map(StatusCode::as_str),
            server.address = self.endpoint.address,
            server.port = self.endpoint.port,
            "dependency unavailable"
        );
    }
}

async fn report(reporter: &HealthReporter, services: &[&'static str], ready: bool) {
    let status = if ready {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    };
    for service in services.iter().chain(&[""]) {
        reporter.set_service_status(*service, status).await;
    }
}
