//! A caller with a SIP telephone. sipp does the signalling, and sends keys as RFC 4733 events when
//! this module sends it a cue. This module receives the audio from Asterisk.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket as StdSocket};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::net::UdpSocket;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep_until};

use super::audio::{RecordingSpan, Recordings};

/// After this time sipp ends a call with an error.
const LONGEST: Duration = Duration::from_mins(4);
/// How long a caller waits for a recording, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// RTP payload types: G.711 mu-law, and the type that sipp uses for keys.
const PCMU: u8 = 0;
const KEYS: u8 = 96;
/// The samples of a packet. The last packet of a recording may have fewer.
const PACKET: usize = 160;

/// An action of a caller.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Hears the first words of a recording.
    Hears(String),
    /// Hears the rest of that recording.
    HearsOut,
    /// Presses keys, one after another.
    Presses(String),
}

/// The caller's identity, as the trunk reports it.
#[derive(Debug, Clone, Default)]
pub(super) struct From {
    /// The user in From, which any telephone can choose freely.
    pub(super) user: String,
    /// The number in P-Asserted-Identity, which the telephone network writes.
    pub(super) asserted: Option<String>,
    /// True if the header Privacy withholds the number.
    pub(super) withheld: bool,
}

/// A planned call.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// The name in files and reports.
    pub(super) name: String,
    /// The caller's identity.
    pub(super) from: From,
    /// What the caller does after the call is answered.
    pub(super) acts: Vec<Act>,
    /// True if the caller hangs up at the end. Otherwise Asterisk does.
    pub(super) hangs_up: bool,
}

/// The addresses of a trunk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trunk {
    /// The callers' address.
    pub(super) here: Ipv4Addr,
    /// Asterisk's address.
    pub(super) asterisk: SocketAddr,
}

/// The result of a call.
#[derive(Debug)]
pub(super) struct Heard {
    /// The audio that Asterisk sent, in mu-law.
    pub(super) line: Vec<u8>,
    /// How long the call took.
    pub(super) time: Duration,
}

impl Call {
    /// Makes the call, with files in `home`. Fails if the call is not answered, ends before the
    /// caller's last action, or does not end as planned.
    pub(super) async fn make(
        &self,
        trunk: Trunk,
        recordings: &Recordings,
        home: &Path,
    ) -> Result<Heard> {
        let mut talk = Talk::begin(self, trunk, recordings, home)?;
        for act in &self.acts {
            talk.act(act).await?;
        }
        talk.end().await
    }

    /// The call as a sipp scenario. Asterisk sends the audio to the port `media` of this module.
    /// Before each action sipp waits for its cue, which is an INFO request.
    fn scenario(&self, media: u16) -> String {
        let mut headers = String::new();
        if let Some(asserted) = &self.from.asserted {
            let _ = writeln!(headers, "P-Asserted-Identity: <sip:{asserted}@[local_ip]>");
        }
        if self.from.withheld {
            headers.push_str("Privacy: id\n");
        }
        let mut acts = String::new();
        let cue = "<recv request=\"INFO\"/>\n";
        for act in &self.acts {
            if let Act::Presses(keys) = act {
                let _ = writeln!(
                    acts,
                    "{cue}<nop><action><exec play_dtmf=\"{keys}\"/></action></nop>"
                );
            }
        }
        let end = if self.hangs_up {
            format!(
                "{cue}<send retrans=\"500\"><![CDATA[\n{}]]></send>\n<recv response=\"200\"/>\n",
                self.in_dialog("BYE", 2)
            )
        } else {
            "<recv request=\"BYE\"/>\n<send><![CDATA[\nSIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n\
                 [last_Call-ID:]\n[last_CSeq:]\nContent-Length: 0\n\n]]></send>\n".to_owned()
        };
        format!(
            "<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<!DOCTYPE scenario SYSTEM \"sipp.dtd\">\n\
             <scenario name=\"{name}\">\n<send retrans=\"500\"><![CDATA[\n\
             INVITE sip:0570000000@[remote_ip]:[remote_port] SIP/2.0\n\
             Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n\
             {from}\n\
             To: <sip:0570000000@[remote_ip]:[remote_port]>\nCall-ID: [call_id]\nCSeq: 1 INVITE\n\
             Contact: <sip:caller@[local_ip]:[local_port]>\nMax-Forwards: 70\n{headers}\
             Content-Type: application/sdp\nContent-Length: [len]\n\n\
             v=0\no=caller 1 1 IN IP4 [local_ip]\ns=-\nc=IN IP4 [local_ip]\nt=0 0\n\
             m=audio {media} RTP/AVP {PCMU} {KEYS}\na=rtpmap:{PCMU} PCMU/8000\n\
             a=rtpmap:{KEYS} telephone-event/8000\na=fmtp:{KEYS} 0-15\na=ptime:20\n\n]]></send>\n\
             <recv response=\"100\" optional=\"true\"/>\n<recv response=\"180\" optional=\"true\"/>\n\
             <recv response=\"183\" optional=\"true\"/>\n<recv response=\"200\" rrs=\"true\"><action>\n\
             <ereg regexp=\".*\" search_in=\"hdr\" header=\"To:\" assign_to=\"to\"/></action></recv>\n\
             <send><![CDATA[\n{ack}]]></send>\n{acts}{end}</scenario>\n",
            name = self.name,
            from = self.from(),
            ack = self.in_dialog("ACK", 1),
        )
    }

    fn from(&self) -> String {
        format!(
            "From: <sip:{}@[local_ip]:[local_port]>;tag=[pid]c[call_number]",
            self.from.user
        )
    }

    /// A request in the SIP dialog of the call.
    fn in_dialog(&self, method: &str, sequence: u32) -> String {
        format!(
            "{method} [next_url] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n\
             {from}\nTo:[$to]\n[routes]\nCall-ID: [call_id]\nCSeq: {sequence} {method}\nMax-Forwards: 70\n\
             Content-Length: 0\n\n",
            from = self.from()
        )
    }
}

/// A call in progress.
pub(super) struct Talk<'a> {
    call: &'a Call,
    recordings: &'a Recordings,
    home: PathBuf,
    begun: Instant,
    sipp: Child,
    /// The address of sipp's signalling.
    signals: SocketAddr,
    cues: u32,
    ear: UdpSocket,
    line: Vec<u8>,
    /// The recording heard last.
    last: RecordingSpan,
}

impl<'a> Talk<'a> {
    /// Starts the call.
    pub(super) fn begin(
        call: &'a Call,
        trunk: Trunk,
        recordings: &'a Recordings,
        home: &Path,
    ) -> Result<Self> {
        let home = home.join(&call.name);
        std::fs::create_dir_all(&home).context("cannot create the call's directory")?;
        let ear = StdSocket::bind((trunk.here, 0))?;
        ear.set_nonblocking(true)?;
        let ear = UdpSocket::from_std(ear)?;
        let scenario = home.join("scenario.xml");
        std::fs::write(&scenario, call.scenario(ear.local_addr()?.port()))
            .context("cannot write the scenario")?;
        let ports = Ports::free(trunk.here)?;
        let signals = SocketAddr::from((trunk.here, ports.signals));
        let here = trunk.here.to_string();
        let mut sipp = Command::new("sipp");
        sipp.current_dir(&home)
            .arg("-sf")
            .arg(&scenario)
            .args(["-m", "1", "-l", "1", "-nostdin", "-cid_str", &call.name])
            .args(["-i", &here, "-p", &signals.port().to_string()])
            .args(["-mi", &here, "-mp", &ports.media.to_string()])
            .args(["-timeout", &LONGEST.as_secs().to_string(), "-timeout_error"])
            .args(["-trace_err", "-error_file", "errors.log"])
            .args(["-trace_msg", "-message_file", "messages.log"])
            .arg(trunk.asterisk.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        Ok(Self {
            call,
            recordings,
            home,
            begun: Instant::now(),
            sipp: sipp.spawn().context("cannot start sipp")?,
            signals,
            cues: 0,
            ear,
            line: Vec::new(),
            last: RecordingSpan { known: 0, end: 0 },
        })
    }

    /// Performs one action.
    pub(super) async fn act(&mut self, act: &Act) -> Result<()> {
        match act {
            Act::Hears(id) => {
                let first_words =
                    |talk: &Self| talk.recordings.find(id, &talk.line, talk.last.known);
                self.last = self.listen(id, first_words).await?;
                Ok(())
            }
            Act::HearsOut => {
                let end = self.last.end.saturating_sub(PACKET);
                let all = |talk: &Self| (talk.line.len() >= end).then_some(());
                self.listen("the rest", all).await
            }
            Act::Presses(_) => self.cue().await,
        }
    }

    /// Hangs up if the plan says so, and waits for the end of the call.
    pub(super) async fn end(mut self) -> Result<Heard> {
        if self.call.hangs_up {
            self.cue().await?;
        }
        let status = loop {
            let mut packet = [0; 2048];
            tokio::select! {
                // First read the audio that was sent before the end.
                biased;
                length = self.ear.recv(&mut packet) => self.hear(packet.get(..length?)),
                status = self.sipp.wait() => break status?,
            }
        };
        std::fs::write(self.home.join("heard.ul"), &self.line).context("cannot save the audio")?;
        ensure!(status.success(), "the call failed: {}", self.complaints());
        Ok(Heard {
            time: self.begun.elapsed(),
            line: self.line,
        })
    }

    /// Sends sipp the cue for its next action. sipp first reads everything that Asterisk sent
    /// before the cue, then the cue.
    async fn cue(&mut self) -> Result<()> {
        self.cues += 1;
        let (name, here, cue) = (&self.call.name, self.ear.local_addr()?, self.cues);
        let request = format!(
            "INFO sip:caller@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK-cue-{cue}\r\n\
             From: <sip:cue@{here}>;tag=cue\r\nTo: <sip:caller@{to}>;tag=caller\r\nCall-ID: {name}\r\n\
             CSeq: {cue} INFO\r\nContent-Length: 0\r\n\r\n",
            to = self.signals
        );
        self.ear.send_to(request.as_bytes(), self.signals).await?;
        Ok(())
    }

    /// Receives audio until `found` returns a value. Fails if the call ends or [`PATIENCE`] passes
    /// before that.
    async fn listen<T>(&mut self, what: &str, found: impl Fn(&Self) -> Option<T>) -> Result<T> {
        let limit = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = found(self) {
                return Ok(found);
            }
            let mut packet = [0; 2048];
            let end = tokio::select! {
                biased;
                length = self.ear.recv(&mut packet) => {
                    self.hear(packet.get(..length?));
                    continue;
                }
                status = self.sipp.wait() => format!("the call ended ({})", status?),
                () = sleep_until(limit) => format!("{PATIENCE:?} passed"),
            };
            bail!(
                "{end} before the caller heard {what}; heard so far: {:?}; sipp: {}",
                self.recordings.heard(&self.line),
                self.complaints()
            );
        }
    }

    fn hear(&mut self, packet: Option<&[u8]>) {
        self.line.extend(packet.and_then(sound).unwrap_or_default());
    }

    /// The first errors in sipp's log.
    fn complaints(&self) -> String {
        let errors = std::fs::read_to_string(self.home.join("errors.log")).unwrap_or_default();
        errors.lines().take(6).collect::<Vec<_>>().join(" | ")
    }
}

/// Returns the audio in an RTP packet (RFC 3550), or `None` for a packet of another type.
fn sound(packet: &[u8]) -> Option<&[u8]> {
    let (first, kind) = (*packet.first()?, packet.get(1)? & 0x7f);
    let sources = usize::from(first & 0x0f);
    (first >> 6 == 2 && kind == PCMU)
        .then(|| packet.get(12 + 4 * sources..))
        .flatten()
}

/// The ports of a caller: one for SIP, then the ports that sipp binds for audio and video, each with
/// the port after it for RTCP.
struct Ports {
    signals: u16,
    media: u16,
}

impl Ports {
    /// How many ports a caller has.
    const EACH: u16 = 6;
    /// Linux gives none of these ports to a program that does not ask for it. So a port that is free
    /// now is still free when sipp binds it.
    const ALL: std::ops::Range<u16> = 20_002..32_768;

    /// Returns free ports of this address. Another caller gets the same ports only after all other
    /// ports have been tried.
    fn free(address: Ipv4Addr) -> Result<Self> {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let groups = (Self::ALL.end - Self::ALL.start) / Self::EACH;
        for _ in 0..groups {
            let group = NEXT.fetch_add(1, Ordering::Relaxed) % groups;
            let signals = Self::ALL.start + group * Self::EACH;
            let ports = signals..signals + Self::EACH;
            if ports
                .into_iter()
                .all(|port| StdSocket::bind((address, port)).is_ok())
            {
                return Ok(Self {
                    signals,
                    media: signals + 2,
                });
            }
        }
        bail!("no ports are free for a caller at {address}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_audio_packets_are_heard() {
        let header = [0x80, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 9];
        let packet = [&header[..], b"sound"].concat();
        assert_eq!(sound(&packet), Some(&b"sound"[..]));
        let mut marked = packet.clone();
        marked[1] = 0x80;
        assert_eq!(sound(&marked), Some(&b"sound"[..]));
        let mut keys = packet.clone();
        keys[1] = 96;
        assert_eq!(sound(&keys), None);
        assert_eq!(sound(&[0x80]), None);
        assert_eq!(sound(&[]), None);
    }
    #[test]
    fn callers_share_no_port_and_get_none_in_use() {
        let address = Ipv4Addr::new(127, 0, 77, 1);
        let first = Ports::free(address).unwrap();
        let video = StdSocket::bind((address, first.media + Ports::EACH + 2)).unwrap();
        let second = Ports::free(address).unwrap();
        let taken = video.local_addr().unwrap().port();
        assert_ne!(first.signals, second.signals);
        assert!(!(second.signals..second.signals + Ports::EACH).contains(&taken));
    }
}
