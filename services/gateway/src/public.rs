//! The public port. It serves the public RPCs of the contracts with gRPC-Web and gRPC, and the files of the site. It
//! uses HTTP/2 and HTTP/1.1 over TLS without client certificates.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{self, Poll};

use aikagi_api::edge::v1::subscriber_service_server::{SERVICE_NAME, SubscriberServiceServer};
use aikagi_mesh::bounds::Bounds;
use aikagi_mesh::connection::Clients;
use aikagi_mesh::guard::{Guard, GuardLayer, PortAudience};
use aikagi_mesh::port::{Port, PortSettings, RequestPlace};
use aikagi_mesh::server::ServeError;
use anyhow::Context as _;
use futures_util::future::BoxFuture;
use http::header::{CACHE_CONTROL, HeaderName, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::service::Routes;
use tonic_web::{GrpcWebLayer, GrpcWebService};
use tower::{Layer, Service, ServiceExt};

use crate::Edge;
use crate::address;
use crate::browser::{Browser, is_browser};
use crate::certificate::PublicCertificate;
use crate::gate::{Gate, GateLayer};
use crate::grpc_web::{is_rpc, normalise};
use crate::limit::AttemptLimiter;
use crate::reflection::edge_descriptors;
use crate::shedding::Shedding;
use crate::site::{Site, protect};
use crate::subscriber::Subscriber;

/// The maximum size of a message, in bytes. The messages of subscribers are much smaller.
const MAX_MESSAGE: usize = 64 * 1024;

/// The RPCs for which `public.login_places` reserves places (OPS-5).
const KEPT_PLACES: [&str; 1] = ["/aikagi.edge.v1.SubscriberService/Login"];

/// The prefix of headers that our services trust. Such headers are removed from outside requests.
const OWN_PREFIX: &str = "x-aikagi-";
/// The headers of a trace. They are removed from outside requests, because a trace starts at the edge.
const TRACE_HEADERS: [&str; 3] = ["traceparent", "tracestate", "baggage"];

/// Serves the public port until shutdown. Returns when the RPCs in progress have ended.
pub(crate) async fn serve(
    edge: &Edge,
    listener: TcpListener,
    certificate: PublicCertificate,
) -> anyhow::Result<()> {
    let settings = &edge.settings;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(&edge_descriptors(aikagi_api::DESCRIPTORS)?)
        .build_v1()
        .map_err(|error| ServeError::Reflection(error.to_string()))?;
    let health = edge
        .readiness
        .clone()
        .serve(vec![SERVICE_NAME], &edge.shutdown)
        .await;
    let shedding = Shedding::new(settings.limits.shedding.clone());
    let subscriber = Subscriber::new(&edge.upstreams, settings.profile.clone(), shedding.clone());
    let subscriber =
        SubscriberServiceServer::new(subscriber).max_decoding_message_size(MAX_MESSAGE);
    let routes = Routes::new(subscriber)
        .add_service(health.max_decoding_message_size(MAX_MESSAGE))
        .add_service(reflection.max_decoding_message_size(MAX_MESSAGE));

    let gate = GateLayer::new(
        settings.public.origins.clone(),
        settings.public.trusted_proxies.clone(),
        AttemptLimiter {
            settings: settings.limits.clone(),
            store: edge.store.clone(),
            clock: edge.clock.clone(),
        },
        shedding,
    );
    let guard = GuardLayer::new(
        Arc::clone(&edge.policies),
        edge.server.max_in_flight,
        edge.server.deadline,
    )
    .for_audience(PortAudience::Public)
    .with_max_request(MAX_MESSAGE)
    .keeping(settings.public.login_places, &KEPT_PLACES);
    let site = settings.public.site.as_deref().map(Site::load);
    let service = PublicPort {
        rpc: GrpcWebLayer::new().layer(guard.layer(gate.layer(routes))),
        site: site.transpose().context("public.site")?,
    };

    let proxies = settings.public.trusted_proxies.clone();
    let port = Port::new(PortSettings {
        name: "public",
        clients: Clients::Anyone,
        bounds: Bounds::new(&settings.public.bounds, Clients::Anyone).behind(proxies.clone()),
        max_in_flight: edge.server.max_in_flight,
        drain: edge.server.drain,
    })
    .for_clients(Arc::new(move |peer, headers| {
        address::of_client(peer, headers, &proxies)
    }));
    let config = move || certificate.server_config();
    tracing::info!(service = "edge", port = "public", "serving");
    port.serve(listener, config, service, &edge.shutdown).await;
    Ok(())
}

/// Serves RPCs and the files of the site.
#[derive(Clone, Debug)]
struct PublicPort {
    rpc: GrpcWebService<Guard<Gate<Routes>>>,
    site: Option<Site>,
}

impl Service<Request<Body>> for PublicPort {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _context: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if is_rpc(request.headers()) {
            if is_browser(request.headers()) {
                request.extensions_mut().insert(Browser);
            }
            remove_own_headers(request.headers_mut());
            let response = self.rpc.clone().oneshot(normalise(request));
            return Box::pin(async move {
                response
                    .await
                    .map(|response| with_headers(response, &RPC_HEADERS))
            });
        }
        let site = self.site.clone();
        Box::pin(async move {
            let place = request.extensions().get::<RequestPlace>();
            let response = match site {
                _ if !place.is_none_or(RequestPlace::is_held) => {
                    empty(StatusCode::SERVICE_UNAVAILABLE)
                }
                Some(site) => site.serve(request).await?,
                None => empty(StatusCode::NOT_FOUND),
            };
            Ok(with_headers(response, &[]))
        })
    }
}

fn remove_own_headers(headers: &mut HeaderMap) {
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

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
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
