//! Measures the unit migration of a line with many numbers, against the hashes that it needs.

use aikagi_api::units::v1::AuthUnit;
use aikagi_client::Site;
use aikagi_client::samples::{PERMANENT, TEMPORARY};
use aikagi_hashing::Settings;
use anyhow::Result;
use tokio::time::Instant;

use super::hash::OneHash;
use super::report::{Bound, Measure};
use super::system::{BenchSystem, status_error, unlimited};
use super::{BenchEnvironment, Effort};

/// The number of telephone numbers on the line.
const NUMBERS: u32 = 32;

/// Measures both directions. A migration to LINE verifies every password and hashes one. A
/// migration to NUMBER verifies one password and hashes one for each number (MIG-2, MIG-3).
pub(super) async fn measure(
    environment: &BenchEnvironment,
    effort: Effort,
) -> Result<Vec<Measure>> {
    let system = BenchSystem::start(environment, "migration", unlimited)?;
    let numbers: Vec<String> = (0..NUMBERS)
        .map(|index| format!("03900000{index:02}"))
        .collect();
    let line: Vec<(&str, bool)> = numbers.iter().map(|number| (&**number, true)).collect();
    let (operator, ivr, site) = (system.operator()?, system.ivr()?, system.site()?);
    operator.add_line(&line).await.map_err(status_error)?;
    for number in &numbers {
        let set = ivr.set(number, AuthUnit::Number, number, TEMPORARY);
        set.await.map_err(status_error)?;
        let session = site.login(number, TEMPORARY).await.map_err(status_error)?;
        let changed = session.change(TEMPORARY, PERMANENT).await;
        changed.map_err(status_error)?;
    }
    let mut hash = OneHash::of(&Settings::default()).await?;
    let (mut whole, mut each) = (Vec::new(), Vec::new());
    for _ in 0..effort.rounds {
        for (to, rounds) in [(AuthUnit::Line, &mut whole), (AuthUnit::Number, &mut each)] {
            let hashes = f64::from(NUMBERS + 1) * hash.time().await?;
            rounds.push((migrate(&site, &numbers[0], to).await?, hashes));
        }
    }
    let measure = |direction: &str, rounds| {
        Measure::of(
            format!("a unit migration of {NUMBERS} numbers, {direction}"),
            format!("{} hashes, one after another", NUMBERS + 1),
            "ms",
            rounds,
            Bound::None,
        )
    };
    Ok(vec![
        measure("from NUMBER to LINE", whole),
        measure("from LINE to NUMBER", each),
    ])
}

/// The time of one unit migration, in milliseconds.
async fn migrate(site: &Site, number: &str, to: AuthUnit) -> Result<f64> {
    let session = site.login(number, PERMANENT).await.map_err(status_error)?;
    let preview = session.preview(to).await.map_err(status_error)?;
    let passwords: Vec<(&str, &str)> = preview
        .required_numbers
        .iter()
        .map(|number| (&**number, PERMANENT))
        .collect();
    let begun = Instant::now();
    let migrated = session.migrate_with(to, &passwords, &preview.revision);
    migrated.await.map_err(status_error)?;
    Ok(begun.elapsed().as_secs_f64() * 1e3)
}
