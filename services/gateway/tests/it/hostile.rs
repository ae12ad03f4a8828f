//! Strangers who speak slowly, wrongly or not at all: they cost themselves, and nobody else is kept waiting.

use std::time::Duration;

use aikagi_api::edge::v1::GetPolicyRequest;
use aikagi_api::edge::v1::subscriber_service_client::SubscriberServiceClient;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::world::World;

/// Connections of each kind: more than the handshakes that may be in progress at once would be too slow here, and
/// fewer would show nothing.
const CONNECTIONS: usize = 100;
/// A connection is closed long before this.
const CLOSED: Duration = Duration::from_mins(1);
/// How every HTTP/2 connection begins, and a SETTINGS frame that changes nothing.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

async fn is_served(world: &World) {
    let mut client = SubscriberServiceClient::new(world.channel().await);
    client.get_policy(GetPolicyRequest {}).await.unwrap();
}

/// The gateway closes this connection.
async fn is_closed(mut stream: impl AsyncRead + Unpin) {
    let mut said = Vec::new();
    // A reset is an end, too.
    let ended = tokio::time::timeout(CLOSED, stream.read_to_end(&mut said)).await;
    assert!(ended.is_ok(), "the connection stays open");
}

/// Whoever connects and says nothing, or half of something, keeps nobody out.
#[tokio::test]
async fn the_silent_and_the_slow_keep_nobody_out() {
    let world = World::start("", "").await;
    let mut held: Vec<Box<dyn Send>> = Vec::new();
    for index in 0..CONNECTIONS {
        match index % 3 {
            // Not even a handshake.
            0 => held.push(Box::new(TcpStream::connect(world.public).await.unwrap())),
            1 => {
                let mut stream = world.connect("http/1.1").await;
                stream
                    .write_all(b"POST / HTTP/1.1\r\nhost: loc")
                    .await
                    .unwrap();
                held.push(Box::new(stream));
            }
            _ => {
                let mut stream = world.connect("h2").await;
                stream.write_all(&PREFACE[..10]).await.unwrap();
                held.push(Box::new(stream));
            }
        }
    }
    is_served(&world).await;
}

/// What is no HTTP/2 ends its connection and nothing else: garbage after the preface, a frame larger than may be, a
/// header block that never ends, streams opened and reset as fast as they can be.
#[tokio::test]
async fn broken_frames_end_their_connection_alone() {
    let world = World::start("", "").await;
    let garbage: Vec<u8> = (0..=255).cycle().take(4096).collect();
    // DATA of 2^24 - 1 bytes on stream 1.
    let too_large = b"\xff\xff\xff\0\0\0\0\0\x01".to_vec();
    // HEADERS that do not end, and CONTINUATIONs that do not either.
    let mut endless = b"\0\0\x01\x01\0\0\0\0\x01\x82".to_vec();
    for _ in 0..20_000 {
        endless.extend(b"\0\0\x04\x09\0\0\0\0\x01\x40\x01a\0");
    }
    // HEADERS (GET /, over and over) and RST_STREAM.
    let mut reset = Vec::new();
    for stream in (1..20_000_u32).step_by(2) {
        let id = stream.to_be_bytes();
        reset.extend(b"\0\0\x03\x01\x05");
        reset.extend(id);
        reset.extend(b"\x82\x84\x87");
        reset.extend(b"\0\0\x04\x03\0");
        reset.extend(id);
        reset.extend(b"\0\0\0\x08");
    }
    for bytes in [garbage, too_large, endless, reset] {
        let mut stream = world.connect("h2").await;
        stream.write_all(PREFACE).await.unwrap();
        // The gateway may have closed it before all was said.
        let _ = stream.write_all(&bytes).await;
        is_closed(stream).await;
        is_served(&world).await;
    }
}

/// A header list beyond the limit is refused before anything is made of it.
#[tokio::test]
async fn headers_beyond_the_limit_are_refused() {
    let world = World::start("", "").await;
    let mut client = SubscriberServiceClient::new(world.channel().await);
    let mut request = tonic::Request::new(GetPolicyRequest {});
    let long = "a".repeat(32 * 1024);
    request
        .metadata_mut()
        .insert("x-long", long.parse().unwrap());
    client.get_policy(request).await.unwrap_err();
    is_served(&world).await;
}
