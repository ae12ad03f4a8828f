//! Workload identity: the SPIFFE URI in a certificate (INV-7).

use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

/// The prefix of every identity of Aikagi.
pub const TRUST_DOMAIN: &str = "spiffe://aikagi/";

/// The identity of a workload: `spiffe://aikagi/<name>` or `spiffe://aikagi/<name>/<instance>`.
///
/// Policies use the name only. The audit trail records name and instance.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    path: String,
}

/// Why an identity cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The certificate cannot be read.
    #[error("the certificate cannot be read")]
    Unreadable,
    /// The identity does not begin with our trust domain.
    #[error("the certificate has no {TRUST_DOMAIN} identity")]
    Missing,
    /// The certificate has more than one URI, so its identity is ambiguous.
    #[error("the certificate has more than one URI")]
    Ambiguous,
    /// The path is not `<name>` or `<name>/<instance>` of lower-case letters, digits, `-`, `_` and `.`.
    #[error("the certificate's identity is malformed")]
    Malformed,
}

impl Identity {
    /// Reads the identity in a certificate, which must have exactly one URI.
    pub fn of_certificate(certificate: &CertificateDer<'_>) -> Result<Self, IdentityError> {
        let certificate = EndEntityCert::try_from(certificate)
            .map_err(|_unreadable| IdentityError::Unreadable)?;
        let mut uris = certificate.valid_uri_names();
        let uri = uris.next().ok_or(IdentityError::Missing)?;
        if uris.next().is_some() {
            return Err(IdentityError::Ambiguous);
        }
        Self::parse(uri)
    }

    /// Reads an identity from a SPIFFE URI.
    pub fn parse(uri: &str) -> Result<Self, IdentityError> {
        let path = uri
            .strip_prefix(TRUST_DOMAIN)
            .ok_or(IdentityError::Missing)?;
        let mut segments = path.split('/');
        let well_formed = segments.by_ref().take(2).all(is_segment) && segments.next().is_none();
        if well_formed {
            Ok(Self {
                path: path.to_owned(),
            })
        } else {
            Err(IdentityError::Malformed)
        }
    }

    /// The name, as policies use it.
    pub fn name(&self) -> &str {
        self.path.split('/').next().unwrap_or(&self.path)
    }

    /// The name and the instance, as the audit trail records them.
    pub fn path(&self) -> &str {
        &self.path
    }
}

fn is_segment(segment: &str) -> bool {
    !segment.is_empty()
        && segment.len() <= 63
        && segment.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte)
        })
        && segment.bytes().any(|byte| byte != b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// INV-7: only a well-formed SPIFFE URI of our trust domain is an identity.
    #[test]
    fn identities_are_read_strictly() {
        let operator = Identity::parse("spiffe://aikagi/operator/alice").expect("the URI is valid");
        assert_eq!(
            (operator.name(), operator.path()),
            ("operator", "operator/alice")
        );
        for bad in [
            "spiffe://aikagi/",
            "spiffe://aikagi/a/b/c",
            "spiffe://aikagi/..",
            "spiffe://aikagi/Gateway",
            "spiffe://other/gateway",
            "https://aikagi/gateway",
            "spiffe://aikagi/gateway/",
            "spiffe://aikagi/gate way",
            "spiffe://aikagi/gateway?x",
        ] {
            assert!(Identity::parse(bad).is_err(), "{bad}");
        }
    }
}
