//! The environment: the lines about a call that Asterisk writes before the first command.

use std::collections::BTreeMap;

use tokio::io::AsyncRead;

use crate::line::{LineError, Lines};

/// The maximum number of lines of an environment. Asterisk writes about two dozen.
const MAX_LINES: usize = 64;
const PREFIX: &str = "agi_";
/// The name in the last line that Asterisk writes. If it is missing, an injected empty line ended the environment early.
const LAST_NAME: &str = "threadid";
/// The presentation bits of `agi_callingpres` (Q.931): not 0 if the number is withheld or unknown.
const PRESENTATION: u8 = 0x60;

/// Why an environment was not accepted. The error contains nothing of the input.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// The environment could not be read completely.
    #[error(transparent)]
    Line(#[from] LineError),
    /// A line is not `agi_name: value`, or contains control characters.
    #[error("a line is malformed")]
    Malformed,
    /// A name occurs twice. One of the two values may be forged.
    #[error("a name occurs twice")]
    Repeated,
    /// There are more lines than Asterisk writes.
    #[error("more than {MAX_LINES} lines")]
    TooMany,
    /// The environment ends before Asterisk's last line.
    #[error("the environment ends before Asterisk's last line")]
    CutShort,
}

/// What Asterisk says about a call: names and values.
///
/// One value is the caller's full number, so Debug prints only the names.
pub struct Environment {
    values: BTreeMap<String, String>,
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl Environment {
    /// Reads an environment, including the empty line at its end.
    pub async fn read<R: AsyncRead + Unpin>(
        lines: &mut Lines<R>,
    ) -> Result<Self, EnvironmentError> {
        let mut values = BTreeMap::new();
        loop {
            let line = lines.next().await?;
            if line.is_empty() {
                break;
            }
            if values.len() == MAX_LINES {
                return Err(EnvironmentError::TooMany);
            }
            let (name, value) = entry(line).ok_or(EnvironmentError::Malformed)?;
            if values.insert(name, value).is_some() {
                return Err(EnvironmentError::Repeated);
            }
        }
        if values.contains_key(LAST_NAME) {
            Ok(Self { values })
        } else {
            Err(EnvironmentError::CutShort)
        }
    }

    /// The value of `agi_<name>`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The caller's number; `None` if it is withheld or unknown.
    pub fn caller(&self) -> Option<&str> {
        let shown = self
            .get("callingpres")
            .and_then(|presentation| presentation.parse::<u8>().ok())
            .is_some_and(|presentation| presentation & PRESENTATION == 0);
        self.get("callerid")
            .filter(|number| shown && !matches!(*number, "" | "unknown" | "anonymous"))
    }
}

/// Parses `agi_name: value`. One of the values is the display name that the caller chooses, so a value may have
/// any encoding. It must not have control characters, because they could be read as the end of a line.
fn entry(line: &[u8]) -> Option<(String, String)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at_checked(colon)?;
    let name = std::str::from_utf8(name).ok()?.strip_prefix(PREFIX)?;
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.is_empty() || !name.bytes().all(known) {
        return None;
    }
    // Asterisk writes an empty value as a colon without a space.
    let value = match value.get(1..)? {
        [] => &[],
        [b' ', value @ ..] => value,
        _ => return None,
    };
    if value.iter().any(u8::is_ascii_control) {
        return None;
    }
    let value = String::from_utf8_lossy(value).into_owned();
    Some((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const USUAL: &str = "agi_network: yes\nagi_network_script: temp-password\nagi_callerid: 0312340001\n\
         agi_calleridname: Suzuki\nagi_callingpres: 0\nagi_threadid: 140\n";

    async fn read(text: &[u8]) -> Result<Environment, EnvironmentError> {
        Environment::read(&mut Lines::new(text)).await
    }

    async fn with(more: &str) -> Result<Environment, EnvironmentError> {
        read(format!("{USUAL}{more}\n").as_bytes()).await
    }

    #[tokio::test]
    async fn a_usual_environment_is_read() {
        let environment = with("agi_arg_1: a: b\nagi_accountcode:\n").await.unwrap();
        assert_eq!(environment.caller(), Some("0312340001"));
        assert_eq!(environment.get("network_script"), Some("temp-password"));
        assert_eq!(environment.get("arg_1"), Some("a: b"));
        assert_eq!(environment.get("accountcode"), Some(""));
        assert_eq!(environment.get("callerid2"), None);
        assert!(!format!("{environment:?}").contains("0312340001"));
    }

    /// IVR-11: if the number is withheld or unknown, there is no caller. Asterisk reports this in several forms.
    #[tokio::test]
    async fn a_withheld_number_is_no_caller() {
        for (number, presentation, expected) in [
            ("0312340001", "0", Some("0312340001")),
            ("0312340001", "3", Some("0312340001")),
            ("0312340001", "32", None),
            ("0312340001", "35", None),
            ("0312340001", "67", None),
            ("0312340001", "", None),
            ("0312340001", "none", None),
            ("0312340001", "300", None),
            ("anonymous", "0", None),
            ("unknown", "0", None),
            ("", "0", None),
        ] {
            let text = format!(
                "agi_callerid: {number}\nagi_callingpres: {presentation}\nagi_threadid: 1\n\n"
            );
            let environment = read(text.as_bytes()).await.unwrap();
            assert_eq!(environment.caller(), expected, "{number} {presentation}");
        }
        let without = read(b"agi_callerid: 0312340001\nagi_threadid: 1\n\n").await;
        assert_eq!(without.unwrap().caller(), None, "no agi_callingpres");
    }

    /// IVR-11: lines that a caller injects into the environment are refused.
    #[tokio::test]
    async fn injected_lines_are_refused() {
        type Expected = fn(&EnvironmentError) -> bool;
        let repeated: Expected = |error| matches!(error, EnvironmentError::Repeated);
        let malformed: Expected = |error| matches!(error, EnvironmentError::Malformed);
        for (line, expected) in [
            ("agi_callerid: 0399999999\n", repeated),
            ("agi_callerid:\n", repeated),
            ("agi_threadid: 140\n", repeated),
            ("callerid: 1\n", malformed),
            ("AGI_callerid: 1\n", malformed),
            ("agi_CALLERID: 1\n", malformed),
            ("agi_: 1\n", malformed),
            ("agi_caller id: 1\n", malformed),
            ("agi_callerid\n", malformed),
            (" agi_x: 1\n", malformed),
            ("agi_x:1\n", malformed),
            ("200 result=1\n", malformed),
            ("HANGUP\n", malformed),
            ("agi_x: a\rb\n", malformed),
            ("agi_x: a\r\n", malformed),
            ("agi_x: a\0b\n", malformed),
            ("agi_x: a\x1bb\n", malformed),
        ] {
            let error = with(line).await.unwrap_err();
            assert!(expected(&error), "{line:?}: {error}");
        }
        // An injected empty line ends the environment early.
        let cut = read(b"agi_callerid: 0312340001\n\nagi_threadid: 1\n\n").await;
        assert!(matches!(cut, Err(EnvironmentError::CutShort)));
    }

    #[tokio::test]
    async fn the_size_is_limited() {
        let many: Vec<String> = (0..MAX_LINES)
            .map(|line| {
                format!(
                    "agi_arg_{line}: x
"
                )
            })
            .collect();
        let many = many.concat();
        assert!(matches!(with(&many).await, Err(EnvironmentError::TooMany)));
        let long = format!("agi_x: {}\n", "x".repeat(5_000));
        assert!(matches!(
            with(&long).await,
            Err(EnvironmentError::Line(LineError::TooLong))
        ));
        let endless = read(USUAL.as_bytes()).await;
        assert!(matches!(
            endless,
            Err(EnvironmentError::Line(LineError::Closed))
        ));
    }

    proptest! {
        /// IVR-11: for any bytes, an accepted environment has each name once, and no value contains the end of a line.
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let text = [USUAL.as_bytes(), &bytes, b"\n\n"].concat();
            if let Ok(environment) = runtime.block_on(read(&text)) {
                prop_assert_eq!(environment.caller(), Some("0312340001"));
                prop_assert!(environment.values.values().all(|value| !value.contains(['\r', '\n', '\0'])));
            }
        }

        /// IVR-11: lines that look like Asterisk's cannot change the caller.
        #[test]
        fn any_lines_are_read_or_refused(
            lines in proptest::collection::vec("(agi_)?[a-z_]{0,9}:? ?[ -~\r\0]{0,12}\n", 0..8)
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let text = format!("{USUAL}{}\n", lines.concat());
            if let Ok(environment) = runtime.block_on(read(text.as_bytes())) {
                prop_assert_eq!(environment.caller(), Some("0312340001"));
            }
        }
    }
}
