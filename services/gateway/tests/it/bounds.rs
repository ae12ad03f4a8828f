//! Tests of each bound of the public port (OPS-5). Short times only make the tests fast. No result depends on them.

use std::time::Duration;

use aikagi_api::edge::v1::subscriber_service_client::SubscriberServiceClient;
use aikagi_api::edge::v1::{GetPolicyRequest, LoginRequest};
use aikagi_refusal::{ErrorReason, reason_of};
use h2::client::SendRequest;
use http::{Request, Response};
use hyper::body::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::Status;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::fixture::Fixture;
use crate::stubs::{NUMBER, PASSWORD, SLOW_PASSWORD};

/// The time limit for an expected event.
const SOON: Duration = Duration::from_secs(30);

fn login(password: &str) -> LoginRequest {
    LoginRequest {
        number: NUMBER.to_owned(),
        password: password.to_owned(),
    }
}

/// Opens an HTTP/2 connection whose streams have this initial window, in bytes.
async fn http2(fixture: &Fixture, window: u32) -> SendRequest<Bytes> {
    let stream = fixture.connect("h2").await;
    let mut builder = h2::client::Builder::new();
    let handshake = builder.initial_window_size(window).handshake(stream);
    let (sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    sender
}

/// Begins an RPC for this client, as a proxy does, but does not send the request body.
async fn begin(
    sender: &SendRequest<Bytes>,
    client: &str,
) -> (h2::client::ResponseFuture, h2::SendStream<Bytes>) {
    let request = Request::post("https://localhost/aikagi.edge.v1.SubscriberService/GetPolicy")
        .header("content-type", "application/grpc")
        .header("x-forwarded-for", client)
        .body(())
        .unwrap();
    let mut sender = sender.clone().ready().await.unwrap();
    sender.send_request(request, false).unwrap()
}

fn reason(response: &Response<h2::RecvStream>) -> Option<ErrorReason> {
    reason_of(&Status::from_header_map(response.headers())?)
}

/// Waits until the other end closes a connection.
async fn is_closed(mut stream: impl AsyncRead + Unpin) {
    let mut said = Vec::new();
    let closed = tokio::time::timeout(SOON, stream.read_to_end(&mut said)).await;
    assert!(closed.is_ok(), "the connection stays open");
}

/// OPS-5: each client that a proxy names has its own places. If a client has too many requests, its oldest incomplete
/// request is refused.
#[tokio::test]
async fn clients_behind_a_proxy_have_their_own_places() {
    let public = "trusted_proxies = [\"127.0.0.0/8\"]
        bounds = { address_requests = 2, body = \"1h\",
            overrides = [{ network = \"198.51.100.0/24\", connections = 9, handshakes = 9, requests = 4 }] }";
    let fixture = Fixture::start_with("deadline = \"2h\"", "", public).await;
    let sender = http2(&fixture, 65_535).await;
    for (client, places) in [("192.0.2.1", 2), ("198.51.100.7", 4)] {
        let mut begun = Vec::new();
        for _ in 0..=places {
            begun.push(begin(&sender, client).await);
        }
        let (oldest, _body) = begun.remove(0);
        assert_eq!(
            reason(&oldest.await.unwrap()),
            Some(ErrorReason::Overloaded)
        );
        for (response, mut body) in begun {
            body.send_data(Bytes::from_static(&[0; 5]), true).unwrap();
            assert_eq!(reason(&response.await.unwrap()), None, "{client}");
        }
    }
}

/// OPS-5: an RPC whose body has not arrived does not count as an RPC in progress.
#[tokio::test]
async fn an_incomplete_rpc_takes_no_place() {
    let fixture = Fixture::start_with("max_in_flight = 2", "", "").await;
    let sender = http2(&fixture, 65_535).await;
    let _first = begin(&sender, "").await;
    let _second = begin(&sender, "").await;
    let mut client = SubscriberServiceClient::new(fixture.channel().await);
    client.get_policy(GetPolicyRequest {}).await.unwrap();
}

/// OPS-5: if the body of an RPC does not arrive in time, the RPC ends with `DEADLINE_EXCEEDED`.
#[tokio::test]
async fn a_body_must_come_in_time() {
    let fixture = Fixture::start("", "bounds = { body = \"50ms\" }").await;
    let sender = http2(&fixture, 65_535).await;
    let (response, _body) = begin(&sender, "").await;
    let response = tokio::time::timeout(SOON, response).await.unwrap().unwrap();
    assert_eq!(reason(&response), Some(ErrorReason::DeadlineExceeded));
}

/// OPS-5: a login is still served while other RPCs are refused for load.
#[tokio::test]
async fn places_are_kept_for_logins() {
    let fixture = Fixture::start_with("max_in_flight = 2", "", "").await;
    let mut client = SubscriberServiceClient::new(fixture.channel().await);
    let mut slow = client.clone();
    let slow = tokio::spawn(async move { slow.login(login(SLOW_PASSWORD)).await });
    fixture.stub.slow_rpc_arrived().await;
    let refused = client.get_policy(GetPolicyRequest {}).await.unwrap_err();
    assert_eq!(reason_of(&refused), Some(ErrorReason::Overloaded));
    client.login(login(PASSWORD)).await.unwrap();
    fixture.stub.continue_slow_rpc();
    slow.await.unwrap().unwrap();
}

/// OPS-5: a connection is closed if the peer does not read its response. A connection stays open if the peer waits for
/// the edge.
#[tokio::test]
async fn a_response_must_be_read() {
    let site = tempfile::tempdir().unwrap();
    std::fs::write(site.path().join("index.html"), "page").unwrap();
    let public = format!(
        "site = {:?}\nbounds = {{ write = \"100ms\", idle = \"1h\" }}",
        site.path()
    );
    let fixture = Fixture::start_with("deadline = \"1h\"", "", &public).await;
    let mut health = HealthClient::new(fixture.channel().await);
    let watch = health.watch(HealthCheckRequest::default()).await.unwrap();
    let mut watch = watch.into_inner();
    watch.message().await.unwrap().unwrap();

    let mut sender = http2(&fixture, 0).await.ready().await.unwrap();
    let request = Request::get("https://localhost/").body(()).unwrap();
    let (response, _) = sender.send_request(request, true).unwrap();
    let mut body = response.await.unwrap().into_body();
    let cut = tokio::time::timeout(SOON, body.data()).await.unwrap();
    assert!(cut.is_none_or(|part| part.is_err()));
    // The stream of the other connection waits for a change.
    let next = tokio::time::timeout(Duration::from_millis(300), watch.message()).await;
    assert!(next.is_err(), "{next:?}");
}

/// OPS-5: a connection is closed in time if its first byte, its handshake, its first request or a next request does not
/// arrive.
#[tokio::test]
async fn a_silent_connection_is_closed() {
    let short =
        "bounds = { first_byte = \"50ms\", handshake = \"50ms\", first_request = \"50ms\" }";
    let fixture = Fixture::start("", short).await;
    is_closed(TcpStream::connect(fixture.public).await.unwrap()).await;
    let mut half = TcpStream::connect(fixture.public).await.unwrap();
    half.write_all(b"\x16\x03\x01").await.unwrap();
    is_closed(half).await;
    is_closed(fixture.connect("h2").await).await;
    is_closed(fixture.connect("http/1.1").await).await;

    for protocol in ["h2", "http/1.1"] {
        let fixture = Fixture::start("", "bounds = { idle = \"50ms\" }").await;
        let mut stream = fixture.connect(protocol).await;
        let request: &[u8] = match protocol {
            // The preface, SETTINGS, and the HEADERS frame of `GET /`.
            "h2" => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x03\x01\x05\0\0\0\x01\x82\x84\x87",
            _ => b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n",
        };
        stream.write_all(request).await.unwrap();
        is_closed(stream).await;
    }
}

/// OPS-5: shutdown does not wait for connections that send nothing.
#[tokio::test]
async fn shutdown_does_not_wait_for_silent_connections() {
    let silent = "bounds = { first_byte = \"1h\", handshake = \"1h\" }";
    let mut fixture = Fixture::start_with("drain = \"1h\"", "", silent).await;
    let _silent = TcpStream::connect(fixture.public).await.unwrap();
    let mut half = TcpStream::connect(fixture.public).await.unwrap();
    half.write_all(b"\x16\x03\x01").await.unwrap();
    // The edge accepts connections in order. When this connection is accepted, the two silent connections are
    // accepted, too.
    let _later = fixture.connect("http/1.1").await;
    fixture.shutdown.begin();
    let stopped = tokio::time::timeout(SOON, &mut fixture.serving).await;
    stopped.unwrap().unwrap().unwrap();
}
