//! The public port: sessions of browsers and of other clients, and what is not served there.

use aikagi_api::edge::v1::subscriber_service_client::SubscriberServiceClient;
use aikagi_api::edge::v1::{
    ChangePasswordRequest, ChangePasswordResponse, GetPolicyRequest, GetPolicyResponse,
    GetSessionRequest, GetSessionResponse, LoginRequest, LogoutRequest, LogoutResponse,
};
use aikagi_refusal::{ErrorReason, reason_of};
use http::Request;
use http_body_util::Full;
use tonic_reflection::pb::v1 as reflection;

use crate::stubs::{NEW_TOKEN, NUMBER, PASSWORD, TOKEN};
use crate::web::Answer;
use crate::world::World;

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

fn says(answer: &Answer, secret: &str) -> bool {
    answer
        .body
        .windows(secret.len())
        .any(|window| window == secret.as_bytes())
}

/// SESS-3: in a browser a session lives in a cookie from login to logout, and never in a body.
#[tokio::test]
async fn a_browsers_session_is_in_its_cookie() {
    let world = World::start("", "").await;

    let refused = world.web("Login", &login("wrong"), &[]).await;
    assert_eq!(refused.reason(), Some(ErrorReason::LoginRefused));
    assert_eq!(refused.cookie(), None);

    let opened = world.web("Login", &login(PASSWORD), &[]).await;
    assert_eq!(opened.cookie(), Some(set(TOKEN).as_str()));
    assert!(!says(&opened, TOKEN));
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
    let seen = world
        .web(
            "GetSession",
            &GetSessionRequest { peek: true },
            &[("cookie", &own)],
        )
        .await;
    assert!(seen.message::<GetSessionResponse>().session.is_some());
    assert!(
        world
            .stub
            .calls()
            .contains(&"check_session peek=true".to_owned())
    );

    let changed = world
        .web("ChangePassword", &change("efgh5678"), &[("cookie", &own)])
        .await;
    assert_eq!(changed.cookie(), Some(set(NEW_TOKEN).as_str()));
    assert!(!says(&changed, NEW_TOKEN));

    let own = cookie(NEW_TOKEN);
    let out = world
        .web("Logout", &LogoutRequest {}, &[("cookie", &own)])
        .await;
    out.message::<LogoutResponse>();
    assert_eq!(out.cookie(), Some(CLEARED));
    assert!(world.stub.calls().contains(&format!("logout {NEW_TOKEN}")));

    let ended = world
        .web(
            "GetSession",
            &GetSessionRequest { peek: false },
            &[("cookie", &own)],
        )
        .await;
    assert_eq!(ended.reason(), Some(ErrorReason::SessionEnded));
    assert_eq!(ended.cookie(), Some(CLEARED));
}

/// SESS-3: any other client has its token in the body and sends it as a bearer token; cookies mean nothing there.
#[tokio::test]
async fn another_clients_session_is_in_a_bearer_token() {
    let world = World::start("", "").await;
    let mut client = SubscriberServiceClient::new(world.channel().await);
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
    // Without a session there is nothing to end.
    client.logout(LogoutRequest {}).await.unwrap();
}

/// SESS-3: a script that speaks gRPC instead of gRPC-Web is still a browser, and is given no token.
#[tokio::test]
async fn a_script_is_given_no_token() {
    let world = World::start("", "").await;
    let mut client = SubscriberServiceClient::new(world.channel().await);
    let mut request = tonic::Request::new(login(PASSWORD));
    request
        .metadata_mut()
        .insert("sec-fetch-site", "same-origin".parse().unwrap());
    let opened = client.login(request).await.unwrap();
    assert!(opened.get_ref().session_token.is_empty());
    assert!(opened.metadata().get("set-cookie").is_some());
}

/// SESS-2: when the session could not be carried on past the change, the browser forgets it.
#[tokio::test]
async fn a_session_that_was_not_carried_on_is_forgotten() {
    let world = World::start("", "").await;
    world.web("Login", &login(PASSWORD), &[]).await;
    let own = cookie(TOKEN);
    let changed = world
        .web("ChangePassword", &change("noCarry1"), &[("cookie", &own)])
        .await;
    assert_eq!(changed.cookie(), Some(CLEARED));
    assert!(
        changed
            .message::<ChangePasswordResponse>()
            .session
            .is_none()
    );
}

/// SESS-3: no session and no possible session are told apart, and nobody is asked about them.
#[tokio::test]
async fn what_cannot_be_a_session_goes_no_further() {
    let world = World::start("", "").await;
    let look = GetSessionRequest { peek: false };
    let none = world.web("GetSession", &look, &[]).await;
    assert_eq!(none.reason(), Some(ErrorReason::SessionRequired));
    assert_eq!(none.cookie(), None);
    let malformed = world
        .web("GetSession", &look, &[("cookie", "__Host-aikagi=x")])
        .await;
    assert_eq!(malformed.reason(), Some(ErrorReason::SessionEnded));
    assert_eq!(malformed.cookie(), Some(CLEARED));
    let change = world.web("ChangePassword", &change("efgh5678"), &[]).await;
    assert_eq!(change.reason(), Some(ErrorReason::SessionRequired));
    assert!(world.stub.calls().is_empty());
}

/// SESS-3: a page of another origin cannot act, not even log in.
#[tokio::test]
async fn other_origins_are_refused() {
    let world = World::start("", "").await;
    let path = "/aikagi.edge.v1.SubscriberService/Login";
    for header in [
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
    ] {
        let answer = world.web_raw(path, &login(PASSWORD), &[header]).await;
        assert_eq!(
            answer.reason(),
            Some(ErrorReason::OriginNotAllowed),
            "{header:?}"
        );
    }
    assert!(world.stub.calls().is_empty());
    // What says nothing of an origin is no browser.
    let answer = world.web_raw(path, &login(PASSWORD), &[]).await;
    assert!(answer.cookie().is_some());
}

/// INV-7: what the contracts do not call public is not served to the public.
#[tokio::test]
async fn only_what_is_public_is_served() {
    let world = World::start("", "").await;
    let paths: Vec<String> = world
        .policies()
        .methods()
        .filter(|(_, method)| !method.policy.public)
        .map(|(path, _)| path.to_owned())
        .chain(["/nothing.Here/AtAll".to_owned()])
        .collect();
    assert!(paths.len() > 5);
    for path in paths {
        let answer = world.web_raw(&path, &LogoutRequest {}, &[]).await;
        assert_eq!(
            answer.reason(),
            Some(ErrorReason::CallerNotAllowed),
            "{path}"
        );
    }
    let policy = world.web("GetPolicy", &GetPolicyRequest {}, &[]).await;
    let policy = policy.message::<GetPolicyResponse>();
    assert_eq!((policy.max_length, policy.refuses_common), (12, true));
}

/// INV-7: reflection on the public port tells of the edge alone.
#[tokio::test]
async fn reflection_tells_of_the_edge_alone() {
    use reflection::server_reflection_request::MessageRequest;
    use reflection::server_reflection_response::MessageResponse;

    let world = World::start("", "").await;
    let channel = world.channel().await;
    let mut client = reflection::server_reflection_client::ServerReflectionClient::new(channel);
    let ask = reflection::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = client
        .server_reflection_info(tokio_stream::once(ask))
        .await
        .unwrap()
        .into_inner();
    let answer = answers
        .message()
        .await
        .unwrap()
        .unwrap()
        .message_response
        .unwrap();
    let MessageResponse::ListServicesResponse(list) = answer else {
        panic!("not a list")
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

/// Bad input is refused with a reason: what is too large, and what is no message.
#[tokio::test]
async fn what_cannot_be_read_is_refused_with_a_reason() {
    let world = World::start("", "").await;
    let large = world
        .web("Login", &login(&"x".repeat(65 * 1024)), &[])
        .await;
    assert_eq!(large.reason(), Some(ErrorReason::InvalidField));
    // Its first field is no text, as Login's is.
    let malformed = GetSessionRequest { peek: true };
    let answer = world.web("Login", &malformed, &[]).await;
    assert_eq!(answer.reason(), Some(ErrorReason::InvalidField));
    assert!(world.stub.calls().is_empty());
}

#[tokio::test]
async fn the_site_is_served_where_there_is_one() {
    let site = tempfile::tempdir().unwrap();
    std::fs::write(site.path().join("index.html"), "<!doctype html>").unwrap();
    let world = World::start("", &format!("site = {:?}", site.path())).await;
    let get = |path: &str| Request::get(path).body(Full::default()).unwrap();
    let page = world.http1(get("/")).await;
    assert_eq!(
        (page.status().as_u16(), page.body().as_ref()),
        (200, b"<!doctype html>".as_slice())
    );
    assert!(page.headers().contains_key("content-security-policy"));
    assert!(page.headers().contains_key("strict-transport-security"));
    assert_eq!(
        world.http1(get("/../certs/gateway.key")).await.status(),
        404
    );

    let without = World::start("", "").await;
    assert_eq!(without.http1(get("/")).await.status(), 404);
}

/// SESS-3: the site runs no script but its own files, speaks to nobody else, and nobody frames it.
#[tokio::test]
async fn the_site_is_protected_kept_and_compressed() {
    let site = tempfile::tempdir().unwrap();
    std::fs::create_dir(site.path().join("assets")).unwrap();
    for (name, content) in [
        ("index.html", "page"),
        ("index.html.br", "small page"),
        ("assets/app-1a2b.js", "script"),
        ("assets/app-1a2b.js.gz", "small script"),
    ] {
        std::fs::write(site.path().join(name), content).unwrap();
    }
    let world = World::start("", &format!("site = {:?}", site.path())).await;
    let get = async |path: &str, encoding: &str| {
        let request = Request::get(path).header("accept-encoding", encoding);
        let answer = world.http1(request.body(Full::default()).unwrap()).await;
        let header = |name: &str| {
            let value = answer
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap());
            value.unwrap_or_default().to_owned()
        };
        let policy = header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{path}"
        );
        assert!(!policy.contains("unsafe"), "{path}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(
            policy.contains("require-trusted-types-for 'script'"),
            "{path}"
        );
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(
            header("strict-transport-security"),
            "max-age=31536000",
            "{path}"
        );
        (
            answer.status().as_u16(),
            String::from_utf8(answer.body().to_vec()).unwrap(),
            header("content-encoding"),
            header("cache-control"),
        )
    };
    let is = |status, body: &str, encoding: &str, cache: &str| {
        (
            status,
            body.to_owned(),
            encoding.to_owned(),
            cache.to_owned(),
        )
    };

    for page in ["/", "/login", "/no/such/page"] {
        assert_eq!(
            get(page, "gzip, br").await,
            is(200, "small page", "br", "no-cache")
        );
    }
    assert_eq!(get("/login", "").await, is(200, "page", "", "no-cache"));
    let for_ever = "public, max-age=31536000, immutable";
    let script = "/assets/app-1a2b.js";
    assert_eq!(
        get(script, "gzip").await,
        is(200, "small script", "gzip", for_ever)
    );
    assert_eq!(get(script, "").await, is(200, "script", "", for_ever));
    // A page is never taken for a script.
    assert_eq!(get("/assets/gone", "").await, is(404, "", "", "no-cache"));
    assert_eq!(get("/gone.js", "").await, is(404, "", "", "no-cache"));
}
