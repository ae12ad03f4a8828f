//! The deny list: certificates and identities that a workload refuses, as server and as client (INV-12).

use std::collections::HashSet;
use std::fmt;

use rustls::pki_types::CertificateDer;

use crate::identity::{Identity, TRUST_DOMAIN};

/// The start of an entry that names a serial number. `openssl x509 -noout -serial` prints the same form.
const SERIAL: &str = "serial=";

/// The maximum number of bytes of a serial number. RFC 5280 allows 20.
const MAX_SERIAL_BYTES: usize = 64;

/// The content of a deny list.
///
/// Each line has one entry: `serial=HEX`, or a SPIFFE identity such as `spiffe://aikagi/operator/alice`. Text after `#`
/// is a comment. An identity denies only certificates with exactly this identity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DenyList {
    entries: HashSet<Entry>,
}

/// An entry of a deny list. An entry is not secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Entry {
    /// The serial number of a certificate.
    Serial(Serial),
    /// The identity of a workload.
    Identity(Identity),
}

/// The serial number of a certificate, without leading zeros.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Serial(Vec<u8>);

/// Why a deny list cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is neither `serial=HEX` nor `{TRUST_DOMAIN}NAME`")]
pub struct MalformedEntry {
    /// The number of the line. The first line has the number 1.
    pub line: usize,
}

/// The parts of a peer's certificate that a deny list may name.
#[derive(Debug, Clone)]
pub(crate) struct PeerCertificate {
    /// `None` if the certificate cannot be read.
    serial: Option<Serial>,
    /// `None` if the certificate has no valid identity.
    identity: Option<Identity>,
}

/// The entry that denies a certificate by its serial number. `None` if the certificate cannot be read.
pub fn serial_entry(certificate: &CertificateDer<'_>) -> Option<String> {
    let serial = PeerCertificate::of(certificate).serial?;
    Some(Entry::Serial(serial).to_string())
}

impl DenyList {
    /// Reads a deny list. One malformed line makes the whole list unusable.
    pub fn parse(text: &str) -> Result<Self, MalformedEntry> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut entries = HashSet::new();
        for (index, line) in text.lines().enumerate() {
            let entry = line.split('#').next().unwrap_or_default().trim();
            if entry.is_empty() {
                continue;
            }
            let entry = Entry::parse(entry).ok_or(MalformedEntry { line: index + 1 })?;
            entries.insert(entry);
        }
        Ok(Self { entries })
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if the list denies nobody.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the entry that denies a certificate.
    pub(crate) fn entry_for(&self, peer: &PeerCertificate) -> Option<Entry> {
        let serial = peer.serial.clone().map(Entry::Serial);
        let identity = peer.identity.clone().map(Entry::Identity);
        [serial, identity]
            .into_iter()
            .flatten()
            .find(|entry| self.entries.contains(entry))
    }
}

impl Entry {
    /// The kinds of entries, as labels of metrics.
    pub(crate) const KINDS: [&str; 2] = ["serial", "identity"];

    fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix(SERIAL) {
            Some(serial) => Serial::parse(serial).map(Self::Serial),
            None => Identity::parse(text).ok().map(Self::Identity),
        }
    }

    /// The kind of the entry, one of [`Entry::KINDS`].
    pub(crate) fn kind(&self) -> &'static str {
        let [serial, identity] = Self::KINDS;
        match self {
            Self::Serial(_) => serial,
            Self::Identity(_) => identity,
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serial(serial) => write!(f, "{SERIAL}{serial}"),
            Self::Identity(identity) => write!(f, "{TRUST_DOMAIN}{}", identity.path()),
        }
    }
}

impl Serial {
    /// Reads hexadecimal digits, of any case, with or without `:` between bytes.
    fn parse(text: &str) -> Option<Self> {
        let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
        if digits.is_empty() || digits.len() > MAX_SERIAL_BYTES * 2 {
            return None;
        }
        // An odd number of digits lacks a leading zero.
        let digits = [vec![b'0'; digits.len() % 2], digits].concat();
        let bytes = digits.chunks(2).map(|pair| {
            let pair = std::str::from_utf8(pair).ok()?;
            let is_hexadecimal = pair.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_hexadecimal
                .then(|| u8::from_str_radix(pair, 16).ok())
                .flatten()
        });
        Some(Self::from_bytes(&bytes.collect::<Option<Vec<u8>>>()?))
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        Self(bytes.iter().skip(zeros).copied().collect())
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl PeerCertificate {
    pub(crate) fn of(certificate: &CertificateDer<'_>) -> Self {
        let parsed = x509_parser::parse_x509_certificate(certificate).ok();
        Self {
            serial: parsed.map(|(_, certificate)| Serial::from_bytes(certificate.raw_serial())),
            identity: Identity::of_certificate(certificate).ok(),
        }
    }

    /// The peer's identity (INV-7).
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(serial: &str, identity: &str) -> PeerCertificate {
        PeerCertificate {
            serial: Serial::parse(serial),
            identity: Identity::parse(identity).ok(),
        }
    }

    /// INV-12: a list has one entry on each line. Comments and empty lines are ignored.
    #[test]
    fn entries_and_comments_are_read() {
        let text = "\u{feff}# stolen on 2026-11-28\r\n\r\nserial=0A:ff:01 # units\r\nspiffe://aikagi/operator/alice\n\
                    serial=aff01\n";
        let list = DenyList::parse(text).unwrap();
        assert_eq!(list.len(), 2);
        let denied = |serial: &str, identity: &str| {
            list.entry_for(&peer(serial, identity))
                .map(|entry| entry.to_string())
        };
        let units = "spiffe://aikagi/units";
        assert_eq!(denied("0aff01", units).unwrap(), "serial=0AFF01");
        assert_eq!(denied("000AFF01", units).unwrap(), "serial=0AFF01");
        assert_eq!(denied("0AFF02", units), None);
        let alice = "spiffe://aikagi/operator/alice";
        assert_eq!(denied("01", alice).unwrap(), alice);
        for other in ["spiffe://aikagi/operator", "spiffe://aikagi/operator/bob"] {
            assert_eq!(denied("01", other), None);
        }
        assert!(DenyList::parse("").unwrap().is_empty());
    }

    /// INV-12: one malformed line makes the whole list unusable. The error names the line.
    #[test]
    fn a_malformed_line_is_refused() {
        for bad in [
            "serial=",
            "serial=0x12",
            "serial=+1",
            "serial=12 34",
            "serial = 12",
            "12ab",
            "spiffe://other/units",
            "spiffe://aikagi/Units",
            "units",
            "serial=日本",
            &format!("serial={}", "a".repeat(2 * MAX_SERIAL_BYTES + 1)),
        ] {
            let error = DenyList::parse(&format!("# one\nserial=01\n{bad}\n")).unwrap_err();
            assert_eq!(error, MalformedEntry { line: 3 }, "{bad}");
        }
    }
}
