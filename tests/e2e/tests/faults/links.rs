//! Links between two parts of the system. A test can cut, silence or slow down each link. Each
//! connection of a part goes through a link.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener as Listener, TcpStream};
use tokio::sync::watch;

const PIECE: usize = 16 * 1024;

/// The state of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkState {
    Open,
    /// Connections are closed, and new ones fail.
    Cut,
    /// Connections stay open, but nothing arrives.
    Held,
    /// Every packet is delayed by this time.
    Slow(Duration),
}

/// A link from one replica to another part.
#[derive(Debug)]
pub(super) struct Link {
    /// The names of its two ends.
    pub(super) name: String,
    state: watch::Sender<LinkState>,
}

impl Link {
    /// A link to a port of this machine. Also returns the port to connect to instead.
    pub(super) fn to(port: u16, name: String) -> (Self, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let own = listener.local_addr().unwrap().port();
        let (state, seen) = watch::channel(LinkState::Open);
        tokio::spawn(lead(Listener::from_std(listener).unwrap(), port, seen));
        (Self { name, state }, own)
    }

    pub(super) fn make(&self, state: LinkState) {
        self.state.send_replace(state);
    }
}

async fn lead(listener: Listener, port: u16, state: watch::Receiver<LinkState>) {
    while let Ok((near, _)) = listener.accept().await {
        let state = state.clone();
        tokio::spawn(async move {
            if *state.borrow() == LinkState::Cut {
                return;
            }
            let target = SocketAddr::from(([127, 0, 0, 1], port));
            let Ok(far) = TcpStream::connect(target).await else {
                return;
            };
            let _ = (near.set_nodelay(true), far.set_nodelay(true));
            let (near_in, near_out) = near.into_split();
            let (far_in, far_out) = far.into_split();
            tokio::join!(
                pass_on(near_in, far_out, state.clone()),
                pass_on(far_in, near_out, state)
            );
        });
    }
}

/// Forwards data until the connection ends or the link is cut.
async fn pass_on(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<LinkState>,
) {
    let mut piece = vec![0; PIECE];
    loop {
        let length = tokio::select! {
            read = from.read(&mut piece) => read.unwrap_or(0),
            _ = state.wait_for(|state| *state == LinkState::Cut) => return,
        };
        let Ok(now) = state
            .wait_for(|state| *state != LinkState::Held)
            .await
            .map(|state| *state)
        else {
            return;
        };
        match now {
            LinkState::Cut => return,
            LinkState::Slow(time) => tokio::time::sleep(time).await,
            LinkState::Open | LinkState::Held => {}
        }
        if length == 0 {
            let _ = to.shutdown().await;
            return;
        }
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}
