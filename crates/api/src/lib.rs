//! The contracts of Aikagi in Rust. Messages, clients and servers are generated from `proto/`. This crate
//! also converts between messages and domain types.
//!
//! Fields with the option `debug_redact` are hidden in `Debug` output and wiped when their message is
//! dropped (INV-8). Because such a message implements `Drop`, it cannot be destructured. Take fields out
//! of it with [`std::mem::take`].

mod convert;
#[cfg(test)]
mod tests;

pub use convert::{UnknownValue, duration, timestamp};

/// The descriptors of every contract, with options and comments, as a `FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

macro_rules! package {
    ($(#[$doc:meta])* $area:ident, $package:literal) => {
        package!($(#[$doc])* $area::v1, $package);
    };
    ($(#[$doc:meta])* $area:ident::$version:ident, $package:literal) => {
        $(#[$doc])*
        pub mod $area {
            /// This version of the contract.
            pub mod $version {
                #![allow(
                    missing_docs,
                    clippy::all,
                    clippy::pedantic,
                    clippy::restriction,
                    unused_qualifications,
                    unreachable_pub
                )]
                include!(concat!(env!("OUT_DIR"), "/", $package, ".rs"));
                include!(concat!(env!("OUT_DIR"), "/", $package, ".redacted.rs"));
            }
        }
    };
}

package!(
    /// Login, lockout and sessions.
    authentication,
    "aikagi.authentication.v1"
);
package!(
    /// The API for subscribers at the edge's public port.
    edge,
    "aikagi.edge.v1"
);
package!(
    /// Envoy's authorization contract. It checks requests to the settings back ends.
    envoy::v3,
    "envoy.service.auth.v3"
);
package!(
    /// Temporary passwords by telephone.
    issuance,
    "aikagi.issuance.v1"
);
package!(
    /// The permanent password.
    password,
    "aikagi.password.v1"
);
package!(
    /// Lines, numbers and units.
    units,
    "aikagi.units.v1"
);
