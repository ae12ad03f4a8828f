//! A caller with a SIP telephone: sipp signals and sends the keys as RFC 4733 events, and we listen to what Asterisk
//! sends back.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket as StdSocket};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::net::UdpSocket;
use tokio::process::Command;

/// The longest call of the tests.
const LONGEST: Duration = Duration::from_mins(3);
/// What sipp needs to press one key, and some more.
const PRESS: Duration = Duration::from_millis(420);
/// From the last key of an entry to the first words of what follows, on a busy machine.
const TURN: Duration = Duration::from_secs(3);
/// RTP payload types: G.711 mu-law, and the one that sipp presses keys with.
const PCMU: u8 = 0;
const KEYS: u8 = 96;

/// What a caller does.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Listens for so long.
    Listen(Duration),
    /// Presses keys one after another, and waits for the first words of what follows.
    Press(String),
}

/// Who calls, as the trunk says it.
#[derive(Debug, Clone, Default)]
pub(super) struct From {
    /// The user in From, which any telephone can choose.
    pub(super) user: String,
    /// The number in P-Asserted-Identity, which the operator's network writes.
    pub(super) asserted: Option<String>,
    /// Privacy: the number is withheld.
    pub(super) withheld: bool,
}

/// A call to be made.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// What to call it in files.
    pub(super) name: String,
    /// Who calls.
    pub(super) from: From,
    /// What the caller does after the answer.
    pub(super) acts: Vec<Act>,
    /// The caller hangs up then; otherwise the other end does.
    pub(super) hangs_up: bool,
}

/// What came of a call.
#[derive(Debug)]
pub(super) struct Heard {
    /// What Asterisk sent, in mu-law.
    pub(super) line: Vec<u8>,
    /// How long it took.
    pub(super) time: Duration,
}

impl Call {
    /// Makes the call to an Asterisk at this port of loopback, with files under `home`. It fails unless the call is
    /// answered, goes on as long as the caller acts, and ends as it should.
    pub(super) async fn make(&self, asterisk: u16, home: &Path) -> Result<Heard> {
        let home = home.join(&self.name);
        std::fs::create_dir_all(&home).context("cannot make the call's directory")?;
        let ear = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let media = ear.local_addr()?.port();
        let scenario = home.join("scenario.xml");
        std::fs::write(&scenario, self.scenario(media)).context("cannot write the scenario")?;
        let begun = Instant::now();
        let mut sipp = Command::new("sipp");
        sipp.current_dir(&home)
            .arg("-sf")
            .arg(&scenario)
            .args(["-m", "1", "-l", "1", "-nostdin"])
            .args(["-i", "127.0.0.1", "-p", &free()?.to_string()])
            .args(["-mi", "127.0.0.1", "-mp", &free()?.to_string()])
            .args(["-timeout", &LONGEST.as_secs().to_string(), "-timeout_error"])
            .args([
                "-trace_err",
                "-error_file",
                "errors.log",
                "-trace_msg",
                "-message_file",
                "messages.log",
            ])
            .arg(format!("127.0.0.1:{asterisk}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mut child = sipp.spawn().context("cannot start sipp")?;
        let mut line = Vec::new();
        let mut packet = [0; 2048];
        let status = loop {
            tokio::select! {
                length = ear.recv(&mut packet) => {
                    let packet = packet.get(..length?).unwrap_or_default();
                    line.extend(sound(packet).unwrap_or_default());
                }
                status = child.wait() => break status?,
            }
        };
        std::fs::write(home.join("heard.ul"), &line).context("cannot keep what was heard")?;
        let errors = std::fs::read_to_string(home.join("errors.log")).unwrap_or_default();
        let last: Vec<&str> = errors.lines().take(6).collect();
        ensure!(
            status.success(),
            "{}: the call failed: {}",
            self.name,
            last.join(" | ")
        );
        Ok(Heard {
            line,
            time: begun.elapsed(),
        })
    }

    /// The call as sipp plays it; its sound is to be sent to our port `media`.
    fn scenario(&self, media: u16) -> String {
        let mut headers = String::new();
        if let Some(asserted) = &self.from.asserted {
            let _ = writeln!(headers, "P-Asserted-Identity: <sip:{asserted}@127.0.0.1>");
        }
        if self.from.withheld {
            headers.push_str("Privacy: id\n");
        }
        let mut acts = String::new();
        for act in &self.acts {
            match act {
                Act::Listen(time) => pause(&mut acts, *time),
                Act::Press(keys) => {
                    let count = u32::try_from(keys.len()).unwrap_or(u32::MAX);
                    let _ = writeln!(
                        acts,
                        "<nop><action><exec play_dtmf=\"{keys}\"/></action></nop>"
                    );
                    pause(&mut acts, PRESS * count + TURN);
                }
            }
        }
        let end = if self.hangs_up {
            format!(
                "<send retrans=\"500\"><![CDATA[\n{}]]></send>\n<recv response=\"200\"/>\n",
                in_dialog("BYE", 2)
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
             From: <sip:{user}@[local_ip]:[local_port]>;tag=[pid]c[call_number]\n\
             To: <sip:0570000000@[remote_ip]:[remote_port]>\nCall-ID: [call_id]\nCSeq: 1 INVITE\n\
             Contact: <sip:caller@[local_ip]:[local_port]>\nMax-Forwards: 70\n{headers}\
             Content-Type: application/sdp\nContent-Length: [len]\n\n\
             v=0\no=caller 1 1 IN IP4 [local_ip]\ns=-\nc=IN IP4 [local_ip]\nt=0 0\n\
             m=audio {media} RTP/AVP {PCMU} {KEYS}\na=rtpmap:{PCMU} PCMU/8000\n\
             a=rtpmap:{KEYS} telephone-event/8000\na=fmtp:{KEYS} 0-15\na=ptime:20\n\n]]></send>\n\
             <recv response=\"100\" optional=\"true\"/>\n<recv response=\"180\" optional=\"true\"/>\n\
             <recv response=\"183\" optional=\"true\"/>\n<recv response=\"200\" rrs=\"true\"/>\n\
             <send><![CDATA[\n{ack}]]></send>\n{acts}{end}</scenario>\n",
            name = self.name,
            user = self.from.user,
            ack = in_dialog("ACK", 1),
        )
    }
}

fn in_dialog(method: &str, sequence: u32) -> String {
    format!(
        "{method} [next_url] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n\
         [last_From:]\n[last_To:]\n[routes]\nCall-ID: [call_id]\nCSeq: {sequence} {method}\nMax-Forwards: 70\n\
         Content-Length: 0\n\n"
    )
}

fn pause(acts: &mut String, time: Duration) {
    let _ = writeln!(acts, "<pause milliseconds=\"{}\"/>", time.as_millis());
}

/// The sound in an RTP packet (RFC 3550); none in one of another kind.
fn sound(packet: &[u8]) -> Option<&[u8]> {
    let (first, kind) = (*packet.first()?, packet.get(1)? & 0x7f);
    let sources = usize::from(first & 0x0f);
    (first >> 6 == 2 && kind == PCMU)
        .then(|| packet.get(12 + 4 * sources..))
        .flatten()
}

/// A UDP port of loopback that was free a moment ago.
fn free() -> Result<u16> {
    let socket = StdSocket::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    Ok(socket.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sound_is_listened_to() {
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
}
