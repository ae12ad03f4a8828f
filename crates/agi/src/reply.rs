//! Asterisk's reply to a command.

use zeroize::Zeroizing;

/// The line is not a valid reply to any command that this crate sends. The error does not contain the line, which may
/// contain keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the reply is malformed")]
pub struct ReplyError;

/// One line that Asterisk writes after the environment.
#[derive(Clone, PartialEq, Eq)]
pub enum Reply {
    /// `200 result=...`: the command was carried out.
    Result {
        /// A number, or the pressed keys.
        result: Zeroizing<String>,
        /// True if `(timeout)` follows the result.
        timeout: bool,
    },
    /// `HANGUP`: the caller has hung up. Asterisk sends this line once, not as a reply to a command.
    HangUp,
    /// `511`: the channel no longer exists.
    DeadChannel,
    /// `510` or `520`: Asterisk does not accept the command or its arguments.
    Refused,
}

impl std::fmt::Debug for Reply {
    /// INV-8: Debug output does not contain the keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Result { timeout: false, .. } => "Result",
            Self::Result { timeout: true, .. } => "Result (timeout)",
            Self::HangUp => "HangUp",
            Self::DeadChannel => "DeadChannel",
            Self::Refused => "Refused",
        })
    }
}

impl Reply {
    /// Parses a line.
    pub fn parse(line: &[u8]) -> Result<Self, ReplyError> {
        if line == b"HANGUP" {
            return Ok(Self::HangUp);
        }
        let line = std::str::from_utf8(line).map_err(|_not_text| ReplyError)?;
        let (code, rest) = line.split_at_checked(3).ok_or(ReplyError)?;
        match (code, rest.as_bytes().first()) {
            ("200", Some(b' ')) => result(rest.strip_prefix(" result=").ok_or(ReplyError)?),
            ("511", Some(b' ')) => Ok(Self::DeadChannel),
            ("510" | "520", Some(b' ' | b'-')) => Ok(Self::Refused),
            _ => Err(ReplyError),
        }
    }
}

/// Parses the text after `200 result=`: the result, and optionally a space and a remark.
fn result(text: &str) -> Result<Reply, ReplyError> {
    let (result, more) = text.split_once(' ').unwrap_or((text, ""));
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-*#".contains(&byte);
    if result.bytes().all(known) && !more.bytes().any(|byte| byte.is_ascii_control()) {
        Ok(Reply::Result {
            result: Zeroizing::new(result.to_owned()),
            timeout: more == "(timeout)",
        })
    } else {
        Err(ReplyError)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn result(text: &str, timeout: bool) -> Reply {
        Reply::Result {
            result: Zeroizing::new(text.to_owned()),
            timeout,
        }
    }

    #[test]
    fn replies_are_read_as_asterisk_writes_them() {
        for (line, expected) in [
            ("200 result=0", result("0", false)),
            ("200 result=-1", result("-1", false)),
            ("200 result=12345678", result("12345678", false)),
            ("200 result=09012345678", result("09012345678", false)),
            ("200 result=12*4 (timeout)", result("12*4", true)),
            ("200 result= (timeout)", result("", true)),
            ("200 result=", result("", false)),
            ("200 result=49 endpos=8000", result("49", false)),
            ("200 result=1 (some value)", result("1", false)),
            ("HANGUP", Reply::HangUp),
            (
                "511 Command Not Permitted on a dead channel or intercept routine",
                Reply::DeadChannel,
            ),
            ("510 Invalid or unknown command", Reply::Refused),
            ("520-Invalid command syntax.", Reply::Refused),
            ("520 End of proper usage.", Reply::Refused),
        ] {
            assert_eq!(Reply::parse(line.as_bytes()), Ok(expected), "{line}");
        }
    }

    #[test]
    fn other_lines_are_refused() {
        for line in [
            "",
            "200",
            "200 ",
            "200result=1",
            "200 result",
            "200  result=1",
            "200 Result=1",
            "2000 result=1",
            "20é result=1",
            "200 result=1\x1b[2J",
            "200 result=a\tb",
            "200 result=1 (\0)",
            "300 result=1",
            "511",
            "HANGUP ",
            "hangup",
            "agi_callerid: 0312340001",
        ] {
            assert_eq!(Reply::parse(line.as_bytes()), Err(ReplyError), "{line}");
        }
        assert_eq!(Reply::parse(b"200 result=\xff"), Err(ReplyError));
    }

    /// INV-8: Debug output does not contain the keys.
    #[test]
    fn keys_are_not_printed() {
        let reply = Reply::parse(b"200 result=48151623 (timeout)").unwrap();
        assert_eq!(format!("{reply:?}"), "Result (timeout)");
    }

    proptest! {
        #[test]
        fn no_line_makes_the_parser_panic(bytes: Vec<u8>) {
            let _ = Reply::parse(&bytes);
        }

        /// The parsed result is exactly the text of the line.
        #[test]
        fn a_result_is_parsed_unchanged(keys in "[0-9*#]{0,32}", timeout: bool) {
            let line = format!("200 result={keys}{}", if timeout { " (timeout)" } else { "" });
            prop_assert_eq!(Reply::parse(line.as_bytes()), Ok(result(&keys, timeout)));
        }
    }
}
