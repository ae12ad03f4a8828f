//! Tests of callers that are not allowed.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use aikagi_fixtures::LogLines;
use http::{Request, Response};
use tonic::body::Body;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tracing::Level;

use crate::connection::Peer;
use crate::guard::{GuardLayer, PortAudience};
use crate::identity::Identity;
use crate::policy::Policies;

/// Sends an RPC that is refused, from a peer with this identity.
async fn call(guard: &GuardLayer, identity: Option<&str>, path: &str) {
    let inner = service_fn(|_request: Request<Body>| async {
        Ok::<_, Infallible>(Response::new(Body::empty()))
    });
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = path.parse().unwrap();
    let identity = identity.map(|name| Identity::parse(name).unwrap());
    request.extensions_mut().insert(Peer {
        address: "192.0.2.7:4711".parse().unwrap(),
        identity,
    });
    let response = guard.layer(inner).oneshot(request).await.unwrap();
    assert!(response.headers().contains_key("grpc-status"));
}

fn guard(audience: PortAudience) -> GuardLayer {
    GuardLayer::new(Arc::new(Policies::default()), 10, Duration::from_secs(1))
        .for_audience(audience)
}

/// INV-7: a caller that is not allowed is logged once a minute for each method. The log does not contain an unknown
/// path.
#[tokio::test]
async fn a_caller_that_is_not_allowed_is_logged_once() {
    let lines = LogLines::record();
    let guard = guard(PortAudience::Inside);
    for path in ["/a.B/0312345678", "/a.B/D", "/a.B/C"] {
        call(&guard, Some("spiffe://aikagi/password"), path).await;
    }
    call(&guard, None, "/a.B/C").await;
    let logged: Vec<_> = lines
        .of("caller not allowed")
        .into_iter()
        .map(|line| {
            assert_eq!(line.level, Level::WARN);
            assert_eq!(line.field("rpc.method"), "unknown/unknown");
            line.field("peer").to_owned()
        })
        .collect();
    assert_eq!(logged, ["password", "192.0.2.7"]);
}

/// At the public port a refused caller is not logged. Otherwise anyone could fill the log.
#[tokio::test]
async fn a_refused_caller_at_the_public_port_is_not_logged() {
    let lines = LogLines::record();
    call(&guard(PortAudience::Public), None, "/a.B/C").await;
    assert_eq!(lines.of("caller not allowed"), []);
}
