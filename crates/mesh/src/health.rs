//! `grpc.health.v1`, and the log of outages: a service is ready only while its dependencies answer.

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
use crate::telemetry::meters;
use outage::{Notice, Outages};

/// How often each dependency is asked, and how long it may take to answer.
const INTERVAL: Duration = Duration::from_secs(2);

type Check = Box<dyn Fn() -> BoxFuture<'static, Result<(), Cause>> + Send + Sync>;

/// Whether a service can do its work. Clones share what is known of its dependencies.
#[derive(Clone, Default)]
pub struct Readiness {
    dependencies: Vec<Arc<Watched>>,
    /// Whether all of them answered when they were last asked.
    ready: Arc<OnceCell<watch::Receiver<bool>>>,
}

/// A dependency that is asked again and again.
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
    /// Always ready.
    pub fn always() -> Self {
        Self::default()
    }

    /// Ready only while this dependency can be used too.
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

    /// Asks every dependency once; whether all of them answer.
    pub async fn check(&self) -> bool {
        let asked = self.dependencies.iter().map(|watched| watched.ask());
        join_all(asked).await.into_iter().all(|answers| answers)
    }

    /// The health service, kept up to date until the stop, which makes it not ready.
    pub async fn serve(
        self,
        services: Vec<&'static str>,
        shutdown: &Shutdown,
    ) -> tonic_health::pb::health_server::HealthServer<impl tonic_health::pb::health_server::Health>
    {
        let (reporter, server) = tonic_health::server::health_reporter();
        let mut ready = self.keep_asking(shutdown).await;
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

    /// Asks from now on until the stop. Whoever comes later shares the answers, so that an outage is logged once.
    async fn keep_asking(&self, shutdown: &Shutdown) -> watch::Receiver<bool> {
        let begin = || async {
            let (sender, ready) = watch::channel(self.check().await);
            let (dependencies, shutdown) = (self.dependencies.clone(), shutdown.clone());
            tokio::spawn(async move {
                let asking = Self {
                    dependencies,
                    ready: Arc::default(),
                };
                let mut ticks = interval(INTERVAL);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                // The first one comes at once, and they were asked just now.
                ticks.tick().await;
                loop {
                    tokio::select! {
                        () = shutdown.begun() => return,
                        _tick = ticks.tick() => {}
                    }
                    let now = asking.check().await;
                    sender.send_if_modified(|ready| std::mem::replace(ready, now) != now);
                }
            });
            ready
        };
        self.ready.get_or_init(begin).await.clone()
    }
}

impl Watched {
    /// Asks once, and logs what has changed.
    async fn ask(&self) -> bool {
        let answer = match timeout(INTERVAL, (self.check)()).await {
            Ok(answer) => answer,
            Err(_elapsed) => {
                meters::dependency_failed(&self.name, ErrorType::Timeout);
                Err(ErrorType::Timeout.into())
            }
        };
        meters::dependency_down(&self.name, answer.is_err());
        let notice = self.outages.lock().await.observe(answer, Instant::now());
        match notice {
            None => {}
            Some(Notice::Unavailable(cause)) => self.unavailable(cause),
            Some(Notice::Available { outage }) => tracing::info!(
                dependency = self.name,
                outage_seconds = outage.as_secs(),
                "dependency available"
            ),
        }
        answer.is_ok()
    }

    fn unavailable(&self, cause: Cause) {
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
