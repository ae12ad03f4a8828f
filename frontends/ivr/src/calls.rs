//! The FastAGI port. It accepts only configured addresses, and limits the number of calls and the duration of each
//! call.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aikagi_agi::{Environment, Session, SessionError};
use aikagi_mesh::shutdown::Shutdown;
use rand::RngExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tracing::Instrument;

use crate::call::{Call, CallError, outcome_name};
use crate::dialog::Dialog;
use crate::prompts::Prompts;
use crate::settings::AgiSettings;

/// The script that the dialplan requests: `agi://host/temp-password`.
const SCRIPT: &str = "temp-password";
/// The maximum length of a channel's name in the log, in bytes.
const MAX_NAME_LENGTH: usize = 64;

/// Accepts calls from Asterisk and runs their dialogs.
#[derive(Debug)]
pub struct Calls<D> {
    shared: Arc<Shared<D>>,
}

#[derive(Debug)]
struct Shared<D> {
    settings: AgiSettings,
    prompts: Prompts,
    dialog: D,
}

impl<D: Dialog> Calls<D> {
    /// Creates a server that sends the turns of its calls to `dialog`.
    pub fn new(settings: AgiSettings, prompts: Prompts, dialog: D) -> Self {
        Self {
            shared: Arc::new(Shared {
                settings,
                prompts,
                dialog,
            }),
        }
    }

    /// Accepts calls until the shutdown begins. The shutdown waits for the calls in progress.
    ///
    /// If a call is refused, its connection is closed immediately. The dialplan then plays an apology.
    pub async fn take(&self, listener: TcpListener, shutdown: &Shutdown) {
        let permits = Arc::new(Semaphore::new(self.shared.settings.most));
        loop {
            let accepted = tokio::select! {
                () = shutdown.begun() => return,
                accepted = listener.accept() => accepted,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // The usual cause is a lack of free file descriptors. Pause before the next try: a call that ends
                    // frees one.
                    tracing::warn!(
                        error.type = "accept",
                        code = error.raw_os_error(),
                        "connection not accepted"
                    );
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            if !self.shared.is_asterisk(address) {
                tracing::warn!(peer = %address.ip(), "connection refused: not in agi.peers");
                continue;
            }
            let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else {
                tracing::warn!(
                    limit = self.shared.settings.most,
                    "call refused: too many calls in progress"
                );
                continue;
            };
            let shared = Arc::clone(&self.shared);
            shutdown.run_to_end(async move {
                shared.serve(stream).await;
                drop(permit);
            });
        }
    }
}

impl<D: Dialog> Shared<D> {
    fn is_asterisk(&self, address: SocketAddr) -> bool {
        let ip = address.ip().to_canonical();
        self.settings.peers.iter().any(|peer| peer.contains(&ip))
    }

    /// Checks the request of a connection, and runs its call until the end.
    async fn serve(&self, stream: TcpStream) {
        let end = Instant::now() + self.settings.longest;
        // Each command is short and waits for a reply, so a delay that collects several commands only slows the call
        // down.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "the connection has ended");
            return;
        }
        let (input, output) = stream.into_split();
        let (session, environment) =
            match timeout(self.settings.greeting, Session::open(input, output)).await {
                Ok(Ok(opened)) => opened,
                Ok(Err(error)) => {
                    return tracing::warn!(%error, "connection refused: not a call from Asterisk");
                }
                Err(_elapsed) => {
                    return tracing::warn!("connection refused: no AGI environment in time");
                }
            };
        if environment.get("network_script") != Some(SCRIPT) {
            return tracing::warn!("connection refused: another script is requested");
        }
        let call_id = format!("ivr-{:032x}", rand::rng().random::<u128>());
        let span = tracing::info_span!(
            "call",
            otel.kind = "server",
            call_id,
            channel = name(&environment)
        );
        let language = self.prompts.language(environment.get("language"));
        let call = Call::new(session, &self.dialog, &self.prompts, language, call_id);
        self.run(call, &environment, end).instrument(span).await;
    }

    async fn run<R, W>(&self, mut call: Call<'_, D, R, W>, environment: &Environment, end: Instant)
    where
        R: tokio::io::AsyncRead + Unpin,
        W: tokio::io::AsyncWrite + Unpin,
    {
        let result = tokio::time::timeout_at(end, call.run(environment.caller())).await;
        match result {
            Ok(Ok(outcome)) => {
                return tracing::info!(outcome = outcome_name(outcome), "call ended");
            }
            Ok(Err(CallError::Session(SessionError::HungUp))) => {
                tracing::info!(outcome = "hung-up", "call ended");
            }
            Ok(Err(error)) => tracing::warn!(outcome = "failed", %error, "call ended"),
            Err(_elapsed) => tracing::warn!(outcome = "too-long", "call ended"),
        }
        call.abandon().await;
    }
}

/// Returns the name of the channel, by which an operator finds the call in Asterisk's logs. Empty if the name is too
/// long or has unexpected characters.
fn name(environment: &Environment) -> &str {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    environment
        .get("uniqueid")
        .filter(|name| name.len() <= MAX_NAME_LENGTH && name.bytes().all(known))
        .unwrap_or_default()
}
