//! Certificates with defects, for tests that a service refuses them (INV-7).

use aikagi_installation::certificates::{Authority, Claims, Identity, TRUST_DOMAIN};
use anyhow::Result;
use time::{Duration, OffsetDateTime};

/// A defect of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// The certificate expired an hour ago.
    Expired,
    /// The certificate becomes valid in an hour.
    NotYetValid,
    /// The certificate has no SPIFFE name.
    NoIdentity,
    /// The SPIFFE name belongs to another trust domain.
    ForeignTrustDomain,
    /// The certificate has two SPIFFE names.
    TwoIdentities,
}

/// Issues an identity for `name` with this defect. For an identity of an unknown authority, open
/// another [`Authority`].
pub fn issue_defective(authority: &Authority, name: &str, defect: Defect) -> Result<Identity> {
    let good = format!("{TRUST_DOMAIN}{name}");
    let uris = match defect {
        Defect::Expired | Defect::NotYetValid => vec![good],
        Defect::NoIdentity => vec![],
        Defect::ForeignTrustDomain => vec![format!("spiffe://elsewhere/{name}")],
        Defect::TwoIdentities => vec![good.clone(), format!("{good}-too")],
    };
    let (hour, now) = (Duration::HOUR, OffsetDateTime::now_utc());
    let (not_before, not_after) = match defect {
        Defect::Expired => (now - hour - hour, now - hour),
        Defect::NotYetValid => (now + hour, now + hour + hour),
        Defect::NoIdentity | Defect::ForeignTrustDomain | Defect::TwoIdentities => {
            (now - hour, now + hour)
        }
    };
    let claims = Claims {
        uris: &uris,
        dns_names: &["localhost"],
        not_before,
        not_after,
    };
    authority.issue_with(&format!("{name}.{defect:?}"), &claims)
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use x509_parser::extensions::GeneralName;
    use x509_parser::pem::Pem;

    use super::*;

    /// The SPIFFE names of a certificate, and the present time compared with the certificate's
    /// validity: before, during or after it.
    fn read(identity: &Identity) -> (Vec<String>, Ordering) {
        let text = std::fs::read(&identity.certificate).unwrap();
        let pem = Pem::iter_from_buffer(&text).next().unwrap().unwrap();
        let certificate = pem.parse_x509().unwrap();
        let names = certificate.subject_alternative_name().unwrap().unwrap();
        let uris = names
            .value
            .general_names
            .iter()
            .filter_map(|name| match name {
                GeneralName::URI(uri) => Some((*uri).to_owned()),
                _ => None,
            });
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let validity = certificate.validity();
        let time = if now < validity.not_before.timestamp() {
            Ordering::Less
        } else if now > validity.not_after.timestamp() {
            Ordering::Greater
        } else {
            Ordering::Equal
        };
        (uris.collect(), time)
    }

    #[test]
    fn an_identity_has_its_defect_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::open(dir.path()).unwrap();
        let good = "spiffe://aikagi/ivr";
        for (defect, uris, time) in [
            (Defect::Expired, &[good][..], Ordering::Greater),
            (Defect::NotYetValid, &[good], Ordering::Less),
            (Defect::NoIdentity, &[], Ordering::Equal),
            (
                Defect::ForeignTrustDomain,
                &["spiffe://elsewhere/ivr"],
                Ordering::Equal,
            ),
            (
                Defect::TwoIdentities,
                &[good, "spiffe://aikagi/ivr-too"],
                Ordering::Equal,
            ),
        ] {
            let identity = issue_defective(&authority, "ivr", defect).unwrap();
            let expected = uris.iter().map(|&uri| uri.to_owned()).collect();
            assert_eq!(read(&identity), (expected, time), "{defect:?}");
        }
    }
}
