//! What a developer's machine and the tests need around Aikagi: private PostgreSQL and Redis processes, the services'
//! settings and processes, containers, and certificates with defects. No production image contains it.

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

/// Who is in the system and what each gets, as in every installation.
pub use aikagi_installation as installation;
