//! Makes a database ready for the services: creates it if it is missing, migrates it, and lets roles log in.
//! A program of its own, so that the developer's commands build without a database client.

use std::path::Path;

use aikagi_devkit::database::{allow_login, create_if_missing, migrate, url_with};
use anyhow::{Context, Result};

const USAGE: &str = "devkit-migrate SUPERUSER_URL DATABASE [ROLE=PASSWORD_FILE]...";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let superuser = arguments.next().context(USAGE)?;
    let database = arguments.next().context(USAGE)?;
    create_if_missing(&superuser, &database).await?;
    migrate(&url_with(&superuser, None, &database)).await?;
    for login in arguments {
        let (role, file) = login.split_once('=').context(USAGE)?;
        let password = std::fs::read_to_string(Path::new(file))
            .with_context(|| format!("cannot read {file}"))?;
        allow_login(&superuser, role, Some(password.trim_end())).await?;
    }
    Ok(())
}
