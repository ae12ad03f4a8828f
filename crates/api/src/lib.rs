//! The contracts of Aikagi in Rust: messages, clients and servers that are generated from `proto/`, and conversions
//! between them and the types of the domain.
//!
//! Fields with the option `debug_redact` do not show in Debug, and are wiped when their message is dropped (INV-8). Such a
//! message cannot be taken apart; take single fields out of it with [`std::mem::take`].

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
            /// The contract, by its version.
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
    /// What the web front end calls.
    edge,
    "aikagi.edge.v1"
);
package!(
    /// Access to back ends, as Envoy asks for it.
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
