//! Measures the cost of a login without its hash, in a ledger with ten thousand numbers and in one
//! with millions.

use aikagi_client::samples::PERMANENT;
use aikagi_client::{Site, reason};
use anyhow::{Context, Result, ensure};
use rand::RngExt as _;
use tokio::time::Instant;

use super::logins::Subscribers;
use super::report::{Bound, Measure, median};
use super::system::{BenchSystem, all_but_the_hash};
use super::{BenchEnvironment, Effort};

/// The number of telephone numbers in the smaller ledger.
const FEW: u64 = 10_000;
/// The number of telephone numbers on each line.
const NUMBERS_OF_A_LINE: u64 = 4;
/// The number of consecutive logins of each kind whose median is one measured time.
const SERIAL: usize = 40;
/// The system's database.
const DATABASE: &str = "aikagi";

/// A system with a ledger of a given size, and subscribers in it.
struct Ledger {
    _system: BenchSystem,
    subscribers: Subscribers,
    site: Site,
    lines: u64,
}

impl Ledger {
    async fn of(environment: &BenchEnvironment, name: &str, numbers: u64) -> Result<Self> {
        let system = BenchSystem::start(environment, name, all_but_the_hash)?;
        let lines = numbers / NUMBERS_OF_A_LINE;
        let cluster = system
            .processes
            .cluster
            .as_ref()
            .context("the system has no cluster")?;
        // These statements write the same rows as an import would. An import would take an hour.
        cluster.run_statement(
            DATABASE,
            &format!(
                "SET session_replication_role = replica;
                 INSERT INTO lines (contract_number)
                     SELECT '03' || lpad(line::text, 8, '0') FROM generate_series(0, {lines} - 1) AS line;
                 INSERT INTO numbers (number, line_id, subscribed)
                     SELECT area || substr(contract_number, 3), line_id, true
                     FROM lines, unnest(ARRAY['03', '04', '05', '06']) AS area;
                 INSERT INTO credentials (number) SELECT number FROM numbers;"
            ),
        )?;
        for table in ["lines", "numbers", "credentials"] {
            cluster.run_statement(DATABASE, &format!("VACUUM ANALYZE {table}"))?;
        }
        cluster.run_statement(DATABASE, "CHECKPOINT")?;
        Ok(Self {
            subscribers: Subscribers::of(&system).await?,
            site: system.site()?,
            lines,
            _system: system,
        })
    }

    /// The times in milliseconds of a successful login, and of a login to a random number, which has no password.
    async fn time(&self) -> Result<(f64, f64)> {
        let (mut opened, mut refused) = (Vec::new(), Vec::new());
        for which in 0..SERIAL {
            let begun = Instant::now();
            self.subscribers.clone().login(which).await?;
            opened.push(begun.elapsed().as_secs_f64() * 1e3);
            let number = format!("03{:08}", rand::rng().random_range(0..self.lines));
            let begun = Instant::now();
            let answer = self.site.login(&number, PERMANENT).await;
            refused.push(begun.elapsed().as_secs_f64() * 1e3);
            let refusal = answer
                .err()
                .context("a login to a number without a password succeeded")?;
            ensure!(reason(&refusal) == "LOGIN_REFUSED", "{}", refusal.message());
        }
        Ok((median(opened), median(refused)))
    }
}

/// Measures both kinds of login in both ledgers, alternately.
pub(super) async fn measure(
    environment: &BenchEnvironment,
    effort: Effort,
) -> Result<Vec<Measure>> {
    let few = Ledger::of(environment, "few", FEW).await?;
    let many = Ledger::of(environment, "many", effort.numbers).await?;
    let (mut opened, mut refused) = (Vec::new(), Vec::new());
    for _ in 0..effort.rounds {
        let (in_few, in_many) = (few.time().await?, many.time().await?);
        opened.push((in_many.0, in_few.0));
        refused.push((in_many.1, in_few.1));
    }
    let measure = |what: &str, rounds| {
        Measure::of(
            format!("{what}, among {} numbers", effort.numbers),
            format!("the same among {FEW}"),
            "ms",
            rounds,
            Bound::AtMost(1.2),
        )
    };
    Ok(vec![
        measure("a login, with an almost free hash", opened),
        measure(
            "a refused login at a random number, with an almost free hash",
            refused,
        ),
    ])
}
