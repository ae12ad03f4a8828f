//! Who may do what in Redis (the architecture's table): one user for each service that has something there, its
//! key patterns, and no command that its module here does not send.

/// A service's user. The services that are not here have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum User {
    /// Writes dialogs and temporary passwords.
    Issuance,
    /// Writes sessions and reads temporary passwords.
    Authentication,
    /// Writes the limits per address.
    Gateway,
}

/// The line of an ACL file that turns the default user off: nobody is let in without a name.
pub const DEFAULT_OFF: &str = "user default reset";

/// What every user needs to connect, to be asked for its health and to run scripts; the last three only behind
/// Sentinel and in a Cluster. `AUTH` and `HELLO` need no permission.
const CONNECTION: &str = "+ping +script|load +evalsha +role +asking +cluster|slots";

impl User {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Issuance, Self::Authentication, Self::Gateway];

    /// The user's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Issuance => "issuance",
            Self::Authentication => "authentication",
            Self::Gateway => "gateway",
        }
    }

    /// The line of an ACL file for this user, with the SHA-256 of its password in lower-case hexadecimal. Needs
    /// Redis 7, which knows read-only key patterns.
    pub fn rule(self, password_sha256: &str) -> String {
        format!(
            "user {} reset on #{password_sha256} {} {CONNECTION} {}",
            self.name(),
            self.keys(),
            self.commands()
        )
    }

    fn keys(self) -> &'static str {
        match self {
            Self::Issuance => "~call:* ~temp:*",
            Self::Authentication => "~sess:* %R~temp:*",
            Self::Gateway => "~rate:*",
        }
    }

    fn commands(self) -> &'static str {
        match self {
            Self::Issuance => "+hmget +hget +hset +pexpire +del",
            Self::Authentication => "+hmget +hset +pexpire +del +zadd +zrange +zremrangebyscore",
            Self::Gateway => "+get +set",
        }
    }
}

/// An ACL file with every user.
pub fn file(password_sha256: impl Fn(User) -> String) -> String {
    let mut text = format!("{DEFAULT_OFF}\n");
    for user in User::ALL {
        text.push_str(&user.rule(&password_sha256(user)));
        text.push('\n');
    }
    text
}
