//! Start, shutdown and overload.

use std::time::Duration;

use aikagi_api::edge::v1::subscriber_service_client::SubscriberServiceClient;
use aikagi_api::edge::v1::{LoginRequest, MigrateRequest};
use aikagi_gateway::Settings;
use aikagi_mesh::config::{CommonSettings, ConfigError};
use aikagi_refusal::{ErrorReason, reason_of};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt;

use crate::fixture::Fixture;
use crate::stubs::{NUMBER, PASSWORD, SLOW_PASSWORD, SLOW_REVISION, TOKEN};

/// After shutdown has begun, the RPCs in progress run to their end. Then the edge ends.
#[tokio::test]
async fn shutdown_waits_for_the_rpcs_in_progress() {
    let mut fixture = Fixture::start("", "").await;
    let mut client = SubscriberServiceClient::new(fixture.channel().await);
    let login = tokio::spawn(async move { client.login(slow_login()).await });
    fixture.stub.slow_rpc_arrived().await;
    fixture.shutdown.begin();
    fixture.stub.continue_slow_rpc();
    let opened = login.await.unwrap().unwrap().into_inner();
    assert_eq!(opened.session_token, TOKEN);
    (&mut fixture.serving).await.unwrap().unwrap();
}

fn slow_login() -> LoginRequest {
    LoginRequest {
        number: NUMBER.to_owned(),
        password: SLOW_PASSWORD.to_owned(),
    }
}

/// LOGIN-4: the edge refuses RPCs that exceed its capacity, with a reason. It calls no service for a refused RPC.
#[tokio::test]
async fn rpcs_beyond_the_capacity_are_refused() {
    let fixture = Fixture::start_with("max_in_flight = 1", "", "").await;
    let mut client = SubscriberServiceClient::new(fixture.channel().await);
    let mut other = client.clone();
    let login = tokio::spawn(async move { client.login(slow_login()).await });
    fixture.stub.slow_rpc_arrived().await;
    let refused = other.login(slow_login()).await.unwrap_err();
    assert_eq!(reason_of(&refused), Some(ErrorReason::Overloaded));
    assert!(refused.get_details_retry_info().is_some());
    fixture.stub.continue_slow_rpc();
    login.await.unwrap().unwrap();
    assert_eq!(fixture.stub.calls().len(), 1);
}

/// INV-11: an outside request cannot get a longer deadline than the settings allow.
#[tokio::test]
async fn an_outside_deadline_is_limited() {
    let fixture = Fixture::start_with("deadline = \"300ms\"", "", "").await;
    let mut client = SubscriberServiceClient::new(fixture.channel().await);
    let mut request = tonic::Request::new(slow_login());
    request.set_timeout(Duration::from_hours(1));
    let late = client.login(request).await.unwrap_err();
    assert_eq!(reason_of(&late), Some(ErrorReason::DeadlineExceeded));
}

/// INV-11, MIG-8: a unit migration may take longer than the setting, because its contract says so.
#[tokio::test]
async fn a_migration_may_take_longer() {
    let fixture = Fixture::start_with("deadline = \"300ms\"", "", "").await;
    let mut client = SubscriberServiceClient::new(fixture.channel().await);
    let login = LoginRequest {
        number: NUMBER.to_owned(),
        password: PASSWORD.to_owned(),
    };
    let token = client.login(login).await.unwrap().into_inner();
    let mut migration = MigrateRequest::default();
    SLOW_REVISION.clone_into(&mut migration.revision);
    let bearer = format!("Bearer {}", token.session_token);
    let mut migration = tonic::Request::new(migration);
    let headers = migration.metadata_mut();
    headers.insert("authorization", bearer.parse().unwrap());
    migration.set_timeout(Duration::from_mins(1));
    let mut other = client.clone();
    let migrated = tokio::spawn(async move { other.migrate(migration).await });
    fixture.stub.slow_rpc_arrived().await;

    let late = client.login(slow_login()).await.unwrap_err();
    assert_eq!(reason_of(&late), Some(ErrorReason::DeadlineExceeded));
    // One of these calls continues the login, which may still wait in the stub. The other continues the migration.
    fixture.stub.continue_slow_rpc();
    tokio::task::yield_now().await;
    fixture.stub.continue_slow_rpc();
    migrated.await.unwrap().unwrap();
}

/// The public port also serves health checks.
#[tokio::test]
async fn the_public_port_serves_health_checks() {
    let fixture = Fixture::start("", "").await;
    let mut health = HealthClient::new(fixture.channel().await);
    let response = health.check(HealthCheckRequest::default()).await.unwrap();
    assert_eq!(response.into_inner().status(), ServingStatus::Serving);
}

/// INV-7: each role has its own settings. An unknown key, a key of the other role and an upstream without replicas are
/// refused. The error names the setting.
#[test]
fn settings_of_another_role_are_refused() {
    let common = r#"
        server = { listen = "127.0.0.1:8444" }
        identity = { certificate = "c.pem", key = "c.key", authorities = "ca.pem" }
    "#;
    let public = r#"public = { listen = "127.0.0.1:8443", certificate = "p.pem", key = "p.key", origins = ["https://localhost:8443"] }"#;
    let redis = r#"redis = { url = "redis://gateway@127.0.0.1:6379" }"#;
    let of_edge =
        r#"upstreams = { authentication = ["a:1"], password = ["p:1"], units = ["u:1"] }"#;
    let of_gateway =
        r#"upstreams = { authentication = ["a:1"], issuance = ["i:1"], units = ["u:1"] }"#;
    let edge = format!("{common}\n{public}\n{redis}\n{of_edge}");
    let gateway = format!("{common}\n{of_gateway}");
    assert!(matches!(read(&edge).unwrap().1, Settings::Edge(_)));
    assert!(matches!(read(&gateway).unwrap().1, Settings::Gateway(_)));
    for (text, named) in [
        (format!("{edge}\n limit = {{}}"), "limit"),
        (edge.replace("[\"u:1\"]", "[]"), "upstreams.units"),
        (edge.replace(of_edge, of_gateway), "upstreams.issuance"),
        (edge.replace("password", "issuance"), "upstreams.issuance"),
        (edge.replace(redis, ""), "redis"),
        (format!("{edge}\n envoy = {{}}"), "envoy"),
        (format!("{gateway}\n{redis}"), "redis"),
        (format!("{gateway}\n limits = {{}}"), "limits"),
        (format!("{gateway}\n profile = {{}}"), "profile"),
        (gateway.replace(of_gateway, of_edge), "upstreams.password"),
        (
            gateway.replace("issuance = [\"i:1\"],", ""),
            "upstreams.issuance",
        ),
    ] {
        let error = read(&text).unwrap_err().to_string();
        assert!(error.contains(named), "{named}: {error}");
    }
}

fn read(text: &str) -> Result<(CommonSettings, Settings), ConfigError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    aikagi_mesh::config::load(file.path())
}
