//! A call for which Asterisk has opened a connection. Each command waits for its reply before the next one is
//! sent.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use zeroize::Zeroizing;

use crate::environment::{Environment, EnvironmentError};
use crate::line::{LineError, Lines};
use crate::reply::{Reply, ReplyError};

const ALL_KEYS: &str = "0123456789*#";
const NO_KEYS: &str = "";
const MAX_SOUND_PATH: usize = 200;

/// A sound file, as Asterisk names it: an absolute path without the extension of the format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sound(String);

/// The text is not a path that a command can contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an absolute path of at most {MAX_SOUND_PATH} letters, digits, `/`, `-`, `_` and `.`")]
pub struct SoundError;

impl TryFrom<String> for Sound {
    type Error = SoundError;

    fn try_from(path: String) -> Result<Self, SoundError> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
        if path.starts_with('/') && path.len() <= MAX_SOUND_PATH && path.bytes().all(known) {
            Ok(Self(path))
        } else {
            Err(SoundError)
        }
    }
}

impl Sound {
    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How the playing of a sound ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Played {
    /// The sound was played completely.
    Completed,
    /// The caller pressed this key.
    Key(char),
}

/// What ended an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The `#` key, which is not part of the entry.
    Hash,
    /// The maximum number of keys was reached.
    Full,
    /// No key was pressed in time.
    Timeout,
}

/// The keys that the caller pressed.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The keys, without the `#` that ended the entry.
    pub keys: Zeroizing<String>,
    /// What ended the entry.
    pub ending: Ending,
}

/// Why a call cannot continue.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The caller has hung up, or the connection to Asterisk has ended.
    #[error("the caller has hung up")]
    HungUp,
    /// Asterisk could not play the sound. The caller is still connected.
    #[error("Asterisk cannot play a sound")]
    Unplayable,
    /// The received line is not a valid reply to this command, or Asterisk refused the command.
    #[error("the peer does not follow the AGI protocol: {0}")]
    Protocol(&'static str),
}

impl From<LineError> for SessionError {
    fn from(error: LineError) -> Self {
        match error {
            LineError::Closed | LineError::Io(_) => Self::HungUp,
            LineError::TooLong => Self::Protocol("a line is too long"),
        }
    }
}

impl From<std::io::Error> for SessionError {
    fn from(_error: std::io::Error) -> Self {
        Self::HungUp
    }
}

impl From<ReplyError> for SessionError {
    fn from(_error: ReplyError) -> Self {
        Self::Protocol("a reply is malformed")
    }
}

/// A call in Asterisk. Dropping it returns the call to the dialplan.
///
/// The methods are not cancel-safe: a dropped future leaves its reply unread. Do not use the session after that.
#[derive(Debug)]
pub struct Session<R, W> {
    lines: Lines<R>,
    output: W,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Session<R, W> {
    /// Starts a session: reads the environment that Asterisk writes.
    pub async fn open(input: R, output: W) -> Result<(Self, Environment), EnvironmentError> {
        let mut lines = Lines::new(input);
        let environment = Environment::read(&mut lines).await?;
        Ok((Self { lines, output }, environment))
    }

    /// Plays a sound completely. Keys do not stop it and are discarded.
    pub async fn play(&mut self, sound: &Sound) -> Result<(), SessionError> {
        self.stream(sound, NO_KEYS).await.map(|_played| ())
    }

    /// Plays a sound. A key stops it.
    pub async fn play_until_key(&mut self, sound: &Sound) -> Result<Played, SessionError> {
        self.stream(sound, ALL_KEYS).await
    }

    /// Plays a sound, if given, and collects keys from its start. The first key stops the sound.
    ///
    /// `timeout` is the time to wait for each key. `max_keys` is the maximum number of keys; 0 counts as 1.
    pub async fn collect(
        &mut self,
        sound: Option<&Sound>,
        timeout: Duration,
        max_keys: usize,
    ) -> Result<Entry, SessionError> {
        let sound = sound.map_or("", Sound::as_str);
        let (timeout, max_keys) = (timeout.as_millis().max(1), max_keys.max(1));
        let command = format!("GET DATA \"{sound}\" {timeout} {max_keys}");
        let (keys, timed_out) = self.command(&command).await?;
        if keys.as_str() == "-1" {
            return Err(self.cause_of_failure().await?);
        }
        if keys.len() > max_keys || !keys.bytes().all(is_key) {
            return Err(SessionError::Protocol("the reply has unexpected keys"));
        }
        let ending = if timed_out {
            Ending::Timeout
        } else if keys.len() == max_keys {
            Ending::Full
        } else {
            Ending::Hash
        };
        Ok(Entry { keys, ending })
    }

    /// Sets a variable of the channel, for the dialplan. Name and value may contain letters, digits, `-` and `_`.
    pub async fn set_variable(&mut self, name: &str, value: &str) -> Result<(), SessionError> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if !name.bytes().chain(value.bytes()).all(known) {
            return Err(SessionError::Protocol("a variable has a bad character"));
        }
        let command = format!("SET VARIABLE {name} \"{value}\"");
        self.command(&command).await.map(|_result| ())
    }

    async fn stream(&mut self, sound: &Sound, keys: &str) -> Result<Played, SessionError> {
        let command = format!("STREAM FILE \"{}\" \"{keys}\"", sound.as_str());
        let (result, _) = self.command(&command).await?;
        match result.as_str() {
            "0" => Ok(Played::Completed),
            "-1" => Err(self.cause_of_failure().await?),
            code => code
                .parse::<u8>()
                .ok()
                .map(char::from)
                .filter(|key: &char| keys.contains(*key))
                .map(Played::Key)
                .ok_or(SessionError::Protocol("the reply has an unexpected key")),
        }
    }

    /// Finds out why a command failed. Asterisk replies -1 in two cases: the caller has hung up, or it cannot play
    /// the sound.
    async fn cause_of_failure(&mut self) -> Result<SessionError, SessionError> {
        self.command("CHANNEL STATUS").await?;
        Ok(SessionError::Unplayable)
    }

    /// Sends a command and reads its reply.
    async fn command(&mut self, command: &str) -> Result<(Zeroizing<String>, bool), SessionError> {
        let line = format!("{command}\n");
        self.output.write_all(line.as_bytes()).await?;
        self.output.flush().await?;
        match Reply::parse(self.lines.next().await?)? {
            Reply::Result { result, timeout } => Ok((result, timeout)),
            Reply::HangUp | Reply::DeadChannel => Err(SessionError::HungUp),
            Reply::Refused => Err(SessionError::Protocol("a command was refused")),
        }
    }
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_digit() || b"*#ABCD".contains(&byte)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    type Scripted = Session<std::io::Cursor<Vec<u8>>, tokio::io::DuplexStream>;

    /// Runs `act` in a session with these replies. Returns its result and the commands that were sent.
    async fn with_replies<T>(
        replies: &str,
        act: impl AsyncFnOnce(&mut Scripted) -> T,
    ) -> (T, String) {
        let input = format!("agi_threadid: 1\n\n{replies}");
        let (output, mut sent) = tokio::io::duplex(4096);
        let (mut session, _) = Session::open(std::io::Cursor::new(input.into_bytes()), output)
            .await
            .unwrap();
        let outcome = act(&mut session).await;
        drop(session);
        let mut text = String::new();
        sent.read_to_string(&mut text).await.unwrap();
        (outcome, text)
    }

    fn sound() -> Sound {
        Sound::try_from("/s/enter-unit".to_owned()).unwrap()
    }

    #[tokio::test]
    async fn collected_keys_and_endings_follow_the_reply() {
        for (reply, expected) in [
            ("200 result=1234", ("1234", Ending::Full)),
            ("200 result=12", ("12", Ending::Hash)),
            ("200 result=", ("", Ending::Hash)),
            ("200 result=12 (timeout)", ("12", Ending::Timeout)),
            ("200 result= (timeout)", ("", Ending::Timeout)),
        ] {
            let timeout = Duration::from_secs(10);
            let collect = async |session: &mut Scripted| {
                session.collect(Some(&sound()), timeout, 4).await.unwrap()
            };
            let (entry, sent) = with_replies(&format!("{reply}\n"), collect).await;
            assert_eq!((entry.keys.as_str(), entry.ending), expected, "{reply}");
            assert_eq!(sent, "GET DATA \"/s/enter-unit\" 10000 4\n");
        }
    }

    #[tokio::test]
    async fn a_key_stops_an_interruptible_sound() {
        let (played, sent) = with_replies(
            "200 result=0 endpos=8000\n200 result=35 endpos=80\n200 result=0 endpos=80\n",
            async |session: &mut Scripted| {
                let first = session.play_until_key(&sound()).await.unwrap();
                let second = session.play_until_key(&sound()).await.unwrap();
                session.play(&sound()).await.unwrap();
                (first, second)
            },
        )
        .await;
        assert!(played == (Played::Completed, Played::Key('#')));
        let lines: Vec<&str> = sent.lines().collect();
        assert_eq!(lines[0], "STREAM FILE \"/s/enter-unit\" \"0123456789*#\"");
        assert_eq!(lines[2], "STREAM FILE \"/s/enter-unit\" \"\"");
    }

    /// -1 means a missing file or a caller who has hung up. The reply to the next command shows which.
    #[tokio::test]
    async fn missing_sound_and_hang_up_are_distinguished() {
        for (replies, hung_up) in [
            ("200 result=-1\n200 result=6\n", false),
            (
                "200 result=-1\n511 Command Not Permitted on a dead channel\n",
                true,
            ),
            ("200 result=-1\nHANGUP\n", true),
            ("200 result=-1\n", true),
            ("HANGUP\n", true),
            ("", true),
        ] {
            let collect = async |session: &mut Scripted| {
                session
                    .collect(Some(&sound()), Duration::from_secs(1), 1)
                    .await
            };
            let error = with_replies(replies, collect).await.0.err().unwrap();
            assert_eq!(
                matches!(error, SessionError::HungUp),
                hung_up,
                "{replies:?} {error}"
            );
            let play = async |session: &mut Scripted| session.play(&sound()).await;
            let error = with_replies(replies, play).await.0.err().unwrap();
            assert_eq!(
                matches!(error, SessionError::HungUp),
                hung_up,
                "{replies:?} {error}"
            );
        }
    }

    #[tokio::test]
    async fn an_impossible_reply_ends_the_session() {
        for reply in [
            "200 result=12345",
            "200 result=x",
            "200 result=99999999999999999999999999",
            "520-Invalid command syntax.",
            "agi_callerid: 1",
        ] {
            let collect = async |session: &mut Scripted| {
                session.collect(None, Duration::from_secs(1), 4).await
            };
            let error = with_replies(&format!("{reply}\n"), collect)
                .await
                .0
                .err()
                .unwrap();
            assert!(matches!(error, SessionError::Protocol(_)), "{reply}");
        }
        for reply in [
            "200 result=49",
            "200 result=300",
            "200 result=",
            "200 result=a",
        ] {
            let play = async |session: &mut Scripted| session.play(&sound()).await;
            let error = with_replies(&format!("{reply}\n"), play)
                .await
                .0
                .err()
                .unwrap();
            assert!(matches!(error, SessionError::Protocol(_)), "{reply}");
        }
    }

    #[tokio::test]
    async fn an_argument_cannot_contain_a_second_command() {
        for bad in ["relative", "/a b", "/a\"", "/a\nHANGUP", "/ä"] {
            assert_eq!(Sound::try_from(bad.to_owned()), Err(SoundError), "{bad}");
        }
        assert_eq!(
            Sound::try_from(format!("/{}", "x".repeat(200))),
            Err(SoundError)
        );
        let two_in_one =
            async |session: &mut Scripted| session.set_variable("A", "b\"\nHANGUP").await;
        let (refused, sent) = with_replies("", two_in_one).await;
        assert!(refused.is_err() && sent.is_empty());
    }
}
