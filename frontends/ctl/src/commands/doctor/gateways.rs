//! Checks the connection to each gateway, and the services behind it.

use std::net::SocketAddr;

use aikagi_api::authentication::v1::ListSessionsRequest;
use aikagi_api::units::v1::ExplainLoginRequest;
use aikagi_mesh::client::{Obstacle, probe};
use aikagi_mesh::clock::{Clock as _, SystemClock};
use aikagi_mesh::port::PortReport;
use aikagi_mesh::tls::TlsIdentity;
use chrono::{DateTime, TimeDelta};
use humantime::format_duration;
use tonic::metadata::MetadataMap;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;

use super::Check;
use super::files::{describe, validity};
use crate::connection::{Connection, GATEWAY};
use crate::error::{CommandError, ExitKind};
use crate::settings::Settings;

/// A number that is on no line. A request for it changes nothing and reveals nothing.
const UNUSED_NUMBER: &str = "0000000000";
/// If the clocks differ by more than this, `doctor` warns. The difference affects certificates, temporary passwords
/// and the times in the audit trail.
const CLOCK_WARNING: TimeDelta = TimeDelta::seconds(2);
/// If the clocks differ by more than this, the check fails.
const CLOCK_WRONG: TimeDelta = TimeDelta::seconds(30);

/// Checks every gateway, and then the services behind them.
pub(super) async fn check(settings: &Settings, checks: &mut Vec<Check>) {
    let Ok(identity) = TlsIdentity::load(&settings.identity) else {
        checks.push(Check::skipped(
            "gateway",
            "cannot be checked without a certificate, a key and authorities",
        ));
        return;
    };
    let mut reached = false;
    for gateway in &settings.gateways {
        reached |= check_gateway(gateway, settings, &identity, checks).await;
    }
    if !reached {
        checks.push(Check::skipped("health", "no gateway can be reached"));
        return;
    }
    match Connection::open(settings) {
        Ok(connection) => check_services(&connection, checks).await,
        Err(error) => checks.push(Check::wrong(
            "connection",
            error.message,
            "see the failed checks above",
        )),
    }
}

/// Checks the name of a gateway, and the port, TLS and identity at each of its addresses. Returns true if one address
/// can be reached.
async fn check_gateway(
    gateway: &str,
    settings: &Settings,
    identity: &TlsIdentity,
    checks: &mut Vec<Check>,
) -> bool {
    let name = format!("name {gateway}");
    let addresses: Vec<_> = match tokio::net::lookup_host(gateway).await {
        Ok(addresses) => addresses.collect(),
        Err(error) => {
            let mend = "check the name in --gateway and the DNS of this machine";
            checks.push(Check::wrong(name, error.to_string(), mend));
            return false;
        }
    };
    let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    checks.push(Check::well(name, list.join(", ")));
    let mut reached = false;
    for address in addresses {
        let what = format!("gateway {address}");
        let found = probe(GATEWAY, address, identity).await;
        let is_reached = found.is_ok();
        reached |= is_reached;
        checks.push(match found {
            Ok(certificate) => validity(
                &what,
                &certificate,
                "TLS works, the server is the gateway, and the gateway accepts your certificate",
            ),
            Err(obstacle) => Check::wrong(what, obstacle.to_string(), mend(&obstacle)),
        });
        if is_reached {
            check_port(address, settings, checks).await;
        }
    }
    reached
}

/// Shows the deny list of one gateway, and the maximum age of its connections (INV-12).
async fn check_port(address: SocketAddr, settings: &Settings, checks: &mut Vec<Check>) {
    let settings = Settings {
        gateways: vec![address.to_string()],
        ..settings.clone()
    };
    // A gateway that does not answer is not reported here. The check `health` fails if no gateway answers.
    let Ok(connection) = Connection::open(&settings) else {
        return;
    };
    let mut health = connection.health();
    let call = health.check(HealthCheckRequest::default());
    let Ok(response) = connection.call_with_metadata(call).await else {
        return;
    };
    let headers = response.metadata().clone().into_headers();
    let list = format!("deny list {address}");
    let Some(report) = PortReport::of_headers(&headers) else {
        checks.push(Check::skipped(list, "the gateway does not report it"));
        return;
    };
    checks.push(match report.deny_list {
        None => Check::skipped(list, "`identity.deny_list` is not set"),
        Some(summary) if summary.stale => Check::wrong(
            list,
            format!("the file cannot be used; in use: {}", describe(&summary)),
            "find the problem in the gateway's log: deny list not reloaded",
        ),
        Some(summary) => Check::well(list, describe(&summary)),
    });
    checks.push(Check::well(
        format!("connections {address}"),
        format!(
            "end after {}; requests in progress may continue for {}",
            format_duration(report.age),
            format_duration(report.grace)
        ),
    ));
}

fn mend(obstacle: &Obstacle) -> &'static str {
    match obstacle {
        Obstacle::Connection(_) => {
            "check that the gateway is running, that this is its private port (8444), and that no firewall blocks it"
        }
        Obstacle::Handshake(_) => {
            "check that this is the gateway's private port (8444) and not a port of another service"
        }
        Obstacle::UnknownAuthority => {
            "set --authorities to the authority that issued the gateway's certificate; after a change of that authority, add the new one"
        }
        Obstacle::OutOfDate => {
            "renew the gateway's certificate, and check the clocks of both machines"
        }
        Obstacle::Denied => {
            "the gateway's certificate is on your deny list: have a new one issued for the gateway"
        }
        Obstacle::OtherWorkload => {
            "this is another service or the edge's public port: set --gateway to the gateway's private port"
        }
        Obstacle::RefusedUs(_) => {
            "check that your certificate is valid now, was issued by an authority in the gateway's `identity.authorities`, and is not on its deny list"
        }
    }
}

/// Checks the gateway's health, the clocks, and the services that an operator may call.
async fn check_services(connection: &Connection, checks: &mut Vec<Check>) {
    let request = HealthCheckRequest::default();
    match connection
        .call_with_metadata(connection.health().check(request))
        .await
    {
        Ok(response) => {
            let ready = response.get_ref().status() == ServingStatus::Serving;
            checks.push(if ready {
                Check::well("health", "the gateway is ready")
            } else {
                Check::wrong(
                    "health",
                    "the gateway is not ready",
                    "find the unavailable dependency in the gateway's log: authentication",
                )
            });
            checks.push(clocks(response.metadata(), SystemClock.now()));
        }
        Err(error) => checks.push(failed("health", error)),
    }

    let request = ExplainLoginRequest {
        number: UNUSED_NUMBER.into(),
    };
    let units = connection
        .call(connection.directory().explain_login(request))
        .await;
    checks.push(match units {
        Ok(_) => Check::well("units", "the service and its database answer"),
        Err(error) => failed("units", error),
    });
    let request = ListSessionsRequest {
        number: UNUSED_NUMBER.into(),
    };
    let authentication = connection
        .call(connection.authentication().list_sessions(request))
        .await;
    checks.push(match authentication {
        Err(error) if error.kind != ExitKind::NotFound => failed("authentication", error),
        Ok(_) | Err(_) => Check::well("authentication", "the service and its database answer"),
    });
    checks.push(Check::skipped(
        "issuance, password",
        "operators have no permission to call these services; run their own `healthcheck`",
    ));
}

fn failed(what: &str, error: CommandError) -> Check {
    let mend = match (error.kind, error.reason.as_deref()) {
        (_, Some("CALLER_NOT_ALLOWED")) => {
            "use a certificate whose identity is spiffe://aikagi/operator or spiffe://aikagi/operator/<name>"
        }
        (ExitKind::Unavailable, _) => {
            "run the service's `healthcheck` and read its log: is the process running, are PostgreSQL and Redis available?"
        }
        _ => "see the service's log",
    };
    Check::wrong(what, error.message, mend)
}

/// Compares the clocks. The HTTP header `date` has the gateway's time, with a resolution of one second.
fn clocks(metadata: &MetadataMap, now: DateTime<chrono::Utc>) -> Check {
    let there = metadata
        .get("date")
        .and_then(|date| date.to_str().ok())
        .and_then(|date| DateTime::parse_from_rfc2822(date).ok());
    let Some(there) = there else {
        return Check::skipped("clocks", "the gateway does not send its time");
    };
    let difference = now - there.to_utc();
    let found = format!(
        "the clocks of this machine and the gateway differ by {} s",
        difference.num_seconds()
    );
    let mend = "synchronise both clocks with NTP";
    if difference.abs() > CLOCK_WRONG {
        Check::wrong("clocks", found, mend)
    } else if difference.abs() > CLOCK_WARNING {
        Check::warning("clocks", found, mend)
    } else {
        Check::well(
            "clocks",
            "this machine and the gateway differ by at most 2 s",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::CheckState;
    use super::*;

    #[test]
    fn different_clocks_are_reported() {
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
