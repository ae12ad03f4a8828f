use aikagi_mesh::identity::{Identity, TRUST_DOMAIN};

/// INV-7: the SPIFFE URI in a certificate.
pub fn identity(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(identity) = Identity::parse(text) else {
        return;
    };
    assert_eq!(format!("{TRUST_DOMAIN}{}", identity.path()), text);
    let (name, instance) = match identity.path().split_once('/') {
        Some((name, instance)) => (name, Some(instance)),
        None => (identity.path(), None),
    };
    assert_eq!(identity.name(), name);
    for part in [Some(name), instance].into_iter().flatten() {
        assert!(!part.is_empty() && !part.contains(['/', '%', ' ', '\0']));
        assert!(part != "." && part != "..");
        assert_eq!(part, part.to_ascii_lowercase());
    }
}
