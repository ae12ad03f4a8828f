//! What a developer's machine and the tests need around Aikagi: private PostgreSQL and Redis processes,
//! development certificates, the services' settings and processes. No service has any of it; a deployment's one-shot
//! job makes its certificates and passwords with it.

pub mod cargo;
pub mod certs;
pub mod command;
pub mod console;
#[cfg(feature = "database")]
pub mod database;
#[cfg(not(feature = "database"))]
#[path = "no_database.rs"]
mod database;
pub mod debian;
pub mod docker;
pub mod install;
pub mod paths;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod random;
pub mod redis;
pub mod repo;
pub mod settings;
pub mod site;
pub mod system;
pub mod system_file;
