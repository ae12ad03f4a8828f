//! Simulates Asterisk at the FastAGI port byte for byte, with a caller that the test controls.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// The lines that Asterisk 22 sends at the start of a call from a number that is not withheld.
pub(crate) fn environment(caller: &str) -> String {
    environment_of(caller, "0", "ja")
}

/// The lines that Asterisk 22 sends at the start of a call, with the number's presentation (`32`:
/// withheld) and the channel's language.
pub(crate) fn environment_of(caller: &str, presentation: &str, language: &str) -> String {
    format!(
        "agi_network: yes\nagi_network_script: temp-password\nagi_request: agi://127.0.0.1/temp-password\n\
         agi_channel: PJSIP/trunk-00000001\nagi_language: {language}\nagi_type: PJSIP\n\
         agi_uniqueid: 1800000000.1\nagi_version: 22.10.1\nagi_callerid: {caller}\n\
         agi_calleridname: unknown\nagi_callingpres: {presentation}\nagi_callingani2: 0\nagi_callington: 0\n\
         agi_callingtns: 0\nagi_dnid: unknown\nagi_rdnis: unknown\nagi_context: aikagi\n\
         agi_extension: s\nagi_priority: 5\nagi_enhanced: 0.0\nagi_accountcode: \nagi_threadid: 140\n\n"
    )
}

/// The event after the recordings.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The adapter waits for at most this number of keys.
    Question(usize),
    /// The adapter has closed the connection. `Some` if it had set an outcome before.
    Ended(Option<String>),
}

/// The ids of the recordings that the caller hears, and what follows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) prompts: Vec<String>,
    pub(crate) next: Next,
}

/// A call in Asterisk.
pub(crate) struct Asterisk {
    input: BufReader<OwnedReadHalf>,
    output: OwnedWriteHalf,
    /// The number of keys that the pending GET DATA accepts.
    most: usize,
    outcome: Option<String>,
    /// A key to press while this recording plays.
    interruption: Option<(String, char)>,
    /// A recording that Asterisk fails to play.
    unplayable: Option<String>,
    /// The language directory of the latest recordings.
    pub(crate) language: String,
}

impl Asterisk {
    /// Starts a call from a number.
    pub(crate) async fn dial(address: SocketAddr, caller: &str) -> Self {
        Self::connect(address, &environment(caller)).await
    }

    /// Opens a connection and sends these bytes.
    pub(crate) async fn connect(address: SocketAddr, begins: &str) -> Self {
        let (input, output) = TcpStream::connect(address).await.unwrap().into_split();
        let mut asterisk = Self {
            input: BufReader::new(input),
            output,
            most: 0,
            outcome: None,
            interruption: None,
            unplayable: None,
            language: String::new(),
        };
        asterisk.write(begins).await;
        asterisk
    }

    /// Makes the caller press a key while this recording plays.
    pub(crate) fn interrupt(&mut self, prompt: &str, key: char) {
        self.interruption = Some((prompt.to_owned(), key));
    }

    /// Makes Asterisk fail to play this recording.
    pub(crate) fn cannot_play(&mut self, prompt: &str) {
        self.unplayable = Some(prompt.to_owned());
    }

    /// Replies to commands until the adapter waits for keys or closes the connection.
    pub(crate) async fn listen(&mut self) -> Heard {
        let mut prompts = Vec::new();
        loop {
            let mut line = String::new();
            // A reset ends the call too. The connection is reset if the adapter has not read
            // everything.
            if self.input.read_line(&mut line).await.unwrap_or(0) == 0 {
                let next = Next::Ended(self.outcome.take());
                return Heard { prompts, next };
            }
            let arguments: Vec<&str> = line.trim_end().split('"').collect();
            match *arguments {
                ["STREAM FILE ", sound, " ", keys, ""] => {
                    let prompt = self.prompt(sound);
                    let reply = self.stream(&prompt, keys);
                    prompts.push(prompt);
                    self.write(&reply).await;
                }
                ["GET DATA ", sound, rest] => {
                    if !sound.is_empty() {
                        prompts.push(self.prompt(sound));
                    }
                    if self.unplayable.is_some() && self.unplayable == prompts.last().cloned() {
                        self.write("200 result=-1\n").await;
                        continue;
                    }
                    let mut numbers = rest.split_whitespace();
                    assert!(numbers.next().unwrap().parse::<u64>().unwrap() > 0);
                    self.most = numbers.next().unwrap().parse().unwrap();
                    let next = Next::Question(self.most);
                    return Heard { prompts, next };
                }
                ["SET VARIABLE AIKAGI_OUTCOME ", value, ""] => {
                    self.outcome = Some(value.to_owned());
                    self.write("200 result=1\n").await;
                }
                ["CHANNEL STATUS"] => self.write("200 result=6\n").await,
                _ => panic!("a command that Asterisk does not know: {line:?}"),
            }
        }
    }

    /// The caller presses keys. GET DATA takes the keys before a hash key, but no more than its
    /// limit.
    pub(crate) async fn keys(&mut self, keys: &str) -> Heard {
        let taken: String = keys
            .chars()
            .take_while(|key| *key != '#')
            .take(self.most)
            .collect();
        let complete = keys.contains('#') || taken.len() == self.most;
        let timeout = if complete { "" } else { " (timeout)" };
        self.reply(&format!("200 result={taken}{timeout}\n")).await
    }

    /// The caller presses no key.
    pub(crate) async fn silence(&mut self) -> Heard {
        self.reply("200 result= (timeout)\n").await
    }

    /// The caller hangs up while the adapter waits for keys.
    pub(crate) async fn hang_up(&mut self) -> Heard {
        self.reply("200 result=-1\nHANGUP\n").await
    }

    /// Sends a reply and listens.
    pub(crate) async fn reply(&mut self, reply: &str) -> Heard {
        self.write(reply).await;
        self.listen().await
    }

    async fn write(&mut self, text: &str) {
        // The other end may have closed already. That is no error: the caller reads next, and finds what it had sent.
        let _ = self.output.write_all(text.as_bytes()).await;
    }

    fn stream(&mut self, prompt: &str, keys: &str) -> String {
        if self.unplayable.as_deref() == Some(prompt) {
            return "200 result=-1 endpos=0\n".to_owned();
        }
        let pressed = self
            .interruption
            .take_if(|(during, key)| during == prompt && keys.contains(*key));
        let code = pressed.map_or(0, |(_, key)| u32::from(key));
        format!("200 result={code} endpos=8000\n")
    }

    fn prompt(&mut self, sound: &str) -> String {
        let mut parts = sound.strip_prefix("/sounds/").expect(sound).split('/');
        parts.next().unwrap().clone_into(&mut self.language);
        parts.next().unwrap().to_owned()
    }
}

/// The recordings of guidance that reads out a number. `number` has the groups in which it is read: `03 1234 0001`.
pub(crate) fn about(guidance: &str, number: &str) -> Vec<String> {
    let digit = |digit: char| match digit {
        ' ' => "pause".to_owned(),
        _ => format!("digit-{digit}"),
    };
    let mut all = vec![format!("{guidance}-before")];
    all.extend(number.chars().map(digit));
    all.push(format!("{guidance}-after"));
    all
}

/// The recording of guidance without a number.
pub(crate) fn plain(guidance: &str) -> Vec<String> {
    vec![guidance.to_owned()]
}

/// The recordings after an invalid entry: `invalid-entry`, then this question.
pub(crate) fn again(question: Vec<String>) -> Vec<String> {
    [plain("invalid-entry"), question].concat()
}

impl Heard {
    /// Checks that the caller heard this and the adapter waits for at most `most` keys.
    #[track_caller]
    pub(crate) fn asks(&self, prompts: &[String], most: usize) {
        assert_eq!(self.prompts, prompts);
        assert_eq!(self.next, Next::Question(most));
    }

    /// Checks that the caller heard this and the call ended with this outcome.
    #[track_caller]
    pub(crate) fn ends(&self, prompts: &[String], outcome: &str) {
        assert_eq!(self.prompts, prompts);
        assert_eq!(self.next, Next::Ended(Some(outcome.to_owned())));
    }

    /// Checks that the connection ended without an outcome, so that the dialplan apologises.
    #[track_caller]
    pub(crate) fn breaks_off(&self) {
        assert_eq!(self.next, Next::Ended(None));
    }
}
