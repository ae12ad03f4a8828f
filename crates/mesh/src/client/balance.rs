//! Chooses the replica for each RPC: picks two random healthy replicas, and takes the one with fewer RPCs in
//! progress.
//!
//! A replica that fails gets no RPCs during a pause, unless no other replica is left to try. The pause doubles with
//! each failure. Each change of a replica's availability is logged once.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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

/// The interval at which host names are resolved.
const RESOLVE_INTERVAL: Duration = Duration::from_secs(2);
/// The pause after the first failure of a replica.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The maximum pause of a failing replica.
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
        let (resolving, shutdown) = (Arc::downgrade(&balance), shutdown.clone());
        tokio::spawn(async move {
            while let Some(balance) = resolving.upgrade() {
                balance.resolve().await;
                drop(balance);
                tokio::select! {
                    () = shutdown.begun() => return,
                    () = tokio::time::sleep(RESOLVE_INTERVAL) => {}
                }
            }
        });
        balance
    }

    /// Resolves the targets to the present replicas. If a name cannot be resolved, the replicas do not change.
    async fn resolve(&self) {
        let mut addresses = BTreeSet::new();
        for target in &self.targets {
            match tokio::net::lookup_host(target).await {
                Ok(resolved) => addresses.extend(resolved),
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

    /// The targets as `host:port`, for logs.
    pub(super) fn targets(&self) -> &[String] {
        &self.targets
    }

    /// Returns a connected replica. Tries one replica after another until one is connected. The error is the class of
    /// the last failure.
    pub(super) async fn connected(&self, end: Instant) -> Result<Connected, ErrorType> {
        if self.replicas.load().is_empty() {
            let _resolved = tokio::time::timeout_at(end, self.resolve()).await;
        }
        let mut last_error = ErrorType::NoAddress;
        let mut tried = BTreeSet::new();
        while let Some(replica) = self.choose(&tried) {
            tried.insert(replica.address);
            let connecting = replica.channel(&self.identity);
            match tokio::time::timeout_at(end, connecting).await {
                Ok(Ok(channel)) => return Ok(Connected::new(replica, channel)),
                Ok(Err(error_type)) => {
                    replica.failed(error_type);
                    last_error = error_type;
                }
                Err(_elapsed) => {
                    replica.failed(ErrorType::Connect);
                    return Err(ErrorType::Connect);
                }
            }
        }
        Err(last_error)
    }

    /// Picks two random healthy replicas and returns the less busy one. If no replica is healthy, picks from all
    /// replicas, because one may have recovered. `None` if every replica was tried.
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
        let candidates = if healthy.is_empty() { untried } else { healthy };
        let mut rng = rand::rng();
        let pick = |rng: &mut rand::rngs::ThreadRng| {
            (!candidates.is_empty())
                .then(|| {
                    candidates
                        .get(rng.random_range(0..candidates.len()))
                        .copied()
                })
                .flatten()
        };
        let (one, other) = (pick(&mut rng)?, pick(&mut rng)?);
        let less_busy = if one.in_progress.load(Ordering::Relaxed)
            <= other.in_progress.load(Ordering::Relaxed)
        {
            one
        } else {
            other
        };
        Some(Arc::clone(less_busy))
    }
}

#[derive(Debug)]
struct Replica {
    workload: Arc<str>,
    address: SocketAddr,
    in_progress: AtomicUsize,
    channel: tokio::sync::Mutex<Option<Open>>,
    state: Mutex<ReplicaState>,
}

/// A connection to a replica. Clones share it.
#[derive(Debug, Clone)]
struct Open {
    channel: Channel,
    /// True after the replica has responded on it.
    has_served: Arc<AtomicBool>,
}

/// The availability of a replica.
#[derive(Debug, Clone, Copy)]
struct ReplicaState {
    /// The end of the present pause.
    paused_until: Option<Instant>,
    /// The length of the next pause.
    pause: Duration,
    /// The availability that was logged last. `None` before the first try to connect.
    available: Option<bool>,
}

impl Replica {
    fn new(workload: Arc<str>, address: SocketAddr) -> Self {
        Self {
            workload,
            address,
            in_progress: AtomicUsize::new(0),
            channel: tokio::sync::Mutex::new(None),
            state: Mutex::new(ReplicaState {
                paused_until: None,
                pause: FIRST_PAUSE,
                available: None,
            }),
        }
    }

    /// Returns the replica's connection. Connects if there is none.
    async fn channel(&self, identity: &TlsIdentity) -> Result<Open, ErrorType> {
        let mut current = self.channel.lock().await;
        if let Some(open) = current.as_ref() {
            return Ok(open.clone());
        }
        let channel =
            connect::connect(Arc::clone(&self.workload), self.address, identity.clone()).await?;
        let open = Open {
            channel,
            has_served: Arc::default(),
        };
        *current = Some(open.clone());
        drop(current);
        let was_available = self.with_state(|state| {
            state.paused_until = None;
            state.pause = FIRST_PAUSE;
            state.available.replace(true)
        });
        if was_available != Some(true) {
            tracing::info!(
                upstream = %self.workload,
                server.address = %self.address,
                "replica available"
            );
        }
        Ok(open)
    }

    /// Closes a connection. Another RPC may already have replaced it.
    async fn close(&self, open: &Open) {
        let mut current = self.channel.lock().await;
        let is_same = |current: &mut Open| Arc::ptr_eq(&current.has_served, &open.has_served);
        current.take_if(is_same);
    }

    /// Records a failure, and starts a pause.
    fn failed(&self, error_type: ErrorType) {
        let was_available = self.with_state(|state| {
            state.paused_until = Some(Instant::now() + state.pause);
            state.pause = (state.pause * 2).min(LONGEST_PAUSE);
            state.available.replace(false)
        });
        if was_available != Some(false) {
            tracing::warn!(
                upstream = %self.workload,
                server.address = %self.address,
                error.type = error_type.as_str(),
                "replica unavailable"
            );
        }
    }

    fn is_healthy(&self, now: Instant) -> bool {
        self.with_state(|state| state.paused_until.is_none_or(|until| until <= now))
    }

    fn with_state<T>(&self, act: impl FnOnce(&mut ReplicaState) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A connected replica, chosen for one RPC. The RPC counts as in progress until this is dropped.
#[derive(Debug)]
pub(super) struct Connected {
    replica: Arc<Replica>,
    open: Open,
}

/// An RPC that failed without a response.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) error: tonic::transport::Error,
    /// True if two things are so: the replica closed a connection that has served RPCs, for example because of its age, and
    /// the replica has not started the RPC. Then the replica is not at fault.
    pub(super) is_usual: bool,
}

impl Connected {
    fn new(replica: Arc<Replica>, open: Open) -> Self {
        replica.in_progress.fetch_add(1, Ordering::Relaxed);
        Self { replica, open }
    }

    /// Sends the RPC. After a failure the connection is not used again, unless the failure is only that the deadline
    /// passed.
    pub(super) async fn call(self, request: Request<Body>) -> Result<Response<Body>, Broken> {
        let has_served = &self.open.has_served;
        let error = match self.open.channel.clone().oneshot(request).await {
            Ok(response) => {
                has_served.store(true, Ordering::Relaxed);
                return Ok(response);
            }
            Err(error) => error,
        };
        let is_usual = has_served.load(Ordering::Relaxed) && connect::was_closed(&error);
        let class = connect::class_of(&error, ErrorType::Reset);
        if class != ErrorType::Deadline {
            self.replica.close(&self.open).await;
            if !is_usual {
                self.replica.failed(class);
            }
        }
        Err(Broken { error, is_usual })
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.replica.in_progress.fetch_sub(1, Ordering::Relaxed);
    }
}
