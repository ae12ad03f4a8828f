//! A call that Asterisk has handed over: one command at a time, each answered before the next.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use zeroize::Zeroizing;

use crate::environment::{Environment, EnvironmentError};
use crate::line::{LineError, Lines};
use crate::reply::{Reply, ReplyError};

const ALL_KEYS: &str = "0123456789*#";
const NO_KEYS: &str = "";
const LONGEST_SOUND: usize = 200;

/// A sound file as Asterisk names it: an absolute path without the ending that tells the format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sound(String);

/// The text names no sound file that a command can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an absolute path of at most {LONGEST_SOUND} letters, digits, `/`, `-`, `_` and `.`")]
pub struct SoundError;

impl TryFrom<String> for Sound {
    type Error = SoundError;

    fn try_from(path: String) -> Result<Self, SoundError> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
        if path.starts_with('/') && path.len() <= LONGEST_SOUND && path.bytes().all(known) {
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
    /// By itself.
    ToItsEnd,
    /// By this key.
    Key(char),
}

/// What ended an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The hash key, which is not among the keys.
    Hash,
    /// The last key that there was room for.
    Full,
    /// No key came in time.
    Timeout,
}

/// Keys that the caller pressed.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The keys, without the hash that ended them.
    pub keys: Zeroizing<String>,
    /// What ended them.
    pub ending: Ending,
}

/// Why a call cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The caller has hung up, or Asterisk has gone.
    #[error("the caller has gone")]
    Gone,
    /// Asterisk could not play the sound, though the caller is there.
    #[error("Asterisk cannot play a sound")]
    Unplayable,
    /// What came is not what Asterisk answers to this command.
    #[error("not Asterisk's protocol: {0}")]
    Protocol(&'static str),
}

impl From<LineError> for SessionError {
    fn from(error: LineError) -> Self {
        match error {
            LineError::Closed | LineError::Io(_) => Self::Gone,
            LineError::TooLong => Self::Protocol("a line is too long"),
        }
    }
}

impl From<std::io::Error> for SessionError {
    fn from(_error: std::io::Error) -> Self {
        Self::Gone
    }
}

impl From<ReplyError> for SessionError {
    fn from(_error: ReplyError) -> Self {
        Self::Protocol("a reply is malformed")
    }
}

/// A call in Asterisk. Dropping it hands the call back to the dialplan.
///
/// A method that is dropped before it is done leaves its reply unread: use the session no more then.
#[derive(Debug)]
pub struct Session<R, W> {
    lines: Lines<R>,
    output: W,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Session<R, W> {
    /// Reads what Asterisk says about the call.
    pub async fn open(input: R, output: W) -> Result<(Self, Environment), EnvironmentError> {
        let mut lines = Lines::new(input);
        let environment = Environment::read(&mut lines).await?;
        Ok((Self { lines, output }, environment))
    }

    /// Plays a sound to its end. Keys do not stop it, and are forgotten.
    pub async fn play(&mut self, sound: &Sound) -> Result<(), SessionError> {
        self.stream(sound, NO_KEYS).await.map(|_played| ())
    }

    /// Plays a sound that a key interrupts.
    pub async fn play_until_key(&mut self, sound: &Sound) -> Result<Played, SessionError> {
        self.stream(sound, ALL_KEYS).await
    }

    /// Plays a sound, if one is given, and collects keys from its beginning on: the first key stops the sound.
    /// `timeout` is how long to wait for each key, `most` how many to take (at least 1).
    pub async fn collect(
        &mut self,
        sound: Option<&Sound>,
        timeout: Duration,
        most: usize,
    ) -> Result<Entry, SessionError> {
        let sound = sound.map_or("", Sound::as_str);
        let (timeout, most) = (timeout.as_millis().max(1), most.max(1));
        let command = format!("GET DATA \"{sound}\" {timeout} {most}");
        let (keys, timed_out) = self.command(&command).await?;
        if keys.as_str() == "-1" {
            return Err(self.why_not().await?);
        }
        if keys.len() > most || !keys.bytes().all(is_key) {
            return Err(SessionError::Protocol("keys that were not asked for"));
        }
        let ending = if timed_out {
            Ending::Timeout
        } else if keys.len() == most {
            Ending::Full
        } else {
            Ending::Hash
        };
        Ok(Entry { keys, ending })
    }

    /// Sets a variable of the channel, for the dialplan. Name and value are letters, digits, `-` and `_`.
    pub async fn set_variable(&mut self, name: &str, value: &str) -> Result<(), SessionError> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if !name.bytes().chain(value.bytes()).all(known) {
            return Err(SessionError::Protocol("a variable that cannot be set"));
        }
        let command = format!("SET VARIABLE {name} \"{value}\"");
        self.command(&command).await.map(|_result| ())
    }

    async fn stream(&mut self, sound: &Sound, keys: &str) -> Result<Played, SessionError> {
        let command = format!("STREAM FILE \"{}\" \"{keys}\"", sound.as_str());
        let (result, _) = self.command(&command).await?;
        match result.as_str() {
            "0" => Ok(Played::ToItsEnd),
            "-1" => Err(self.why_not().await?),
            code => code
                .parse::<u8>()
                .ok()
                .map(char::from)
                .filter(|key: &char| keys.contains(*key))
                .map(Played::Key)
                .ok_or(SessionError::Protocol("a key that was not asked for")),
        }
    }

    /// Why a command failed: Asterisk answers -1 for a caller who has gone and for a sound that it cannot play.
    async fn why_not(&mut self) -> Result<SessionError, SessionError> {
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
            Reply::HangUp | Reply::Dead => Err(SessionError::Gone),
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

    /// A session whose other end has already said everything, what it says of the call, and what was sent to it.
    async fn said<T>(replies: &str, act: impl AsyncFnOnce(&mut Scripted) -> T) -> (T, String) {
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
    async fn keys_are_collected_as_asterisk_says_them() {
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
            let (entry, sent) = said(&format!("{reply}\n"), collect).await;
            assert_eq!((entry.keys.as_str(), entry.ending), expected, "{reply}");
            assert_eq!(sent, "GET DATA \"/s/enter-unit\" 10000 4\n");
        }
    }

    #[tokio::test]
    async fn a_key_interrupts_a_sound_that_may_be_interrupted() {
        let (played, sent) = said(
            "200 result=0 endpos=8000\n200 result=35 endpos=80\n200 result=0 endpos=80\n",
            async |session: &mut Scripted| {
                let first = session.play_until_key(&sound()).await.unwrap();
                let second = session.play_until_key(&sound()).await.unwrap();
                session.play(&sound()).await.unwrap();
                (first, second)
            },
        )
        .await;
        assert!(played == (Played::ToItsEnd, Played::Key('#')));
        let lines: Vec<&str> = sent.lines().collect();
        assert_eq!(lines[0], "STREAM FILE \"/s/enter-unit\" \"0123456789*#\"");
        assert_eq!(lines[2], "STREAM FILE \"/s/enter-unit\" \"\"");
    }

    /// -1 is a missing file or a caller who has gone: the next reply tells which.
    #[tokio::test]
    async fn a_failure_is_told_apart() {
        for (replies, gone) in [
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
            let error = said(replies, collect).await.0.err().unwrap();
            assert_eq!(
                matches!(error, SessionError::Gone),
                gone,
                "{replies:?} {error}"
            );
            let play = async |session: &mut Scripted| session.play(&sound()).await;
            let error = said(replies, play).await.0.err().unwrap();
            assert_eq!(
                matches!(error, SessionError::Gone),
                gone,
                "{replies:?} {error}"
            );
        }
    }

    #[tokio::test]
    async fn what_asterisk_would_not_say_ends_it() {
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
            let error = said(&format!("{reply}\n"), collect).await.0.err().unwrap();
            assert!(matches!(error, SessionError::Protocol(_)), "{reply}");
        }
        for reply in [
            "200 result=49",
            "200 result=300",
            "200 result=",
            "200 result=a",
        ] {
            let play = async |session: &mut Scripted| session.play(&sound()).await;
            let error = said(&format!("{reply}\n"), play).await.0.err().unwrap();
            assert!(matches!(error, SessionError::Protocol(_)), "{reply}");
        }
    }

    #[tokio::test]
    async fn nothing_that_is_sent_holds_a_second_command() {
        for bad in ["relative", "/a b", "/a\"", "/a\nHANGUP", "/ä"] {
            assert_eq!(Sound::try_from(bad.to_owned()), Err(SoundError), "{bad}");
        }
        assert_eq!(
            Sound::try_from(format!("/{}", "x".repeat(200))),
            Err(SoundError)
        );
        let two_in_one =
            async |session: &mut Scripted| session.set_variable("A", "b\"\nHANGUP").await;
        let (refused, sent) = said("", two_in_one).await;
        assert!(refused.is_err() && sent.is_empty());
    }
}
