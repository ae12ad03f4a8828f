use aikagi_domain::session::SessionToken;

/// SESS-3: the text of a session token.
pub fn token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(token) = SessionToken::parse(text) else {
        return;
    };
    // A token has only one text form, so the token of an ended session cannot return in another form.
    assert_eq!(token.as_text().as_str(), text);
    assert_eq!(text.len(), 43);
    assert!(!format!("{token:?}").contains(text));
}
