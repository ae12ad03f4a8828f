use super::*;

/// The settings of a service that has one section besides the common ones.
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
    let file = tempfile::NamedTempFile::new().expect("the file is created");
    std::fs::write(file.path(), format!("{text}{IDENTITY}")).expect("the file is written");
    load(file.path())
}

fn error_of(text: &str) -> String {
    load_text(text)
        .expect_err("the settings are refused")
        .to_string()
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
fn a_duration_is_a_number_with_a_unit() {
    let (common, _) = load_text("[server]\nlisten = \"127.0.0.1:1\"\ndeadline = \"1500ms\"\n")
        .expect("the settings are valid");
    assert_eq!(common.server.deadline, Duration::from_millis(1500));
}

#[test]
fn an_upstream_needs_addresses_with_a_port() {
    let text = |addresses: &str| {
        format!("upstreams.authentication = {addresses}\n[server]\nlisten = \"127.0.0.1:1\"\n")
    };
    let (_, settings) =
        load_text(&text("[\"one:1\", \"[::1]:2\"]")).expect("the settings are valid");
    let upstreams = settings.upstreams.expect("the upstreams are set");
    let addresses: Vec<String> = upstreams.authentication.into();
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
    let file = tempfile::NamedTempFile::new().expect("the file is created");
    let set_mode = |mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(file.path(), permissions).expect("the mode is set");
    };
    set_mode(0o644);
    assert!(
        check_private(file.path())
            .expect_err("the file is refused")
            .to_string()
            .contains("644")
    );
    set_mode(0o600);
    check_private(file.path()).expect("the file is accepted");
}
