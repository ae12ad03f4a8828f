//! Databases with the ledger's schema: one for a development system, one of its own for each test.
//!
//! Each test may run in a process of its own; all that they share is the environment variable that names
//! a superuser of a cluster. So the template is made by whoever comes first, under an advisory lock.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use sha2::{Digest as _, Sha256};
use sqlx::migrate::Migrator;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};

use crate::paths::hexadecimal;
use crate::postgres;
pub use crate::postgres::TEST_POSTGRES;
use crate::random::random_hexadecimal;

/// The advisory lock that guards the making of the template ("aikagi" in ASCII).
const TEMPLATE_LOCK: i64 = 0x6169_6b61_6769;
const TEST_POOL: u32 = 8;

/// Runs all migrations that the database at `url` does not have yet.
pub async fn migrate(url: &str) -> Result<()> {
    let migrator = Migrator::new(postgres::migrations())
        .await
        .context("cannot read the migrations")?;
    let mut connection = connect(url).await?;
    migrator
        .run(&mut connection)
        .await
        .context("cannot migrate")?;
    connection.close().await.context("cannot close")
}

/// Creates the database `name` unless it exists.
pub async fn create_if_missing(superuser_url: &str, name: &str) -> Result<()> {
    let mut connection = connect(superuser_url).await?;
    if !exists(&mut connection, name).await? {
        execute(
            &mut connection,
            &format!("CREATE DATABASE {}", identifier(name)),
        )
        .await?;
    }
    connection.close().await.context("cannot close")
}

/// Lets a role of the ledger log in, with a password if one is given.
pub async fn allow_login(superuser_url: &str, role: &str, password: Option<&str>) -> Result<()> {
    let mut connection = connect(superuser_url).await?;
    let password = password.map_or_else(
        || String::from("PASSWORD NULL"),
        |password| format!("PASSWORD '{}'", password.replace('\'', "''")),
    );
    execute(
        &mut connection,
        &format!("ALTER ROLE {} LOGIN {password}", identifier(role)),
    )
    .await?;
    connection.close().await.context("cannot close")
}

/// Takes the right to make temporary tables from everyone, which a new database gives.
pub async fn keep_to_its_roles(superuser_url: &str, name: &str) -> Result<()> {
    let mut connection = connect(superuser_url).await?;
    let database = identifier(name);
    execute(
        &mut connection,
        &format!("REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC"),
    )
    .await?;
    connection.close().await.context("cannot close")
}

/// A database of a test's own, with the ledger's schema; dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    superuser_url: String,
    name: String,
}

impl TestDatabase {
    /// A fresh database in the cluster that [`TEST_POSTGRES`] names.
    pub async fn new() -> Result<Self> {
        let url = std::env::var(TEST_POSTGRES).with_context(|| {
            format!("{TEST_POSTGRES} is not set: run `cargo xtask test`, or point it at a superuser of a \
                     PostgreSQL that may be filled with test databases")
        })?;
        Self::at(&url).await
    }

    /// A fresh database in the cluster whose superuser is at `superuser_url`.
    pub async fn at(superuser_url: &str) -> Result<Self> {
        let template = prepare_template(superuser_url).await?;
        let name = format!("aikagi_test_{}", random_hexadecimal()?);
        let mut connection = connect(superuser_url).await?;
        let create = format!(
            "CREATE DATABASE {} TEMPLATE {}",
            identifier(&name),
            identifier(&template)
        );
        execute(&mut connection, &create).await?;
        connection.close().await.context("cannot close")?;
        Ok(Self {
            superuser_url: superuser_url.to_owned(),
            name,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A URL for one of the ledger's roles (such as `aikagi_units`).
    pub fn url_as(&self, role: &str) -> String {
        url_with(&self.superuser_url, Some(role), &self.name)
    }

    /// A URL for the superuser.
    pub fn url(&self) -> String {
        url_with(&self.superuser_url, None, &self.name)
    }

    /// A small pool of connections as one of the ledger's roles.
    pub async fn pool_as(&self, role: &str) -> Result<PgPool> {
        pool(&self.url_as(role)).await
    }

    /// A small pool of connections as the superuser, to prepare and to look.
    pub async fn pool(&self) -> Result<PgPool> {
        pool(&self.url()).await
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let url = self.superuser_url.clone();
        let drop = format!(
            "DROP DATABASE IF EXISTS {} WITH (FORCE)",
            identifier(&self.name)
        );
        // A runtime of its own: this may be running inside one that cannot wait. When it fails, the
        // cluster is on its way out, or a leftover does no harm.
        let dropping = std::thread::spawn(move || -> Result<()> {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let mut connection = connect(&url).await?;
                execute(&mut connection, &drop).await
            })
        });
        let _ = dropping.join();
    }
}

/// Makes the template database for the present migrations unless it is there, and lets the ledger's
/// roles log in. Returns the template's name, which holds a hash of the migrations.
pub async fn prepare_template(superuser_url: &str) -> Result<String> {
    let template = format!(
        "aikagi_template_{}",
        migrations_hash(&postgres::migrations())?
    );
    let mut connection = connect(superuser_url).await?;
    if exists(&mut connection, &template).await? {
        return Ok(template);
    }
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(TEMPLATE_LOCK)
        .execute(&mut connection)
        .await
        .context("cannot lock the template")?;
    if !exists(&mut connection, &template).await? {
        let unfinished = format!("{template}_unfinished");
        let quoted = identifier(&unfinished);
        execute(
            &mut connection,
            &format!("DROP DATABASE IF EXISTS {quoted} WITH (FORCE)"),
        )
        .await?;
        execute(&mut connection, &format!("CREATE DATABASE {quoted}")).await?;
        migrate(&url_with(superuser_url, None, &unfinished)).await?;
        let roles: Vec<String> = sqlx::query_scalar(
            r"SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'aikagi\_%'",
        )
        .fetch_all(&mut connection)
        .await
        .context("cannot list the roles")?;
        for role in roles {
            execute(
                &mut connection,
                &format!("ALTER ROLE {} LOGIN", identifier(&role)),
            )
            .await?;
        }
        let rename = format!(
            "ALTER DATABASE {quoted} RENAME TO {}",
            identifier(&template)
        );
        execute(&mut connection, &rename).await?;
    }
    // Closing the connection frees the lock.
    connection.close().await.context("cannot close")?;
    Ok(template)
}

async fn pool(url: &str) -> Result<PgPool> {
    PgPoolOptions::new()
        .max_connections(TEST_POOL)
        .connect(url)
        .await
        .context("cannot connect to the test database")
}

async fn connect(url: &str) -> Result<PgConnection> {
    PgConnection::connect(url)
        .await
        .context("cannot connect to PostgreSQL")
}

async fn exists(connection: &mut PgConnection, name: &str) -> Result<bool> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(name)
        .fetch_one(connection)
        .await
        .context("cannot list the databases")
}

async fn execute(connection: &mut PgConnection, statement: &str) -> Result<()> {
    // Names are quoted by `identifier`, and no statement comes from outside this file.
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
        .execute(connection)
        .await
        .map(|_| ())
        // The statement may hold a password: only its first two words are told.
        .with_context(|| {
            let words: Vec<&str> = statement.split(' ').take(2).collect();
            format!("cannot {}", words.join(" "))
        })
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The same server, for another database and, if given, another user (without a password).
pub fn url_with(url: &str, user: Option<&str>, database: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
    let (rest, query) = rest
        .split_once('?')
        .map_or((rest, String::new()), |(rest, query)| {
            (rest, format!("?{query}"))
        });
    let authority = rest.split('/').next().unwrap_or(rest);
    let (old_user, server) = authority
        .rsplit_once('@')
        .unwrap_or(("postgres", authority));
    let user = user.unwrap_or(old_user);
    format!("{scheme}://{user}@{server}/{database}{query}")
}

fn migrations_hash(dir: &Path) -> Result<String> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .with_context(|| format!("cannot read {}", dir.display()))?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let name = file
            .file_name()
            .ok_or_else(|| anyhow!("a migration without a name"))?;
        let content =
            std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        for part in [name.as_encoded_bytes(), &content] {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
    }
    Ok(hexadecimal(&hash.finalize(), 8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::{Cluster, Options, SUPERUSER};

    #[test]
    fn urls_keep_their_server() {
        assert_eq!(
            url_with(
                "postgres://postgres:x@127.0.0.1:5544/postgres",
                Some("aikagi_units"),
                "db"
            ),
            "postgres://aikagi_units@127.0.0.1:5544/db"
        );
        assert_eq!(
            url_with(
                "postgres://postgres@localhost:5432/postgres?host=%2Ftmp",
                None,
                "db"
            ),
            "postgres://postgres@localhost:5432/db?host=%2Ftmp"
        );
    }

    #[tokio::test]
    async fn each_test_has_a_database_of_its_own_for_every_role() {
        let dir = tempfile::tempdir().unwrap();
        let cluster = Cluster::start(dir.path(), Options::default()).unwrap();
        let url = cluster.url("postgres", SUPERUSER);
        let (one, other) = tokio::join!(TestDatabase::at(&url), TestDatabase::at(&url));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_ne!(one.name(), other.name());
        let units = one.pool_as("aikagi_units").await.unwrap();
        let lines: i64 = sqlx::query_scalar("SELECT count(*) FROM lines")
            .fetch_one(&units)
            .await
            .unwrap();
        assert_eq!(lines, 0);
        let name = one.name().to_owned();
        drop(one);
        let mut connection = connect(&url).await.unwrap();
        assert!(!exists(&mut connection, &name).await.unwrap());
        assert!(exists(&mut connection, other.name()).await.unwrap());
    }
}
