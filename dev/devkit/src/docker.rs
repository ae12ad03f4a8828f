//! Containers: an engine, the base images, our images, and the system that `docker-compose.yml` describes.

pub mod bases;
pub mod engine;
pub mod images;
pub mod project;
