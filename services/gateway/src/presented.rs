//! The session that a request presents, and how the client is given one: a browser in a cookie, any other client
//! as a bearer token (SESS-3).

use aikagi_domain::session::SessionToken;
use aikagi_refusal::{ErrorReason, Refusal, internal, reason_of};
use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};
use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

use crate::browser::Browser;

/// SESS-3: the prefix makes browsers insist on `Secure`, `Path=/` and this very host.
const COOKIE_NAME: &str = "__Host-aikagi";

/// No `Max-Age`: the cookie goes with the browser, the session ends by its own rules.
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";

const BEARER: &str = "bearer";

/// The client's side of one call.
#[derive(Debug)]
pub struct Visit {
    browser: bool,
    presented: Presented,
}

/// What stands for a session in a request.
#[derive(Debug, PartialEq, Eq)]
enum Presented {
    Nothing,
    Malformed(Carrier),
    Token(SessionToken, Carrier),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carrier {
    Bearer,
    Cookie,
}

impl Visit {
    /// Reads a request's headers. A bearer token comes before a cookie: a client that sends one means it. Cookies
    /// are looked at only in a browser's requests.
    pub fn of<T>(request: &Request<T>) -> Self {
        let browser = request.extensions().get::<Browser>().is_some();
        Self {
            browser,
            presented: Presented::read(request.metadata().as_ref(), browser),
        }
    }

    /// Reads the headers that a browser sent elsewhere with its request, as [`Visit::of`] does.
    pub fn of_browser(headers: &HeaderMap) -> Self {
        Self {
            browser: true,
            presented: Presented::read(headers, true),
        }
    }

    /// The token presented: none is `SESSION_REQUIRED`, one that cannot be any is `SESSION_ENDED`.
    pub fn token(&self) -> Result<Zeroizing<String>, Refusal> {
        match &self.presented {
            Presented::Nothing => Err(Refusal::new(ErrorReason::SessionRequired)),
            Presented::Malformed(_) => Err(Refusal::new(ErrorReason::SessionEnded)),
            Presented::Token(token, _) => Ok(token.as_text()),
        }
    }

    /// Answers with a new session: to a browser in a cookie and never in the body, to any other client in the body.
    pub(crate) fn give<T>(
        &self,
        token: String,
        answer: impl FnOnce(String) -> T,
    ) -> Result<Response<T>, Status> {
        let token = Zeroizing::new(token);
        SessionToken::parse(&token)
            .map_err(|_malformed| Status::from(internal("a token of authentication")))?;
        if !self.browser {
            return Ok(Response::new(answer(token.as_str().to_owned())));
        }
        let mut response = Response::new(answer(String::new()));
        set_cookie(response.metadata_mut(), &token, "")?;
        Ok(response)
    }

    /// Answers that there is no session any more: a browser forgets its cookie.
    pub(crate) fn end<T>(&self, answer: T) -> Result<Response<T>, Status> {
        let mut response = Response::new(answer);
        if self.browser {
            clear_cookie(response.metadata_mut())?;
        }
        Ok(response)
    }

    /// Lets a browser forget the cookie of a session that was found ended.
    pub(crate) fn conclude<T>(
        &self,
        result: Result<Response<T>, Status>,
    ) -> Result<Response<T>, Status> {
        result.map_err(|mut status| {
            let from_cookie = match &self.presented {
                Presented::Nothing => false,
                Presented::Malformed(carrier) | Presented::Token(_, carrier) => {
                    *carrier == Carrier::Cookie
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

impl Presented {
    fn read(headers: &HeaderMap, browser: bool) -> Self {
        let mut bearers = headers.get_all(AUTHORIZATION).iter();
        match (bearers.next(), bearers.next()) {
            (Some(bearer), None) => {
                let token = bearer.to_str().ok().and_then(bearer_token);
                return Self::parse(token.unwrap_or_default(), Carrier::Bearer);
            }
            (Some(_), Some(_)) => return Self::Malformed(Carrier::Bearer),
            (None, _) => {}
        }
        if !browser {
            return Self::Nothing;
        }
        let mut cookies = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter_map(|(name, value)| (name == COOKIE_NAME).then_some(value));
        match (cookies.next(), cookies.next()) {
            (None, _) => Self::Nothing,
            (Some(token), None) => Self::parse(token, Carrier::Cookie),
            // A browser holds one at most: which one to believe is anybody's guess.
            (Some(_), Some(_)) => Self::Malformed(Carrier::Cookie),
        }
    }

    fn parse(text: &str, carrier: Carrier) -> Self {
        match SessionToken::parse(text) {
            Ok(token) => Self::Token(token, carrier),
            Err(_malformed) => Self::Malformed(carrier),
        }
    }
}

fn bearer_token(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case(BEARER).then_some(token)
}

fn clear_cookie(metadata: &mut MetadataMap) -> Result<(), Status> {
    set_cookie(metadata, "", "Max-Age=0; ")
}

fn set_cookie(metadata: &mut MetadataMap, value: &str, age: &str) -> Result<(), Status> {
    let text = Zeroizing::new(format!("{COOKIE_NAME}={value}; {age}{ATTRIBUTES}"));
    let mut cookie: MetadataValue<Ascii> = text
        .parse()
        .map_err(|_invalid| Status::from(internal("a cookie that a header can hold")))?;
    // Kept out of logs and of what connections compress.
    cookie.set_sensitive(true);
    metadata.insert("set-cookie", cookie);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const OTHER: &str = "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn visit(pairs: &[(&'static str, String)], browser: bool) -> Visit {
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
        Visit::of(&request)
    }

    fn found(pairs: &[(&'static str, String)], browser: bool) -> Result<String, ErrorReason> {
        match visit(pairs, browser).token() {
            Ok(token) => Ok(token.as_str().to_owned()),
            Err(refusal) => Err(refusal.reason()),
        }
    }

    /// SESS-3: a browser's session is in its cookie, another client's in a bearer token.
    #[test]
    fn a_session_is_read_from_where_it_belongs() {
        let bearer = |text: &str| ("authorization", format!("Bearer {text}"));
        let cookie = |text: &str| ("cookie", format!("__Host-aikagi={text}"));
        let line = |text: String| ("cookie", text);
        let (required, ended) = (
            Err(ErrorReason::SessionRequired),
            Err(ErrorReason::SessionEnded),
        );
        let ours = || Ok(TOKEN.to_owned());

        assert_eq!(found(&[], true), required);
        assert_eq!(found(&[bearer(TOKEN)], false), ours());
        assert_eq!(
            found(&[("authorization", format!("bearer {TOKEN}"))], false),
            ours()
        );
        assert_eq!(found(&[bearer("short")], false), ended);
        assert_eq!(
            found(&[("authorization", format!("Basic {TOKEN}"))], false),
            ended
        );
        assert_eq!(found(&[bearer(TOKEN), bearer(TOKEN)], false), ended);

        assert_eq!(found(&[cookie(TOKEN)], true), ours());
        assert_eq!(found(&[cookie(TOKEN)], false), required);
        assert_eq!(found(&[cookie("")], true), ended);
        assert_eq!(found(&[cookie(&format!("\"{TOKEN}\""))], true), ended);
        assert_eq!(found(&[cookie(TOKEN), cookie(OTHER)], true), ended);
        assert_eq!(
            found(&[line(format!("a=b; __Host-aikagi={TOKEN};c"))], true),
            ours()
        );
        assert_eq!(found(&[line("a=b".into()), cookie(TOKEN)], true), ours());
        assert_eq!(
            found(&[line(format!("x__Host-aikagi={TOKEN}"))], true),
            required
        );
        assert_eq!(
            found(&[line(format!("__host-aikagi={TOKEN}"))], true),
            required
        );

        assert_eq!(found(&[bearer(TOKEN), cookie(OTHER)], true), ours());
    }

    /// SESS-3: scripts cannot read the cookie, other sites cannot send it, and the body does not repeat it.
    #[test]
    fn a_browser_is_given_a_cookie_and_nothing_else() {
        let given = visit(&[], true)
            .give(TOKEN.to_owned(), |token| token)
            .unwrap();
        let cookie = given.metadata().get("set-cookie").unwrap();
        assert_eq!(
            cookie.to_str().unwrap(),
            format!("__Host-aikagi={TOKEN}; Path=/; Secure; HttpOnly; SameSite=Strict")
        );
        assert!(cookie.is_sensitive());
        assert_eq!(given.into_inner(), "");

        let given = visit(&[], false)
            .give(TOKEN.to_owned(), |token| token)
            .unwrap();
        assert!(given.metadata().get("set-cookie").is_none());
        assert_eq!(given.into_inner(), TOKEN);
    }

    /// SESS-2: a browser forgets a session that has ended, and only then.
    #[test]
    fn an_ended_sessions_cookie_is_cleared() {
        let cookie = [("cookie", format!("__Host-aikagi={TOKEN}"))];
        let cleared = |visit: Visit, reason| {
            let refused = visit
                .conclude::<()>(Err(Refusal::new(reason).into()))
                .unwrap_err();
            let header = refused.metadata().get("set-cookie");
            header.map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(
            cleared(visit(&cookie, true), ErrorReason::SessionEnded).as_deref(),
            Some("__Host-aikagi=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict")
        );
        assert_eq!(
            cleared(visit(&cookie, true), ErrorReason::Unavailable),
            None
        );
        let bearer = [("authorization", format!("Bearer {TOKEN}"))];
        assert_eq!(
            cleared(visit(&bearer, false), ErrorReason::SessionEnded),
            None
        );
    }
}
