use aikagi_domain::session::SessionToken;
use aikagi_gateway::browser::Browser;
use aikagi_gateway::session_token::ClientSession;
use aikagi_refusal::ErrorReason;
use http::header::{AUTHORIZATION, COOKIE};
use http::{Extensions, HeaderMap, HeaderValue};
use tonic::Request;
use tonic::metadata::MetadataMap;

/// SESS-3: the session token of a request. If the first byte is odd, a browser sent the request. The lines
/// after it are headers: `a` and the value of an authorization header, or `c` and the value of a cookie header.
pub fn session(bytes: &[u8]) {
    let (kind, lines) = bytes.split_first().unwrap_or((&0, &[]));
    let browser = kind & 1 == 1;
    let mut headers = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n') {
        let (name, value) = match line.split_first() {
            Some((b'a', value)) => (AUTHORIZATION, value),
            Some((b'c', value)) => (COOKIE, value),
            _ => continue,
        };
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(name, value);
        }
    }
    let found = found(&headers, browser);
    // Authorization headers with other schemes are ignored.
    let is_bearer = |value: &&HeaderValue| {
        let scheme = value.as_bytes().split(|byte| *byte == b' ').next();
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"Bearer"))
    };
    let bearers = headers
        .get_all(AUTHORIZATION)
        .iter()
        .filter(is_bearer)
        .count();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let all: Vec<String> = headers.values().map(text).collect();
    match &found {
        Ok(token) => {
            assert!(SessionToken::parse(token).is_ok());
            let holds = |line: &&String| line.contains(token.as_str());
            assert!(
                all.iter().any(|line| holds(&line)),
                "the token is not in the request"
            );
            assert!(bearers < 2 && (browser || bearers == 1));
        }
        Err(ErrorReason::SessionRequired) => assert_eq!(bearers, 0),
        Err(reason) => assert_eq!(*reason, ErrorReason::SessionEnded),
    }
    // A bearer token takes precedence over all cookies.
    if bearers == 1 {
        let mut bare = headers.clone();
        bare.remove(COOKIE);
        assert_eq!(self::found(&bare, browser), found);
    }
    // Cookies count only in a browser's request.
    if !browser && bearers == 0 {
        assert_eq!(found, Err(ErrorReason::SessionRequired));
    }
    assert_eq!(
        browser.then(|| self::found(&headers, true)),
        browser.then(|| reason_or_token(&ClientSession::of_browser(&headers)))
    );
}

fn found(headers: &HeaderMap, browser: bool) -> Result<String, ErrorReason> {
    let metadata = MetadataMap::from_headers(headers.clone());
    let mut request = Request::from_parts(metadata, Extensions::new(), ());
    if browser {
        request.extensions_mut().insert(Browser);
    }
    reason_or_token(&ClientSession::of_request(&request))
}

fn reason_or_token(client: &ClientSession) -> Result<String, ErrorReason> {
    let token = client.token().map_err(|refusal| refusal.reason())?;
    Ok(token.as_str().to_owned())
}
