//! Who is in an installation, and what each of them gets: a certificate, passwords, a Redis user, the key ring.
//!
//! `aikagi-setup` equips an installation with it, and `cargo xtask up` a system on a developer's machine. No service
//! links it.

pub mod certificates;
pub mod files;
pub mod key_ring;
pub mod random;
pub mod redis_users;
pub mod workloads;
