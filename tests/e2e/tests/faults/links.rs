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
    condition: watch::Sender<Condition>,
}

/// The state of a link, and the connections that have lost their other end.
#[derive(Debug, Clone, Copy)]
struct Condition {
    state: LinkState,
    /// The number of connections so far.
    opened: usize,
    /// This number of connections, the oldest, have lost their other end.
    silenced: usize,
    /// This number of connections, the oldest, are closed.
    buried: usize,
}

impl Link {
    /// A link to a port of this machine. Also returns the port to connect to instead.
    pub(super) fn to(port: u16, name: String) -> (Self, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let own = listener.local_addr().unwrap().port();
        let condition = watch::Sender::new(Condition {
            state: LinkState::Open,
            opened: 0,
            silenced: 0,
            buried: 0,
        });
        let listener = Listener::from_std(listener).unwrap();
        tokio::spawn(lead(listener, port, condition.clone()));
        (Self { name, condition }, own)
    }

    pub(super) fn make(&self, state: LinkState) {
        self.condition
            .send_modify(|condition| condition.state = state);
    }

    /// Takes the other end away from each open connection, as if its host had lost its power. The connections stay
    /// silent, and neither end learns that the other one closes. New connections work.
    pub(super) fn silence(&self) {
        self.condition
            .send_modify(|condition| condition.silenced = condition.opened);
    }

    /// Closes the silent connections.
    pub(super) fn bury(&self) {
        self.condition
            .send_modify(|condition| condition.buried = condition.silenced);
    }
}

async fn lead(listener: Listener, port: u16, condition: watch::Sender<Condition>) {
    while let Ok((near, _)) = listener.accept().await {
        let mut place = 0;
        condition.send_modify(|condition| {
            place = condition.opened;
            condition.opened += 1;
        });
        let condition = condition.subscribe();
        tokio::spawn(async move {
            if condition.borrow().state == LinkState::Cut {
                return;
            }
            let target = SocketAddr::from(([127, 0, 0, 1], port));
            let Ok(far) = TcpStream::connect(target).await else {
                return;
            };
            let _ = (near.set_nodelay(true), far.set_nodelay(true));
            let (near_in, near_out) = near.into_split();
            let (far_in, far_out) = far.into_split();
            let connection = Connection { place, condition };
            tokio::join!(
                connection.clone().pass_on(near_in, far_out),
                connection.pass_on(far_in, near_out)
            );
        });
    }
}

/// A connection through a link.
#[derive(Clone)]
struct Connection {
    /// The number of connections that were opened before.
    place: usize,
    condition: watch::Receiver<Condition>,
}

impl Connection {
    /// Forwards data until the connection ends or the link is cut.
    async fn pass_on(mut self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut piece = vec![0; PIECE];
        loop {
            let length = tokio::select! {
                read = from.read(&mut piece) => read.unwrap_or(0),
                () = self.has_ended() => return,
            };
            let place = self.place;
            let mut same = self.clone();
            let passes = self.condition.wait_for(|condition| {
                place >= condition.silenced && condition.state != LinkState::Held
            });
            let state = tokio::select! {
                passes = passes => passes.map(|condition| condition.state),
                () = same.has_ended() => return,
            };
            match state {
                Ok(LinkState::Slow(time)) => tokio::time::sleep(time).await,
                Ok(LinkState::Open | LinkState::Held) => {}
                Ok(LinkState::Cut) | Err(_) => return,
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

    /// Waits until the connection has ended. A silent one ends when [`Link::bury`] closes it, any other one
    /// when the link is cut.
    async fn has_ended(&mut self) {
        let place = self.place;
        let ended = self.condition.wait_for(|condition| {
            let is_silent = place < condition.silenced;
            place < condition.buried || (condition.state == LinkState::Cut && !is_silent)
        });
        let _ = ended.await;
    }
}
