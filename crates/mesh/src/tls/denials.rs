//! The deny list in use. It is read again while the workload runs, and it also ends open connections (INV-12).

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use aikagi_domain::fault::ErrorType;
use aikagi_refusal::first_of_minute::FirstOfMinute;
use rustls::CertificateError;
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;

use super::deny_list::{DenyList, Entry, MalformedEntry, PeerCertificate};
use super::files::TlsError;
use crate::config::ConfigError;
use crate::shutdown::Shutdown;
use crate::telemetry::metrics;

/// The setting that names the file.
const SETTING: &str = "identity.deny_list";

/// The maximum size of a deny list, in bytes. It has room for more than ten thousand entries.
const MAX_BYTES: u64 = 1024 * 1024;

/// A deny list that is read again after each change of its file. Clones share it.
#[derive(Debug, Clone)]
pub struct Denials(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// `None` if no deny list is configured.
    path: Option<PathBuf>,
    current: watch::Sender<Arc<DenyList>>,
    state: Mutex<State>,
    logged: FirstOfMinute<(Role, Entry)>,
}

#[derive(Debug)]
struct State {
    /// The last modification of the file that is in use.
    modified: Option<SystemTime>,
    /// Why the present file cannot be used.
    problem: Option<ListProblem>,
}

/// The role of this workload in a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    Client,
    Server,
}

/// A summary of a deny list, for a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DenyListSummary {
    /// The number of entries in use.
    pub entries: usize,
    /// The time since the last modification of the file. `None` if the file system does not know it.
    pub age: Option<Duration>,
    /// True if the present file cannot be used, so an older list is in use.
    pub stale: bool,
}

/// Why the file of a deny list cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum ListProblem {
    #[error("{0}")]
    Unreadable(String),
    #[error("it is larger than {MAX_BYTES} bytes")]
    TooLarge,
    #[error(transparent)]
    Malformed(#[from] MalformedEntry),
}

impl Denials {
    /// Reads the deny list for the first time. Without a path nobody is denied.
    pub fn load(path: Option<&Path>) -> Result<Self, TlsError> {
        let (list, modified) = match path {
            Some(path) => read(path).map_err(|problem| {
                let path = path.to_owned();
                let text = problem.to_string();
                TlsError::from(ConfigError::File { path, text }).of_setting(SETTING)
            })?,
            None => (DenyList::default(), None),
        };
        let (current, _) = watch::channel(Arc::new(list));
        Ok(Self(Arc::new(Shared {
            path: path.map(Path::to_owned),
            current,
            state: Mutex::new(State {
                modified,
                problem: None,
            }),
            logged: FirstOfMinute::default(),
        })))
    }

    /// A list that denies nobody.
    pub(crate) fn none() -> Self {
        let (current, _) = watch::channel(Arc::default());
        Self(Arc::new(Shared {
            path: None,
            current,
            state: Mutex::new(State {
                modified: None,
                problem: None,
            }),
            logged: FirstOfMinute::default(),
        }))
    }

    /// Reads the file again at this interval until the stop.
    pub(super) fn keep_fresh(&self, interval: Duration, shutdown: &Shutdown) {
        for role in [Role::Client, Role::Server] {
            for kind in Entry::KINDS {
                metrics::peer_denied(role.as_str(), kind, 0);
            }
        }
        let (denials, shutdown) = (self.clone(), shutdown.clone());
        tokio::spawn(async move {
            loop {
                denials.measure();
                tokio::select! {
                    () = shutdown.begun() => return,
                    () = tokio::time::sleep(interval) => {}
                }
                denials.reload();
            }
        });
    }

    /// Reads the file again now. If it cannot be used, the list in use stays. Each new problem is logged once.
    pub(super) fn reload(&self) {
        let Some(path) = &self.0.path else {
            return;
        };
        let found = read(path);
        let mut state = self.state();
        let problem = match found {
            Ok((list, modified)) => {
                state.modified = modified;
                let entries = list.len();
                let changed = self.0.current.send_if_modified(|current| {
                    let changed = **current != list;
                    if changed {
                        *current = Arc::new(list);
                    }
                    changed
                });
                if changed || state.problem.is_some() {
                    tracing::info!(entries, "deny list reloaded");
                }
                None
            }
            Err(problem) => {
                if state.problem.as_ref() != Some(&problem) {
                    tracing::error!(
                        setting = SETTING,
                        error.type = ErrorType::File.as_str(),
                        error = %problem,
                        "deny list not reloaded"
                    );
                }
                Some(problem)
            }
        };
        state.problem = problem;
        drop(state);
        self.measure();
    }

    /// Describes the list in use. `None` if no deny list is configured.
    pub fn summary(&self) -> Option<DenyListSummary> {
        self.0.path.as_ref()?;
        let state = self.state();
        Some(DenyListSummary {
            entries: self.0.current.borrow().len(),
            age: state.modified.and_then(|time| time.elapsed().ok()),
            stale: state.problem.is_some(),
        })
    }

    /// Refuses a certificate during a handshake if the list denies it.
    pub(super) fn check(
        &self,
        role: Role,
        end_entity: &CertificateDer<'_>,
    ) -> Result<(), rustls::Error> {
        let list = Arc::clone(&self.0.current.borrow());
        if list.is_empty() {
            return Ok(());
        }
        match list.entry_for(&PeerCertificate::of(end_entity)) {
            Some(entry) => {
                self.denied(role, entry);
                Err(CertificateError::Revoked.into())
            }
            None => Ok(()),
        }
    }

    /// Waits until the list denies the certificate of an open connection.
    pub(crate) async fn denial(self, role: Role, peer: PeerCertificate) {
        let mut lists = self.0.current.subscribe();
        loop {
            let entry = lists.borrow_and_update().entry_for(&peer);
            if let Some(entry) = entry {
                self.denied(role, entry);
                return;
            }
            if lists.changed().await.is_err() {
                // The sender lives as long as `self`.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Counts a denied peer. For each entry, logs the first one in each minute.
    fn denied(&self, role: Role, entry: Entry) {
        metrics::peer_denied(role.as_str(), entry.kind(), 1);
        let text = entry.to_string();
        if let Some(suppressed) = self.0.logged.admit((role, entry), Instant::now()) {
            tracing::warn!(
                role = role.as_str(),
                entry = text,
                suppressed,
                "peer denied"
            );
        }
    }

    fn measure(&self) {
        let entries = self.0.current.borrow().len();
        metrics::deny_list(entries, self.state().problem.is_some());
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Role {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// Reads a deny list, and the time of its last modification.
fn read(path: &Path) -> Result<(DenyList, Option<SystemTime>), ListProblem> {
    let unreadable = |error: std::io::Error| ListProblem::Unreadable(error.to_string());
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let modified = file
        .metadata()
        .and_then(|metadata| metadata.modified())
        .ok();
    let mut text = String::new();
    file.take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(ListProblem::TooLarge);
    }
    Ok((DenyList::parse(&text)?, modified))
}
