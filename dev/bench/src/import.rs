//! Measures bulk import against raw COPY of the same rows into an empty ledger on the same cluster.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use aikagi_devkit::command::show;
use aikagi_devkit::postgres::{self, Cluster};
use aikagi_devkit::process;
use aikagi_devkit::system_file::{self, SystemFile};
use anyhow::{Context, Result};

use super::report::{Bound, Measure};
use super::system::{BenchSystem, unlimited};
use super::{BenchEnvironment, Effort};

/// The smallest rate of the import, as a fraction of the rate of raw COPY.
const TARGET: f64 = 0.5;
/// The names of the system's database and of the database for the copied rows.
const DATABASE: &str = "aikagi";
const COPY_DATABASE: &str = "aikagi_copy";
/// The tables that an import writes, in an order in which COPY can write them.
const TABLES: [&str; 5] = [
    "lines",
    "numbers",
    "credentials",
    "audit_chains",
    "audit_events",
];

/// Imports lines through the gateway with `aikagictl`, then copies the same rows. Measures both rates once.
pub(super) fn measure(environment: &BenchEnvironment, effort: Effort) -> Result<Vec<Measure>> {
    let system = BenchSystem::start(environment, "import", unlimited)?;
    let home = environment.home.join("import-files");
    std::fs::create_dir_all(&home).with_context(|| format!("cannot make {}", home.display()))?;
    let state = home.join(system_file::NAME);
    SystemFile::of_processes(&system.processes)?.write(&state)?;
    let file = home.join("lines.csv");
    write_lines(&file, effort.lines)?;
    let mut import = Command::new(process::executable(&environment.binaries, "aikagictl")?);
    import.arg("--state").arg(&state).arg("import").arg(&file);
    let imported = timed(|| show(&mut import, "the import"))?;

    let cluster = system
        .processes
        .cluster
        .as_ref()
        .context("the system has no cluster")?;
    let copied = copy_again(cluster, &home)?;
    let rates = (rate(effort.lines, imported), rate(effort.lines, copied));
    Ok(vec![Measure::of(
        format!("{} lines imported with aikagictl", effort.lines),
        "raw COPY of the same rows",
        "lines/s",
        vec![rates],
        Bound::AtLeast(TARGET),
    )])
}

#[allow(clippy::cast_precision_loss, reason = "a rate for people to read")]
fn rate(lines: u64, took: Duration) -> f64 {
    lines as f64 / took.as_secs_f64()
}

/// Writes a file of lines with a contract number and two additional numbers each. The last number is not subscribed.
fn write_lines(path: &Path, lines: u64) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        writeln!(
            file,
            "contract_number,subscribed_numbers,unsubscribed_numbers"
        )?;
        for line in 0..lines {
            writeln!(file, "030{line:07},030{line:07};040{line:07},050{line:07}")?;
        }
        file.flush()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Writes the imported rows to files and copies them into an empty ledger. Returns the time of the copy.
fn copy_again(cluster: &Cluster, home: &Path) -> Result<Duration> {
    let script = |name: &str, direction: &str| -> Result<PathBuf> {
        let path = home.join(name);
        let statements = TABLES.map(|table| {
            let file = home.join(table);
            format!(
                "\\copy {} {direction} '{}'\n",
                rows(table, direction),
                file.display()
            )
        });
        std::fs::write(&path, statements.concat())
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    };
    cluster.run_file(DATABASE, &script("out.sql", "TO")?)?;
    cluster.run_statement("postgres", &format!("CREATE DATABASE {COPY_DATABASE}"))?;
    for file in postgres::migration_files()? {
        cluster.run_file(COPY_DATABASE, &file)?;
    }
    let copy = script("in.sql", "FROM")?;
    cluster.run_statement("postgres", "CHECKPOINT")?;
    timed(|| cluster.run_file(COPY_DATABASE, &copy))
}

/// The source or target of COPY. COPY can read a partitioned table only through a query.
fn rows(table: &str, direction: &str) -> String {
    if direction == "TO" {
        format!("(SELECT * FROM {table})")
    } else {
        table.to_owned()
    }
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let begun = Instant::now();
    work()?;
    Ok(begun.elapsed())
}
