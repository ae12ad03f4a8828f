//! Callers who claim to be others (INV-7).

use aikagi_api::authentication::v1::EndSessionsRequest;
use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::units::v1::GetLineRequest;
use aikagi_api::units::v1::directory_service_client::DirectoryServiceClient;
use aikagi_devkit::installation::workloads::Service;
use aikagi_tests::world::{CONTRACT, FIRST, PERMANENT, World, refused};
use tonic::Request;

use super::NOT_ALLOWED;

fn claiming<T>(caller: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request
        .metadata_mut()
        .insert("x-aikagi-caller", caller.parse().unwrap());
    request
}

async fn actors(world: &World, action: &str) -> Vec<String> {
    sqlx::query_scalar("SELECT actor FROM audit_events WHERE action = $1 ORDER BY event_id")
        .bind(action)
        .fetch_all(&world.ledger().await)
        .await
        .unwrap()
}

/// INV-7: nobody but the gateway says on whose behalf it calls: from anyone else the claim changes nothing, not
/// even the audit trail; and the gateway's own word does not widen what the contract allows.
/// OPS-3: the audit trail names the workload that its certificate names, with its instance.
#[tokio::test]
async fn a_forged_caller_changes_nothing() {
    let world = World::start().await;
    let ended = || EndSessionsRequest {
        number: FIRST.to_owned(),
    };
    let line = || GetLineRequest {
        number: FIRST.to_owned(),
    };

    // An outside workload at the private port claims to be another.
    let operator = world.private_as("operator/alice");
    let mut sessions = AuthenticationServiceClient::new(operator.clone());
    sessions
        .end_sessions(claiming("spiffe://aikagi/operator/mallory", ended()))
        .await
        .unwrap();
    assert_eq!(actors(&world, "END_SESSIONS").await, ["operator/alice"]);
    let mut ivr = AuthenticationServiceClient::new(world.private_as("ivr"));
    let refusal = ivr
        .end_sessions(claiming("spiffe://aikagi/operator", ended()))
        .await;
    assert_eq!(refused(refusal), NOT_ALLOWED);

    // A workload inside that is not the gateway, at a service.
    for peer in ["password", "units", "operator", "stranger"] {
        let channel = world.replica_as(Service::Authentication, 0, peer);
        let mut sessions = AuthenticationServiceClient::new(channel);
        let refusal = sessions
            .end_sessions(claiming("spiffe://aikagi/operator", ended()))
            .await;
        assert_eq!(refused(refusal), NOT_ALLOWED, "{peer}");
    }

    // The gateway itself, for somebody whom the contract does not name, or for nobody that could be.
    let mut units = DirectoryServiceClient::new(world.replica_as(Service::Units, 0, "gateway"));
    for caller in [
        "spiffe://aikagi/ivr",
        "spiffe://aikagi/gateway",
        "spiffe://elsewhere/operator",
        "operator",
        "",
    ] {
        let refusal = units.get_line(claiming(caller, line())).await;
        assert_eq!(refused(refusal), NOT_ALLOWED, "{caller}");
    }
    units
        .get_line(claiming("spiffe://aikagi/operator", line()))
        .await
        .unwrap();

    // A subscriber at the public port.
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let login = aikagi_api::edge::v1::LoginRequest {
        number: CONTRACT.to_owned(),
        password: PERMANENT.to_owned(),
    };
    let mut site = world.site().client();
    site.login(claiming("spiffe://aikagi/operator", login))
        .await
        .unwrap();
    assert_eq!(actors(&world, "END_SESSIONS").await, ["operator/alice"]);
    assert!(
        !actors(&world, "LOGIN")
            .await
            .iter()
            .any(|actor| actor.contains("operator"))
    );
}
