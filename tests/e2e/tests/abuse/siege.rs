//! A stranger who guesses at one number without pause.

use std::net::Ipv4Addr;

use aikagi_client::samples::{CONTRACT, TEMPORARY};
use aikagi_client::{Site, refused};
use aikagi_devkit::installation::workloads::Service;
use aikagi_e2e::in_process::{InProcessSystem, Options};
use chrono::TimeDelta;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

/// A subscriber's client at another address than all other clients of the test.
fn elsewhere(system: &InProcessSystem) -> Site {
    let authority = std::fs::read(system.authority.certificate()).unwrap();
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(authority))
        .domain_name("localhost");
    let url = format!("https://{}", system.addresses[&Service::Edge][0]);
    let endpoint = Endpoint::from_shared(url).unwrap().tls_config(tls).unwrap();
    let endpoint = endpoint.local_address(Some(Ipv4Addr::new(127, 0, 0, 2).into()));
    Site::new(endpoint.connect_lazy())
}

/// Guesses at a number every 30 seconds, as often as the limit of an address allows.
async fn guess(system: &InProcessSystem, time: TimeDelta) {
    for _ in 0..time.num_seconds() / 30 {
        system.wait(TimeDelta::seconds(30));
        let reason = refused(system.site().login(CONTRACT, "00000000").await);
        assert!(
            ["LOGIN_REFUSED", "TOO_MANY_ATTEMPTS"].contains(&reason),
            "{reason}"
        );
    }
}

/// LOGIN-9: one address guesses at a number every 30 seconds, with the default limits. When the address has used up its
/// burst, a new temporary password lives long enough for its owner to log in elsewhere.
/// OPS-7: `explain` reports the passwords that the siege has killed.
#[tokio::test]
async fn one_address_cannot_kill_every_new_password() {
    let system = InProcessSystem::with(Options {
        adjust: |service, table| {
            if service == Service::Edge {
                table.remove("limits");
            }
        },
        ..Options::default()
    })
    .await;
    for _ in 0..10 {
        system.set_by_telephone(CONTRACT, "1", "", TEMPORARY).await;
        guess(&system, TimeDelta::minutes(2)).await;
    }
    let recent = system.operator().explain(CONTRACT).await.unwrap();
    let recent = recent.recent_refusals.unwrap();
    assert!((2..=5).contains(&recent.killed_passwords), "{recent:?}");
    assert!((6..=17).contains(&recent.refused_passwords), "{recent:?}");

    for _ in 0..3 {
        system.set_by_telephone(CONTRACT, "1", "", TEMPORARY).await;
        guess(&system, TimeDelta::minutes(30)).await;
        elsewhere(&system).login(CONTRACT, TEMPORARY).await.unwrap();
    }
}
