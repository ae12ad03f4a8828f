//! Starting, stopping, and having too much to do.

use std::time::Duration;

use aikagi_api::edge::v1::LoginRequest;
use aikagi_api::edge::v1::subscriber_service_client::SubscriberServiceClient;
use aikagi_gateway::Settings;
use aikagi_mesh::config::{CommonSettings, ConfigError};
use aikagi_refusal::{ErrorReason, reason_of};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt;

use crate::stubs::{NUMBER, SLOW_PASSWORD, TOKEN};
use crate::world::World;

/// A stop lets the calls in progress end, and then the gateway ends too.
#[tokio::test]
async fn a_stop_lets_calls_in_progress_end() {
    let mut world = World::start("", "").await;
    let mut client = SubscriberServiceClient::new(world.channel().await);
    let login = tokio::spawn(async move { client.login(slow_login()).await });
    world.stub.entered().await;
    world.shutdown.begin();
    world.stub.go_on();
    let opened = login.await.unwrap().unwrap().into_inner();
    assert_eq!(opened.session_token, TOKEN);
    (&mut world.serving).await.unwrap().unwrap();
}

fn slow_login() -> LoginRequest {
    LoginRequest {
        number: NUMBER.to_owned(),
        password: SLOW_PASSWORD.to_owned(),
    }
}

/// LOGIN-4: beyond its capacity the gateway sheds calls with a reason, and they cost nothing behind it.
#[tokio::test]
async fn too_many_calls_at_once_are_refused() {
    let world = World::start_with("max_in_flight = 1", "", "").await;
    let mut client = SubscriberServiceClient::new(world.channel().await);
    let mut other = client.clone();
    let login = tokio::spawn(async move { client.login(slow_login()).await });
    world.stub.entered().await;
    let refused = other.login(slow_login()).await.unwrap_err();
    assert_eq!(reason_of(&refused), Some(ErrorReason::Overloaded));
    assert!(refused.get_details_retry_info().is_some());
    world.stub.go_on();
    login.await.unwrap().unwrap();
    assert_eq!(world.stub.calls().len(), 1);
}

/// INV-11: nobody outside is given more time than the settings give.
#[tokio::test]
async fn a_deadline_from_outside_is_no_longer_than_ours() {
    let world = World::start_with("deadline = \"300ms\"", "", "").await;
    let mut client = SubscriberServiceClient::new(world.channel().await);
    let mut request = tonic::Request::new(slow_login());
    request.set_timeout(Duration::from_hours(1));
    let late = client.login(request).await.unwrap_err();
    assert_eq!(reason_of(&late), Some(ErrorReason::DeadlineExceeded));
}

/// The public port answers for its health, too.
#[tokio::test]
async fn the_public_port_tells_its_health() {
    let world = World::start("", "").await;
    let mut health = HealthClient::new(world.channel().await);
    let answer = health.check(HealthCheckRequest::default()).await.unwrap();
    assert_eq!(answer.into_inner().status(), ServingStatus::Serving);
}

#[test]
fn unknown_settings_are_refused() {
    let settings = r#"
        server = { listen = "127.0.0.1:8444" }
        identity = { certificate = "c.pem", key = "c.key", authorities = "ca.pem" }
        redis = { url = "redis://gateway@127.0.0.1:6379" }
        public = { listen = "127.0.0.1:8443", certificate = "p.pem", key = "p.key", origins = ["https://localhost:8443"] }
        upstreams = { authentication = ["a:1"], issuance = ["i:1"], password = ["p:1"], units = ["u:1"] }
    "#;
    read(settings).unwrap();
    let error = read(&format!("{settings}\n limit = {{}}")).unwrap_err();
    assert!(error.to_string().contains("limit"), "{error}");
    let error = read(&settings.replace("[\"u:1\"]", "[]")).unwrap_err();
    assert!(error.to_string().contains("upstreams.units"), "{error}");
}

fn read(text: &str) -> Result<(CommonSettings, Settings), ConfigError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    aikagi_mesh::config::load(file.path())
}
