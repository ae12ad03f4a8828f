use aikagi_domain::session::SessionToken;

/// SESS-3: a presented session token.
pub fn token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(token) = SessionToken::parse(text) else {
        return;
    };
    // No token has two spellings: a token that has ended has ended in every spelling.
    assert_eq!(token.as_text().as_str(), text);
    assert_eq!(text.len(), 43);
    assert!(!format!("{token:?}").contains(text));
}
