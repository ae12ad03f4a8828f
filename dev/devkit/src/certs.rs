//! A development certificate authority, and the workload identities that it vouches for (INV-7).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use time::{Duration, OffsetDateTime};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::pem::Pem;
use x509_parser::prelude::X509Certificate;

use crate::paths::{private_directory, write_private, write_public};

/// What a SPIFFE name of this system starts with.
pub const TRUST_DOMAIN: &str = "spiffe://aikagi/";
const AUTHORITY_LIFE: Duration = Duration::days(3650);
const LIFE: Duration = Duration::days(90);
/// One that ends sooner than this is made anew.
const RENEW_BEFORE: Duration = Duration::days(30);
/// Clocks that go a little wrong still agree.
const BACKDATE: Duration = Duration::hours(1);

/// A certificate authority in a directory.
pub struct Authority {
    dir: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    key_id: Vec<u8>,
}

/// The files that a workload shows and trusts.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its certificate, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM, readable by its owner only.
    pub key: PathBuf,
    /// The authority that it trusts, PEM.
    pub authorities: PathBuf,
}

/// What is wrong with a certificate that a test wants refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// It ended an hour ago.
    Expired,
    /// It begins in an hour.
    NotYetValid,
    /// It has no SPIFFE name.
    NoIdentity,
    /// Its SPIFFE name is of another trust domain.
    ForeignTrustDomain,
    /// It has two SPIFFE names.
    TwoIdentities,
}

impl Authority {
    /// The authority in `dir`, made there if there is none or it is about to end.
    pub fn open(dir: &Path) -> Result<Self> {
        let dir = private_directory(dir)?;
        let (certificate, key) = (dir.join("ca.pem"), dir.join("ca.key"));
        let usable = remaining(&certificate).is_some_and(|left| left > LIFE) && key.is_file();
        if !usable {
            let key_pair = KeyPair::generate().context("cannot make a key")?;
            let made = authority_params()
                .self_signed(&key_pair)
                .context("cannot make an authority")?;
            write_private(&key, key_pair.serialize_pem().as_bytes())?;
            write_public(&certificate, made.pem().as_bytes())?;
        }
        let pem = std::fs::read_to_string(&key)
            .with_context(|| format!("cannot read {}", key.display()))?;
        let key_pair =
            KeyPair::from_pem(&pem).with_context(|| format!("not a key: {}", key.display()))?;
        let params = authority_params();
        let key_id = params.key_identifier(&key_pair);
        Ok(Self {
            dir,
            issuer: Issuer::new(params, key_pair),
            key_id,
        })
    }

    /// The authority's own certificate.
    pub fn certificate(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    /// The identity `spiffe://aikagi/<name>`, also good for `dns_names` and loopback, for client and
    /// server. What is there already is kept unless it ends soon or was made for other names.
    pub fn issue(&self, name: &str, dns_names: &[&str]) -> Result<Identity> {
        let identity = self.files(name);
        let names = [format!("{TRUST_DOMAIN}{name}")];
        if identity.key.is_file() && self.is_current(&identity.certificate, &names, dns_names) {
            return Ok(identity);
        }
        let now = now();
        self.write(&identity, &names, dns_names, now - BACKDATE, now + LIFE)?;
        Ok(identity)
    }

    /// An identity that should be refused. For one of an unknown authority, ask another [`Authority`].
    pub fn issue_defective(&self, name: &str, defect: Defect) -> Result<Identity> {
        let good = format!("{TRUST_DOMAIN}{name}");
        let names = match defect {
            Defect::Expired | Defect::NotYetValid => vec![good],
            Defect::NoIdentity => vec![],
            Defect::ForeignTrustDomain => vec![format!("spiffe://elsewhere/{name}")],
            Defect::TwoIdentities => vec![good.clone(), format!("{good}-too")],
        };
        let (hour, now) = (Duration::hours(1), now());
        let (from, until) = match defect {
            Defect::Expired => (now - hour - hour, now - hour),
            Defect::NotYetValid => (now + hour, now + hour + hour),
            Defect::NoIdentity | Defect::ForeignTrustDomain | Defect::TwoIdentities => {
                (now - BACKDATE, now + LIFE)
            }
        };
        let identity = self.files(&format!("{name}.{defect:?}"));
        self.write(&identity, &names, &["localhost"], from, until)?;
        Ok(identity)
    }

    fn files(&self, name: &str) -> Identity {
        Identity {
            certificate: self.dir.join(format!("{name}.pem")),
            key: self.dir.join(format!("{name}.key")),
            authorities: self.certificate(),
        }
    }

    fn write(
        &self,
        identity: &Identity,
        uris: &[String],
        dns_names: &[&str],
        from: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<()> {
        let mut params = CertificateParams::default();
        params.not_before = from;
        params.not_after = until;
        params.use_authority_key_identifier_extension = true;
        params.distinguished_name = DistinguishedName::new();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        for uri in uris {
            let uri = uri.as_str().try_into().context("not a URI")?;
            params.subject_alt_names.push(SanType::URI(uri));
        }
        for name in dns_names {
            let name = (*name)
                .try_into()
                .with_context(|| format!("not a DNS name: {name}"))?;
            params.subject_alt_names.push(SanType::DnsName(name));
        }
        for address in [
            IpAddr::from(Ipv4Addr::LOCALHOST),
            IpAddr::from(Ipv6Addr::LOCALHOST),
        ] {
            params.subject_alt_names.push(SanType::IpAddress(address));
        }
        let key = KeyPair::generate().context("cannot make a key")?;
        let made = params
            .signed_by(&key, &self.issuer)
            .context("cannot sign a certificate")?;
        write_private(&identity.key, key.serialize_pem().as_bytes())?;
        write_public(&identity.certificate, made.pem().as_bytes())
    }

    fn is_current(&self, file: &Path, uris: &[String], dns_names: &[&str]) -> bool {
        remaining(file).is_some_and(|left| left > RENEW_BEFORE)
            && inspect(file, |certificate| {
                let ours = certificate.extensions().iter().any(|extension| {
                    matches!(extension.parsed_extension(), ParsedExtension::AuthorityKeyIdentifier(id)
                        if id.key_identifier.as_ref().is_some_and(|id| id.0 == self.key_id))
                });
                let (mut have_uris, mut have_names) = (Vec::new(), Vec::new());
                if let Ok(Some(names)) = certificate.subject_alternative_name() {
                    for name in &names.value.general_names {
                        match name {
                            GeneralName::URI(uri) => have_uris.push(*uri),
                            GeneralName::DNSName(name) => have_names.push(*name),
                            _ => {}
                        }
                    }
                }
                ours && have_uris == uris && have_names == dns_names
            }) == Some(true)
    }
}

/// The key ring in `file` (INV-9), made with one key if there is none. One that is there is never
/// replaced: what was sealed under it could not be opened again.
pub fn ensure_key_ring(file: &Path) -> Result<()> {
    if file.is_file() {
        return Ok(());
    }
    let text = aikagi_hashing::seal::KeyRing::generate_file_text("development-1", &mut rand::rng());
    write_private(file, text.as_bytes())
}

fn authority_params() -> CertificateParams {
    let mut distinguished_name = DistinguishedName::new();
    distinguished_name.push(DnType::CommonName, "Aikagi development authority");
    let now = now();
    let mut params = CertificateParams::default();
    params.not_before = now - BACKDATE;
    params.not_after = now + AUTHORITY_LIFE;
    params.distinguished_name = distinguished_name;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn remaining(file: &Path) -> Option<Duration> {
    let ends = inspect(file, |certificate| {
        certificate.validity().not_after.timestamp()
    })?;
    Some(Duration::seconds(ends - now().unix_timestamp()))
}

fn inspect<T>(file: &Path, look: impl FnOnce(&X509Certificate<'_>) -> T) -> Option<T> {
    let pem = Pem::iter_from_buffer(&std::fs::read(file).ok()?)
        .next()?
        .ok()?;
    Some(look(&pem.parse_x509().ok()?))
}

/// The real clock: whoever checks these certificates looks at it too.
fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn uris(file: &Path) -> Vec<String> {
        inspect(file, |certificate| {
            let names = certificate.subject_alternative_name().unwrap().unwrap();
            let uris = names
                .value
                .general_names
                .iter()
                .filter_map(|name| match name {
                    GeneralName::URI(uri) => Some((*uri).to_owned()),
                    _ => None,
                });
            uris.collect()
        })
        .unwrap()
    }

    #[test]
    fn an_identity_is_kept_until_it_no_longer_fits() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::open(dir.path()).unwrap();
        let made = authority.issue("gateway", &["localhost"]).unwrap();
        assert_eq!(uris(&made.certificate), ["spiffe://aikagi/gateway"]);
        assert_eq!(
            std::fs::metadata(&made.key).unwrap().permissions().mode() & 0o777,
            0o600
        );

        let first = std::fs::read(&made.certificate).unwrap();
        let authority = Authority::open(dir.path()).unwrap();
        authority.issue("gateway", &["localhost"]).unwrap();
        assert_eq!(std::fs::read(&made.certificate).unwrap(), first);

        authority
            .issue("gateway", &["localhost", "gateway"])
            .unwrap();
        let second = std::fs::read(&made.certificate).unwrap();
        assert_ne!(second, first);

        std::fs::remove_file(authority.certificate()).unwrap();
        let authority = Authority::open(dir.path()).unwrap();
        authority
            .issue("gateway", &["localhost", "gateway"])
            .unwrap();
        assert_ne!(std::fs::read(&made.certificate).unwrap(), second);
    }

    #[test]
    fn defects_are_what_they_say() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::open(dir.path()).unwrap();
        let file = |defect| {
            authority
                .issue_defective("ivr", defect)
                .unwrap()
                .certificate
        };
        assert!(remaining(&file(Defect::Expired)).unwrap().is_negative());
        assert!(remaining(&file(Defect::NotYetValid)).unwrap().is_positive());
        assert!(uris(&file(Defect::NoIdentity)).is_empty());
        assert_eq!(
            uris(&file(Defect::ForeignTrustDomain)),
            ["spiffe://elsewhere/ivr"]
        );
        assert_eq!(uris(&file(Defect::TwoIdentities)).len(), 2);
    }
}
