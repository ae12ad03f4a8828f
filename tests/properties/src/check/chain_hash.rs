use aikagi_domain::audit_chain::ChainHash;

/// OPS-3: the text of a hash in an anchor.
pub fn chain_hash(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let is_hash = text.len() == 64 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let hash = ChainHash::from_hexadecimal(text);
    assert_eq!(hash.is_some(), is_hash);
    if let Some(hash) = hash {
        assert_eq!(hash.to_string(), text.to_ascii_lowercase());
        assert_eq!(ChainHash::from_slice(hash.as_bytes()), Some(hash));
    }
}
