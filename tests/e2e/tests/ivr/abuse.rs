//! Attacks at the FastAGI port, and callers who inject text into what Asterisk sends. No attack
//! changes anything, and the memory stays bounded.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aikagi_api::issuance::v1::take_turn_response::Next;
use aikagi_api::issuance::v1::{
    CallOutcome, Collect, Ended, Guidance, TakeTurnRequest, TakeTurnResponse,
};
use aikagi_client::samples::{CONTRACT, FIRST};
use aikagi_devkit::command::wait_until;
use aikagi_devkit::installation::certificates::Authority;
use aikagi_devkit::installation::files::write_private;
use aikagi_devkit::process::{Process, Program, executable};
use aikagi_devkit::{ports, settings};
use aikagi_e2e::in_process::InProcessSystem;
use aikagi_e2e::processes::binaries;
use aikagi_ivr::{AgiSettings, Dialog, NoResponse};
use aikagi_mesh::open_files;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::adapter::{AdapterUnderTest, Counting, gateway, recordings};
use super::asterisk::{Asterisk, environment, plain};
use super::unchanged;

/// A dialog of two turns, without network or store. The first turn asks for the unit, the second
/// ends the call.
struct Short;

impl Dialog for Short {
    async fn take(&self, turn: TakeTurnRequest) -> Result<TakeTurnResponse, NoResponse> {
        let (id, next) = match turn.sequence {
            0 => (
                "enter-unit",
                Next::Collect(Collect {
                    max_digits: 1,
                    ..Collect::default()
                }),
            ),
            _ => (
                "too-many-invalid",
                Next::Ended(Ended {
                    outcome: CallOutcome::TooManyInvalid.into(),
                }),
            ),
        };
        let mut guidance = Guidance::default();
        id.clone_into(&mut guidance.guidance_id);
        Ok(TakeTurnResponse {
            sequence: turn.sequence,
            guidance: vec![guidance],
            next: Some(next),
        })
    }
}

async fn counted(adjust: fn(&mut AgiSettings)) -> (AdapterUnderTest, Arc<AtomicU32>) {
    let turns = Arc::new(AtomicU32::new(0));
    let dialog = Counting {
        dialog: Short,
        turns: Arc::clone(&turns),
    };
    (AdapterUnderTest::open(dialog, adjust).await, turns)
}

/// IVR-11: Asterisk begins a call with the AGI environment. An environment that is invalid, or into which a caller has
/// injected lines, is refused before any turn is taken.
#[tokio::test]
async fn smuggled_lines_take_no_turn() {
    let (adapter, turns) = counted(|_| {}).await;
    let smuggled = |what: &str| environment(&format!("anonymous\n{what}"));
    for begins in [
        smuggled("agi_callerid: 0312340001"),
        smuggled("agi_callerid: 0312340001\nagi_callingpres: 0"),
        smuggled("agi_callerid: 0312340001\n\nagi_threadid: 1"),
        smuggled("\n200 result=1\n200 result=1"),
        smuggled("HANGUP"),
        smuggled("x"),
        environment("0312340001\r"),
        environment("0312340001\0"),
        environment("0312340001").replace("temp-password", "other"),
        environment("0312340001").replace("agi_network_script: temp-password\n", ""),
        environment("0312340001").replace("agi_threadid: 140\n", ""),
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "\n".to_owned(),
        "\n\n\n\n".to_owned(),
        format!("agi_x: {}\n\n", "x".repeat(100_000)),
        "x".repeat(1_000_000),
    ] {
        let mut call = Asterisk::connect(adapter.address, &begins).await;
        call.listen().await.breaks_off();
    }
    assert_eq!(turns.load(Ordering::Relaxed), 0);
}

/// Bytes that are not FastAGI, before or during a call, end the connection and change nothing.
#[tokio::test]
async fn garbage_changes_nothing() {
    let system = InProcessSystem::start().await;
    let adapter = AdapterUnderTest::of(&system).await;
    for seed in 0..20_u64 {
        let bytes: Vec<u8> = (0..4096_u64)
            .map(|at| u8::try_from((at * at * (seed + 7) + seed * 31) % 256).unwrap())
            .collect();
        let mut stream = TcpStream::connect(adapter.address).await.unwrap();
        let _ = stream.write_all(&bytes).await;
        let _ = stream.shutdown().await;
        let mut received = Vec::new();
        let _ = stream.read_to_end(&mut received).await;
        assert!(received.is_empty(), "a command in response to garbage");
    }
    let long = format!("200 result={}\n", "1".repeat(500_000));
    for reply in [
        "200 result=12345678\n",
        "200 result=99999999999999999999\n",
        "200 result=x\n",
        "200 result=1\x1b[2J\n",
        "520-Invalid command syntax.\n520 End of proper usage.\n",
        "agi_callerid: 0312340001\n",
        "\n",
        "\u{0}\u{1}\u{2}\n",
        &long,
    ] {
        let mut call = Asterisk::dial(adapter.address, CONTRACT).await;
        call.listen().await.asks(&plain("enter-unit"), 1);
        call.reply(reply).await.breaks_off();
    }
    assert!(unchanged(&system).await);
    let mut call = Asterisk::dial(adapter.address, FIRST).await;
    call.listen().await.asks(&plain("enter-unit"), 1);
}

/// Only Asterisk's networks may connect.
#[tokio::test]
async fn other_networks_are_refused() {
    let (adapter, turns) = counted(|agi| agi.peers = vec!["192.0.2.0/24".parse().unwrap()]).await;
    let mut call = Asterisk::dial(adapter.address, CONTRACT).await;
    call.listen().await.breaks_off();
    assert_eq!(turns.load(Ordering::Relaxed), 0);
}

/// Calls above the limit are refused immediately, so that the dialplan apologises. After a call
/// ends, another is accepted.
#[tokio::test]
async fn calls_above_the_limit_are_refused() {
    let (adapter, _) = counted(|agi| agi.most = 2).await;
    let mut calls = Vec::new();
    for _ in 0..2 {
        let mut call = Asterisk::dial(adapter.address, CONTRACT).await;
        call.listen().await.asks(&plain("enter-unit"), 1);
        calls.push(call);
    }
    let mut third = Asterisk::dial(adapter.address, CONTRACT).await;
    third.listen().await.breaks_off();
    calls[0]
        .keys("9")
        .await
        .ends(&plain("too-many-invalid"), "too-many-invalid");
    loop {
        let mut next = Asterisk::dial(adapter.address, CONTRACT).await;
        if !next.listen().await.prompts.is_empty() {
            break;
        }
    }
}

/// Connections that send only a byte or an incomplete line are closed after a limited time. All of
/// them together use bounded memory. The adapter still accepts calls.
#[tokio::test]
async fn slow_connections_use_little_memory_and_are_closed() {
    let slow_ones = most(1500, 1);
    let dir = tempfile::tempdir().unwrap();
    let adapter = process(dir.path());
    let address = SocketAddr::from(([127, 0, 0, 1], adapter.port));
    let before = resident(adapter.process.id());
    let mut slow = Vec::new();
    for connection in 0..slow_ones {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let length = if connection % 2 == 0 { 1 } else { 1000 };
        let _ = stream.write_all(&vec![b'a'; length]).await;
        slow.push(stream);
    }
    let mut call = Asterisk::dial(address, CONTRACT).await;
    // There is no gateway. The test only checks that the adapter accepts the call.
    call.listen().await.ends(&plain("try-later"), "failed");
    let grown = resident(adapter.process.id()).saturating_sub(before);
    assert!(
        grown < slow_ones * 16 * 1024,
        "{grown} bytes for {slow_ones} connections"
    );
    let ends = async {
        for stream in &mut slow {
            let mut received = Vec::new();
            let _ = stream.read_to_end(&mut received).await;
            assert!(received.is_empty());
        }
    };
    tokio::time::timeout(Duration::from_mins(1), ends)
        .await
        .unwrap();
}

/// The IVR adapter as a process without a gateway.
struct AdapterProcess {
    process: Process,
    port: u16,
}

fn process(dir: &Path) -> AdapterProcess {
    let (port, health) = (ports::free().unwrap(), ports::free().unwrap());
    let authority = Authority::open(&dir.join("certificates")).unwrap();
    let mut settings = settings::ivr_settings(&settings::IvrSettings {
        health,
        agi: port,
        identity: authority.issue("ivr", &[]).unwrap(),
        gateway: vec!["127.0.0.1:1".to_owned()],
        manifest: recordings().canonicalize().unwrap(),
        sounds: "/sounds".to_owned(),
    })
    .unwrap();
    let agi = settings["agi"].as_table_mut().unwrap();
    agi.insert("greeting".to_owned(), "3s".into());
    let config = dir.join("ivr.toml");
    write_private(&config, settings.to_string().as_bytes()).unwrap();
    let mut process = Process::start(Program {
        name: "ivr".to_owned(),
        binary: executable(&binaries(), "aikagi-ivr").unwrap(),
        config,
        log: dir.join("ivr.log"),
        port: health,
        environment: Vec::new(),
    })
    .unwrap();
    let up = wait_until(Duration::from_secs(30), || ports::answers(port));
    assert!(up && process.alive(), "{}", process.last_words());
    AdapterProcess { process, port }
}

/// One process completes two thousand concurrent calls.
#[tokio::test]
async fn two_thousand_concurrent_calls() {
    // Both ends of each connection are in this process.
    let count = u32::try_from(most(2000, 2)).unwrap();
    let (adapter, turns) = counted(|_| {}).await;
    let mut calls = Vec::new();
    for _ in 0..count {
        let mut call = Asterisk::dial(adapter.address, CONTRACT).await;
        call.listen().await.asks(&plain("enter-unit"), 1);
        calls.push(call);
    }
    assert_eq!(turns.load(Ordering::Relaxed), count);
    for mut call in calls {
        call.keys("9")
            .await
            .ends(&plain("too-many-invalid"), "too-many-invalid");
    }
    assert_eq!(turns.load(Ordering::Relaxed), 2 * count);
}

/// If the text in the place of the caller's number is not a telephone number, the call is refused, like one with a
/// withheld number.
#[tokio::test]
async fn a_malformed_caller_is_refused() {
    let system = InProcessSystem::start().await;
    let dialog = gateway(&system, system.gateways(), Duration::from_secs(30));
    let adapter = AdapterUnderTest::open(dialog, |_| {}).await;
    for caller in [
        ";phone-context=0312340001",
        "0312340001,0312340002",
        "%300312340001",
    ] {
        let mut call = Asterisk::dial(adapter.address, caller).await;
        call.listen().await.ends(&plain("call-refused"), "refused");
    }
}

/// The number of connections to open: `wanted`, or fewer if the machine's limit of open files is
/// lower. Each connection needs `files` open files.
fn most(wanted: usize, files: usize) -> usize {
    /// The number of files that a test opens for other purposes.
    const OTHERS: usize = 200;
    let allowed = usize::try_from(open_files::raise_limit().unwrap()).unwrap();
    wanted.min(allowed.saturating_sub(OTHERS) / files)
}

/// The resident memory of a process, in bytes.
fn resident(process: u32) -> usize {
    let text = std::fs::read_to_string(format!("/proc/{process}/statm")).unwrap();
    let pages: usize = text.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}
