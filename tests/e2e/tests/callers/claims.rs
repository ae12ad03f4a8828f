//! Callers that claim to be another workload (INV-7).

use aikagi_api::authentication::v1::EndSessionsRequest;
use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::units::v1::GetLineRequest;
use aikagi_api::units::v1::directory_service_client::DirectoryServiceClient;
use aikagi_client::refused;
use aikagi_client::samples::{CONTRACT, FIRST, PERMANENT};
use aikagi_devkit::installation::workloads::Service;
use aikagi_e2e::in_process::InProcessSystem;
use tonic::Request;

use super::NOT_ALLOWED;

fn claiming<T>(caller: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request
        .metadata_mut()
        .insert("x-aikagi-caller", caller.parse().unwrap());
    request
}

/// INV-7: only the gateway may claim to call for another workload. The claim of any other caller
/// has no effect, not even on the audit trail. A claim by the gateway allows no more than the
/// contract does.
/// OPS-3: the audit trail names the caller as the caller's certificate does, including the instance
/// (`alice` in `operator/alice`).
#[tokio::test]
async fn a_forged_caller_changes_nothing() {
    let system = InProcessSystem::start().await;
    let ended = || EndSessionsRequest {
        number: FIRST.to_owned(),
    };
    let line = || GetLineRequest {
        number: FIRST.to_owned(),
    };

    // An outside workload claims at the private port to be another one.
    let operator = system.private_as("operator/alice");
    let mut sessions = AuthenticationServiceClient::new(operator.clone());
    sessions
        .end_sessions(claiming("spiffe://aikagi/operator/mallory", ended()))
        .await
        .unwrap();
    assert_eq!(system.actors("END_SESSIONS").await, ["operator/alice"]);
    let mut ivr = AuthenticationServiceClient::new(system.private_as("ivr"));
    let refusal = ivr
        .end_sessions(claiming("spiffe://aikagi/operator", ended()))
        .await;
    assert_eq!(refused(refusal), NOT_ALLOWED);

    // A workload other than the gateway makes the claim at a service.
    for peer in ["password", "units", "operator", "stranger"] {
        let channel = system.replica_as(Service::Authentication, 0, peer);
        let mut sessions = AuthenticationServiceClient::new(channel);
        let refusal = sessions
            .end_sessions(claiming("spiffe://aikagi/operator", ended()))
            .await;
        assert_eq!(refused(refusal), NOT_ALLOWED, "{peer}");
    }

    // The gateway makes the claim for a caller that the contract does not name, or for a malformed
    // caller.
    let mut units = DirectoryServiceClient::new(system.replica_as(Service::Units, 0, "gateway"));
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

    // A subscriber makes the claim at the public port.
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let login = aikagi_api::edge::v1::LoginRequest {
        number: CONTRACT.to_owned(),
        password: PERMANENT.to_owned(),
    };
    let mut site = system.site().client();
    site.login(claiming("spiffe://aikagi/operator", login))
        .await
        .unwrap();
    assert_eq!(system.actors("END_SESSIONS").await, ["operator/alice"]);
    assert!(
        !system
            .actors("LOGIN")
            .await
            .iter()
            .any(|actor| actor.contains("operator"))
    );
}
