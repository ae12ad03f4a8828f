//! Forms of gRPC-Web that clients and proxies send.

use crate::fixture::Fixture;

/// A frame with the empty message of `GetPolicy`.
const BINARY: &str = "\0\0\0\0\0";
/// The frame of [`BINARY`] in base64.
const TEXT: &str = "AAAAAAA=";
/// The frame of [`BINARY`] in base64, in three pieces. Each piece has padding.
const PIECES: &str = "AA==AAA=AAA=";

/// OPS-4: media types are compared as in RFC 9110. Upper and lower case are the same, and parameters are ignored.
#[tokio::test]
async fn parameters_and_case_of_the_content_type_do_not_matter() {
    let fixture = Fixture::start("", "").await;
    for (content_type, body) in [
        ("application/grpc-web", BINARY),
        ("application/grpc-web+proto; charset=utf-8", BINARY),
        ("application/grpc-web+proto;charset=UTF-8", BINARY),
        ("Application/GRPC-Web+Proto", BINARY),
        ("application/grpc-web-text; charset=utf-8", TEXT),
        ("APPLICATION/GRPC-WEB-TEXT+PROTO", TEXT),
    ] {
        let headers = [("content-type", content_type)];
        let (headers, body) = fixture.web_as("GetPolicy", body, &headers).await;
        assert_eq!(headers["content-type"], "application/grpc-web+proto");
        assert!(is_ok(&body), "{content_type}: {headers:?}");
    }
}

/// OPS-4: a body in base64 can have several pieces, each with its own padding. The client chooses the response's form.
#[tokio::test]
async fn base64_can_have_several_padded_pieces() {
    let fixture = Fixture::start("", "").await;
    for (accept, is_text) in [
        ("application/grpc-web-text", true),
        ("application/grpc-web-text+proto; q=1, */*", true),
        ("application/grpc-web+proto", false),
    ] {
        let headers = [
            ("content-type", "application/grpc-web-text"),
            ("accept", accept),
        ];
        let (headers, body) = fixture.web_as("GetPolicy", PIECES, &headers).await;
        let content_type = headers["content-type"].to_str().unwrap();
        assert_eq!(content_type.contains("-text"), is_text, "{accept}");
        assert!(is_text || is_ok(&body), "{headers:?}");
        assert!(!headers.contains_key("grpc-status"), "{headers:?}");
    }
    let headers = [("content-type", "application/grpc-web-text")];
    for malformed in ["AAAAAAA", "A===", "AAAA=AAA", "!!!!"] {
        let (headers, _) = fixture.web_as("GetPolicy", malformed, &headers).await;
        assert_eq!(headers["grpc-status"], "3", "{malformed}");
    }
}

/// SESS-3: a content type in upper case does not make a browser look like another client.
#[tokio::test]
async fn a_browser_is_recognised_in_any_case() {
    use aikagi_api::edge::v1::LoginRequest;
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use prost::Message as _;

    let fixture = Fixture::start("", "").await;
    let login = LoginRequest {
        number: crate::stubs::NUMBER.to_owned(),
        password: crate::stubs::PASSWORD.to_owned(),
    };
    let mut frame = vec![0, 0, 0, 0, u8::try_from(login.encoded_len()).unwrap()];
    frame.extend(login.encode_to_vec());
    let headers = [("content-type", "Application/gRPC-Web-Text")];
    let text = BASE64_STANDARD.encode(frame);
    let (headers, body) = fixture.web_as("Login", &text, &headers).await;
    assert!(headers.contains_key("set-cookie"));
    let token = crate::stubs::TOKEN.as_bytes();
    assert!(!body.windows(token.len()).any(|part| part == token));
}

/// True if the frames end with the status OK.
fn is_ok(body: &[u8]) -> bool {
    let status = b"grpc-status:0";
    body.windows(status.len()).any(|part| part == status)
}
