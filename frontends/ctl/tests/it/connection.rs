//! Tests of the connection: the errors if the system cannot be reached, and the checks of `doctor`.

use aikagi_devkit::defects::{Defect, issue_defective};
use aikagi_devkit::installation::certificates::Authority;
use serde_json::Value;
use tokio::net::TcpListener;

use super::fixture::{DENY_LIST, Fixture, bare, finish};
use super::stub::CONTRACT;

async fn doctor(command: tokio::process::Command) -> (i32, Vec<(String, String, String)>) {
    let ended = finish(command).await;
    let report: Value = serde_json::from_str(ended.out.trim()).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let checks = report["checks"].as_array().unwrap();
    let checks = checks
        .iter()
        .map(|check| {
            (
                text(&check["what"]),
                text(&check["state"]),
                format!("{} {}", text(&check["found"]), text(&check["mend"])),
            )
        })
        .collect();
    (ended.code, checks)
}

fn wrong(checks: &[(String, String, String)]) -> Vec<&str> {
    checks
        .iter()
        .filter(|(_, state, _)| state == "wrong")
        .map(|(_, _, found)| found.as_str())
        .collect()
}

const DOCTOR: [&str; 3] = ["doctor", "--output", "json"];

#[tokio::test(flavor = "multi_thread")]
async fn doctor_finds_no_problem_in_a_healthy_system() {
    let fixture = Fixture::start().await;
    assert_eq!(fixture.run(&["healthcheck"]).await.out, "ready\n");
    let (code, checks) = doctor(fixture.command(&DOCTOR)).await;
    assert_eq!((code, wrong(&checks)), (0, vec![]), "{checks:?}");
    let state = |what: &str| {
        checks
            .iter()
            .find(|check| check.0.starts_with(what))
            .unwrap()
            .1
            .clone()
    };
    for what in [
        "your certificate",
        "your key",
        "authorities",
        "name",
        "gateway",
        "health",
        "clocks",
        "units",
        "authentication",
    ] {
        assert_eq!(state(what), "well", "{what}");
    }
    assert!(
        fixture
            .run(&["doctor"])
            .await
            .out
            .contains("ok       health")
    );
}

/// INV-12: doctor shows the deny list of each gateway, the operator's own, and the maximum age of connections.
#[tokio::test(flavor = "multi_thread")]
async fn doctor_shows_deny_lists_and_the_age_of_connections() {
    let fixture = Fixture::start().await;
    let check = async |list: Option<&str>, what: &str| {
        let mut command = fixture.command(&DOCTOR);
        if let Some(text) = list {
            command.env("AIKAGICTL_DENY_LIST", fixture.write("own.txt", text));
        }
        let (code, checks) = doctor(command).await;
        let found = checks.iter().find(|check| check.0.starts_with(what));
        let (_, state, found) = found.unwrap();
        (code, state.clone(), found.clone())
    };
    let (code, state, found) = check(None, "deny list 127.0.0.1").await;
    assert_eq!((code, state.as_str()), (0, "well"));
    assert!(found.starts_with("1 entry, changed "), "{found}");
    let (_, state, found) = check(None, "connections").await;
    assert_eq!(state, "well");
    assert!(found.contains("1h") && found.contains("15m"), "{found}");
    assert_eq!(check(None, "your deny list").await.1, "skipped");

    let two = "serial=01\nserial=02 # two\n";
    let (code, state, found) = check(Some(two), "your deny list").await;
    assert_eq!((code, state.as_str()), (0, "well"));
    assert!(found.starts_with("2 entries, changed "), "{found}");
    let (code, state, found) = check(Some("serial=01\nunits\n"), "your deny list").await;
    assert_eq!((code, state.as_str()), (6, "wrong"));
    assert!(found.contains("line 2"), "{found}");
    let gateway = "spiffe://aikagi/gateway";
    let (code, state, found) = check(Some(gateway), "gateway 127.0.0.1").await;
    assert_eq!((code, state.as_str()), (6, "wrong"));
    assert!(found.contains("on your deny list"), "{found}");

    fixture.write(DENY_LIST, "units");
    fixture.identity.reload();
    let (code, state, found) = check(None, "deny list 127.0.0.1").await;
    assert_eq!((code, state.as_str()), (6, "wrong"));
    assert!(found.contains("cannot be used"), "{found}");
}

/// INV-12: doctor reports that the gateway denies the operator's certificate.
#[tokio::test(flavor = "multi_thread")]
async fn a_denied_operator_is_refused() {
    let fixture = Fixture::start().await;
    let mallory = fixture.authority.issue("operator/mallory", &[]).unwrap();
    let (code, checks) = doctor(fixture.command_as(&mallory, &DOCTOR)).await;
    assert_eq!(code, 6);
    let found = wrong(&checks)[0];
    assert!(found.contains("CertificateRevoked"), "{found}");
    assert!(found.contains("deny list"), "{found}");
}

/// INV-7: `aikagictl` sends requests only to the gateway, and reports each obstacle.
#[tokio::test(flavor = "multi_thread")]
async fn obstacles_are_reported() {
    let show = ["line", "show", CONTRACT];

    let other = Fixture::start_as("units").await;
    let ended = other.run(&show).await;
    assert_eq!(ended.code, 5);
    assert!(
        ended.err.contains("not the expected workload"),
        "{}",
        ended.err
    );
    let (code, checks) = doctor(other.command(&DOCTOR)).await;
    assert_eq!(code, 6);
    assert!(wrong(&checks)[0].contains("private port"), "{checks:?}");

    let fixture = Fixture::start().await;
    let ivr = fixture.authority.issue("ivr", &[]).unwrap();
    let ended = finish(fixture.command_as(&ivr, &show)).await;
    assert_eq!(ended.code, 3);
    assert!(ended.err.contains("[CALLER_NOT_ALLOWED]"), "{}", ended.err);
    let (_, checks) = doctor(fixture.command_as(&ivr, &DOCTOR)).await;
    assert!(
        wrong(&checks)[0].contains("not an operator's"),
        "{checks:?}"
    );

    let expired = issue_defective(&fixture.authority, "operator", Defect::Expired).unwrap();
    let ended = finish(fixture.command_as(&expired, &show)).await;
    assert_eq!(ended.code, 5);
    assert!(
        ended.err.contains("does not accept our certificate"),
        "{}",
        ended.err
    );
    let (_, checks) = doctor(fixture.command_as(&expired, &DOCTOR)).await;
    assert!(
        wrong(&checks)[0].contains("have a new certificate issued"),
        "{checks:?}"
    );

    let stranger = Authority::open(&fixture.path("elsewhere"))
        .unwrap()
        .issue("operator", &[])
        .unwrap();
    let (_, checks) = doctor(fixture.command_as(&stranger, &DOCTOR)).await;
    assert!(
        wrong(&checks)[0].contains("trusted authority"),
        "{checks:?}"
    );

    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = unused.local_addr().unwrap().to_string();
    drop(unused);
    let mut command = fixture.command(&show);
    command.env("AIKAGICTL_GATEWAY", &address);
    let ended = finish(command).await;
    assert_eq!(ended.code, 5);
    assert!(ended.err.contains("no connection"), "{}", ended.err);
    let mut command = fixture.command(&DOCTOR);
    command.env("AIKAGICTL_GATEWAY", format!("{address},nowhere.invalid:1"));
    let (_, checks) = doctor(command).await;
    assert_eq!(wrong(&checks).len(), 2, "{checks:?}");
}

#[tokio::test]
async fn a_missing_setting_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let ended = finish(bare(&["healthcheck"], directory.path())).await;
    assert_eq!(ended.code, 2);
    assert!(
        ended.err.contains("`gateway`") && ended.err.contains("--state"),
        "{}",
        ended.err
    );
    std::fs::create_dir(directory.path().join("aikagi")).unwrap();
    let file = directory.path().join("aikagi/aikagictl.toml");
    std::fs::write(
        file,
        "gateway = [\"localhost:1\"]\ncertificate = \"c\"\nkey = \"k\"\nauthorities = \"a\"\n",
    )
    .unwrap();
    let ended = finish(bare(&["healthcheck"], directory.path())).await;
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("identity.key"), "{}", ended.err);
}
