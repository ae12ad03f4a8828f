//! `grpc.health.v1`: a service is ready only while its stores answer.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::shutdown::Shutdown;
use crate::telemetry::meters;

/// How often the stores are asked.
const INTERVAL: Duration = Duration::from_secs(2);

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Whether a service can do its work.
#[derive(Clone)]
pub struct Readiness {
    checks: Vec<(&'static str, Check)>,
}

impl std::fmt::Debug for Readiness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.checks.iter().map(|(name, _)| name))
            .finish()
    }
}

impl Readiness {
    /// Always ready.
    pub fn always() -> Self {
        Self { checks: Vec::new() }
    }

    /// Ready only while this answers too.
    #[must_use]
    pub fn and<F, Fut, E>(mut self, name: &'static str, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: std::fmt::Display,
    {
        let check: Check = Arc::new(move || {
            let answer = check();
            Box::pin(async move { answer.await.map_err(|error| error.to_string()) })
        });
        self.checks.push((name, check));
        self
    }

    /// Asks everything once; the name of the first that does not answer is the error.
    pub async fn check(&self) -> Result<(), &'static str> {
        let mut first = Ok(());
        for (name, check) in &self.checks {
            let answers = match tokio::time::timeout(INTERVAL, check()).await {
                Ok(Ok(())) => true,
                Ok(Err(error)) => {
                    tracing::debug!(dependency = name, error, "does not answer");
                    false
                }
                Err(_elapsed) => false,
            };
            meters::dependency(name, answers);
            if !answers {
                first = first.and(Err(*name));
            }
        }
        first
    }

    /// The health service, kept up to date until the stop, which makes it not ready.
    pub async fn serve(
        self,
        services: Vec<&'static str>,
        shutdown: &Shutdown,
    ) -> tonic_health::pb::health_server::HealthServer<impl tonic_health::pb::health_server::Health>
    {
        let (reporter, server) = tonic_health::server::health_reporter();
        let mut ready = self.check().await;
        report(&reporter, &services, ready).await;
        let shutdown = shutdown.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = shutdown.begun() => break,
                    () = tokio::time::sleep(INTERVAL) => {}
                }
                let now = self.check().await;
                if now != ready {
                    match now {
                        Ok(()) => tracing::info!("ready"),
                        Err(dependency) => tracing::warn!(dependency, "not ready"),
                    }
                    ready = now;
                    report(&reporter, &services, ready).await;
                }
            }
            report(&reporter, &services, Err("stopping")).await;
        });
        server
    }
}

async fn report(
    reporter: &HealthReporter,
    services: &[&'static str],
    ready: Result<(), &'static str>,
) {
    let status = if ready.is_ok() {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    };
    for service in services.iter().chain(&[""]) {
        reporter.set_service_status(*service, status).await;
    }
}
