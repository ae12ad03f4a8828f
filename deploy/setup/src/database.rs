//! Creates the database, or upgrades it from an earlier schema version.

use std::path::{Path, PathBuf};

use aikagi_installation::workloads::{POSTGRES_SUPERUSER, postgres_roles};
use aikagi_ledger::Settings;
use aikagi_ledger::administration::{Administrator, url_with};
use anyhow::{Context as _, Result};

/// The database to prepare, and how to log in to its server.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The URL of the server, with the superuser's name and without a password.
    #[arg(long, env = "AIKAGI_POSTGRES_URL", value_name = "URL")]
    url: String,
    /// The name of the database.
    #[arg(long, default_value = "aikagi")]
    database: String,
    /// The directory with a file `<role>.password` for each role, and `superuser.password` if the server requires a
    /// password.
    #[arg(long, default_value = "/secrets/migrate")]
    secrets: PathBuf,
    /// Stop at this schema version, which is the number at the start of a schema migration's file name. By default, all
    /// schema migrations are applied. The services of an earlier release need the schema version of that release.
    #[arg(long, value_name = "VERSION")]
    to: Option<i64>,
}

/// Creates the database if it does not exist, applies the schema, and gives the roles their passwords. A second run
/// changes nothing.
pub(crate) async fn migrate(arguments: &Arguments) -> Result<()> {
    let file = |user: &str| arguments.secrets.join(format!("{user}.password"));
    let password_file = file(POSTGRES_SUPERUSER);
    let known = password_file
        .try_exists()
        .with_context(|| format!("cannot read {}", password_file.display()))?;
    let mut settings = Settings::for_url(url_with(&arguments.url, None, &arguments.database));
    settings.password_file = known.then(|| password_file.clone());
    let connected = Administrator::connect(&settings).await;
    let mut administrator = if known {
        connected?
    } else {
        connected.with_context(|| {
            format!(
                "without a password, because {} does not exist",
                password_file.display()
            )
        })?
    };
    administrator.create_if_missing(&arguments.database).await?;
    aikagi_ledger::apply_schema_to(&settings, arguments.to).await?;
    administrator.keep_to_its_roles(&arguments.database).await?;
    for role in postgres_roles() {
        let password = read(&file(role))?;
        administrator.allow_login(role, Some(&password)).await?;
    }
    administrator.close().await?;
    Ok(())
}

fn read(file: &Path) -> Result<String> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(text.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use aikagi_devkit::ports;
    use aikagi_devkit::postgres::{Cluster, Options, SUPERUSER};
    use aikagi_installation::files::write_private;
    use aikagi_ledger::{Ledger, Planning};

    use super::*;

    /// A password with a quotation mark, which must be escaped in a statement.
    const PASSWORD: &str = "it's a secret: @/?";

    /// INV-4: a second run changes nothing. `superuser.password` is required only if the server asks for a password.
    #[tokio::test]
    async fn a_database_is_prepared_with_and_without_a_password() {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            passwords: true,
            port: Some(ports::free().unwrap()),
            ..Options::default()
        };
        let cluster = Cluster::start(&dir.path().join("postgres"), options).unwrap();
        let secrets = dir.path().join("secrets");
        let put = |user: &str, password: &str| {
            write_private(
                &secrets.join(format!("{user}.password")),
                password.as_bytes(),
            )
            .unwrap();
        };
        for role in postgres_roles() {
            put(role, PASSWORD);
        }
        let arguments = |url| Arguments {
            url,
            database: "lines".to_owned(),
            secrets: secrets.clone(),
            to: None,
        };
        let socket = arguments(cluster.socket_url("postgres", SUPERUSER));
        migrate(&socket).await.unwrap();
        migrate(&socket).await.unwrap();

        let mut units = Settings::for_url(cluster.url("lines", "aikagi_units"));
        units.password_file = Some(secrets.join("aikagi_units.password"));
        let ledger = Ledger::connect(&units, Planning::Once).unwrap();
        drop(ledger.acquire().await.unwrap());

        let tcp = arguments(cluster.url("postgres", SUPERUSER));
        let refused = format!("{:#}", migrate(&tcp).await.unwrap_err());
        assert!(refused.contains("superuser.password"), "{refused}");
        let set = format!("ALTER ROLE {SUPERUSER} PASSWORD 'once @ more'");
        cluster.run_statement("postgres", &set).unwrap();
        put(POSTGRES_SUPERUSER, "once @ more\n");
        migrate(&tcp).await.unwrap();
    }
}
