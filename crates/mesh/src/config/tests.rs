use super::*;

/// The settings of a service with one section of its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    upstreams: Option<Upstreams>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Upstreams {
    authentication: Replicas,
}

const IDENTITY: &str = "[identity]\ncertificate = \"c\"\nkey = \"k\"\nauthorities = \"a\"\n";

fn load_text(text: &str) -> Result<(CommonSettings, Settings), ConfigError> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), format!("{text}{IDENTITY}")).expect("written");
    load(file.path())
}

fn error_of(text: &str) -> String {
    load_text(text).expect_err("refused").to_string()
}

#[test]
fn an_unknown_key_is_refused_by_its_path() {
    let error = error_of("[server]\nlisten = \"127.0.0.1:1\"\nlisen = 1\n");
    assert!(error.contains("server"), "{error}");
    assert!(error.contains("lisen"), "{error}");
    let error = error_of("colour = 1\n[server]\nlisten = \"127.0.0.1:1\"\n");
    assert!(error.contains("colour"), "{error}");
    let error = error_of("[sever]\nlisten = \"127.0.0.1:1\"\n");
    assert!(error.contains("sever"), "{error}");
}

#[test]
fn a_missing_or_malformed_value_is_refused_by_its_path() {
    let error = error_of("[server]\n");
    assert!(error.contains("listen"), "{error}");
    let error = error_of("[server]\nlisten = \"nowhere\"\n");
    assert!(error.contains("server.listen"), "{error}");
}

#[test]
fn durations_are_written_for_people() {
    let (common, _) =
        load_text("[server]\nlisten = \"127.0.0.1:1\"\ndeadline = \"1500ms\"\n").expect("good");
    assert_eq!(common.server.deadline, Duration::from_millis(1500));
}

#[test]
fn an_upstream_needs_addresses_with_a_port() {
    let text = |addresses: &str| {
        format!("upstreams.authentication = {addresses}\n[server]\nlisten = \"127.0.0.1:1\"\n")
    };
    let (_, settings) = load_text(&text("[\"one:1\", \"[::1]:2\"]")).expect("good");
    let addresses: Vec<String> = settings.upstreams.expect("some").authentication.into();
    assert_eq!(addresses, ["one:1", "[::1]:2"]);
    for (addresses, reason) in [
        ("[]", "at least one address"),
        ("[\"one\"]", "host:port"),
        ("[\":1\"]", "host:port"),
        ("[\"one:http\"]", "host:port"),
    ] {
        let error = error_of(&text(addresses));
        assert!(error.contains("upstreams.authentication"), "{error}");
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o644)).expect("mode");
    assert!(
        check_private(file.path())
            .expect_err("refused")
            .to_string()
            .contains("644")
    );
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o600)).expect("mode");
    check_private(file.path()).expect("accepted");
}
