//! The common parts of every service. They serve RPCs with mutual TLS, workload identities, caller policy, deadlines
//! and load shedding. They also contain health, telemetry, settings, start and stop, and clients that balance RPCs over
//! replicas.

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
mod threads;
pub mod tls;

/// Version 1 of the method options, which every contract uses.
pub mod v1 {
    #![allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub)]
    include!(concat!(env!("OUT_DIR"), "/aikagi.mesh.v1.rs"));
}
