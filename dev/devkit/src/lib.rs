//! Shared code of developers' commands and tests: private PostgreSQL and Redis servers, the
//! services as processes, containers, the repository, the console, and certificates with defects.
//! No production image contains it.

pub mod cargo;
pub mod command;
pub mod console;
pub mod debian;
pub mod defects;
pub mod docker;
pub mod install;
pub mod paths;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod redis;
pub mod repo;
pub mod settings;
pub mod site;
pub mod system;
pub mod system_file;

/// The workloads of an installation, and what each of them gets.
pub use aikagi_installation as installation;
