//! Tests of the public port: sessions of browsers and other clients, and requests that it refuses.

use aikagi_api::authentication::v1::DeviceClass;
use aikagi_api::edge::v1::subscriber_service_client::SubscriberServiceClient;
use aikagi_api::edge::v1::{
    ChangePasswordRequest, ChangePasswordResponse, EndOtherSessionsRequest, EndOwnSessionRequest,
    GetPolicyRequest, GetPolicyResponse, GetProfileRequest, GetProfileResponse, GetSessionRequest,
    GetSessionResponse, ListOwnEventsRequest, ListOwnEventsResponse, ListOwnSessionsRequest,
    ListOwnSessionsResponse, LoginRequest, LogoutRequest, LogoutResponse,
};
use aikagi_refusal::{ErrorReason, reason_of};
use tonic_reflection::pb::v1 as reflection;

use crate::fixture::Fixture;
use crate::stubs::{NEW_TOKEN, NUMBER, PASSWORD, TOKEN};
use crate::web::WebResponse;

const CLEARED: &str = "__Host-aikagi=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict";

fn login(password: &str) -> LoginRequest {
    LoginRequest {
        number: NUMBER.to_owned(),
        password: password.to_owned(),
    }
}

fn change(new_password: &str) -> ChangePasswordRequest {
    ChangePasswordRequest {
        current_password: PASSWORD.to_owned(),
        new_password: new_password.to_owned(),
        new_password_confirmation: new_password.to_owned(),
        revision: "1-1".to_owned(),
    }
}

fn cookie(token: &str) -> String {
    format!("__Host-aikagi={token}")
}

fn set(token: &str) -> String {
    format!("__Host-aikagi={token}; Path=/; Secure; HttpOnly; SameSite=Strict")
}

fn contains(response: &WebResponse, secret: &str) -> bool {
    response
        .body
        .windows(secret.len())
        .any(|window| window == secret.as_bytes())
}

/// SESS-3: a browser's token is in a cookie from login to logout, and never in a body.
#[tokio::test]
async fn the_token_of_a_browser_is_in_its_cookie() {
    let fixture = Fixture::start("", "").await;

    let refused = fixture.web("Login", &login("wrong"), &[]).await;
    assert_eq!(refused.reason(), Some(ErrorReason::LoginRefused));
    assert_eq!(refused.cookie(), None);

    let opened = fixture.web("Login", &login(PASSWORD), &[]).await;
    assert_eq!(opened.cookie(), Some(set(TOKEN).as_str()));
    assert!(!contains(&opened, TOKEN));
    let message: aikagi_api::edge::v1::LoginResponse = opened.message();
    assert_eq!(message.session.as_ref().unwrap().account_number, NUMBER);
    assert!(message.session_token.is_empty());
    assert_eq!(opened.headers["cache-control"], "no-store");
    assert_eq!(opened.headers["x-content-type-options"], "nosniff");
    assert!(opened.headers.contains_key("strict-transport-security"));
    assert!(
        !opened
            .headers
            .keys()
            .any(|name| name.as_str().starts_with("access-control-"))
    );

    let own = cookie(TOKEN);
    let seen = fixture
        .web(
            "GetSession",
            &GetSessionRequest { peek: true },
            &[("cookie", &own)],
        )
        .await;
    assert!(seen.message::<GetSessionResponse>().session.is_some());
    assert!(
        fixture
            .stub
            .calls()
            .contains(&"check_session peek=true".to_owned())
    );

    let changed = fixture
        .web("ChangePassword", &change("efgh5678"), &[("cookie", &own)])
        .await;
    assert_eq!(changed.cookie(), Some(set(NEW_TOKEN).as_str()));
    assert!(!contains(&changed, NEW_TOKEN));

    let own = cookie(NEW_TOKEN);
    let out = fixture
        .web("Logout", &LogoutRequest {}, &[("cookie", &own)])
        .await;
    out.message::<LogoutResponse>();
    assert_eq!(out.cookie(), Some(CLEARED));
    assert!(
        fixture
            .stub
            .calls()
            .contains(&format!("logout {NEW_TOKEN}"))
    );

    let ended = fixture
        .web(
            "GetSession",
            &GetSessionRequest { peek: false },
            &[("cookie", &own)],
        )
        .await;
    assert_eq!(ended.reason(), Some(ErrorReason::SessionEnded));
    assert_eq!(ended.cookie(), Some(CLEARED));
}

/// SESS-3: any other client gets its token in the body and sends it as a bearer token. Its cookies are ignored.
#[tokio::test]
async fn the_token_of_another_client_is_a_bearer_token() {
    let fixture = Fixture::start("", "").await;
    let mut client = SubscriberServiceClient::new(fixture.channel().await);
    let opened = client.login(login(PASSWORD)).await.unwrap();
    assert!(opened.metadata().get("set-cookie").is_none());
    assert_eq!(opened.get_ref().session_token, TOKEN);

    let with = |name: &'static str, value: String| {
        let mut request = tonic::Request::new(GetSessionRequest { peek: false });
        request.metadata_mut().insert(name, value.parse().unwrap());
        request
    };
    let bearer = || with("authorization", format!("Bearer {TOKEN}"));
    assert!(
        client
            .get_session(bearer())
            .await
            .unwrap()
            .into_inner()
            .session
            .is_some()
    );
    let refused = client
        .get_session(with("cookie", cookie(TOKEN)))
        .await
        .unwrap_err();
    assert_eq!(reason_of(&refused), Some(ErrorReason::SessionRequired));

    let mut out = tonic::Request::new(LogoutRequest {});
    out.metadata_mut()
        .insert("authorization", format!("Bearer {TOKEN}").parse().unwrap());
    client.logout(out).await.unwrap();
    let ended = client.get_session(bearer()).await.unwrap_err();
    assert_eq!(reason_of(&ended), Some(ErrorReason::SessionEnded));
    assert!(ended.metadata().get("set-cookie").is_none());
    // A logout without a session succeeds.
    client.logout(LogoutRequest {}).await.unwrap();
}

/// SESS-3: a script in a browser that uses gRPC instead of gRPC-Web gets no token in the body.
#[tokio::test]
async fn a_script_gets_no_token() {
    let fixture = Fixture::start("", "").await;
    let mut client = SubscriberServiceClient::new(fixture.channel().await);
    let mut request = tonic::Request::new(login(PASSWORD));
    request
        .metadata_mut()
        .insert("sec-fetch-site", "same-origin".parse().unwrap());
    let opened = client.login(request).await.unwrap();
    assert!(opened.get_ref().session_token.is_empty());
    assert!(opened.metadata().get("set-cookie").is_some());
}

/// SESS-2: if the session cannot continue after a password change, the browser removes its cookie.
#[tokio::test]
async fn the_cookie_is_removed_if_the_session_cannot_continue() {
    let fixture = Fixture::start("", "").await;
    fixture.web("Login", &login(PASSWORD), &[]).await;
    let own = cookie(TOKEN);
    let changed = fixture
        .web("ChangePassword", &change("noToken1"), &[("cookie", &own)])
        .await;
    assert_eq!(changed.cookie(), Some(CLEARED));
    assert!(
        changed
            .message::<ChangePasswordResponse>()
            .session
            .is_none()
    );
}

/// SESS-7, SESS-8: the RPCs for the own sessions and events pass the token and the id on. Of the client's device, a
/// login passes on only the class. If the session has ended, a browser removes its cookie.
#[tokio::test]
async fn own_sessions_and_events_are_those_of_the_token() {
    let fixture = Fixture::start("", "").await;
    let phone = "Mozilla/5.0 (Linux; Android 10; K) Chrome/142.0 Mobile Safari/537.36";
    let agent = ("user-agent", phone);
    fixture.web("Login", &login(PASSWORD), &[agent]).await;
    let own = cookie(TOKEN);
    let own = [("cookie", own.as_str())];
    let listed = fixture.web("ListOwnSessions", &ListOwnSessionsRequest {}, &own);
    let listed: ListOwnSessionsResponse = listed.await.message();
    assert_eq!(listed.sessions[0].device_class(), DeviceClass::Phone);
    assert!(listed.more);
    let events = fixture.web("ListOwnEvents", &ListOwnEventsRequest {}, &own);
    let events: ListOwnEventsResponse = events.await.message();
    assert_eq!(events.events[0].count, 3);
    let one = EndOwnSessionRequest {
        session_id: "one".to_owned(),
    };
    fixture.web("EndOwnSession", &one, &own).await;
    fixture
        .web("EndOtherSessions", &EndOtherSessionsRequest {}, &own)
        .await;
    let calls = fixture.stub.calls();
    assert!(calls.contains(&"end_own_session one".to_owned()));
    assert!(calls.contains(&"end_other_sessions".to_owned()));

    let other = cookie(NEW_TOKEN);
    let other = [("cookie", other.as_str())];
    for response in [
        fixture
            .web("ListOwnSessions", &ListOwnSessionsRequest {}, &other)
            .await,
        fixture
            .web("ListOwnEvents", &ListOwnEventsRequest {}, &other)
            .await,
        fixture.web("EndOwnSession", &one, &other).await,
        fixture
            .web("EndOtherSessions", &EndOtherSessionsRequest {}, &other)
            .await,
    ] {
        assert_eq!(response.reason(), Some(ErrorReason::SessionEnded));
        assert_eq!(response.cookie(), Some(CLEARED));
    }
    let nobody = fixture.web("ListOwnEvents", &ListOwnEventsRequest {}, &[]);
    let nobody = nobody.await;
    assert_eq!(nobody.reason(), Some(ErrorReason::SessionRequired));
}

/// SESS-3: a missing token and a malformed token have different reasons. No service is called for them.
#[tokio::test]
async fn a_malformed_token_is_not_passed_on() {
    let fixture = Fixture::start("", "").await;
    let look = GetSessionRequest { peek: false };
    let none = fixture.web("GetSession", &look, &[]).await;
    assert_eq!(none.reason(), Some(ErrorReason::SessionRequired));
    assert_eq!(none.cookie(), None);
    let malformed = fixture
        .web("GetSession", &look, &[("cookie", "__Host-aikagi=x")])
        .await;
    assert_eq!(malformed.reason(), Some(ErrorReason::SessionEnded));
    assert_eq!(malformed.cookie(), Some(CLEARED));
    let change = fixture
        .web("ChangePassword", &change("efgh5678"), &[])
        .await;
    assert_eq!(change.reason(), Some(ErrorReason::SessionRequired));
    assert!(fixture.stub.calls().is_empty());
}

/// SESS-3: pages of other origins cannot call any RPC, not even `Login`.
#[tokio::test]
async fn other_origins_are_refused() {
    let fixture = Fixture::start("", "").await;
    let path = "/aikagi.edge.v1.SubscriberService/Login";
    for header in [
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
    ] {
        let response = fixture.web_raw(path, &login(PASSWORD), &[header]).await;
        assert_eq!(
            response.reason(),
            Some(ErrorReason::OriginNotAllowed),
            "{header:?}"
        );
    }
    assert!(fixture.stub.calls().is_empty());
    // A request without these headers is not from a browser.
    let response = fixture.web_raw(path, &login(PASSWORD), &[]).await;
    assert!(response.cookie().is_some());
}

/// INV-7: the public port serves only RPCs that the contracts mark as public.
#[tokio::test]
async fn only_public_rpcs_are_served() {
    let fixture = Fixture::start("", "").await;
    let paths: Vec<String> = fixture
        .policies()
        .methods()
        .filter(|(_, method)| !method.policy.public)
        .map(|(path, _)| path.to_owned())
        .chain(["/nothing.Here/AtAll".to_owned()])
        .collect();
    assert!(paths.len() > 5);
    for path in paths {
        let response = fixture.web_raw(&path, &LogoutRequest {}, &[]).await;
        assert_eq!(
            response.reason(),
            Some(ErrorReason::CallerNotAllowed),
            "{path}"
        );
    }
    let policy = fixture.web("GetPolicy", &GetPolicyRequest {}, &[]).await;
    let policy = policy.message::<GetPolicyResponse>();
    assert_eq!((policy.max_length, policy.refuses_common), (12, true));
}

/// SITE-2: the limits that the site shows to subscribers come from the services.
#[tokio::test]
async fn the_limits_come_from_the_services() {
    let fixture = Fixture::start("", "").await;
    let policy = fixture.web("GetPolicy", &GetPolicyRequest {}, &[]).await;
    let policy = policy.message::<GetPolicyResponse>();
    assert_eq!(
        (policy.temporary_attempts, policy.permanent_attempts),
        (3, 10)
    );
    assert_eq!(policy.invalid_entries, 3);
}

/// SITE-1: the profile comes from the settings. Without these settings it is empty.
#[tokio::test]
async fn the_profile_comes_from_the_settings() {
    let profile = "[profile]\nsetting_number = \"0120-000-111\"\n\
                   operator = { ja = \"南電話\", en = \"South Telephone\" }";
    let fixture = Fixture::start("", profile).await;
    let response = fixture.web("GetProfile", &GetProfileRequest {}, &[]).await;
    let response = response.message::<GetProfileResponse>();
    assert_eq!(response.setting_number, "0120-000-111");
    assert_eq!(response.operator.unwrap().ja, "南電話");
    assert_eq!(response.contact, None);

    let without = Fixture::start("", "").await;
    let response = without.web("GetProfile", &GetProfileRequest {}, &[]).await;
    assert_eq!(
        response.message::<GetProfileResponse>(),
        GetProfileResponse::default()
    );
}

/// INV-7: reflection on the public port shows only the services of `aikagi.edge.v1`.
#[tokio::test]
async fn reflection_shows_only_the_edge() {
    use reflection::server_reflection_request::MessageRequest;
    use reflection::server_reflection_response::MessageResponse;

    let fixture = Fixture::start("", "").await;
    let channel = fixture.channel().await;
    let mut client = reflection::server_reflection_client::ServerReflectionClient::new(channel);
    let ask = reflection::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut responses = client
        .server_reflection_info(tokio_stream::once(ask))
        .await
        .unwrap()
        .into_inner();
    let response = responses
        .message()
        .await
        .unwrap()
        .unwrap()
        .message_response
        .unwrap();
    let MessageResponse::ListServicesResponse(list) = response else {
        panic!("expected a list of services")
    };
    let mut names: Vec<String> = list
        .service
        .into_iter()
        .map(|service| service.name)
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "aikagi.edge.v1.SubscriberService",
            "grpc.reflection.v1.ServerReflection"
        ]
    );
}

/// A message is refused with a reason if it is too large or malformed.
#[tokio::test]
async fn unreadable_messages_are_refused_with_a_reason() {
    let fixture = Fixture::start("", "").await;
    let large = fixture
        .web("Login", &login(&"x".repeat(65 * 1024)), &[])
        .await;
    assert_eq!(large.reason(), Some(ErrorReason::InvalidField));
    // The first field of this message is not text, but the first field of `LoginRequest` is.
    let malformed = GetSessionRequest { peek: true };
    let response = fixture.web("Login", &malformed, &[]).await;
    assert_eq!(response.reason(), Some(ErrorReason::InvalidField));
    assert!(fixture.stub.calls().is_empty());
}
