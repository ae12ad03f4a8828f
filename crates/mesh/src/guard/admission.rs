//! Who may call which RPC (INV-7).

use aikagi_refusal::{ErrorReason, Refusal};
use http::Request;
use tonic::body::Body;

use super::GuardLayer;
use crate::connection::Peer;
use crate::identity::Identity;

/// The metadata key that names the outside workload for which the gateway acts.
pub const CALLER_HEADER: &str = "x-aikagi-caller";

/// The only workload that may act for others.
const GATEWAY: &str = "gateway";

/// Services of the mesh itself. At a port for workloads, every workload with a certificate from our authorities may
/// call them. At the public port, anyone may.
const MESH_SERVICES: [&str; 3] = [
    "/grpc.health.v1.Health/",
    "/grpc.reflection.v1.ServerReflection/",
    "/grpc.reflection.v1alpha.ServerReflection/",
];

/// The caller of an RPC, in the request's extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The workload at the other end of the connection.
    pub peer: Identity,
    /// The outside workload for which the gateway acts.
    pub on_behalf_of: Option<Identity>,
}

impl Caller {
    /// The actor for the audit trail.
    pub fn actor(&self) -> &str {
        self.on_behalf_of.as_ref().unwrap_or(&self.peer).path()
    }
}

/// The actor of an admitted RPC for the audit trail (OPS-3).
pub fn actor_of<T>(request: &tonic::Request<T>) -> String {
    request
        .extensions()
        .get::<Caller>()
        .map_or_else(String::new, |caller| caller.actor().to_owned())
}

/// The callers that a port admits (INV-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortAudience {
    /// Workloads of the system: those in the policy's `callers`.
    Inside,
    /// Outside workloads at the gateway's private port: those in the policy's `edge_callers`.
    Outside,
    /// Anyone at the edge's public port. RPCs with the policy `public` and the services of the mesh are admitted.
    ///
    /// Every RPC and stream ends at its deadline. No deadline is longer than the default, unless the RPC's policy allows a
    /// longer one.
    Public,
}

/// An admitted RPC.
pub(super) enum Admitted {
    /// An RPC of a service of the mesh at a port for workloads. It has no permit and no deadline, because some
    /// streams of these services do not end, such as a watch of the health.
    Unlimited,
    /// Any other RPC, and every RPC at the public port. It has a permit and a deadline. At the
    /// public port its caller is unknown.
    Limited(Option<Caller>),
}

/// Admits an RPC by the policy of its path and the identity of its caller (INV-7).
pub(super) fn admit(rules: &GuardLayer, request: &Request<Body>) -> Result<Admitted, Refusal> {
    let refused = || Refusal::new(ErrorReason::CallerNotAllowed);
    let path = request.uri().path();
    let method = rules.policies.method(path);
    if rules.audience == PortAudience::Public {
        let is_public = is_of_the_mesh(path) || method.is_some_and(|method| method.policy.public);
        return is_public
            .then_some(Admitted::Limited(None))
            .ok_or_else(refused);
    }
    let peer = request
        .extensions()
        .get::<Peer>()
        .and_then(|peer| peer.identity.clone())
        .ok_or_else(refused)?;
    if is_of_the_mesh(path) {
        return Ok(Admitted::Unlimited);
    }
    let policy = &method.ok_or_else(refused)?.policy;
    let allowed = match rules.audience {
        PortAudience::Inside => &policy.callers,
        PortAudience::Outside | PortAudience::Public => &policy.edge_callers,
    };
    if !allowed.iter().any(|name| name == peer.name()) {
        return Err(refused());
    }
    let on_behalf_of = match request.headers().get(CALLER_HEADER) {
        Some(value) if rules.audience == PortAudience::Inside && peer.name() == GATEWAY => Some(
            value
                .to_str()
                .ok()
                .and_then(|uri| Identity::parse(uri).ok())
                .ok_or_else(refused)?,
        ),
        Some(_) | None => None,
    };
    if let Some(outside) = &on_behalf_of
        && !policy
            .edge_callers
            .iter()
            .any(|name| name == outside.name())
    {
        return Err(refused());
    }
    Ok(Admitted::Limited(Some(Caller { peer, on_behalf_of })))
}

/// True if the path is of a service of the mesh.
pub(super) fn is_of_the_mesh(path: &str) -> bool {
    MESH_SERVICES
        .iter()
        .any(|service| path.starts_with(service))
}
