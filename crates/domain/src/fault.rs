//! What a fault is: an RPC fails, and its caller did nothing wrong. A crate that speaks with a dependency implements
//! [`Fault`] for its error, and `aikagi_refusal` alone turns a fault into a refusal and a line of the log.
//!
//! A cause travels as a class. No text of a driver leaves the crate that uses the driver, because it may hold a value,
//! a key or a URL.

use std::fmt;
use std::time::Duration;

/// The metric that counts failed operations, with the labels `aikagi.dependency` and `error.type`.
pub const FAILURES: &str = "aikagi.dependency.failures";

/// What [`FAILURES`] counts.
pub const FAILURES_DESCRIPTION: &str = "Operations of a dependency that failed, by cause.";

/// What a fault means to the caller of the RPC that it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// A dependency does not answer, or not in time. Whether the operation was done is unknown.
    Unavailable,
    /// The deadline of the RPC passed while a dependency worked (INV-11).
    DeadlineExceeded,
    /// Another change was in the way. Nothing was changed, and trying again can help.
    Conflict,
    /// This replica has no capacity left. Nothing was begun (LOGIN-4).
    Overloaded {
        /// When trying again can help.
        retry_after: Duration,
    },
    /// A person must act: a value, a statement or this program is wrong.
    Internal,
}

/// A fault of ours, or of a dependency. Its Display is [`describe`]: dependency and cause, and nothing else.
pub trait Fault: fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// What the fault means to the caller.
    fn kind(&self) -> FaultKind;

    /// The store or the workload that failed, such as `postgresql`. None for a fault of this program.
    fn dependency(&self) -> Option<&str>;

    /// Why.
    fn cause(&self) -> Cause;

    /// What was to be done: the summary of a statement, the command of Redis or the method of an RPC. For a fault of
    /// this program, what it takes for granted and does not hold. It is a text of this program and holds no value.
    fn operation(&self) -> &str;

    /// The table and the constraint that a refused statement is about. Both are names of the schema.
    fn refused_by(&self) -> Option<&SchemaNames> {
        None
    }
}

/// Names of the schema that a refused statement is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SchemaNames {
    /// The table.
    pub table: Option<String>,
    /// The constraint.
    pub constraint: Option<String>,
}

/// Writes dependency and cause of a fault, such as `postgresql: statement_timeout (57014)`.
pub fn describe(fault: &impl Fault, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let Some(dependency) = fault.dependency() {
        write!(f, "{dependency}: ")?;
    }
    fmt::Display::fmt(&fault.cause(), f)
}

/// Why an operation failed: a word for all dependencies, and the dependency's own code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cause {
    /// The class: `error.type` in logs and metrics.
    pub error_type: ErrorType,
    /// The dependency's own code, such as the SQLSTATE: `db.response.status_code` in logs.
    pub code: Option<StatusCode>,
}

impl Cause {
    /// A class with a dependency's own code. A text that is no code is left out.
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

/// A dependency's own code: at most 16 upper-case letters, digits and `_`, so that it cannot hold a value.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StatusCode {
    bytes: [u8; 16],
    length: u8,
}

impl StatusCode {
    /// Reads a code. None when the text is empty, too long or has other letters.
    pub fn parse(text: &str) -> Option<Self> {
        let known = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        if text.is_empty() || !text.bytes().all(known) {
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

    /// The code.
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
        /// The class of a cause: `error.type`. docs/operations.md says for each what it means and what to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorType {
            $($(#[doc = $doc])+ $name,)+
        }

        impl ErrorType {
            /// All classes.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The word in logs and metrics.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

error_types! {
    /// No connection: nobody listens, the network is cut, or the peer hung up.
    Connect = "connect",
    /// The TLS handshake failed: a certificate is not trusted, out of date or missing.
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
    /// What the store acknowledges might be lost (INV-4).
    NotDurable = "not_durable",
    /// The store is starting or stopping.
    Shutdown = "shutdown",
    /// The store cannot write to its disk.
    Disk = "disk",
    /// The store has no memory left.
    OutOfMemory = "out_of_memory",
    /// Another transaction was in the way.
    Conflict = "conflict",
    /// A stored row, or an index, is not as it must be.
    Corrupt = "corrupt",
    /// The store refused a statement.
    Statement = "statement",
    /// No response in time.
    Timeout = "timeout",
    /// The user may not run this command on this key.
    NoPermission = "no_permission",
    /// The store is still loading its data.
    Loading = "loading",
    /// The cluster, or the master behind Sentinel, does not serve.
    ClusterDown = "cluster_down",
    /// The store refused a command.
    Command = "command",
    /// A stored value is not one of ours.
    Malformed = "malformed",
    /// The name of the workload has no address.
    NoAddress = "no_address",
    /// The certificate at the address is another workload's.
    WrongIdentity = "wrong_identity",
    /// The deadline of the RPC passed.
    Deadline = "deadline",
    /// The connection broke during the RPC.
    Reset = "reset",
    /// A file cannot be read, is malformed, or others than its owner may read it.
    File = "file",
    /// A value is sealed under a key that the key ring does not hold (INV-9).
    UnknownKey = "unknown_key",
    /// A sealed value was altered, or belongs elsewhere (INV-9).
    BrokenSeal = "broken_seal",
    /// A hash could not be made or compared.
    Hash = "hash",
    /// The hashing pool is full.
    Overloaded = "overloaded",
    /// Something that this program takes for granted does not hold.
    Internal = "internal",
}

impl fmt::Display for ErrorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a dependency is, for logs: `server.address` and `server.port`. It holds no user and no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name, address or path of the socket. Several are separated by commas.
    pub address: String,
    /// The port, if there is one for all.
    pub port: Option<u16>,
}

/// A store or a workload that a service cannot do without.
pub trait Dependency: Send + Sync + 'static {
    /// Why it cannot be used.
    type Error: Fault;

    /// Its name in logs and metrics, such as `postgresql`.
    fn name(&self) -> &str;

    /// Where it is.
    fn endpoint(&self) -> Endpoint;

    /// Whether it can be used now. The future gives up by itself within two seconds, and names what is wrong.
    fn check(&self) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// Something that this program takes for granted does not hold. The text names it, and holds no value.
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

    /// INV-8: what is no code of a store does not get into a log.
    #[test]
    fn a_code_holds_no_value() {
        for code in [
            "57014",
            "XX001",
            "NOPERM",
            "CLUSTER_DOWN",
            "A234567890123456",
        ] {
            let parsed = StatusCode::parse(code).unwrap();
            assert_eq!(parsed.as_str(), code);
        }
        for text in [
            "",
            "A2345678901234567",
            "wrongpass",
            "NO PERM",
            "call:x",
            "ＮＯ",
        ] {
            assert_eq!(StatusCode::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_class_has_its_own_word() {
        let words: std::collections::BTreeSet<_> =
            ErrorType::ALL.iter().map(|class| class.as_str()).collect();
        assert_eq!(words.len(), ErrorType::ALL.len());
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
