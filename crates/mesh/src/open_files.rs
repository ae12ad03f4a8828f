//! How many files this process may have open: every connection is one.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Takes as many as the machine allows, and returns how many that are. Most machines begin a process with fewer, often
/// 1024: less than the connections that our settings allow.
pub fn allow_most() -> nix::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(hard)
}
