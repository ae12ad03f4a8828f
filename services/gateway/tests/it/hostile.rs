//! Slow, malformed and silent connections do not delay other clients.

use std::time::Duration;

use aikagi_api::edge::v1::GetPolicyRequest;
use aikagi_api::edge::v1::subscriber_service_client::SubscriberServiceClient;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::fixture::Fixture;

/// The number of silent connections.
const CONNECTIONS: usize = 100;
/// The time limit for the edge to close a connection.
const CLOSED: Duration = Duration::from_mins(1);
/// The preface of an HTTP/2 connection, and an empty SETTINGS frame.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

async fn is_served(fixture: &Fixture) {
    let mut client = SubscriberServiceClient::new(fixture.channel().await);
    client.get_policy(GetPolicyRequest {}).await.unwrap();
}

/// Waits until the edge closes this connection.
async fn is_closed(mut stream: impl AsyncRead + Unpin) {
    let mut said = Vec::new();
    // A reset is an error of `read_to_end`, and closes the connection too.
    let ended = tokio::time::timeout(CLOSED, stream.read_to_end(&mut said)).await;
    assert!(ended.is_ok(), "the connection stays open");
}

/// Connections that send nothing, or only a part of a request, do not prevent other clients from being served.
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

/// A connection that violates HTTP/2 is closed, and other connections are not affected. The cases are garbage after the
/// preface, a frame that is too large, an endless header block, and many streams that are opened and reset.
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
        // The edge may close the connection before the end.
        let _ = stream.write_all(&bytes).await;
        is_closed(stream).await;
        is_served(&fixture).await;
    }
}

/// Encodes a frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = [&length[..], &[kind, flags], &stream.to_be_bytes()].concat();
    frame.extend(payload);
    frame
}

/// The payloads of all frames of one kind.
fn of_kind(mut bytes: &[u8], kind: u8) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    while let Some((head, rest)) = bytes.split_at_checked(9) {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let Some((payload, rest)) = rest.split_at_checked(length as usize) else {
            break;
        };
        if head[3] == kind {
            frames.push(payload);
        }
        bytes = rest;
    }
    frames
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
/// The header block of `POST /`, with entries of HPACK's static table.
const POST: &[u8] = b"\x83\x84\x87";
/// The error code `ENHANCE_YOUR_CALM`.
const CALM: u32 = 11;

/// Sends frames after the preface. The edge must close the connection with `ENHANCE_YOUR_CALM`, and still serve other
/// clients. Returns the bytes that the edge sends.
async fn closed_with_calm(fixture: &Fixture, frames: Vec<u8>) -> Vec<u8> {
    let mut stream = fixture.connect("h2").await;
    stream.write_all(PREFACE).await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(stream);
    // The edge may close the connection before the end.
    let _sending = tokio::spawn(async move { writer.write_all(&frames).await });
    let mut said = Vec::new();
    let closed = tokio::time::timeout(CLOSED, reader.read_to_end(&mut said)).await;
    assert!(closed.is_ok(), "the connection stays open");
    let goaway = of_kind(&said, GOAWAY);
    assert_eq!(goaway.last().unwrap()[4..8], CALM.to_be_bytes());
    is_served(fixture).await;
    said
}

/// OPS-5: rapid reset (CVE-2023-44487). The client opens streams and resets each one immediately.
#[tokio::test]
async fn rapid_reset_closes_the_connection() {
    let fixture = Fixture::start("", "").await;
    let mut frames = Vec::new();
    for stream in (1..4_000).step_by(2) {
        frames.extend(frame(HEADERS, 4, stream, POST));
        frames.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    closed_with_calm(&fixture, frames).await;
}

/// OPS-5: `MadeYouReset` (CVE-2025-8671). The client violates the protocol, so that the edge must reset the streams.
#[tokio::test]
async fn made_you_reset_closes_the_connection() {
    let fixture = Fixture::start("", "").await;
    let mut frames = Vec::new();
    for stream in (1..1_000).step_by(2) {
        frames.extend(frame(HEADERS, 4, stream, POST));
        // The window becomes larger than HTTP/2 allows.
        frames.extend(frame(WINDOW_UPDATE, 0, stream, &[0x7f, 0xff, 0xff, 0xff]));
    }
    let said = closed_with_calm(&fixture, frames).await;
    let resets = of_kind(&said, RST_STREAM);
    assert!(resets.len() <= 100, "{} streams", resets.len());
}

/// OPS-5: CONTINUATION flood (CVE-2024-27316). The head of a request never ends.
#[tokio::test]
async fn a_flood_of_continuations_closes_the_connection() {
    let fixture = Fixture::start("", "").await;
    let mut frames = frame(HEADERS, 0, 1, POST);
    for _ in 0..20_000 {
        frames.extend(frame(CONTINUATION, 0, 1, b"\x40\x01a\0"));
    }
    closed_with_calm(&fixture, frames).await;
}

/// OPS-5: a flood of empty CONTINUATION frames. The frames never exceed a limit of size.
#[tokio::test]
async fn a_flood_of_empty_continuations_closes_the_connection() {
    let fixture = Fixture::start("", "").await;
    let mut frames = frame(HEADERS, 0, 1, POST);
    for _ in 0..20_000 {
        frames.extend(frame(CONTINUATION, 0, 1, b""));
    }
    closed_with_calm(&fixture, frames).await;
}

/// A header list that exceeds the limit is refused.
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
