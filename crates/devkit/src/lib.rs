//! What a developer's machine and the tests need around Aikagi: private PostgreSQL and Redis processes,
//! development certificates, the services' settings and processes. Never part of a deployment.

pub mod certs;
pub mod command;
pub mod database;
pub mod install;
pub mod paths;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod redis;
pub mod settings;
pub mod system;
