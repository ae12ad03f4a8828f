//! A telemetry collector that keeps every message that it receives.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::{BodyExt as _, Full};
use tokio::net::TcpListener;

/// An empty message in gRPC framing.
const EMPTY: &[u8] = &[0; 5];

/// The paths of the called methods, each with its message.
type Received = Arc<Mutex<Vec<(String, Bytes)>>>;

/// A collector on loopback, without TLS.
pub struct Collector {
    port: u16,
    received: Received,
}

impl Collector {
    /// A collector on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Received::default();
        let router = Router::new()
            .fallback(keep)
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&received));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { port, received }
    }

    /// The collector's URL.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The bytes of all messages so far.
    pub fn received(&self) -> Vec<u8> {
        let received = self.received.lock().unwrap();
        received
            .iter()
            .flat_map(|(_, bytes)| bytes.to_vec())
            .collect()
    }

    /// The messages so far whose method path contains `kind`.
    pub fn messages<M: prost::Message + Default>(&self, kind: &str) -> Vec<M> {
        let received = self.received.lock().unwrap();
        received
            .iter()
            .filter(|(path, _)| path.contains(kind))
            .map(|(_, bytes)| M::decode(bytes.slice(EMPTY.len()..)).unwrap())
            .collect()
    }
}

async fn keep(
    State(received): State<Received>,
    uri: http::Uri,
    message: Bytes,
) -> Response<axum::body::Body> {
    let call = (uri.path().to_owned(), message);
    received.lock().unwrap().push(call);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(Bytes::from_static(EMPTY)).with_trailers(async { Some(Ok(trailers)) });
    Response::builder()
        .header("content-type", "application/grpc")
        .body(axum::body::Body::new(body))
        .unwrap()
}
