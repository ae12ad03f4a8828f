//! `cargo xtask sqlx`: writes or checks `.sqlx`, the metadata of checked queries. With it, a build
//! needs no database.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use aikagi_devkit::cargo::cargo;
use aikagi_devkit::command::show;
use aikagi_devkit::console::Console;
use aikagi_devkit::install::{self, Tool};
use aikagi_devkit::postgres::{self, Cluster, SUPERUSER};
use aikagi_devkit::repo::Repo;
use anyhow::{Context, Result, bail};

const DATABASE: &str = "aikagi_queries";

/// Writes `.sqlx`, or only compares it (`check`). Starts a PostgreSQL for this.
pub(crate) fn run(repo: &Repo, console: Console, check: bool) -> Result<()> {
    install::ensure(&[Tool::PostgreSql], console)?;
    let dir = repo.target.join("sqlx-postgres");
    let cluster = Cluster::start(&dir, postgres::Options::default())?;
    let done = with_cluster(repo, console, &cluster, check);
    drop(cluster);
    let _ = std::fs::remove_dir_all(dir);
    done
}

/// Like [`run`], in a cluster that is running.
pub(crate) fn with_cluster(
    repo: &Repo,
    console: Console,
    cluster: &Cluster,
    check: bool,
) -> Result<()> {
    let url = cluster.socket_url(DATABASE, SUPERUSER);
    cluster.run_statement("postgres", &format!("DROP DATABASE IF EXISTS {DATABASE}"))?;
    cluster.run_statement("postgres", &format!("CREATE DATABASE {DATABASE}"))?;
    for file in postgres::migration_files()? {
        cluster.run_file(DATABASE, &file)?;
    }

    let fresh = repo.target.join("sqlx-fresh");
    let _ = std::fs::remove_dir_all(&fresh);
    std::fs::create_dir_all(&fresh).context("cannot make target/sqlx-fresh")?;
    touch_queries(repo)?;
    let mut command = cargo(repo, &["check", "--workspace", "--all-targets", "--quiet"]);
    command
        .env("DATABASE_URL", &url)
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", &fresh);
    let checked = show(&mut command, "checking the queries against the database");
    // The next build must not use the results of a build with a database.
    touch_queries(repo)?;
    checked?;

    let kept = repo.root.join(".sqlx");
    let (new, old) = (queries(&fresh)?, queries(&kept)?);
    let differ: Vec<&String> = new
        .keys()
        .chain(old.keys().filter(|name| !new.contains_key(*name)))
        .filter(|name| new.get(*name) != old.get(*name))
        .collect();
    if differ.is_empty() {
        console.step(&format!(".sqlx is up to date, with {} queries", new.len()));
        return Ok(());
    }
    if check {
        bail!(
            ".sqlx is out of date in {} queries: run `cargo xtask sqlx`",
            differ.len()
        );
    }
    let _ = std::fs::remove_dir_all(&kept);
    std::fs::create_dir_all(&kept).context("cannot make .sqlx")?;
    for (name, text) in &new {
        std::fs::write(kept.join(name), text).with_context(|| format!("cannot write {name}"))?;
    }
    console.success(&format!(
        "wrote {} queries to .sqlx ({} changed)",
        new.len(),
        differ.len()
    ));
    Ok(())
}

/// Sets the modification time of every file with queries, so that cargo compiles it again: cargo cannot notice that the
/// database has changed.
fn touch_queries(repo: &Repo) -> Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "modification times come from the real clock"
    )]
    let now = SystemTime::now();
    for path in repo.files(&[".rs"])? {
        let text = repo.read(&path)?;
        if ["query!(", "query_as!(", "query_scalar!(", "query_file!("]
            .iter()
            .any(|call| text.contains(call))
            && !path.starts_with("dev/xtask")
        {
            let path = repo.root.join(path);
            std::fs::File::options()
                .append(true)
                .open(&path)
                .and_then(|file| file.set_modified(now))
                .with_context(|| format!("cannot touch {}", path.display()))?;
        }
    }
    Ok(())
}

fn queries(dir: &Path) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Ok(found);
    };
    let files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    for file in files {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.starts_with("query-") {
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            found.insert(name, text);
        }
    }
    Ok(found)
}
