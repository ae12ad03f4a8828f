//! Ways between two parts, which can be cut, held up or made slow: each connection that a part opens goes through here.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener as Listener, TcpStream};
use tokio::sync::watch;

const PIECE: usize = 16 * 1024;

/// What a way is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Open,
    /// Connections end, and none comes about.
    Cut,
    /// Nothing arrives, and nobody is told.
    Held,
    /// Every piece takes so long.
    Slow(Duration),
}

/// A way from one replica to another part.
#[derive(Debug)]
pub(super) struct Link {
    /// Whose it is, and where it leads.
    pub(super) name: String,
    way: watch::Sender<Way>,
}

impl Link {
    /// A way to a port of this machine. The port to connect to instead.
    pub(super) fn to(port: u16, name: String) -> (Self, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let own = listener.local_addr().unwrap().port();
        let (way, seen) = watch::channel(Way::Open);
        tokio::spawn(lead(Listener::from_std(listener).unwrap(), port, seen));
        (Self { name, way }, own)
    }

    pub(super) fn make(&self, way: Way) {
        self.way.send_replace(way);
    }
}

async fn lead(listener: Listener, port: u16, way: watch::Receiver<Way>) {
    while let Ok((near, _)) = listener.accept().await {
        let way = way.clone();
        tokio::spawn(async move {
            if *way.borrow() == Way::Cut {
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
                pass_on(near_in, far_out, way.clone()),
                pass_on(far_in, near_out, way)
            );
        });
    }
}

/// Passes on what comes until it ends, or the way is cut.
async fn pass_on(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut way: watch::Receiver<Way>) {
    let mut piece = vec![0; PIECE];
    loop {
        let length = tokio::select! {
            read = from.read(&mut piece) => read.unwrap_or(0),
            _ = way.wait_for(|way| *way == Way::Cut) => return,
        };
        let Ok(now) = way.wait_for(|way| *way != Way::Held).await.map(|way| *way) else {
            return;
        };
        match now {
            Way::Cut => return,
            Way::Slow(time) => tokio::time::sleep(time).await,
            Way::Open | Way::Held => {}
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
