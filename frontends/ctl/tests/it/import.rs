//! Tests of the bulk import (OPS-1): its requests, its output, its files, and how it continues after it was stopped.

use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::fixture::{Ended, Fixture};

const HEADER: &str = "contract_number,subscribed_numbers,unsubscribed_numbers";

/// Returns `count` good rows.
fn rows(count: u32) -> String {
    let row = |index: u32| format!("03{index:08},03{index:08};04{index:08},05{index:08}\n");
    (1..=count).map(row).collect()
}

fn file(fixture: &Fixture, rows: &str) -> PathBuf {
    fixture.write("lines.csv", &format!("{HEADER}\n{rows}"))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", path.display()))
}

fn summary(documents: &[Value]) -> (u64, u64, u64, u64) {
    let last = documents.last().unwrap();
    assert_eq!(last["type"], "summary");
    let count = |key: &str| last[key].as_u64().unwrap();
    (
        count("rows"),
        count("added"),
        count("unchanged"),
        count("rejected"),
    )
}

fn import<'a>(path: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    [&["import", path.to_str().unwrap()], more].concat()
}

/// OPS-1: a file is imported, and importing it again changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_imported_twice() {
    let fixture = Fixture::start().await;
    let path = file(&fixture, &rows(25));
    let (code, documents) = fixture.json(&import(&path, &["--batch", "4"])).await;
    assert_eq!((code, summary(&documents)), (0, (25, 25, 0, 0)));
    assert_eq!(
        (
            fixture.stub.importing.lines().len(),
            fixture.stub.importing.answered()
        ),
        (25, 7)
    );
    let (code, documents) = fixture.json(&import(&path, &[])).await;
    assert_eq!((code, summary(&documents)), (0, (25, 0, 25, 0)));
    assert!(!beside(&path, ".progress").exists() && !beside(&path, ".rejected.csv").exists());
    let empty = file(&fixture, "");
    assert_eq!(fixture.run(&import(&empty, &[])).await.code, 0);
}

/// OPS-1: every kind of bad row is reported with its row number and its reason, and good rows are imported. The
/// rejected rows can be corrected and imported.
#[tokio::test(flavor = "multi_thread")]
async fn bad_rows_are_reported_and_can_be_corrected() {
    let fixture = Fixture::start().await;
    let bad = "0312345678,\n\
        12,,\n\
        \"0311111111,,\n\
        0322222222,0300000001,\n\
        0333333333,,,,\n\
        0344444444,,\n";
    let path = file(&fixture, &format!("{}{bad}", rows(3)));
    let (code, documents) = fixture.json(&import(&path, &["--batch", "2"])).await;
    assert_eq!((code, summary(&documents)), (6, (9, 4, 0, 5)));
    let reported: Vec<(u64, &str)> = documents
        .iter()
        .filter(|document| document["type"] == "rejected")
        .map(|document| {
            (
                document["row"].as_u64().unwrap(),
                document["reason"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        reported,
        [
            (5, "COLUMN_COUNT"),
            (6, "CONTRACT_NUMBER_INVALID"),
            (7, "QUOTE_NOT_CLOSED"),
            (8, "NUMBER_IN_ANOTHER_ROW"),
            (9, "COLUMN_COUNT")
        ]
    );
    assert_eq!(documents[3]["other_row"], 2);
    let rejected = beside(&path, ".rejected.csv");
    let text = std::fs::read_to_string(&rejected).unwrap();
    let first = text.lines().nth(1).unwrap();
    assert_eq!(first, "0312345678,,,5,2 columns instead of 3", "{text}");
    assert!(
        text.contains("the number is also in row 2: 0300000001"),
        "{text}"
    );

    // Correct all rows but one, and import the file of rejected rows.
    let corrected = text
        .replace("\n12,", "\n0355555555,")
        .replace("0322222222,0300000001,", "0322222222,,");
    std::fs::write(&rejected, corrected).unwrap();
    let ended = fixture.run(&import(&rejected, &[])).await;
    assert!(
        ended
            .out
            .contains("5 rows: 4 added, 0 unchanged, 1 rejected"),
        "{}",
        ended.out
    );
    assert_eq!(fixture.stub.importing.lines().len(), 8);
    // A new run does not overwrite rejected rows, because they may have been corrected.
    let ended = fixture.run(&import(&path, &[])).await;
    assert_eq!(ended.code, 6);
    assert!(
        beside(&rejected, ".before").exists() && ended.err.contains(".before"),
        "{}",
        ended.err
    );
}

/// OPS-1: a dry run changes nothing and writes no files.
#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_changes_nothing() {
    let fixture = Fixture::start().await;
    let path = file(&fixture, &format!("{}12,,\n", rows(3)));
    let ended = fixture.run(&import(&path, &["--dry-run"])).await;
    assert_eq!(ended.code, 6);
    assert!(
        ended.out.contains("row 5: the contract number is missing"),
        "{}",
        ended.out
    );
    assert!(
        ended.out.contains("4 rows: 3 would be added"),
        "{}",
        ended.out
    );
    assert_eq!(fixture.stub.importing.lines().len(), 0);
    assert!(!beside(&path, ".progress").exists() && !beside(&path, ".rejected.csv").exists());
}

/// OPS-1: after a lost connection the import connects again. No row is lost or counted twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_restored() {
    let fixture = Fixture::start().await;
    let path = file(&fixture, &format!("12,,\n{}34,,\n", rows(20)));
    fixture.stub.importing.break_after(3);
    let ended = fixture
        .run(&import(&path, &["--batch", "2", "--output", "json"]))
        .await;
    // A response can be lost with the connection. Its rows are sent again and counted as unchanged.
    let (rows, added, unchanged, rejected) = summary(&ended.documents());
    assert_eq!(
        (rows, added + unchanged, rejected),
        (22, 20, 2),
        "{}",
        ended.err
    );
    assert!(ended.err.contains("trying again in 0.5 s"), "{}", ended.err);
    assert_eq!(fixture.stub.importing.lines().len(), 20);
}

/// OPS-1: Ctrl-C stops the import after a batch. The next run continues after this batch and says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_import_continues() {
    let fixture = Fixture::start().await;
    let path = file(&fixture, &format!("12,,\n{}34,,\n", rows(40)));
    fixture.stub.importing.pause_after(5);
    let command = import(
        &path,
        &["--batch", "2", "--in-flight", "2", "--output", "json"],
    );
    let mut child = fixture.spawn(&command);
    fixture.stub.importing.paused().await;
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap());
    kill(pid, Signal::SIGINT).unwrap();
    let mut remarks = BufReader::new(child.stderr.take().unwrap()).lines();
    loop {
        let remark = remarks.next_line().await.unwrap().unwrap();
        if remark.contains("stopping after the batches already sent") {
            break;
        }
    }
    fixture.stub.importing.resume();
    let stopped = Ended::of(&child.wait_with_output().await.unwrap());
    assert_eq!(stopped.code, 130);
    let (done, ..) = summary(&stopped.documents());
    assert!((12..=14).contains(&done), "{done}");
    let progress: Value =
        serde_json::from_slice(&std::fs::read(beside(&path, ".progress")).unwrap()).unwrap();
    assert_eq!(progress["answered_through_row"], done + 1);

    let ended = fixture.run(&command).await;
    assert_eq!(ended.code, 6);
    assert!(
        ended
            .err
            .contains(&format!("continuing after row {}", done + 1)),
        "{}",
        ended.err
    );
    assert_eq!(summary(&ended.documents()), (42, 40, 0, 2));
    let rejected = std::fs::read_to_string(beside(&path, ".rejected.csv")).unwrap();
    assert_eq!(rejected.lines().count(), 3, "{rejected}");
    assert_eq!(fixture.stub.importing.lines().len(), 40);
    assert!(!beside(&path, ".progress").exists());
}

/// OPS-1: after the process was killed, the next run continues the import. It starts with the first row if
/// `--from-start` is given or the file has changed.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_import_continues() {
    let fixture = Fixture::start().await;
    let path = file(&fixture, &rows(20));
    let stop_in_the_middle = async || {
        fixture.stub.importing.pause_after(5);
        let mut child = fixture.spawn(&import(&path, &["--batch", "2"]));
        fixture.stub.importing.paused().await;
        child.kill().await.unwrap();
        fixture.stub.importing.resume();
        assert!(beside(&path, ".progress").exists());
    };
    stop_in_the_middle().await;
    let ended = fixture.run(&import(&path, &[])).await;
    assert!(ended.err.contains("continuing after row"), "{}", ended.err);
    assert_eq!(
        (ended.code, fixture.stub.importing.lines().len()),
        (0, 20),
        "{}",
        ended.err
    );

    stop_in_the_middle().await;
    let ended = fixture.run(&import(&path, &["--from-start"])).await;
    assert_eq!(ended.err, "");

    stop_in_the_middle().await;
    file(&fixture, &rows(21));
    let ended = fixture.run(&import(&path, &[])).await;
    assert!(ended.err.contains("has changed"), "{}", ended.err);
    assert_eq!((ended.code, fixture.stub.importing.lines().len()), (0, 21));
}

/// OPS-1: the import stops with an error if it cannot record the progress. The next run loses nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_nothing() {
    let fixture = Fixture::start().await;
    let path = file(&fixture, &format!("{}12,,\n", rows(6)));
    let (progress, rejected) = (beside(&path, ".progress"), beside(&path, ".rejected.csv"));
    // The file of rejected rows is a link to a device that is always full.
    std::os::unix::fs::symlink("/dev/full", &rejected).unwrap();
    std::fs::write(&progress, "").unwrap();
    let ended = fixture.run(&import(&path, &[])).await;
    assert!(
        ended.err.contains("cannot parse") && ended.code == 2,
        "{}",
        ended.err
    );
    std::fs::remove_file(&progress).unwrap();
    std::fs::create_dir(&progress).unwrap();
    let ended = fixture
        .run(&import(&path, &["--from-start", "--batch", "2"]))
        .await;
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(
        ended.err.contains("cannot write") && ended.err.contains("repeat the same command"),
        "{}",
        ended.err
    );
    std::fs::remove_dir(&progress).unwrap();
    let (code, documents) = fixture.json(&import(&path, &[])).await;
    let (rows, added, unchanged, rejected) = summary(&documents);
    assert_eq!((code, rows, added + unchanged, rejected), (6, 7, 6, 1));
    assert_eq!(fixture.stub.importing.lines().len(), 6);
}

/// OPS-1: an import that could not write its files, or whose input is a pipe, sends nothing. The files cannot be written
/// if a directory is in place of the progress file, or a broken link in place of the file of rejected rows.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_without_its_files_sends_nothing() {
    let fixture = Fixture::start().await;
    let path = file(&fixture, &rows(30));
    // A directory and a link to nowhere stand in the places of the files, so that these cannot be written.
    let (progress, rejected) = (beside(&path, ".progress"), beside(&path, ".rejected.csv"));
    let sends_nothing = async || {
        let ended = fixture.run(&import(&path, &["--from-start"])).await;
        assert_eq!(ended.code, 1, "{}", ended.err);
        assert!(ended.err.contains("nothing was sent"), "{}", ended.err);
        assert_eq!(fixture.stub.importing.lines().len(), 0);
    };
    std::fs::create_dir(&progress).unwrap();
    sends_nothing().await;
    std::fs::remove_dir(&progress).unwrap();
    std::os::unix::fs::symlink(fixture.path("nowhere/file"), &rejected).unwrap();
    sends_nothing().await;
    std::fs::remove_file(&rejected).unwrap();

    let pipe = fixture.path("pipe.csv");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (more, code, rows) in [(&[][..], 2, None), (&["--dry-run"][..], 0, Some(30))] {
        let child = fixture.spawn(&import(&pipe, more));
        let content = std::fs::read(&path).unwrap();
        let writer = tokio::task::spawn_blocking({
            let pipe = pipe.clone();
            // If nobody reads, the write fails.
            move || std::fs::write(pipe, content)
        });
        let ended = Ended::of(&child.wait_with_output().await.unwrap());
        assert_eq!(ended.code, code, "{}", ended.err);
        match rows {
            None => assert!(ended.err.contains("not a regular file"), "{}", ended.err),
            Some(rows) => assert!(ended.out.contains(&format!("{rows} rows")), "{}", ended.out),
        }
        let _ = writer.await.unwrap();
    }
    assert_eq!(fixture.stub.importing.lines().len(), 0);
}

/// OPS-1: if the progress cannot be recorded in the middle of an import, the summary has the rows that were imported.
#[tokio::test(flavor = "multi_thread")]
async fn imported_rows_are_reported_although_they_are_not_recorded() {
    let fixture = Fixture::start().await;
    let path = file(&fixture, &rows(20));
    fixture.stub.importing.pause_after(3);
    let options = ["--batch", "2", "--in-flight", "1", "--output", "json"];
    let child = fixture.spawn(&import(&path, &options));
    fixture.stub.importing.paused().await;
    let progress = beside(&path, ".progress");
    std::fs::remove_file(&progress).unwrap();
    std::fs::create_dir(&progress).unwrap();
    fixture.stub.importing.resume();
    let ended = Ended::of(&child.wait_with_output().await.unwrap());
    assert_eq!(ended.code, 1, "{}", ended.err);
    let imported = fixture.stub.importing.lines().len();
    let (rows, added, ..) = summary(&ended.documents());
    assert_eq!((rows, added), (imported as u64, imported as u64));
}

/// OPS-1: control characters of a file reach neither the terminal nor the file of rejected rows. Harmless additions of
/// spreadsheet programs are accepted and ignored.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_cannot_control_the_terminal() {
    let fixture = Fixture::start().await;
    let evil = "0311111111\u{1b}[2J\u{9b}31m\u{202e},,\n03\u{7},0322222222\u{1b},\n";
    let path = file(&fixture, evil);
    let ended = fixture.run(&import(&path, &[])).await;
    let rejected = std::fs::read_to_string(beside(&path, ".rejected.csv")).unwrap();
    assert_eq!(ended.code, 6, "{}", ended.err);
    for text in [&ended.out, &ended.err, &rejected] {
        let is_raw = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!text.contains(is_raw), "{text:?}");
    }
    assert!(rejected.contains(r"0311111111\u{1b}[2J"), "{rejected}");

    let header = fixture.write("evil.csv", "contract_number,\u{1b}[2J\n");
    let ended = fixture.run(&import(&header, &[])).await;
    assert!(!ended.err.contains('\u{1b}'), "{:?}", ended.err);

    let text = format!("sep=,\r\n{HEADER},,\r\n0344444444,,,,\r\n,,,,\r\n,,,,\r\n\u{1a}");
    let path = fixture.write("spreadsheet.csv", &text);
    let (code, documents) = fixture.json(&import(&path, &[])).await;
    assert_eq!((code, summary(&documents)), (0, (1, 1, 0, 0)));
}
