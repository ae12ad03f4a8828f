//! A certificate authority, and the workload certificates that it signs (INV-7).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use time::{Duration, OffsetDateTime};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::pem::Pem;
use x509_parser::prelude::X509Certificate;

use crate::files::{private_directory, write_private, write_public};

/// The prefix of every SPIFFE name of this system.
pub const TRUST_DOMAIN: &str = "spiffe://aikagi/";
/// The lifetime of an authority's certificate.
const AUTHORITY_LIFE: Duration = Duration::days(3650);
/// The lifetime of a workload's certificate.
const LIFE: Duration = Duration::days(90);
/// A workload's certificate is replaced when less time than this is left.
const RENEW_BEFORE: Duration = Duration::days(30);
/// Certificates are valid from this long before now, because the clocks of machines differ a little.
const BACKDATE: Duration = Duration::hours(1);

/// A certificate authority whose files are in one directory.
pub struct Authority {
    dir: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    key_id: Vec<u8>,
}

/// The files of a workload's identity.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The workload's certificate, in PEM format.
    pub certificate: PathBuf,
    /// The workload's private key, in PEM format. Only the owner of the file may read it.
    pub key: PathBuf,
    /// The certificate of the authority that the workload trusts, in PEM format.
    pub authorities: PathBuf,
}

/// The content of a workload's certificate.
#[derive(Clone, Debug)]
pub struct Claims<'a> {
    /// The SPIFFE names. Services accept only certificates with exactly one.
    pub uris: &'a [String],
    /// The host names. The loopback addresses are always added.
    pub dns_names: &'a [&'a str],
    /// The start of its validity.
    pub not_before: OffsetDateTime,
    /// The end of its validity.
    pub not_after: OffsetDateTime,
}

impl Authority {
    /// Opens the authority in `dir`. Creates a new one if a file is missing, or if its certificate would
    /// expire before a workload's certificate that is issued now.
    pub fn open(dir: &Path) -> Result<Self> {
        let dir = private_directory(dir)?;
        let (certificate, key) = (dir.join("ca.pem"), dir.join("ca.key"));
        let usable = remaining(&certificate).is_some_and(|left| left > LIFE) && key.is_file();
        if !usable {
            let key_pair = KeyPair::generate().context("cannot generate a key")?;
            let made = authority_params()
                .self_signed(&key_pair)
                .context("cannot create the authority's certificate")?;
            write_private(&key, key_pair.serialize_pem().as_bytes())?;
            write_public(&certificate, made.pem().as_bytes())?;
        }
        let pem = std::fs::read_to_string(&key)
            .with_context(|| format!("cannot read {}", key.display()))?;
        let key_pair =
            KeyPair::from_pem(&pem).with_context(|| format!("no key in {}", key.display()))?;
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

    /// Issues the identity `spiffe://aikagi/<name>`. Its certificate is valid for clients and servers, for
    /// `dns_names` and for the loopback addresses.
    ///
    /// An existing identity is kept if its names and its authority are the same and its certificate is
    /// valid for more than 30 days.
    pub fn issue(&self, name: &str, dns_names: &[&str]) -> Result<Identity> {
        let identity = self.files(name);
        let uris = [format!("{TRUST_DOMAIN}{name}")];
        if identity.key.is_file() && self.is_current(&identity.certificate, &uris, dns_names) {
            return Ok(identity);
        }
        let now = now();
        let claims = Claims {
            uris: &uris,
            dns_names,
            not_before: now - BACKDATE,
            not_after: now + LIFE,
        };
        self.issue_with(name, &claims)
    }

    /// Issues an identity with these claims, without checking them. Writes `<name>.pem` and `<name>.key`,
    /// and replaces existing files.
    pub fn issue_with(&self, name: &str, claims: &Claims<'_>) -> Result<Identity> {
        let identity = self.files(name);
        let mut params = CertificateParams::default();
        params.not_before = claims.not_before;
        params.not_after = claims.not_after;
        params.use_authority_key_identifier_extension = true;
        params.distinguished_name = DistinguishedName::new();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        for uri in claims.uris {
            let uri = uri.as_str().try_into().context("a name is not a URI")?;
            params.subject_alt_names.push(SanType::URI(uri));
        }
        for name in claims.dns_names {
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
        let key = KeyPair::generate().context("cannot generate a key")?;
        let made = params
            .signed_by(&key, &self.issuer)
            .context("cannot sign a certificate")?;
        write_private(&identity.key, key.serialize_pem().as_bytes())?;
        write_public(&identity.certificate, made.pem().as_bytes())?;
        Ok(identity)
    }

    fn files(&self, name: &str) -> Identity {
        Identity {
            certificate: self.dir.join(format!("{name}.pem")),
            key: self.dir.join(format!("{name}.key")),
            authorities: self.certificate(),
        }
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

fn authority_params() -> CertificateParams {
    let mut distinguished_name = DistinguishedName::new();
    // Issued certificates contain this name. A change would break the chain of existing authorities.
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

/// The time of the system clock. The programs that check these certificates use it too.
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
    fn an_identity_is_kept_until_its_names_or_authority_change() {
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
}
