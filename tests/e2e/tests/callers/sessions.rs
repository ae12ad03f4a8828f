//! The edge without a session (INV-7).

use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::authentication::v1::{
    CheckSessionRequest, EndOtherSessionsRequest, EndOwnSessionRequest, ListOwnSessionsRequest,
};
use aikagi_api::password::v1::ChangePasswordRequest;
use aikagi_api::password::v1::password_service_client::PasswordServiceClient;
use aikagi_api::units::v1::activity_service_client::ActivityServiceClient;
use aikagi_api::units::v1::migration_service_client::MigrationServiceClient;
use aikagi_api::units::v1::{
    AuthUnit, ListOwnEventsRequest, MigrateRequest, PreviewMigrationRequest,
};
use aikagi_client::refused;
use aikagi_client::samples::{CONTRACT, OTHER_PERMANENT, PERMANENT};
use aikagi_devkit::installation::workloads::Service;
use aikagi_e2e::in_process::InProcessSystem;
use prost::Message as _;
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};

use super::OF_THE_EDGE;

/// The RPCs of the edge that need no session: one opens it, and one returns what everybody may know.
const WITHOUT_SESSION: [&str; 2] = [
    "/aikagi.authentication.v1.AuthenticationService/Login",
    "/aikagi.password.v1.PasswordService/GetPolicy",
];

/// A token of the right form that no session has.
const UNKNOWN_TOKEN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// INV-7, SESS-3: of the RPCs that the edge may call, each that concerns an account has the session's token in its
/// request. No request has a field `number`, which could choose another account.
#[test]
fn the_requests_of_the_edge_have_the_session() {
    let set = FileDescriptorSet::decode(aikagi_api::DESCRIPTORS).unwrap();
    let mut checked = 0;
    for file in &set.file {
        for service in &file.service {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                if OF_THE_EDGE.contains(&path.as_str()) && !WITHOUT_SESSION.contains(&path.as_str())
                {
                    let fields = fields(file, method.input_type());
                    assert!(fields.contains(&"session_token"), "{path}: {fields:?}");
                    assert!(!fields.contains(&"number"), "{path}: {fields:?}");
                    checked += 1;
                }
            }
        }
    }
    assert_eq!(checked, OF_THE_EDGE.len() - WITHOUT_SESSION.len());
}

/// The names of the fields of a message, which is in the file of its service.
fn fields<'a>(file: &'a FileDescriptorProto, message: &str) -> Vec<&'a str> {
    let name = message.rsplit('.').next();
    let found = file
        .message_type
        .iter()
        .find(|message| Some(message.name()) == name);
    let found: &DescriptorProto = found.unwrap();
    found
        .field
        .iter()
        .map(prost_types::FieldDescriptorProto::name)
        .collect()
}

/// INV-7, SESS-2: without a live session, the edge cannot read or change anything of an account.
#[tokio::test]
async fn the_edge_needs_a_session() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let replica = |service| system.replica_as(service, 0, "edge");
    let mut authentication = AuthenticationServiceClient::new(replica(Service::Authentication));
    let mut password = PasswordServiceClient::new(replica(Service::Password));
    let mut migration = MigrationServiceClient::new(replica(Service::Units));
    let mut activity = ActivityServiceClient::new(replica(Service::Units));
    for (token, reason) in [("", "SESSION_REQUIRED"), (UNKNOWN_TOKEN, "SESSION_ENDED")] {
        let check = CheckSessionRequest {
            session_token: token.to_owned(),
            peek: true,
        };
        assert_eq!(refused(authentication.check_session(check).await), reason);
        let list = ListOwnSessionsRequest {
            session_token: token.to_owned(),
        };
        let listed = authentication.list_own_sessions(list).await;
        assert_eq!(refused(listed), reason);
        let one = EndOwnSessionRequest {
            session_token: token.to_owned(),
            session_id: "AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        };
        assert_eq!(refused(authentication.end_own_session(one).await), reason);
        let others = EndOtherSessionsRequest {
            session_token: token.to_owned(),
        };
        let ended = authentication.end_other_sessions(others).await;
        assert_eq!(refused(ended), reason);
        let events = ListOwnEventsRequest {
            session_token: token.to_owned(),
        };
        assert_eq!(refused(activity.list_own_events(events).await), reason);
        let change = ChangePasswordRequest {
            session_token: token.to_owned(),
            current_password: PERMANENT.to_owned(),
            new_password: OTHER_PERMANENT.to_owned(),
            new_password_confirmation: OTHER_PERMANENT.to_owned(),
            revision: "any".to_owned(),
        };
        assert_eq!(refused(password.change_password(change).await), reason);
        let preview = PreviewMigrationRequest {
            session_token: token.to_owned(),
            unit: AuthUnit::Number.into(),
        };
        assert_eq!(refused(migration.preview_migration(preview).await), reason);
        let migrate = MigrateRequest {
            session_token: token.to_owned(),
            unit: AuthUnit::Number.into(),
            revision: "any".to_owned(),
            passwords: Vec::new(),
        };
        assert_eq!(refused(migration.migrate(migrate).await), reason);
    }
    system.site().login(CONTRACT, PERMANENT).await.unwrap();
}
