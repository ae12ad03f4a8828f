//! Prepares a PostgreSQL server for the ledger, as its superuser. It creates the database and allows the roles to log
//! in.

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::{Settings, SettingsError};

/// The superuser's own database, which every cluster has.
const OWN_DATABASE: &str = "postgres";

/// Why a server could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum AdministrationError {
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The server does not respond, or does not accept the superuser.
    #[error("cannot connect to PostgreSQL")]
    Connect(#[source] sqlx::Error),
    /// The server refused a statement. The error does not contain the statement, which may contain a password.
    #[error("cannot {action}")]
    Statement {
        /// What the statement does.
        action: &'static str,
        /// The driver's error.
        source: sqlx::Error,
    },
}

/// A connection to the server as its superuser.
#[derive(Debug)]
pub struct Administrator {
    connection: PgConnection,
}

impl Administrator {
    /// Connects to the superuser's own database, whatever database the URL names. Statements have no time limit.
    pub async fn connect(settings: &Settings) -> Result<Self, AdministrationError> {
        let options: PgConnectOptions = settings.options()?;
        let options = options
            .database(OWN_DATABASE)
            .options([("statement_timeout", "0")]);
        let connection = PgConnection::connect_with(&options).await;
        Ok(Self {
            connection: connection.map_err(AdministrationError::Connect)?,
        })
    }

    /// Creates the database `name` unless it exists.
    pub async fn create_if_missing(&mut self, name: &str) -> Result<(), AdministrationError> {
        let exists: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
                .bind(name)
                .fetch_one(&mut self.connection)
                .await
                .map_err(failed("list the databases"))?;
        if exists {
            return Ok(());
        }
        let statement = format!("CREATE DATABASE {}", identifier(name));
        self.execute("create the database", statement).await
    }

    /// Revokes the right to create temporary tables in the database `name` from everyone. PostgreSQL grants it in each
    /// new database.
    pub async fn keep_to_its_roles(&mut self, name: &str) -> Result<(), AdministrationError> {
        let name = identifier(name);
        let statement = format!("REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC");
        self.execute("revoke temporary tables", statement).await
    }

    /// Allows a role of the ledger to log in. `None` removes its password.
    pub async fn allow_login(
        &mut self,
        role: &str,
        password: Option<&str>,
    ) -> Result<(), AdministrationError> {
        let password = match password {
            Some(password) => format!("PASSWORD '{}'", password.replace('\'', "''")),
            None => "PASSWORD NULL".to_owned(),
        };
        let statement = format!("ALTER ROLE {} LOGIN {password}", identifier(role));
        self.execute("allow a role to log in", statement).await
    }

    /// Closes the connection.
    pub async fn close(self) -> Result<(), AdministrationError> {
        let closed = self.connection.close().await;
        closed.map_err(failed("close the connection"))
    }

    async fn execute(
        &mut self,
        action: &'static str,
        statement: String,
    ) -> Result<(), AdministrationError> {
        // `identifier` quotes names, and passwords are quoted above.
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut self.connection)
            .await
            .map_err(failed(action))?;
        Ok(())
    }
}

fn failed(action: &'static str) -> impl FnOnce(sqlx::Error) -> AdministrationError {
    move |source| AdministrationError::Statement { action, source }
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The URL of another database on the same server. If `user` is given, the URL is for that user, and has no password.
pub fn url_with(url: &str, user: Option<&str>, database: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, format!("?{query}")),
        None => (rest, String::new()),
    };
    let authority = rest.split('/').next().unwrap_or(rest);
    let (old_user, server) = authority
        .rsplit_once('@')
        .unwrap_or(("postgres", authority));
    let user = user.unwrap_or(old_user);
    format!("{scheme}://{user}@{server}/{database}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_for_another_database_keeps_the_server() {
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

    #[test]
    fn names_are_quoted() {
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
    }
}
