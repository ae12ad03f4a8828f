//! Bulk import against raw COPY of the same rows, in one run on one machine.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use aikagi_devkit::command::show;
use aikagi_devkit::console::Console;
use aikagi_devkit::postgres::{self, Cluster};
use aikagi_devkit::process;
use aikagi_devkit::repo::Repo;
use aikagi_devkit::system::{Options, System};
use aikagi_devkit::system_file::{self, SystemFile};
use anyhow::{Context, Result, bail};

/// The least rate that is aimed at, as a part of raw COPY's.
const TARGET: f64 = 0.5;
/// The system's database, and the one that the same rows are copied into.
const DATABASE: &str = "aikagi";
const COPY_DATABASE: &str = "aikagi_copy";
/// Everything that an import writes, in an order that COPY can write it in.
const TABLES: [&str; 5] = [
    "lines",
    "numbers",
    "credentials",
    "audit_chains",
    "audit_events",
];

/// Lines of the usual import, and of one that only shows that it can be measured.
const USUAL: u64 = 1_000_000;
const SHORT: u64 = 20_000;

/// What to import.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Arguments {
    /// How many lines, of three numbers each; a million, or 20 thousand with --short.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=9_000_000))]
    lines: Option<u64>,
}

/// Imports lines through the gateway with `aikagictl`, then copies the same rows into an empty ledger on the same
/// cluster, and compares the two. A short one is held against no bound.
pub(super) fn run(
    repo: &Repo,
    console: Console,
    binaries: &Path,
    arguments: &Arguments,
    short: bool,
) -> Result<()> {
    let home = repo.target.join("bench").join("import");
    let _ = std::fs::remove_dir_all(&home);
    std::fs::create_dir_all(&home).with_context(|| format!("cannot make {}", home.display()))?;
    // As `up` runs it: what is committed is on disk.
    let options = Options::apart(home.join("system"), binaries, true)?;
    let system = System::start(&options, |text| console.step(text))?;
    let lines = arguments.lines.unwrap_or(if short { SHORT } else { USUAL });
    let compared = compare(console, &system, &home, binaries, lines);
    system.stop(|_| {});
    let _ = std::fs::remove_dir_all(&home);
    let ratio = compared?;
    if short {
        return Ok(());
    }
    if ratio < TARGET {
        bail!("the import is slower than it should be");
    }
    console.success("the import is as fast as it should be");
    Ok(())
}

/// The import's rate as a part of raw COPY's.
fn compare(
    console: Console,
    system: &System,
    home: &Path,
    binaries: &Path,
    lines: u64,
) -> Result<f64> {
    let state = home.join(system_file::NAME);
    SystemFile::of_processes(system)?.write(&state)?;
    let file = home.join("lines.csv");
    write_lines(&file, lines)?;
    console.step(&format!("importing {lines} lines"));
    let mut import = Command::new(process::executable(binaries, "aikagictl")?);
    import.arg("--state").arg(&state).arg("import").arg(&file);
    let imported = timed(|| show(&mut import, "the import"))?;

    let cluster = system.cluster.as_ref().context("a cluster of its own")?;
    console.step("copying the same rows");
    let copied = copy_again(cluster, home)?;
    let ratio = copied.as_secs_f64() / imported.as_secs_f64();
    for (what, took) in [("import", imported), ("raw COPY", copied)] {
        console.line(&format!(
            "  {what:<9} {:>7.1} s  {:>8.0} lines/s",
            took.as_secs_f64(),
            rate(lines, took)
        ));
    }
    console.line(&format!(
        "  ratio     {ratio:>7.2} of raw COPY's rate; the target is {TARGET}"
    ));
    Ok(ratio)
}

#[allow(clippy::cast_precision_loss, reason = "a rate for people to read")]
fn rate(lines: u64, took: Duration) -> f64 {
    lines as f64 / took.as_secs_f64()
}

/// A contract number and two additional numbers for each line, all subscribed but the last.
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

/// Writes the rows that the import has left to files, and copies them into an empty ledger: how long that took.
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

/// A partitioned table is read by a query, and written by its name.
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
