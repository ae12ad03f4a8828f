//! The users of Redis and their rights, for an ACL file. docs/architecture.md has them as a table.

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

/// Turns the default user off, so that a login needs a user name.
const DEFAULT_OFF: &str = "user default reset";

/// The commands that the user of every service needs for connections, health checks and scripts. `ROLE` is
/// for the health check and for Sentinel. The last two are for Cluster. `AUTH` and `HELLO` need no permission.
const CONNECTION: &str = "+ping +script|load +evalsha +role +asking +cluster|slots";

/// The user of a service that uses Redis. It may use only its own key patterns, and only the commands that
/// aikagi-ttl sends for that service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RedisUser {
    /// Writes calls and temporary passwords.
    Issuance,
    /// Writes sessions and reads temporary passwords.
    Authentication,
    /// Writes the limits of attempts per client address (LOGIN-8). The edge uses it.
    Gateway,
}

impl RedisUser {
    /// The users of all services.
    pub const ALL: [Self; 3] = [Self::Issuance, Self::Authentication, Self::Gateway];

    /// The user's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issuance => "issuance",
            Self::Authentication => "authentication",
            Self::Gateway => "gateway",
        }
    }

    /// The user's line in an ACL file. Read-only key patterns need Redis 7.
    pub fn rule(self, password: impl AsRef<[u8]>) -> String {
        let (keys, commands) = (self.keys(), self.commands());
        rule(
            self.name(),
            password,
            &format!("{keys} {CONNECTION} {commands}"),
        )
    }

    const fn keys(self) -> &'static str {
        match self {
            Self::Issuance => "~call:* ~temp:*",
            Self::Authentication => "~sess:* %R~temp:*",
            Self::Gateway => "~rate:*",
        }
    }

    const fn commands(self) -> &'static str {
        match self {
            Self::Issuance => "+hmget +hget +hset +pexpire +del",
            Self::Authentication => "+hmget +hset +pexpire +del +zadd +zrange +zremrangebyscore",
            Self::Gateway => "+get +set",
        }
    }
}

/// A user that belongs to no service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdministrativeUser {
    /// May do everything.
    Administrator,
    /// A replica, which follows its primary.
    Replica,
    /// A sentinel, which monitors the servers and performs failovers.
    Sentinel,
}

impl AdministrativeUser {
    /// All users that belong to no service.
    pub const ALL: [Self; 3] = [Self::Administrator, Self::Replica, Self::Sentinel];

    /// The user's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Replica => "replica",
            Self::Sentinel => "sentinel",
        }
    }

    /// The user's line in an ACL file.
    pub fn rule(self, password: impl AsRef<[u8]>) -> String {
        rule(self.name(), password, self.rights())
    }

    const fn rights(self) -> &'static str {
        match self {
            Self::Administrator => "~* &* +@all",
            Self::Replica => "+psync +replconf +ping",
            Self::Sentinel => {
                "&* +multi +slaveof +ping +exec +subscribe +config|rewrite +role +publish +info +client|setname \
                 +client|kill +script|kill"
            }
        }
    }
}

/// An ACL file that has the lines of these users and turns the default user off.
pub fn acl_file(rules: impl IntoIterator<Item = String>) -> String {
    let mut text = format!("{DEFAULT_OFF}\n");
    for rule in rules {
        text.push_str(&rule);
        text.push('\n');
    }
    text
}

fn rule(name: &str, password: impl AsRef<[u8]>, rights: &str) -> String {
    let digest = HEXLOWER.encode(&Sha256::digest(password));
    format!("user {name} reset on #{digest} {rights}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_logs_in_without_a_name_and_a_password() {
        let services = RedisUser::ALL.map(|user| user.rule("secret"));
        let others = AdministrativeUser::ALL.map(|user| user.rule("secret"));
        let file = acl_file(services.into_iter().chain(others));
        let mut lines = file.lines();
        assert_eq!(lines.next(), Some("user default reset"));
        let digest = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
        let on = format!("reset on #{digest} ");
        assert_eq!(lines.clone().count(), 6);
        assert!(lines.all(|line| line.contains(&on)), "{file}");
        assert!(!file.contains("secret"));
    }
}
