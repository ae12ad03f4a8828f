//! Slow, malformed and silent connections: they do not delay other clients.

use std::time::Duration;

use aikagi_api::edge::v1::GetPolicyRequest;
use aikagi_api::edge::v1::subscriber_service_client::SubscriberServiceClient;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::fixture::Fixture;

/// The number of connections.
const CONNECTIONS: usize = 100;
/// The time in which a connection must be closed.
const CLOSED: Duration = Duration::from_mins(1);
/// The preface of an HTTP/2 connection, and an empty SETTINGS frame.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

async fn is_served(fixture: &Fixture) {
    let mut client = SubscriberServiceClient::new(fixture.channel().await);
    client.get_policy(GetPolicyRequest {}).await.unwrap();
}

/// Waits until the gateway closes this connection.
async fn is_closed(mut stream: impl AsyncRead + Unpin) {
    let mut said = Vec::new();
    // A reset closes it too.
    let ended = tokio::time::timeout(CLOSED, stream.read_to_end(&mut said)).await;
    assert!(ended.is_ok(), "the connection stays open");
}

/// Connections that send nothing, or only a part of a request, do not prevent others.
#[tokio::test]
async fn silent_connections_do_not_prevent_others() {
    let fixture = Fixture::start("", "").await;
    let mut held: Vec<Box<dyn Send>> = Vec::new();
    for index in 0..CONNECTIONS {
        match index % 3 {
            // No handshake.
            0 => held.push(Box::new(TcpStream::connect(fixture.public).await.unwrap())),
            1 => {
                let mut stream = fixture.connect("http/1.1").await;
                stream
                    .write_all(b"POST / HTTP/1.1\r\nhost: loc")
                    .await
                    .unwrap();
                held.push(Box::new(stream));
            }
            _ => {
                let mut stream = fixture.connect("h2").await;
                stream.write_all(&PREFACE[..10]).await.unwrap();
                held.push(Box::new(stream));
            }
        }
    }
    is_served(&fixture).await;
}

/// A connection that breaks HTTP/2 is closed, and others are not affected: garbage after the preface, a frame that is
/// too large, an endless header block, and many streams that are opened and reset.
#[tokio::test]
async fn broken_frames_close_only_their_connection() {
    let fixture = Fixture::start("", "").await;
    let garbage: Vec<u8> = (0..=255).cycle().take(4096).collect();
    // DATA of 2^24 - 1 bytes on stream 1.
    let too_large = b"\xff\xff\xff\0\0\0\0\0\x01".to_vec();
    // HEADERS and CONTINUATIONs without an end.
    let mut endless = b"\0\0\x01\x01\0\0\0\0\x01\x82".to_vec();
    for _ in 0..20_000 {
        endless.extend(b"\0\0\x04\x09\0\0\0\0\x01\x40\x01a\0");
    }
    // HEADERS (GET /) and RST_STREAM, many times.
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
        let mut stream = fixture.connect("h2").await;
        stream.write_all(PREFACE).await.unwrap();
        // The gateway may close the connection before the end.
        let _ = stream.write_all(&bytes).await;
        is_closed(stream).await;
        is_served(&fixture).await;
    }
}

/// A header list beyond the limit is refused.
#[tokio::test]
async fn headers_beyond_the_limit_are_refused() {
    let fixture = Fixture::start("", "").await;
    let mut client = SubscriberServiceClient::new(fixture.channel().await);
    let mut request = tonic::Request::new(GetPolicyRequest {});
    let long = "a".repeat(32 * 1024);
    request
        .metadata_mut()
        .insert("x-long", long.parse().unwrap());
    client.get_policy(request).await.unwrap_err();
    is_served(&fixture).await;
}
