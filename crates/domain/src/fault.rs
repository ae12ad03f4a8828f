//! Faults: an RPC fails although its caller did nothing wrong.
//!
//! A crate that uses a dependency implements [`Fault`] for its error type. Only `aikagi_refusal` turns a
//! fault into a refusal and a log line.
//!
//! The cause of a fault is a class, not a text. A driver's text may contain a value, a key or a URL, so
//! it never leaves the crate that uses the driver.

use std::fmt;
use std::time::Duration;

/// The metric that counts failed operations, with the labels `aikagi.dependency` and `error.type`.
pub const FAILURES: &str = "aikagi.dependency.failures";

/// The description of [`FAILURES`].
pub const FAILURES_DESCRIPTION: &str = "Operations of a dependency that failed, by cause.";

/// What a fault means for the caller of the failed RPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// A dependency cannot be used or did not respond in time. The operation may or may not have been
    /// carried out.
    Unavailable,
    /// The deadline of the RPC passed while it waited for a dependency (INV-11).
    DeadlineExceeded,
    /// The operation conflicted with another change. Nothing was changed, and a retry can succeed.
    Conflict,
    /// This replica has no capacity left. Nothing was started (LOGIN-4).
    Overloaded {
        /// The time after which a retry can succeed.
        retry_after: Duration,
    },
    /// A value, a statement or this program is wrong. A retry does not help; a person must act.
    Internal,
}

/// A fault of this program or of a dependency. Its `Display` must be [`describe`], which writes only the
/// dependency and the cause.
pub trait Fault: fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// What the fault means to the caller.
    fn kind(&self) -> FaultKind;

    /// The store or the workload that failed, such as `postgresql`; `None` for a fault of this program.
    fn dependency(&self) -> Option<&str>;

    /// Why the operation failed.
    fn cause(&self) -> Cause;

    /// The operation that failed: the summary of a statement, a Redis command or the method of an RPC. For
    /// a fault of this program: what happened against its assumptions. The text comes from this program and
    /// contains no value.
    fn operation(&self) -> &str;

    /// The table and the constraint that the store's error names, if the store refused a statement; `None`
    /// if the error names neither.
    fn refused_by(&self) -> Option<&SchemaNames> {
        None
    }
}

/// The table and the constraint that a store's error for a refused statement names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SchemaNames {
    /// The table.
    pub table: Option<String>,
    /// The constraint.
    pub constraint: Option<String>,
}

/// Writes the dependency and the cause of a fault, such as `postgresql: statement_timeout (57014)`.
pub fn describe(fault: &impl Fault, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let Some(dependency) = fault.dependency() {
        write!(f, "{dependency}: ")?;
    }
    fmt::Display::fmt(&fault.cause(), f)
}

/// Why an operation failed: a class that all dependencies share, and the dependency's own code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cause {
    /// The class: `error.type` in logs and metrics.
    pub error_type: ErrorType,
    /// The dependency's own code, such as the SQLSTATE: `db.response.status_code` in logs.
    pub code: Option<StatusCode>,
}

impl Cause {
    /// A class with the dependency's own code. A text that is not a code is left out.
    pub fn with_code(error_type: ErrorType, code: &str) -> Self {
        Self {
            error_type,
            code: StatusCode::parse(code),
        }
    }
}

impl From<ErrorType> for Cause {
    fn from(error_type: ErrorType) -> Self {
        Self {
            error_type,
            code: None,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.error_type.as_str())?;
        match &self.code {
            Some(code) => write!(f, " ({})", code.as_str()),
            None => Ok(()),
        }
    }
}

/// The length of a SQLSTATE. A telephone number is longer (UNIT-3), so it is never taken for a SQLSTATE.
const SQLSTATE_LENGTH: usize = 5;

/// A dependency's own code: a SQLSTATE of five upper-case letters and digits, or a word of 1 to 16 upper-case
/// letters and `_`. This form keeps messages, keys and telephone numbers out of logs.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StatusCode {
    bytes: [u8; 16],
    length: u8,
}

impl StatusCode {
    /// Parses a code; `None` if the text has another form.
    pub fn parse(text: &str) -> Option<Self> {
        let all = |allowed: fn(u8) -> bool| text.bytes().all(allowed);
        let is_state = text.len() == SQLSTATE_LENGTH
            && all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        let is_word = all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        if text.is_empty() || !(is_state || is_word) {
            return None;
        }
        let mut bytes = [0; 16];
        bytes
            .get_mut(..text.len())?
            .copy_from_slice(text.as_bytes());
        Some(Self {
            bytes,
            length: u8::try_from(text.len()).ok()?,
        })
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        self.bytes
            .get(..usize::from(self.length))
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }
}

impl fmt::Debug for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! error_types {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// The class of a cause: `error.type`. docs/operations.md explains each class and what to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorType {
            $($(#[doc = $doc])+ $name,)+
        }

        impl ErrorType {
            /// All classes.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The name in logs and metrics.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

error_types! {
    /// No connection: nothing listens at the address, the network is cut, or the peer closed the connection.
    Connect = "connect",
    /// The TLS handshake failed: a certificate is not trusted, has expired or is missing.
    Tls = "tls",
    /// The store does not accept the user or the password.
    Login = "login",
    /// No connection of the pool became free in time.
    PoolTimeout = "pool_timeout",
    /// The store stopped a statement that took too long.
    StatementTimeout = "statement_timeout",
    /// The store has no connection left.
    TooManyConnections = "too_many_connections",
    /// The store accepts no change: it is a standby or a replica.
    ReadOnly = "read_only",
    /// The database does not exist.
    NoDatabase = "no_database",
    /// The store could lose changes that it has acknowledged (INV-4).
    NotDurable = "not_durable",
    /// The store is starting or stopping.
    Shutdown = "shutdown",
    /// The store cannot write to its disk.
    Disk = "disk",
    /// The store has no memory left.
    OutOfMemory = "out_of_memory",
    /// The transaction conflicted with another one.
    Conflict = "conflict",
    /// A stored row or an index is damaged, or a required row is missing.
    Corrupt = "corrupt",
    /// The store refused a statement.
    Statement = "statement",
    /// The dependency did not respond in time.
    Timeout = "timeout",
    /// The Redis user may not run this command, or may not use this key.
    NoPermission = "no_permission",
    /// The store is still loading its data.
    Loading = "loading",
    /// The Redis Cluster or the master behind Sentinel is not available.
    ClusterDown = "cluster_down",
    /// The store refused a command.
    Command = "command",
    /// A stored value does not have the expected format.
    Malformed = "malformed",
    /// The host name of the workload has no address.
    NoAddress = "no_address",
    /// The certificate at the address belongs to another workload.
    WrongIdentity = "wrong_identity",
    /// A deny list names the certificate of one of both ends (INV-12).
    Denied = "denied",
    /// The deadline of the RPC passed.
    Deadline = "deadline",
    /// The connection broke during the RPC.
    Reset = "reset",
    /// A file cannot be read, is malformed, or is readable by users other than its owner.
    File = "file",
    /// A value is sealed under a key that is not in the key ring (INV-9).
    UnknownKey = "unknown_key",
    /// A sealed value was altered, or was sealed for another place (INV-9).
    BrokenSeal = "broken_seal",
    /// A hash could not be computed or compared.
    Hash = "hash",
    /// The hashing pool is full.
    Overloaded = "overloaded",
    /// An assumption of this program failed.
    Internal = "internal",
}

impl fmt::Display for ErrorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The address of a dependency, for logs: `server.address` and `server.port`. It contains no user and no
/// password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The host name, IP address or socket path. Several are separated by commas.
    pub address: String,
    /// The port; `None` if the addresses do not share one.
    pub port: Option<u16>,
}

/// A store or an upstream that a service needs.
pub trait Dependency: Send + Sync + 'static {
    /// Why the dependency cannot be used.
    type Error: Fault;

    /// The name in logs and metrics, such as `postgresql`.
    fn name(&self) -> &str;

    /// The address, for logs.
    fn endpoint(&self) -> Endpoint;

    /// Checks that the dependency can be used now. Returns within two seconds, also if the dependency does
    /// not respond. The error names the cause.
    fn check(&self) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// A fault of this program: one of its assumptions is false. The text says what happened instead, such as
/// `CheckSession returned no session`. It contains no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InternalFault(pub &'static str);

impl Fault for InternalFault {
    fn kind(&self) -> FaultKind {
        FaultKind::Internal
    }

    fn dependency(&self) -> Option<&str> {
        None
    }

    fn cause(&self) -> Cause {
        ErrorType::Internal.into()
    }

    fn operation(&self) -> &'static str {
        self.0
    }
}

impl std::error::Error for InternalFault {}

impl fmt::Display for InternalFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        describe(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// INV-8: only a store's code is parsed. Any other text is left out and does not reach a log. A code cannot contain
    /// a telephone number.
    #[test]
    fn only_codes_are_parsed() {
        for code in [
            "57014",
            "XX001",
            "NOPERM",
            "CLUSTER_DOWN",
            "ABCDEFGHIJKLMNOP",
        ] {
            let parsed = StatusCode::parse(code).unwrap();
            assert_eq!(parsed.as_str(), code);
        }
        for text in [
            "",
            "ABCDEFGHIJKLMNOPQ",
            "0312345678",
            "09012345678",
            "A0312345678",
            "0312_345_678",
            "570140",
            "5701",
            "wrongpass",
            "57p01",
            "NO PERM",
            "call:x",
            "ＮＯ",
        ] {
            assert_eq!(StatusCode::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_class_has_its_own_name() {
        let names: std::collections::BTreeSet<_> =
            ErrorType::ALL.iter().map(|class| class.as_str()).collect();
        assert_eq!(names.len(), ErrorType::ALL.len());
    }

    #[test]
    fn a_cause_is_described_by_its_class_and_code() {
        let cause = Cause::with_code(ErrorType::StatementTimeout, "57014");
        assert_eq!(cause.to_string(), "statement_timeout (57014)");
        let cause = Cause::with_code(ErrorType::Statement, "no such table");
        assert_eq!(cause.to_string(), "statement");
        assert_eq!(InternalFault("no row").to_string(), "internal");
    }
}
