//! The migration of a line with many numbers, beside the hashes that it has to make.

use aikagi_api::units::v1::AuthUnit;
use aikagi_hashing::Settings;
use anyhow::Result;
use tokio::time::Instant;

use super::hash::OneHash;
use super::report::{Bound, Measure};
use super::stage::{Stage, told, unlimited};
use super::{Effort, Surroundings};
use crate::edge::Site;
use crate::world::{PERMANENT, TEMPORARY};

/// Numbers of the line.
const NUMBERS: u32 = 32;

/// To the whole line every password is looked at and one is made; to each number it is the other way round (MIG-2,
/// MIG-3).
pub(super) async fn measure(around: &Surroundings, effort: Effort) -> Result<Vec<Measure>> {
    let stage = Stage::start(around, "migration", unlimited).await?;
    let numbers: Vec<String> = (0..NUMBERS)
        .map(|index| format!("03900000{index:02}"))
        .collect();
    let line: Vec<(&str, bool)> = numbers.iter().map(|number| (&**number, true)).collect();
    let (operator, ivr, site) = (stage.operator()?, stage.ivr()?, stage.site()?);
    operator.add_line(&line).await.map_err(told)?;
    for number in &numbers {
        let set = ivr.set(number, AuthUnit::Number, number, TEMPORARY);
        set.await.map_err(told)?;
        let session = site.login(number, TEMPORARY).await.map_err(told)?;
        let changed = session.change(TEMPORARY, PERMANENT).await;
        changed.map_err(told)?;
    }
    let mut hash = OneHash::of(&Settings::default()).await?;
    let (mut whole, mut each) = (Vec::new(), Vec::new());
    for _ in 0..effort.rounds {
        for (to, rounds) in [(AuthUnit::Line, &mut whole), (AuthUnit::Number, &mut each)] {
            let hashes = f64::from(NUMBERS + 1) * hash.time().await?;
            rounds.push((migrate(&site, &numbers[0], to).await?, hashes));
        }
    }
    let measure = |way: &str, rounds| {
        Measure::of(
            format!("a migration of {NUMBERS} numbers, {way}"),
            format!("{} hashes, one after another", NUMBERS + 1),
            "ms",
            rounds,
            Bound::None,
        )
    };
    Ok(vec![
        measure("each number to the whole line", whole),
        measure("the whole line to each number", each),
    ])
}

/// How long it takes, from the form to the answer, in milliseconds.
async fn migrate(site: &Site, number: &str, to: AuthUnit) -> Result<f64> {
    let session = site.login(number, PERMANENT).await.map_err(told)?;
    let preview = session.preview(to).await.map_err(told)?;
    let passwords: Vec<(&str, &str)> = preview
        .required_numbers
        .iter()
        .map(|number| (&**number, PERMANENT))
        .collect();
    let begun = Instant::now();
    let migrated = session.migrate_with(to, &passwords, &preview.revision);
    migrated.await.map_err(told)?;
    Ok(begun.elapsed().as_secs_f64() * 1e3)
}
