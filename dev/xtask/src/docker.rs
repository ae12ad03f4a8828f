//! Containers: an engine, the images that ours begin from, and the system that `docker-compose.yml` describes.

pub(crate) mod bases;
pub(crate) mod engine;
pub(crate) mod project;
