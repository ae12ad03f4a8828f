//! The public port: TLS without client certificates, HTTP/2 and HTTP/1.1, gRPC-Web and gRPC for the contract's
//! public RPCs, and the site's files.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use aikagi_api::edge::v1::subscriber_service_server::{SERVICE_NAME, SubscriberServiceServer};
use aikagi_mesh::connection::{Clients, accept_tls};
use aikagi_mesh::guard::{Door, Guard, GuardLayer};
use aikagi_mesh::server::{ServeError, finish, transport};
use futures_util::future::BoxFuture;
use http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderName, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::service::Routes;
use tonic_web::{GrpcWebLayer, GrpcWebService};
use tower::{Layer, Service, ServiceExt};

use crate::Gateway;
use crate::browser::{Browser, is_browser};
use crate::certificate::PublicCertificate;
use crate::gate::{Gate, GateLayer};
use crate::limit::Attempts;
use crate::reflection::edge_descriptors;
use crate::site::{Site, protect};
use crate::subscriber::Subscriber;

/// The largest message that is read, in bytes. None that a subscriber sends is near it.
const MAX_MESSAGE: usize = 64 * 1024;

/// Calls at once on one connection.
const MAX_STREAMS: u32 = 100;

/// How long a connection is kept, so that none is held forever and replicas share them anew.
const MAX_CONNECTION_AGE: Duration = Duration::from_mins(10);

/// What the inside believes of its own; from outside it is dropped.
const OWN_PREFIX: &str = "x-aikagi-";
/// A trace begins at the edge: whoever is outside does not choose which.
const TRACE_HEADERS: [&str; 3] = ["traceparent", "tracestate", "baggage"];

/// Serves the public port until the stop, then until the calls in progress have ended.
pub(crate) async fn serve(
    gateway: &Gateway,
    listener: TcpListener,
    certificate: PublicCertificate,
) -> anyhow::Result<()> {
    let settings = &gateway.settings;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(&edge_descriptors(aikagi_api::DESCRIPTORS)?)
        .build_v1()
        .map_err(|error| ServeError::Reflection(error.to_string()))?;
    let health = gateway
        .readiness
        .clone()
        .serve(vec![SERVICE_NAME], &gateway.shutdown)
        .await;
    let subscriber = SubscriberServiceServer::new(Subscriber::new(&gateway.upstreams))
        .max_decoding_message_size(MAX_MESSAGE);
    let routes = Routes::new(subscriber)
        .add_service(health.max_decoding_message_size(MAX_MESSAGE))
        .add_service(reflection.max_decoding_message_size(MAX_MESSAGE));

    let gate = GateLayer::new(
        settings.public.origins.clone(),
        settings.public.trusted_proxies.clone(),
        Attempts {
            settings: settings.limits.clone(),
            store: gateway.store.clone(),
            clock: gateway.clock.clone(),
        },
    );
    let guard = GuardLayer::new(
        Arc::clone(&gateway.policies),
        gateway.server.max_in_flight,
        gateway.server.deadline,
    )
    .at(Door::Public);
    let port = PublicPort {
        rpc: GrpcWebLayer::new().layer(guard.layer(gate.layer(routes))),
        site: settings.public.site.as_deref().map(Site::new),
    };

    let drain = gateway.server.drain;
    let stop = gateway.shutdown.clone();
    let config = move || certificate.server_config();
    let incoming = accept_tls(listener, Clients::Anyone, config, &stop);
    let serving = transport()
        .accept_http1(true)
        .max_concurrent_streams(MAX_STREAMS)
        .max_connection_age(MAX_CONNECTION_AGE)
        .max_connection_age_grace(drain)
        .serve_with_incoming_shutdown(port, incoming, async move { stop.begun().await });
    tracing::info!(service = "gateway", port = "public", "serving");
    Ok(finish(serving, drain, &gateway.shutdown).await?)
}

/// Tells calls from files.
#[derive(Clone, Debug)]
struct PublicPort {
    rpc: GrpcWebService<Guard<Gate<Routes>>>,
    site: Option<Site>,
}

impl Service<Request<Body>> for PublicPort {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if is_rpc(request.headers()) {
            if is_browser(request.headers()) {
                request.extensions_mut().insert(Browser);
            }
            drop_what_is_ours_to_say(request.headers_mut());
            let answer = self.rpc.clone().oneshot(request);
            return Box::pin(async move {
                answer
                    .await
                    .map(|answer| with_headers(answer, &RPC_HEADERS))
            });
        }
        let site = self.site.clone();
        Box::pin(async move {
            let answer = match site {
                Some(site) => site.serve(request).await?,
                None => nothing(),
            };
            Ok(with_headers(answer, &[]))
        })
    }
}

fn is_rpc(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

fn drop_what_is_ours_to_say(headers: &mut HeaderMap) {
    let names: Vec<HeaderName> = headers
        .keys()
        .filter(|name| {
            name.as_str().starts_with(OWN_PREFIX) || TRACE_HEADERS.contains(&name.as_str())
        })
        .cloned()
        .collect();
    for name in names {
        headers.remove(name);
    }
}

fn nothing() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_FOUND;
    protect(&mut response);
    response
}

const RPC_HEADERS: [(HeaderName, &str); 1] = [(CACHE_CONTROL, "no-store")];
const ALL_HEADERS: [(HeaderName, &str); 2] = [
    (STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

fn with_headers(
    mut response: Response<Body>,
    more: &[(HeaderName, &'static str)],
) -> Response<Body> {
    for (name, value) in ALL_HEADERS.iter().chain(more) {
        response
            .headers_mut()
            .insert(name.clone(), HeaderValue::from_static(value));
    }
    response
}
