//! Checks the operator's certificate, key, authorities and deny list.

use std::path::Path;
use std::time::Duration;

use aikagi_mesh::clock::{Clock as _, SystemClock};
use aikagi_mesh::config::{IdentitySettings, check_private};
use aikagi_mesh::identity::Identity;
use aikagi_mesh::tls::{Denials, DenyListSummary, TlsIdentity, certificates};
use chrono::{DateTime, TimeDelta, Utc};
use humantime::format_duration;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{Check, CheckState};
use crate::settings::Settings;

/// A certificate that expires within this time gets a warning.
const EXPIRY_WARNING: TimeDelta = TimeDelta::days(14);
const OPERATOR: &str = "operator";

/// Checks the certificate, the key, the authorities and the deny list.
pub(super) fn check(settings: &Settings, checks: &mut Vec<Check>) {
    let identity = &settings.identity;
    checks.push(certificate(&identity.certificate));
    checks.push(key(&identity.key));
    checks.push(authorities(&identity.authorities));
    checks.push(deny_list(identity.deny_list.as_deref()));
    let without_list = IdentitySettings {
        deny_list: None,
        ..identity.clone()
    };
    checks.push(match TlsIdentity::load(&without_list) {
        Ok(_) => Check::well("certificate and key", "belong together"),
        Err(error) => Check::wrong(
            "certificate and key",
            error.to_string(),
            "use a certificate with its own key, and the authorities that issued the gateway's certificate",
        ),
    });
}

fn certificate(path: &Path) -> Check {
    let what = "your certificate";
    let chain = match certificates(path) {
        Ok(chain) => chain,
        Err(error) => {
            return Check::wrong(what, error.to_string(), "set --certificate to a PEM file");
        }
    };
    let Some(own) = chain.first() else {
        return Check::wrong(
            what,
            "the file contains no certificate",
            "set --certificate to a PEM file",
        );
    };
    let identity = match Identity::of_certificate(own) {
        Ok(identity) => identity,
        Err(error) => {
            return Check::wrong(
                what,
                error.to_string(),
                "have a certificate issued with the identity spiffe://aikagi/operator/<name>",
            );
        }
    };
    if identity.name() != OPERATOR {
        return Check::wrong(
            what,
            format!("identity {} is not an operator's", identity.path()),
            "use a certificate whose identity is spiffe://aikagi/operator or spiffe://aikagi/operator/<name>",
        );
    }
    validity(what, own, &format!("identity {}", identity.path()))
}

/// Checks the validity period of a certificate. `found` describes the certificate.
pub(super) fn validity(what: &str, der: &[u8], found: &str) -> Check {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return Check::wrong(what, "cannot be parsed", "have it issued again");
    };
    let moment = |time: x509_parser::time::ASN1Time| {
        DateTime::from_timestamp(time.timestamp(), 0).unwrap_or_default()
    };
    let (from, until) = (
        moment(certificate.validity().not_before),
        moment(certificate.validity().not_after),
    );
    judge(what, found, from, until, SystemClock.now())
}

fn judge(
    what: &str,
    found: &str,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Check {
    let day = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M:%SZ").to_string();
    if now < from {
        Check::wrong(
            what,
            format!("{found}, not valid before {}", day(from)),
            "check the clock of this machine; if it is correct, have the certificate issued again",
        )
    } else if now > until {
        Check::wrong(
            what,
            format!("{found}, expired {}", day(until)),
            "have a new certificate issued",
        )
    } else if until - now < EXPIRY_WARNING {
        Check::warning(
            what,
            format!("{found}, expires {}", day(until)),
            "have a new certificate issued before that",
        )
    } else {
        Check::well(what, format!("{found}, valid until {}", day(until)))
    }
}

fn key(path: &Path) -> Check {
    match check_private(path) {
        Ok(()) => Check::well("your key", path.display().to_string()),
        Err(error) => Check::wrong(
            "your key",
            error.to_string(),
            "set --key to the key of your certificate, and make it readable only for you: chmod 600",
        ),
    }
}

fn authorities(path: &Path) -> Check {
    let what = "authorities";
    match certificates(path) {
        Err(error) => Check::wrong(
            what,
            error.to_string(),
            "set --authorities to the PEM file of the authority",
        ),
        Ok(all) => {
            let found = format!("{} in {}", all.len(), path.display());
            let checks = all.iter().map(|der| validity(what, der, &found));
            worst(checks).unwrap_or_else(|| {
                let mend = "set --authorities to a PEM file";
                Check::wrong(what, "the file contains no certificate", mend)
            })
        }
    }
}

/// The check that needs the most attention: the report has one check for all authorities.
fn worst(checks: impl Iterator<Item = Check>) -> Option<Check> {
    checks.min_by_key(|check| match check.state {
        CheckState::Wrong => 0,
        CheckState::Warning => 1,
        CheckState::Well | CheckState::Skipped => 2,
    })
}

fn deny_list(path: Option<&Path>) -> Check {
    let what = "your deny list";
    match Denials::load(path).map(|denials| denials.summary()) {
        Ok(Some(summary)) => Check::well(what, describe(&summary)),
        Ok(None) => Check::skipped(what, "--deny-list is not set"),
        Err(error) => Check::wrong(
            what,
            error.to_string(),
            "correct the line, or set --deny-list to an existing file",
        ),
    }
}

/// Describes a deny list.
pub(super) fn describe(list: &DenyListSummary) -> String {
    let entries = match list.entries {
        1 => "1 entry".to_owned(),
        entries => format!("{entries} entries"),
    };
    match list.age {
        Some(age) => {
            let age = Duration::from_secs(age.as_secs());
            format!("{entries}, changed {} ago", format_duration(age))
        }
        None => entries,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An authority that expires soon is reported, even if another one stands before it in the file.
    #[test]
    fn the_worst_authority_is_reported() {
        let (well, soon) = (Check::well("a", ""), Check::warning("b", "", ""));
        let wrong = Check::wrong("c", "", "");
        let reported = worst([well, soon].into_iter()).unwrap();
        assert_eq!(reported.state, CheckState::Warning);
        let reported = worst([reported, wrong].into_iter()).unwrap();
        assert_eq!(reported.state, CheckState::Wrong);
        assert!(worst(std::iter::empty()).is_none());
    }

    #[test]
    fn expiry_is_reported_in_time() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let state = |from: i64, until: i64| {
            judge(
                "x",
                "y",
                now + TimeDelta::days(from),
                now + TimeDelta::days(until),
                now,
            )
            .state
        };
        assert_eq!(state(-1, 15), CheckState::Well);
        assert_eq!(state(-1, 13), CheckState::Warning);
        assert_eq!(state(-9, -1), CheckState::Wrong);
        assert_eq!(state(1, 90), CheckState::Wrong);
    }
}
