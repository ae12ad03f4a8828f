//! Random numbers of the operating system.

use std::io::Read as _;

use anyhow::{Context, Result};

use crate::paths::hexadecimal;

/// Thirty-two random hexadecimal digits.
pub fn random_hexadecimal() -> Result<String> {
    let mut bytes = [0_u8; 16];
    fill(&mut bytes)?;
    Ok(hexadecimal(&bytes, bytes.len()))
}

/// Fills `bytes` with random ones.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<()> {
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(bytes))
        .context("no random numbers")
}
