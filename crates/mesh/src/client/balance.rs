//! Which replica takes an RPC: of two chosen at random, the one with fewer RPCs in progress, among those that can be
//! reached. A replica that fails is left alone for a while, longer each time. That it leaves or joins is logged once.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aikagi_domain::fault::ErrorType;
use arc_swap::ArcSwap;
use http::{Request, Response};
use rand::RngExt;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::transport::Channel;
use tower::ServiceExt;

use crate::client::connect;
use crate::shutdown::Shutdown;
use crate::tls::TlsIdentity;

/// How often names are looked up again.
const LOOK_UP: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// All replicas of one workload.
#[derive(Debug)]
pub(super) struct Balance {
    workload: Arc<str>,
    targets: Vec<String>,
    identity: TlsIdentity,
    replicas: ArcSwap<Vec<Arc<Replica>>>,
}

impl Balance {
    pub(super) fn start(
        workload: &str,
        targets: Vec<String>,
        identity: TlsIdentity,
        shutdown: &Shutdown,
    ) -> Arc<Self> {
        let balance = Arc::new(Self {
            workload: workload.into(),
            targets,
            identity,
            replicas: ArcSwap::from_pointee(Vec::new()),
        });
        let (refreshing, shutdown) = (Arc::downgrade(&balance), shutdown.clone());
        tokio::spawn(async move {
            while let Some(balance) = refreshing.upgrade() {
                balance.look_up().await;
                drop(balance);
                tokio::select! {
                    () = shutdown.begun() => return,
                    () = tokio::time::sleep(LOOK_UP) => {}
                }
            }
        });
        balance
    }

    /// Learns which addresses the targets have now; a name that cannot be looked up keeps its old ones.
    async fn look_up(&self) {
        let mut addresses = BTreeSet::new();
        for target in &self.targets {
            match tokio::net::lookup_host(target).await {
                Ok(found) => addresses.extend(found),
                Err(_unresolved) => {
                    tracing::debug!(
                        upstream = %self.workload,
                        error.type = ErrorType::NoAddress.as_str(),
                        "name not resolved"
                    );
                    return;
                }
            }
        }
        let known = self.replicas.load_full();
        for replica in known.iter() {
            if !addresses.contains(&replica.address) {
                tracing::info!(
                    upstream = %self.workload,
                    server.address = %replica.address,
                    "replica removed"
                );
            }
        }
        if known
            .iter()
            .map(|replica| replica.address)
            .eq(addresses.iter().copied())
        {
            return;
        }
        let replicas = addresses
            .into_iter()
            .map(|address| {
                let old = known.iter().find(|replica| replica.address == address);
                old.cloned()
                    .unwrap_or_else(|| Arc::new(Replica::new(Arc::clone(&self.workload), address)))
            })
            .collect();
        self.replicas.store(Arc::new(replicas));
    }

    /// The targets, for logs.
    pub(super) fn targets(&self) -> &[String] {
        &self.targets
    }

    /// A replica that is connected, tried one after another until one is. The error is the class of what is in the way
    /// of the last one tried.
    pub(super) async fn connected(&self, end: Instant) -> Result<Connected, ErrorType> {
        if self.replicas.load().is_empty() {
            self.look_up().await;
        }
        let mut obstacle = ErrorType::NoAddress;
        let mut tried = BTreeSet::new();
        while let Some(replica) = self.choose(&tried) {
            tried.insert(replica.address);
            let connecting = replica.channel(&self.identity);
            match tokio::time::timeout_at(end, connecting).await {
                Ok(Ok(channel)) => return Ok(Connected::new(replica, channel)),
                Ok(Err(error_type)) => {
                    replica.failed(error_type);
                    obstacle = error_type;
                }
                Err(_elapsed) => {
                    replica.failed(ErrorType::Connect);
                    return Err(ErrorType::Connect);
                }
            }
        }
        Err(obstacle)
    }

    /// The better of two at random among the healthy; when none is, any, for it may have come back.
    fn choose(&self, tried: &BTreeSet<SocketAddr>) -> Option<Arc<Replica>> {
        let now = Instant::now();
        let replicas = self.replicas.load();
        let untried: Vec<&Arc<Replica>> = replicas
            .iter()
            .filter(|replica| !tried.contains(&replica.address))
            .collect();
        let healthy: Vec<&Arc<Replica>> = untried
            .iter()
            .copied()
            .filter(|replica| replica.is_healthy(now))
            .collect();
        let among = if healthy.is_empty() { untried } else { healthy };
        let mut rng = rand::rng();
        let pick = |rng: &mut rand::rngs::ThreadRng| {
            (!among.is_empty())
                .then(|| among.get(rng.random_range(0..among.len())).copied())
                .flatten()
        };
        let (one, other) = (pick(&mut rng)?, pick(&mut rng)?);
        let fewer = if one.in_progress.load(Ordering::Relaxed)
            <= other.in_progress.load(Ordering::Relaxed)
        {
            one
        } else {
            other
        };
        Some(Arc::clone(fewer))
    }
}

#[derive(Debug)]
struct Replica {
    workload: Arc<str>,
    address: SocketAddr,
    in_progress: AtomicUsize,
    channel: tokio::sync::Mutex<Option<Channel>>,
    rest: Mutex<Rest>,
}

/// How long a failing replica is left alone.
#[derive(Debug, Clone, Copy)]
struct Rest {
    until: Option<Instant>,
    pause: Duration,
    /// Whether it takes RPCs, as it was logged. None before it was tried.
    available: Option<bool>,
}

impl Replica {
    fn new(workload: Arc<str>, address: SocketAddr) -> Self {
        Self {
            workload,
            address,
            in_progress: AtomicUsize::new(0),
            channel: tokio::sync::Mutex::new(None),
            rest: Mutex::new(Rest {
                until: None,
                pause: FIRST_PAUSE,
                available: None,
            }),
        }
    }

    async fn channel(&self, identity: &TlsIdentity) -> Result<Channel, ErrorType> {
        let mut held = self.channel.lock().await;
        if let Some(channel) = held.as_ref() {
            return Ok(channel.clone());
        }
        let channel =
            connect::connect(Arc::clone(&self.workload), self.address, identity.clone()).await?;
        *held = Some(channel.clone());
        drop(held);
        let was = self.with_rest(|rest| {
            rest.until = None;
            rest.pause = FIRST_PAUSE;
            rest.available.replace(true)
        });
        if was != Some(true) {
            tracing::info!(
                upstream = %self.workload,
                server.address = %self.address,
                "replica available"
            );
        }
        Ok(channel)
    }

    fn failed(&self, error_type: ErrorType) {
        let was = self.with_rest(|rest| {
            rest.until = Some(Instant::now() + rest.pause);
            rest.pause = (rest.pause * 2).min(LONGEST_PAUSE);
            rest.available.replace(false)
        });
        if was != Some(false) {
            tracing::warn!(
                upstream = %self.workload,
                server.address = %self.address,
                error.type = error_type.as_str(),
                "replica unavailable"
            );
        }
    }

    fn is_healthy(&self, now: Instant) -> bool {
        self.with_rest(|rest| rest.until.is_none_or(|until| until <= now))
    }

    fn with_rest<T>(&self, act: impl FnOnce(&mut Rest) -> T) -> T {
        act(&mut self.rest.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A connected replica with an RPC to come. The RPC counts as in progress until this is dropped.
#[derive(Debug)]
pub(super) struct Connected {
    replica: Arc<Replica>,
    channel: Channel,
}

impl Connected {
    fn new(replica: Arc<Replica>, channel: Channel) -> Self {
        replica.in_progress.fetch_add(1, Ordering::Relaxed);
        Self { replica, channel }
    }

    /// Makes the RPC. After a failure the connection is not used again.
    pub(super) async fn call(
        self,
        request: Request<Body>,
    ) -> Result<Response<Body>, tonic::transport::Error> {
        let answer = self.channel.clone().oneshot(request).await;
        if let Err(error) = &answer {
            *self.replica.channel.lock().await = None;
            self.replica
                .failed(connect::class_of(error, ErrorType::Reset));
        }
        answer
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.replica.in_progress.fetch_sub(1, Ordering::Relaxed);
    }
}
