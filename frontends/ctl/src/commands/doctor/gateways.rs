//! The way to the gateway, and what stands behind it.

use aikagi_api::authentication::v1::ListSessionsRequest;
use aikagi_api::units::v1::ExplainLoginRequest;
use aikagi_mesh::client::{Obstacle, probe};
use aikagi_mesh::clock::{Clock as _, SystemClock};
use aikagi_mesh::tls::TlsIdentity;
use chrono::{DateTime, TimeDelta};
use tonic::metadata::MetadataMap;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;

use super::Check;
use super::files::validity;
use crate::connection::{Connection, GATEWAY};
use crate::error::{CommandError, ExitKind};
use crate::settings::Settings;

/// A number that nobody has: asking for it changes nothing and tells of nobody.
const NOBODY: &str = "0000000000";
/// Clocks that differ by more make certificates, temporary passwords and the trail's times doubtful.
const CLOCK_WARNING: TimeDelta = TimeDelta::seconds(2);
const CLOCK_WRONG: TimeDelta = TimeDelta::seconds(30);

/// Looks at every gateway, then at what is behind.
pub(super) async fn check(settings: &Settings, checks: &mut Vec<Check>) {
    let Ok(identity) = TlsIdentity::load(&settings.identity) else {
        checks.push(Check::skipped(
            "the way there",
            "without a certificate, key and authorities nobody lets us in",
        ));
        return;
    };
    let mut reached = false;
    for gateway in &settings.gateways {
        reached |= reach(gateway, &identity, checks).await;
    }
    if !reached {
        checks.push(Check::skipped("health", "no gateway is to be reached"));
        return;
    }
    match Connection::open(settings) {
        Ok(connection) => behind(&connection, checks).await,
        Err(error) => checks.push(Check::wrong("connection", error.message, "see above")),
    }
}

/// Name, port, TLS and identity of one gateway, at each of its addresses.
async fn reach(gateway: &str, identity: &TlsIdentity, checks: &mut Vec<Check>) -> bool {
    let name = format!("name {gateway}");
    let addresses: Vec<_> = match tokio::net::lookup_host(gateway).await {
        Ok(addresses) => addresses.collect(),
        Err(error) => {
            let mend = "look at the name in --gateway, and at this machine's DNS";
            checks.push(Check::wrong(name, error.to_string(), mend));
            return false;
        }
    };
    let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    checks.push(Check::well(name, list.join(", ")));
    let mut reached = false;
    for address in addresses {
        let what = format!("gateway {address}");
        checks.push(match probe(GATEWAY, address, identity).await {
            Ok(certificate) => {
                reached = true;
                validity(
                    &what,
                    &certificate,
                    "TLS, is the gateway, accepts your certificate",
                )
            }
            Err(obstacle) => Check::wrong(what, obstacle.to_string(), mend(&obstacle)),
        });
    }
    reached
}

fn mend(obstacle: &Obstacle) -> &'static str {
    match obstacle {
        Obstacle::Connection(_) => {
            "is the gateway running, is this its private port (8444), does a firewall stand between?"
        }
        Obstacle::Handshake(_) => {
            "is this the gateway's private port (8444), and not another service's?"
        }
        Obstacle::UnknownAuthority => {
            "point --authorities at the authority that issued the gateway's certificate; if it was changed, add the new one"
        }
        Obstacle::OutOfDate => {
            "renew the gateway's certificate, and look at the clocks of both machines"
        }
        Obstacle::OtherWorkload => {
            "this is a service behind the gateway, or the public port: point --gateway at the gateway's private port"
        }
        Obstacle::RefusedUs(_) => {
            "the gateway does not believe your certificate: was it issued by an authority in its `identity.authorities`, is it in date?"
        }
    }
}

/// The gateway's health, the clocks, and the services that an operator may call.
async fn behind(connection: &Connection, checks: &mut Vec<Check>) {
    let asked = HealthCheckRequest::default();
    match connection
        .call_whole(connection.health().check(asked))
        .await
    {
        Ok(answer) => {
            let ready = answer.get_ref().status() == ServingStatus::Serving;
            checks.push(if ready {
                Check::well("health", "the gateway is ready")
            } else {
                Check::wrong(
                    "health",
                    "the gateway is not ready",
                    "its log says which dependency does not answer: Redis or authentication",
                )
            });
            checks.push(clocks(answer.metadata(), SystemClock.now()));
        }
        Err(error) => checks.push(of_fault("health", error)),
    }

    let request = ExplainLoginRequest {
        number: NOBODY.into(),
    };
    let units = connection
        .call(connection.directory().explain_login(request))
        .await;
    checks.push(match units {
        Ok(_) => Check::well("units", "answers, and its database does"),
        Err(error) => of_fault("units", error),
    });
    let request = ListSessionsRequest {
        number: NOBODY.into(),
    };
    let authentication = connection
        .call(connection.authentication().list_sessions(request))
        .await;
    checks.push(match authentication {
        Err(error) if error.kind != ExitKind::NotFound => of_fault("authentication", error),
        Ok(_) | Err(_) => Check::well("authentication", "answers, and its database does"),
    });
    checks.push(Check::skipped(
        "issuance, password",
        "an operator may not call them: ask their own `healthcheck`",
    ));
}

fn of_fault(what: &str, error: CommandError) -> Check {
    let mend = match (error.kind, error.reason.as_deref()) {
        (_, Some("CALLER_NOT_ALLOWED")) => {
            "use a certificate whose identity is spiffe://aikagi/operator or spiffe://aikagi/operator/<name>"
        }
        (ExitKind::Unavailable, _) => {
            "look at its `healthcheck` and its log: the process, PostgreSQL, Redis"
        }
        _ => "look at its log",
    };
    Check::wrong(what, error.message, mend)
}

/// HTTP answers carry the other side's time, to the second.
fn clocks(metadata: &MetadataMap, now: DateTime<chrono::Utc>) -> Check {
    let there = metadata
        .get("date")
        .and_then(|date| date.to_str().ok())
        .and_then(|date| DateTime::parse_from_rfc2822(date).ok());
    let Some(there) = there else {
        return Check::skipped("clocks", "the gateway does not say what time it is");
    };
    let ahead = now - there.to_utc();
    let found = format!(
        "this machine and the gateway differ by {} s",
        ahead.num_seconds()
    );
    let mend = "set both clocks by NTP";
    if ahead.abs() > CLOCK_WRONG {
        Check::wrong("clocks", found, mend)
    } else if ahead.abs() > CLOCK_WARNING {
        Check::warning("clocks", found, mend)
    } else {
        Check::well("clocks", "this machine and the gateway agree to 2 s")
    }
}

#[cfg(test)]
mod tests {
    use super::super::CheckState;
    use super::*;

    #[test]
    fn clocks_that_differ_are_told_of() {
        let now = DateTime::parse_from_rfc2822("Tue, 24 Nov 2026 09:00:00 GMT")
            .unwrap()
            .to_utc();
        let state = |date: &str| {
            let mut metadata = MetadataMap::new();
            metadata.insert("date", date.parse().unwrap());
            clocks(&metadata, now).state
        };
        assert_eq!(state("Tue, 24 Nov 2026 08:59:59 GMT"), CheckState::Well);
        assert_eq!(state("Tue, 24 Nov 2026 09:00:05 GMT"), CheckState::Warning);
        assert_eq!(state("Tue, 24 Nov 2026 08:58:00 GMT"), CheckState::Wrong);
        assert_eq!(state("soon"), CheckState::Skipped);
    }
}
