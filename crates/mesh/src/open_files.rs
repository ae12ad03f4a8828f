//! The limit of open files of this process. Each connection is an open file.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the limit to the maximum that the system allows, and returns it.
///
/// Most systems start a process with a lower limit, often 1024. Our settings allow more connections than that.
pub fn raise_limit() -> nix::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(hard)
}
