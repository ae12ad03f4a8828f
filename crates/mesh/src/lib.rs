//! The common parts of every service: mutual TLS with workload identities, caller policy, deadlines, load shedding,
//! health, telemetry, settings, start and stop, and clients that balance RPCs over replicas.

pub mod background;
pub mod bounds;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod connection;
pub mod deadline;
pub mod guard;
pub mod health;
pub mod identity;
pub mod open_files;
mod places;
pub mod policy;
pub mod port;
mod relief;
pub mod response;
pub mod run;
pub mod server;
pub mod shutdown;
pub mod telemetry;
#[cfg(test)]
mod tests;
pub mod tls;

/// Version 1 of the method options, which every contract uses.
pub mod v1 {
    #![allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub)]
    include!(concat!(env!("OUT_DIR"), "/aikagi.mesh.v1.rs"));
}
