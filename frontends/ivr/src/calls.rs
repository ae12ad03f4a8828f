//! The FastAGI port: who may connect, how many, and how long each may take.

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

/// The script that the dialplan asks for: `agi://host/temp-password`.
const SCRIPT: &str = "temp-password";
/// The longest name of a call in Asterisk that is told in a log.
const LONGEST_NAME: usize = 64;

/// Takes calls. Clones share everything.
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
    /// Calls whose dialog is held by `dialog`.
    pub fn new(settings: AgiSettings, prompts: Prompts, dialog: D) -> Self {
        Self {
            shared: Arc::new(Shared {
                settings,
                prompts,
                dialog,
            }),
        }
    }

    /// Takes calls until the stop. The ones in progress go on: the stop waits for them.
    ///
    /// A call that is turned away costs Asterisk a connection that closes at once: the dialplan apologises.
    pub async fn take(&self, listener: TcpListener, shutdown: &Shutdown) {
        let places = Arc::new(Semaphore::new(self.shared.settings.most));
        loop {
            let accepted = tokio::select! {
                () = shutdown.begun() => return,
                accepted = listener.accept() => accepted,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: waiting lets some calls end.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            if !self.shared.is_asterisk(address) {
                tracing::warn!(address = %address.ip(), "turned away: not one of `agi.peers`");
                continue;
            }
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                tracing::warn!(
                    most = self.shared.settings.most,
                    "turned a call away: too many"
                );
                continue;
            };
            let shared = Arc::clone(&self.shared);
            shutdown.run_to_end(async move {
                shared.serve(stream).await;
                drop(place);
            });
        }
    }
}

impl<D: Dialog> Shared<D> {
    fn is_asterisk(&self, address: SocketAddr) -> bool {
        let ip = address.ip().to_canonical();
        self.settings.peers.iter().any(|peer| peer.contains(&ip))
    }

    /// Serves one connection to its end.
    async fn serve(&self, stream: TcpStream) {
        let end = Instant::now() + self.settings.longest;
        // Commands are short and each waits for a reply.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "the connection has gone");
            return;
        }
        let (input, output) = stream.into_split();
        let (session, environment) =
            match timeout(self.settings.greeting, Session::open(input, output)).await {
                Ok(Ok(opened)) => opened,
                Ok(Err(error)) => return tracing::warn!(%error, "refused: no call of Asterisk's"),
                Err(_elapsed) => return tracing::warn!("refused: said nothing in time"),
            };
        if environment.get("network_script") != Some(SCRIPT) {
            return tracing::warn!("refused: asks for another script than `{SCRIPT}`");
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
        self.hold(call, &environment, end).instrument(span).await;
    }

    async fn hold<R, W>(&self, mut call: Call<'_, D, R, W>, environment: &Environment, end: Instant)
    where
        R: tokio::io::AsyncRead + Unpin,
        W: tokio::io::AsyncWrite + Unpin,
    {
        let held = tokio::time::timeout_at(end, call.hold(environment.caller())).await;
        match held {
            Ok(Ok(outcome)) => {
                return tracing::info!(outcome = outcome_name(outcome), "call ended");
            }
            Ok(Err(CallError::Session(SessionError::HungUp))) => {
                tracing::info!(outcome = "hung-up", "call ended");
            }
            Ok(Err(error)) => tracing::warn!(outcome = "failed", %error, "call ended"),
            Err(_elapsed) => tracing::warn!(outcome = "too-long", "call ended"),
        }
        call.forget().await;
    }
}

/// The call's name in Asterisk, to find it again in Asterisk's own logs.
fn name(environment: &Environment) -> &str {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    environment
        .get("uniqueid")
        .filter(|name| name.len() <= LONGEST_NAME && name.bytes().all(known))
        .unwrap_or_default()
}
