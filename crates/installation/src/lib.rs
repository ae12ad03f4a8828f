//! The members of an installation, and their certificates, passwords, Redis users and files of keys.
//!
//! `aikagi-setup` creates these files for an installation. `cargo xtask up` creates them for a system on a
//! developer's machine. No service depends on this crate.

pub mod certificates;
pub mod files;
pub mod key_files;
pub mod random;
pub mod redis_users;
pub mod workloads;
