//! A subscriber who logs in after the faults.

use std::time::Duration;

use aikagi_api::units::v1::AuthUnit;
use aikagi_client::Site;
use aikagi_e2e::processes::ProcessSystem;
use tokio::time::{Instant, sleep};

const NUMBER: &str = "0399999910";
const TEMPORARY: &str = "24681357";
const PERMANENT: &str = "probe1234";
/// The logins that must succeed one after another. Both replicas of authentication then have a part in them.
const LOGINS: usize = 8;
/// How long logins may fail after the faults are repaired. Less would be enough on a machine without other load.
const LIMIT: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(100);

/// A subscriber of a line that nobody else uses.
pub(super) struct Probe {
    site: Site,
}

impl Probe {
    /// Adds the line, and gives it a permanent password.
    pub(super) async fn begin(system: &ProcessSystem) -> Self {
        let site = system.site();
        system.operator().add_line(&[(NUMBER, true)]).await.unwrap();
        let set = system
            .ivr()
            .set(NUMBER, AuthUnit::Line, NUMBER, TEMPORARY)
            .await;
        set.unwrap();
        let person = site.login(NUMBER, TEMPORARY).await.unwrap();
        person.change(TEMPORARY, PERMANENT).await.unwrap();
        Self { site }
    }

    /// LOGIN-1, INV-11: checks that logins succeed soon, and then stay possible.
    pub(super) async fn check(&self) -> Result<(), String> {
        let begun = Instant::now();
        let mut succeeded = 0;
        while succeeded < LOGINS {
            match self.site.login(NUMBER, PERMANENT).await {
                Ok(_) => succeeded += 1,
                Err(status) if begun.elapsed() > LIMIT => {
                    return Err(format!("logins still fail after the faults: {status}"));
                }
                Err(_) => {
                    succeeded = 0;
                    sleep(PAUSE).await;
                }
            }
        }
        Ok(())
    }
}
