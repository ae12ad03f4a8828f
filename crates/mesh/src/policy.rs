//! The workloads that may call each RPC, read from the descriptors (INV-7). Every other caller is refused.

use std::collections::HashMap;

use prost::Message;
use prost_reflect::{DescriptorPool, MethodDescriptor};

use crate::v1::MethodPolicy;

const POLICY_OPTION: &str = "aikagi.mesh.v1.policy";

/// Why the descriptors of the contracts cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The descriptors cannot be read.
    #[error("the descriptors cannot be read: {0}")]
    Descriptors(String),
    /// No contract describes the service.
    #[error("no contract describes the service {0}")]
    UnknownService(String),
    /// The option that names an RPC's callers is missing.
    #[error("the RPC {0} names no callers: the option {POLICY_OPTION} is missing")]
    NoPolicy(String),
}

/// One RPC of a contract.
#[derive(Debug, Clone)]
pub struct Method {
    /// The full name of its service.
    pub service: String,
    /// The workloads that may call it.
    pub policy: MethodPolicy,
    /// True if it may be repeated, because a second execution changes nothing more.
    pub idempotent: bool,
    /// True if the caller sends a stream of messages.
    pub client_streaming: bool,
}

/// All RPCs of the contracts by their paths (`/package.Service/Method`).
#[derive(Debug, Clone, Default)]
pub struct Policies {
    methods: HashMap<String, Method>,
}

impl Policies {
    /// Reads an encoded `FileDescriptorSet`. Every RPC in it must name its callers.
    pub fn from_descriptors(descriptors: &[u8]) -> Result<Self, PolicyError> {
        let pool = DescriptorPool::decode(descriptors)
            .map_err(|error| PolicyError::Descriptors(error.to_string()))?;
        let mut methods = HashMap::new();
        for service in pool.services() {
            for method in service.methods() {
                let path = format!("/{}/{}", service.full_name(), method.name());
                let policy =
                    policy_of(&pool, &method).ok_or_else(|| PolicyError::NoPolicy(path.clone()))?;
                let method = Method {
                    service: service.full_name().to_owned(),
                    policy,
                    idempotent: idempotency(&method) != 0,
                    client_streaming: method.is_client_streaming(),
                };
                methods.insert(path, method);
            }
        }
        Ok(Self { methods })
    }

    /// Contracts with one RPC that is neither a stream nor idempotent.
    #[cfg(test)]
    pub(crate) fn of_unary(path: &str) -> Self {
        let method = Method {
            service: String::new(),
            policy: MethodPolicy::default(),
            idempotent: false,
            client_streaming: false,
        };
        Self {
            methods: HashMap::from([(path.to_owned(), method)]),
        }
    }

    /// The RPC at a path.
    pub fn method(&self, path: &str) -> Option<&Method> {
        self.methods.get(path)
    }

    /// All RPCs with their paths.
    pub fn methods(&self) -> impl Iterator<Item = (&str, &Method)> {
        self.methods
            .iter()
            .map(|(path, method)| (path.as_str(), method))
    }

    /// Fails for a service that the contracts do not describe.
    pub fn check_service(&self, service: &str) -> Result<(), PolicyError> {
        if self
            .methods
            .values()
            .any(|method| method.service == service)
        {
            Ok(())
        } else {
            Err(PolicyError::UnknownService(service.to_owned()))
        }
    }
}

fn policy_of(pool: &DescriptorPool, method: &MethodDescriptor) -> Option<MethodPolicy> {
    let extension = pool.get_extension_by_name(POLICY_OPTION)?;
    let options = method.options();
    if !options.has_extension(&extension) {
        return None;
    }
    let value = options.get_extension(&extension);
    let bytes = value.as_message()?.encode_to_vec();
    MethodPolicy::decode(bytes.as_slice()).ok()
}

/// The number of the RPC's `google.protobuf.MethodOptions.IdempotencyLevel`; 0 if it is not set.
fn idempotency(method: &MethodDescriptor) -> i32 {
    method
        .options()
        .get_field_by_name("idempotency_level")
        .and_then(|value| value.as_enum_number())
        .unwrap_or(0)
}
