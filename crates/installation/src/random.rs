//! Random numbers from the operating system.

use anyhow::{Context as _, Result};
use data_encoding::HEXLOWER;
use rand::TryRng as _;
use rand::rngs::SysRng;

/// A random password: 32 hexadecimal digits, 128 bits.
pub fn random_hexadecimal() -> Result<String> {
    let mut bytes = [0; 16];
    fill(&mut bytes)?;
    Ok(HEXLOWER.encode(&bytes))
}

/// Fills `bytes` with random values. Fails if the operating system provides none.
pub fn fill(bytes: &mut [u8]) -> Result<()> {
    SysRng
        .try_fill_bytes(bytes)
        .context("cannot read random bytes from the operating system")
}
