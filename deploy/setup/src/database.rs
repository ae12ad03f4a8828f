//! The database, from nothing or from an earlier version.

use std::path::{Path, PathBuf};

use aikagi_devkit::database::{allow_login, create_if_missing, keep_to_its_roles, url_with};
use aikagi_devkit::settings::Service;
use aikagi_ledger::Settings;
use anyhow::{Context, Result};

/// The roles of jobs: one seals again under a new key, one removes old months of the audit trail.
const JOB_ROLES: [&str; 2] = ["aikagi_reseal", "aikagi_retention"];
/// The superuser's own database, which every cluster has.
const OWN: &str = "postgres";

/// Which database, and as whom.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The server and its superuser, without a password.
    #[arg(long, env = "AIKAGI_POSTGRES_URL", value_name = "URL")]
    url: String,
    /// The database.
    #[arg(long, default_value = "aikagi")]
    database: String,
    /// The directory with `superuser.password`, and `<role>.password` for each role.
    #[arg(long, default_value = "/secrets/migrate")]
    secrets: PathBuf,
    /// Migrate no further than this step, by the number at the head of its file's name: to the schema of an earlier
    /// version, whose services then can be started.
    #[arg(long, value_name = "STEP")]
    to: Option<i64>,
}

/// Creates, migrates, and lets the roles log in. What is done already is left alone.
pub(crate) async fn make_ready(arguments: &Arguments) -> Result<()> {
    let file = |user: &str| arguments.secrets.join(format!("{user}.password"));
    let superuser = with_password(&arguments.url, &read(&file("superuser"))?)?;
    create_if_missing(&url_with(&superuser, None, OWN), &arguments.database).await?;
    let url = url_with(&arguments.url, None, &arguments.database);
    let mut settings = Settings::for_url(url);
    settings.password_file = Some(file("superuser"));
    aikagi_ledger::apply_schema_to(&settings, arguments.to).await?;
    keep_to_its_roles(&url_with(&superuser, None, OWN), &arguments.database).await?;
    let roles = Service::ALL.into_iter().filter_map(Service::postgres_role);
    for role in roles.chain(JOB_ROLES.map(str::to_owned)) {
        let password = read(&file(&role))?;
        allow_login(&url_with(&superuser, None, OWN), &role, Some(&password)).await?;
    }
    Ok(())
}

fn read(file: &Path) -> Result<String> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(text.trim_end().to_owned())
}

/// The password goes into the URL as it is: one that `secrets` makes is hexadecimal.
fn with_password(url: &str, password: &str) -> Result<String> {
    let plain = password.bytes().all(|byte| byte.is_ascii_alphanumeric());
    anyhow::ensure!(
        plain,
        "the superuser's password may have letters and digits only"
    );
    let (scheme, rest) = url.split_once("://").context("not a PostgreSQL URL")?;
    let (user, server) = rest.split_once('@').context("the URL names no user")?;
    Ok(format!("{scheme}://{user}:{password}@{server}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_goes_between_user_and_server() {
        let url = "postgres://postgres@db:5432/postgres?sslmode=verify-full";
        assert_eq!(
            with_password(url, "s3cret").unwrap(),
            "postgres://postgres:s3cret@db:5432/postgres?sslmode=verify-full"
        );
        with_password(url, "a@b").unwrap_err();
    }
}
