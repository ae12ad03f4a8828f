//! Reads the session token of a request, and adds a new token to a response. A browser's token is in a cookie. Any
//! other client has a bearer token (SESS-3).

use aikagi_domain::session::SessionToken;
use aikagi_refusal::{ErrorReason, Refusal, internal, reason_of};
use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};
use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

use crate::browser::Browser;

/// SESS-3: with this prefix, browsers accept the cookie only with `Secure`, with `Path=/` and for this host.
const COOKIE_NAME: &str = "__Host-aikagi";

/// The attributes of the cookie. Without `Max-Age`, the browser removes the cookie when it closes. The session ends by
/// its own rules.
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";

const BEARER: &str = "bearer";

/// The client of one RPC: its session token, and true if it is a browser.
#[derive(Debug)]
pub struct ClientSession {
    browser: bool,
    presented: PresentedToken,
}

/// The token in a request.
#[derive(Debug, PartialEq, Eq)]
enum PresentedToken {
    Nothing,
    Malformed(TokenCarrier),
    Token(SessionToken, TokenCarrier),
}

/// The part of a request that contains the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TokenCarrier {
    Bearer,
    Cookie,
}

impl ClientSession {
    /// Reads the headers of a request. A bearer token takes precedence over a cookie. Cookies are read only in a
    /// browser's request.
    pub fn of_request<T>(request: &Request<T>) -> Self {
        let browser = request.extensions().get::<Browser>().is_some();
        Self {
            browser,
            presented: PresentedToken::read(request.metadata().as_ref(), browser),
        }
    }

    /// Reads the headers of a browser's request to another server, like [`Self::of_request`].
    pub fn of_browser(headers: &HeaderMap) -> Self {
        Self {
            browser: true,
            presented: PresentedToken::read(headers, true),
        }
    }

    /// The token of the request.
    ///
    /// Fails with `SESSION_REQUIRED` if the request has no token, and with `SESSION_ENDED` if the token is malformed.
    pub fn token(&self) -> Result<Zeroizing<String>, Refusal> {
        match &self.presented {
            PresentedToken::Nothing => Err(Refusal::new(ErrorReason::SessionRequired)),
            PresentedToken::Malformed(_) => Err(Refusal::new(ErrorReason::SessionEnded)),
            PresentedToken::Token(token, _) => Ok(token.as_text()),
        }
    }

    /// Makes a response with a new token. A browser gets the token in a cookie and never in the body. Any other client
    /// gets it in the body.
    pub(crate) fn with_token<T>(
        &self,
        token: String,
        message: impl FnOnce(String) -> T,
    ) -> Result<Response<T>, Status> {
        let token = Zeroizing::new(token);
        SessionToken::parse(&token).map_err(|_malformed| {
            Status::from(internal("authentication returned a malformed token"))
        })?;
        if !self.browser {
            return Ok(Response::new(message(token.as_str().to_owned())));
        }
        let mut response = Response::new(message(String::new()));
        set_cookie(response.metadata_mut(), &token, "")?;
        Ok(response)
    }

    /// Makes a response after the end of the session. It makes a browser remove its cookie.
    pub(crate) fn without_token<T>(&self, message: T) -> Result<Response<T>, Status> {
        let mut response = Response::new(message);
        if self.browser {
            clear_cookie(response.metadata_mut())?;
        }
        Ok(response)
    }

    /// Makes a browser remove the cookie of a session that has ended.
    pub(crate) fn clear_ended<T>(
        &self,
        result: Result<Response<T>, Status>,
    ) -> Result<Response<T>, Status> {
        result.map_err(|mut status| {
            let from_cookie = match &self.presented {
                PresentedToken::Nothing => false,
                PresentedToken::Malformed(carrier) | PresentedToken::Token(_, carrier) => {
                    *carrier == TokenCarrier::Cookie
                }
            };
            if from_cookie
                && reason_of(&status) == Some(ErrorReason::SessionEnded)
                && let Err(failed) = clear_cookie(status.metadata_mut())
            {
                return failed;
            }
            status
        })
    }
}

impl PresentedToken {
    fn read(headers: &HeaderMap, browser: bool) -> Self {
        // Another scheme, such as Basic, is not meant for this service.
        let mut bearers = headers
            .get_all(AUTHORIZATION)
            .iter()
            .filter_map(|value| bearer_token(value.as_bytes()));
        match (bearers.next(), bearers.next()) {
            (Some(token), None) => return Self::parse(token, TokenCarrier::Bearer),
            (Some(_), Some(_)) => return Self::Malformed(TokenCarrier::Bearer),
            (None, _) => {}
        }
        if !browser {
            return Self::Nothing;
        }
        let mut cookies = headers
            .get_all(COOKIE)
            .iter()
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
            .filter_map(cookie_value);
        match (cookies.next(), cookies.next()) {
            (None, _) => Self::Nothing,
            (Some(token), None) => Self::parse(token, TokenCarrier::Cookie),
            // A browser sends our cookie at most once. With two cookies, the right one is unknown.
            (Some(_), Some(_)) => Self::Malformed(TokenCarrier::Cookie),
        }
    }

    fn parse(text: &[u8], carrier: TokenCarrier) -> Self {
        let text = std::str::from_utf8(text).unwrap_or_default();
        match SessionToken::parse(text) {
            Ok(token) => Self::Token(token, carrier),
            Err(_malformed) => Self::Malformed(carrier),
        }
    }
}

/// The token of a header with the scheme Bearer.
fn bearer_token(value: &[u8]) -> Option<&[u8]> {
    let mut parts = value.splitn(2, |byte| *byte == b' ');
    let is_bearer = parts.next()?.eq_ignore_ascii_case(BEARER.as_bytes());
    is_bearer.then(|| parts.next().unwrap_or_default())
}

/// The value of our cookie, if the pair is our cookie. Other cookies can have any bytes in their names and values.
fn cookie_value(pair: &[u8]) -> Option<&[u8]> {
    pair.trim_ascii()
        .strip_prefix(COOKIE_NAME.as_bytes())?
        .strip_prefix(b"=")
}

fn clear_cookie(metadata: &mut MetadataMap) -> Result<(), Status> {
    set_cookie(metadata, "", "Max-Age=0; ")
}

fn set_cookie(metadata: &mut MetadataMap, value: &str, age: &str) -> Result<(), Status> {
    let text = Zeroizing::new(format!("{COOKIE_NAME}={value}; {age}{ATTRIBUTES}"));
    let mut cookie: MetadataValue<Ascii> = text
        .parse()
        .map_err(|_invalid| Status::from(internal("a cookie is not a valid header value")))?;
    // Logs do not show a sensitive header, and HPACK does not compress it.
    cookie.set_sensitive(true);
    metadata.insert("set-cookie", cookie);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const OTHER: &str = "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn session(pairs: &[(&'static str, String)], browser: bool) -> ClientSession {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        let mut request = Request::from_parts(
            MetadataMap::from_headers(headers),
            http::Extensions::new(),
            (),
        );
        if browser {
            request.extensions_mut().insert(Browser);
        }
        ClientSession::of_request(&request)
    }

    fn token_of(pairs: &[(&'static str, String)], browser: bool) -> Result<String, ErrorReason> {
        match session(pairs, browser).token() {
            Ok(token) => Ok(token.as_str().to_owned()),
            Err(refusal) => Err(refusal.reason()),
        }
    }

    /// SESS-3: the token of a browser is read from its cookie. The token of another client is its bearer token.
    #[test]
    fn a_token_is_read_from_its_carrier() {
        let bearer = |text: &str| ("authorization", format!("Bearer {text}"));
        let cookie = |text: &str| ("cookie", format!("__Host-aikagi={text}"));
        let line = |text: String| ("cookie", text);
        let (required, ended) = (
            Err(ErrorReason::SessionRequired),
            Err(ErrorReason::SessionEnded),
        );
        let ours = || Ok(TOKEN.to_owned());

        assert_eq!(token_of(&[], true), required);
        assert_eq!(token_of(&[bearer(TOKEN)], false), ours());
        assert_eq!(
            token_of(&[("authorization", format!("bearer {TOKEN}"))], false),
            ours()
        );
        assert_eq!(token_of(&[bearer("short")], false), ended);
        assert_eq!(
            token_of(&[("authorization", "Bearer".into())], false),
            ended
        );
        assert_eq!(token_of(&[bearer(TOKEN), bearer(TOKEN)], false), ended);

        assert_eq!(token_of(&[cookie(TOKEN)], true), ours());
        assert_eq!(token_of(&[cookie(TOKEN)], false), required);
        assert_eq!(token_of(&[cookie("")], true), ended);
        assert_eq!(token_of(&[cookie(&format!("\"{TOKEN}\""))], true), ended);
        assert_eq!(token_of(&[cookie(TOKEN), cookie(OTHER)], true), ended);
        assert_eq!(
            token_of(&[line(format!("a=b; __Host-aikagi={TOKEN};c"))], true),
            ours()
        );
        assert_eq!(token_of(&[line("a=b".into()), cookie(TOKEN)], true), ours());
        assert_eq!(
            token_of(&[line(format!("x__Host-aikagi={TOKEN}"))], true),
            required
        );
        assert_eq!(
            token_of(&[line(format!("__host-aikagi={TOKEN}"))], true),
            required
        );

        assert_eq!(token_of(&[bearer(TOKEN), cookie(OTHER)], true), ours());

        // Another authorization scheme is ignored.
        let basic = || ("authorization", format!("Basic {TOKEN}"));
        assert_eq!(token_of(&[basic()], false), required);
        assert_eq!(token_of(&[basic(), bearer(TOKEN)], false), ours());
        assert_eq!(token_of(&[basic(), cookie(TOKEN)], true), ours());
        assert_eq!(
            token_of(&[basic(), bearer("short"), cookie(TOKEN)], true),
            ended
        );
    }

    /// SESS-3: cookies that are not ours can have any bytes.
    #[test]
    fn foreign_cookies_are_skipped_as_bytes() {
        for (line, expected) in [
            (b"a=\xe3\x81; \xff\xfe=\x80;__Host-aikagi=".as_slice(), true),
            (b"\xff; __Host-aikagi=", true),
            (b"__Host-aikagi=\xff", false),
        ] {
            let line = [line, TOKEN.as_bytes()].concat();
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, http::HeaderValue::from_bytes(&line).unwrap());
            let read = PresentedToken::read(&headers, true);
            let is_token = matches!(read, PresentedToken::Token(_, TokenCarrier::Cookie));
            assert_eq!(is_token, expected, "{read:?}");
        }
    }

    /// SESS-3: scripts cannot read the cookie, other sites cannot send it, and the body does not contain the token.
    #[test]
    fn a_browser_gets_the_token_only_in_a_cookie() {
        let given = session(&[], true)
            .with_token(TOKEN.to_owned(), |token| token)
            .unwrap();
        let cookie = given.metadata().get("set-cookie").unwrap();
        assert_eq!(
            cookie.to_str().unwrap(),
            format!("__Host-aikagi={TOKEN}; Path=/; Secure; HttpOnly; SameSite=Strict")
        );
        assert!(cookie.is_sensitive());
        assert_eq!(given.into_inner(), "");

        let given = session(&[], false)
            .with_token(TOKEN.to_owned(), |token| token)
            .unwrap();
        assert!(given.metadata().get("set-cookie").is_none());
        assert_eq!(given.into_inner(), TOKEN);
    }

    /// SESS-2: a browser removes the cookie of a session that has ended, and keeps the cookie of any other session.
    #[test]
    fn the_cookie_of_an_ended_session_is_removed() {
        let cookie = [("cookie", format!("__Host-aikagi={TOKEN}"))];
        let cleared = |session: ClientSession, reason| {
            let refused = session
                .clear_ended::<()>(Err(Refusal::new(reason).into()))
                .unwrap_err();
            let header = refused.metadata().get("set-cookie");
            header.map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(
            cleared(session(&cookie, true), ErrorReason::SessionEnded).as_deref(),
            Some("__Host-aikagi=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict")
        );
        assert_eq!(
            cleared(session(&cookie, true), ErrorReason::Unavailable),
            None
        );
        let bearer = [("authorization", format!("Bearer {TOKEN}"))];
        assert_eq!(
            cleared(session(&bearer, false), ErrorReason::SessionEnded),
            None
        );
    }
}
