//! Starting and stopping.

use aikagi_api::edge::v1::LoginRequest;
use aikagi_api::edge::v1::subscriber_service_client::SubscriberServiceClient;
use aikagi_gateway::Settings;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::stubs::{NUMBER, SLOW_PASSWORD, TOKEN};
use crate::world::World;

/// A stop lets the calls in progress end, and then the gateway ends too.
#[tokio::test]
async fn a_stop_lets_calls_in_progress_end() {
    let mut world = World::start("", "").await;
    let mut client = SubscriberServiceClient::new(world.channel().await);
    let login = tokio::spawn(async move {
        let request = LoginRequest {
            number: NUMBER.to_owned(),
            password: SLOW_PASSWORD.to_owned(),
        };
        client.login(request).await
    });
    world.stub.entered().await;
    world.shutdown.begin();
    world.stub.go_on();
    let opened = login.await.unwrap().unwrap().into_inner();
    assert_eq!(opened.session_token, TOKEN);
    (&mut world.serving).await.unwrap().unwrap();
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
        upstreams = { authentication = [], issuance = [], password = [], units = [] }
    "#;
    toml::from_str::<Settings>(settings).unwrap();
    let error = toml::from_str::<Settings>(&format!("{settings}\n limit = {{}}")).unwrap_err();
    assert!(error.to_string().contains("limit"), "{error}");
}
