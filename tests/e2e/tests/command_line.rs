//! `aikagictl` against the real services. The tests in `frontends/ctl` cover the rest, with a
//! simulated gateway.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use aikagi_client::samples::{CONTRACT, FIRST, NOBODY, STRANGER};
use aikagi_e2e::in_process::InProcessSystem;
use aikagi_e2e::processes::binaries;
use serde_json::Value;
use tokio::process::Command;

const HEADER: &str = "contract_number,subscribed_numbers,unsubscribed_numbers\n";

/// A command of `aikagictl` against this system.
fn command(system: &InProcessSystem, arguments: &[&str]) -> Command {
    let identity = system.identity("operator/alice").unwrap();
    let mut command = Command::new(binaries().join("aikagictl"));
    command
        .env_clear()
        .env("AIKAGICTL_GATEWAY", &system.gateways()[0])
        .env("AIKAGICTL_CERTIFICATE", &identity.certificate)
        .env("AIKAGICTL_KEY", &identity.key)
        .env("AIKAGICTL_AUTHORITIES", &identity.authorities)
        .env("AIKAGICTL_OUTPUT", "json")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs a command. Returns the exit code, the printed JSON values and the text on standard error.
async fn run(system: &InProcessSystem, arguments: &[&str]) -> (i32, Vec<Value>, String) {
    let output = command(system, arguments).output().await.unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let documents = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let remarks = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), documents.collect(), remarks)
}

fn write(directory: &Path, rows: &str) -> (PathBuf, String) {
    let path = directory.join("lines.csv");
    std::fs::write(&path, format!("{HEADER}{rows}")).unwrap();
    let name = path.to_str().unwrap().to_owned();
    (path, name)
}

async fn count(system: &InProcessSystem, table: &str) -> i64 {
    let query = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    sqlx::query_scalar(query)
        .fetch_one(&system.ledger().await)
        .await
        .unwrap()
}

/// OPS-1, OPS-2: `aikagictl` understands the responses of the real services and exits with the right codes.
#[tokio::test]
async fn an_operator_provisions_and_explains() {
    let system = InProcessSystem::start().await;
    let (code, line, _) = run(&system, &["line", "show", FIRST]).await;
    assert_eq!(
        (code, &line[0]["contract_number"]),
        (0, &Value::from(CONTRACT))
    );
    assert_eq!(line[0]["numbers"].as_array().unwrap().len(), 4);
    let (code, printed, _) = run(&system, &["explain", NOBODY]).await;
    assert_eq!(
        (code, &printed[0]["verdict"]),
        (0, &Value::from("UNKNOWN_NUMBER"))
    );
    let (code, _, remarks) = run(&system, &["number", "add", CONTRACT, STRANGER]).await;
    assert_eq!(code, 3);
    assert!(remarks.contains("NUMBER_TAKEN"), "{remarks}");
    assert_eq!(run(&system, &["sessions", "list", NOBODY]).await.0, 4);
    let (code, report, _) = run(&system, &["doctor"]).await;
    let wrong = |check: &&Value| check["state"] == "wrong";
    let checks = report[0]["checks"].as_array().unwrap();
    // `doctor` finds no wrong clock, although the services use the clock of the test: it compares its
    // clock with the header `date` of the gateway's responses, which has the machine's time.
    assert_eq!(checks.iter().filter(wrong).count(), 0, "{report:?}");
    assert_eq!(code, 0);
}

/// OPS-1: an interrupted import continues where it stopped, and the imported lines can be verified.
#[tokio::test]
async fn an_import_continues_where_it_stopped() {
    let system = InProcessSystem::start().await;
    let before = count(&system, "lines").await;
    let directory = tempfile::tempdir().unwrap();
    let rows = (0..3_000)
        .map(|line| format!("04{line:08},04{line:08};05{line:08},06{line:08}\n"))
        .collect::<Vec<_>>()
        .concat();
    let (path, name) = write(directory.path(), &rows);
    let import = ["import", &name, "--batch", "100", "--in-flight", "2"];
    let mut child = command(&system, &import).spawn().unwrap();
    let progress = PathBuf::from(format!("{name}.progress"));
    let added = || {
        let noted: Value = serde_json::from_slice(&std::fs::read(&progress).ok()?).ok()?;
        noted["counts"]["added"].as_u64()
    };
    while added().unwrap_or_default() == 0 {
        assert!(
            child.try_wait().unwrap().is_none(),
            "the import ended before it wrote its progress"
        );
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    child.kill().await.unwrap();
    let noted = added().unwrap();
    assert!((100..3_000).contains(&noted), "{noted}");

    let (code, documents, remarks) = run(&system, &import).await;
    let summary = documents.last().unwrap();
    assert_eq!(
        (code, summary["rows"].as_u64()),
        (0, Some(3_000)),
        "{remarks}"
    );
    assert!(
        remarks.contains(&format!("continuing after row {}", noted + 1)),
        "{remarks}"
    );
    assert_eq!(summary["rows_of_this_run"].as_u64().unwrap(), 3_000 - noted);
    assert_eq!(count(&system, "lines").await - before, 3_000);
    assert_eq!(
        count(
            &system,
            "audit_events WHERE action = 'ADD_LINE' AND actor = 'operator/alice'"
        )
        .await,
        3_000
    );
    assert!(path.exists() && !progress.exists());

    let (code, report, _) = run(&system, &["audit", "verify"]).await;
    assert_eq!((code, &report[0]["whole"]), (0, &Value::Bool(true)));
    assert!(report[0]["chains"].as_u64().unwrap() >= 3_000);
}

/// OPS-1: each of 1,000 bad rows of all kinds is reported with its row number and reason, and the
/// good rows are imported.
#[tokio::test]
async fn every_bad_row_is_reported() {
    let system = InProcessSystem::start().await;
    let before = count(&system, "lines").await;
    let directory = tempfile::tempdir().unwrap();
    let kinds = |index: usize| {
        let number = |digits: &str| format!("{digits}{index:07}");
        match index % 10 {
            0 => (
                format!("{},{}", number("072"), number("073")),
                "COLUMN_COUNT",
            ),
            1 => (
                format!("{},\"{},", number("072"), number("073")),
                "QUOTE_NOT_CLOSED",
            ),
            2 => (format!(",{},", number("072")), "CONTRACT_NUMBER_INVALID"),
            3 => (format!("1{index},,"), "CONTRACT_NUMBER_INVALID"),
            4 => (format!("{},12345,", number("072")), "NUMBER_INVALID"),
            5 => (
                format!("{0},{1},{1}", number("072"), number("073")),
                "NUMBER_TWICE",
            ),
            6 => (format!("{},{STRANGER},", number("072")), "NUMBER_TAKEN"),
            7 => (format!("{CONTRACT},,"), "LINE_DIFFERS"),
            8 => (
                format!("{},{},", number("072"), "x;".repeat(1_001)),
                "TOO_MANY_NUMBERS",
            ),
            _ => (
                format!("{},,071{:07}", number("072"), index - 9),
                "NUMBER_IN_ANOTHER_ROW",
            ),
        }
    };
    let mut rows = String::new();
    let mut expected = BTreeMap::new();
    for index in 0..1_000 {
        // Write a good row before each bad row.
        let (row, reason) = kinds(index);
        rows.extend([format!("071{index:07},,\n"), row, "\n".to_owned()]);
        expected.insert(index * 2 + 3, reason);
    }
    // For a number of an existing line, only the first row has the reason above. Each further row
    // with the same number is refused because the number is in another row.
    for (row, reason) in &mut expected {
        if ["NUMBER_TAKEN", "LINE_DIFFERS"].contains(reason) && *row > 20 {
            *reason = "NUMBER_IN_ANOTHER_ROW";
        }
    }
    let (_, name) = write(directory.path(), &rows);
    let (code, documents, remarks) = run(&system, &["import", &name]).await;
    assert_eq!(code, 6, "{remarks}");
    let summary = documents.last().unwrap();
    let counts =
        ["rows", "added", "unchanged", "rejected"].map(|key| summary[key].as_u64().unwrap());
    assert_eq!(counts, [2_000, 1_000, 0, 1_000]);
    let reported: BTreeMap<usize, &str> = documents
        .iter()
        .filter(|document| document["type"] == "rejected")
        .map(|document| {
            let row = usize::try_from(document["row"].as_u64().unwrap()).unwrap();
            (row, document["reason"].as_str().unwrap())
        })
        .collect();
    assert_eq!(reported, expected);
    assert_eq!(count(&system, "lines").await - before, 1_000);
    let rejected = std::fs::read_to_string(format!("{name}.rejected.csv")).unwrap();
    assert_eq!(rejected.lines().count(), 1_001);
}

/// OPS-3: `audit verify` finds an event that the database's owner changed. With an anchor, it also
/// finds a chain that the owner rewrote.
#[tokio::test]
async fn a_changed_trail_is_found_from_outside() {
    let system = InProcessSystem::start().await;
    let directory = tempfile::tempdir().unwrap();
    let anchor = directory.path().join("heads");
    let verify = ["audit", "verify", "--anchor", anchor.to_str().unwrap()];
    assert_eq!(run(&system, &verify).await.0, 0);
    let kinds = async || {
        let (code, report, _) = run(&system, &verify).await;
        let flaws = report[0]["flaws"].as_array().unwrap();
        let kinds: Vec<String> = flaws
            .iter()
            .map(|flaw| flaw["kind"].as_str().unwrap().to_owned())
            .collect();
        (code, kinds)
    };
    let ledger = system.ledger().await;
    let alter = "UPDATE audit_events SET actor = 'nobody' WHERE action = 'ADD_LINE' AND number = '0451110001'";
    sqlx::raw_sql(alter).execute(&ledger).await.unwrap();
    assert_eq!(kinds().await, (6, vec!["ALTERED".to_owned()]));
    let rewrite = "UPDATE audit_events AS event SET chain_hash = audit_hash(decode(repeat('00', 32), 'hex'), event)
            WHERE actor = 'nobody';
        UPDATE audit_chains SET head_hash = chain_hash FROM audit_events
            WHERE actor = 'nobody' AND audit_chains.chain = audit_events.chain";
    sqlx::raw_sql(rewrite).execute(&ledger).await.unwrap();
    assert_eq!(run(&system, &["audit", "verify"]).await.0, 0);
    assert_eq!(kinds().await, (6, vec!["REWRITTEN".to_owned()]));
}
