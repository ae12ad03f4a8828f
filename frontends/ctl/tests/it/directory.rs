//! Tests of the commands for lines, numbers, explanations and sessions: their requests, output and exit codes.

use serde_json::json;

use super::fixture::{Fixture, bare, finish};
use super::stub::{CLOSED, CONTRACT, KILLED, NOBODY};

/// OPS-2: a line is shown for people, with the state of each number.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_shown_for_people() {
    let fixture = Fixture::start().await;
    let ended = fixture.run(&["line", "show", CONTRACT]).await;
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    let expected = "\
line   0312340001
state  open
unit   ADMIN_USER, established 2026-09-21 14:13:20Z

NUMBER      SUBSCRIBED  ACCOUNT        PASSWORD
0312340001  yes         ADMINISTRATOR  permanent, changed 2026-09-21 14:13:20Z
0312340002  yes         USER           killed 2026-09-21 14:23:20Z
";
    assert_eq!(ended.out, expected);
}

/// OPS-2: a line is shown for scripts with stable keys.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_shown_for_scripts() {
    let fixture = Fixture::start().await;
    let (code, documents) = fixture.json(&["line", "show", CONTRACT]).await;
    assert_eq!(code, 0);
    let expected = json!({
        "contract_number": CONTRACT,
        "unit": "ADMIN_USER",
        "unit_established_time": "2026-09-21T14:13:20Z",
        "close_time": null,
        "numbers": [
            {"number": CONTRACT, "subscribed": true, "role": "ADMINISTRATOR", "credential": "PERMANENT",
             "failures": 0, "open_charges": 0, "kill_time": null, "temporary_expire_time": null, "change_time": "2026-09-21T14:13:20Z"},
            {"number": KILLED, "subscribed": true, "role": "USER", "credential": "PERMANENT", "failures": 10,
             "open_charges": 0, "kill_time": "2026-09-21T14:23:20Z", "temporary_expire_time": null, "change_time": "2026-09-21T14:13:20Z"},
        ],
    });
    assert_eq!(documents, [expected]);
}

/// OPS-1: each command sends its request and shows the line.
#[tokio::test(flavor = "multi_thread")]
async fn each_command_sends_its_request() {
    let fixture = Fixture::start().await;
    for arguments in [
        vec![
            "line",
            "add",
            "0612340001",
            "--subscribed",
            "0612340001,0612340002",
            "--unsubscribed",
            "0612340003",
        ],
        vec!["line", "close", CONTRACT],
        vec!["line", "reset-unit", CONTRACT, "--yes"],
        vec!["number", "add", CONTRACT, "0312340005", "--subscribed"],
        vec!["number", "remove", KILLED],
        vec!["number", "subscribe", KILLED],
        vec!["number", "unsubscribe", KILLED],
    ] {
        let ended = fixture.run(&arguments).await;
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.err);
        assert!(ended.out.starts_with("line   0312340001"), "{arguments:?}");
    }
    let requests = fixture.stub.requests();
    let names = [
        "AddLine",
        "CloseLine",
        "ResetUnit",
        "AddNumber",
        "RemoveNumber",
        "SubscribeNumber",
        "UnsubscribeNumber",
    ];
    for (name, request) in names.iter().zip(&requests) {
        assert!(request.starts_with(&format!("{name}Request")), "{request}");
    }
    let new = |number, subscribed| {
        format!("NewNumber {{ number: \"{number}\", subscribed: {subscribed} }}")
    };
    for part in [
        new("0612340001", true),
        new("0612340002", true),
        new("0612340003", false),
    ] {
        assert_eq!(requests[0].matches(&part).count(), 1, "{}", requests[0]);
    }
    let added = &requests[3];
    assert!(added.contains(&new("0312340005", true)), "{added}");
}

/// OPS-4: each kind of error has its exit code, its stable reason and a hint.
#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_error_has_its_exit_code() {
    let fixture = Fixture::start().await;
    for (arguments, code, reason, hint) in [
        (vec!["line", "show", "broken"], 1, "INTERNAL", "logs"),
        (
            vec!["line", "show", "x"],
            2,
            "INVALID_FIELD",
            "number: not a telephone number",
        ),
        (
            vec!["line", "add", CONTRACT],
            3,
            "NUMBER_TAKEN",
            "******0001",
        ),
        (
            vec!["number", "subscribe", CLOSED],
            3,
            "LINE_CLOSED",
            "another line",
        ),
        (vec!["line", "show", NOBODY], 4, "LINE_NOT_FOUND", "explain"),
        (
            vec!["sessions", "list", NOBODY],
            4,
            "LINE_NOT_FOUND",
            "explain",
        ),
    ] {
        let ended = fixture.run(&arguments).await;
        assert_eq!(ended.code, code, "{arguments:?}: {}", ended.err);
        assert!(ended.err.contains(&format!("[{reason}]")), "{}", ended.err);
        assert!(ended.err.contains(hint), "{}", ended.err);
        assert_eq!(ended.out, "");

        let ended = fixture
            .run(&[&arguments[..], &["--output", "json"]].concat())
            .await;
        let error: serde_json::Value = serde_json::from_str(&ended.err).unwrap();
        assert_eq!(error["error"]["reason"], reason);
        assert_eq!(ended.code, code);
    }
    assert_eq!(fixture.run(&["line", "shew"]).await.code, 2);
    assert_eq!(fixture.run(&["--version"]).await.code, 0);
}

/// OPS-2: an explanation says why a number cannot log in, and names the remedy.
#[tokio::test(flavor = "multi_thread")]
async fn an_explanation_has_verdict_and_remedy() {
    let fixture = Fixture::start().await;
    let ended = fixture.run(&["explain", "03-1234-0002"]).await;
    assert_eq!(ended.code, 0);
    assert!(
        ended
            .out
            .contains("killed its password on 2026-09-21 14:23:20Z"),
        "{}",
        ended.out
    );
    assert!(ended.out.contains("a call from the line"), "{}", ended.out);
    let (code, documents) = fixture.json(&["explain", NOBODY]).await;
    assert_eq!(code, 0);
    assert_eq!(documents[0]["verdict"], "UNKNOWN_NUMBER");
    assert_eq!(documents[0]["line"], json!(null));
}

/// OPS-2, SESS-2: an operator can list an account's sessions, without their tokens, and end them.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_and_ended() {
    let fixture = Fixture::start().await;
    let (code, documents) = fixture.json(&["sessions", "list", CONTRACT]).await;
    assert_eq!(code, 0);
    let expected = json!({"number": CONTRACT, "sessions": [{"open_time": "2026-09-21T14:13:20Z",
        "idle_expire_time": "2026-09-21T14:28:20Z", "expire_time": "2026-09-22T02:13:20Z",
        "must_change_reason": "TEMPORARY"}]});
    assert_eq!(documents, [expected]);
    let ended = fixture.run(&["sessions", "list", KILLED]).await;
    assert_eq!(ended.out, "0312340002 has no live session\n");
    let (code, documents) = fixture.json(&["sessions", "end", CONTRACT]).await;
    assert_eq!((code, &documents[0]["ended"]), (0, &json!(true)));
    assert_eq!(fixture.stub.requests(), ["\"end_sessions 0312340001\""]);
}

#[tokio::test]
async fn completions_and_man_pages_need_no_system() {
    let directory = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let ended = finish(bare(&["completions", shell], directory.path())).await;
        assert_eq!(ended.code, 0);
        assert!(ended.out.contains("reset-unit"), "{shell}");
    }
    let ended = finish(bare(&["man", "pages"], directory.path())).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    let page =
        std::fs::read_to_string(directory.path().join("pages/aikagictl-audit-verify.1")).unwrap();
    assert!(page.contains("anchor"));
    let help = finish(bare(&["--help"], directory.path())).await;
    assert!(help.out.contains("Exit codes:") && help.out.contains("Examples:"));
}
