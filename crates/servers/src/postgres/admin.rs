//! Databases of a private Postgres: made, cloned, dropped.
//!
//! These statements name databases and roles, which Postgres does not take as parameters. So the names are held to
//! letters, digits and underscores before they go into the text.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::Postgres;

/// Why a database could not be made or dropped.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Not a name that is used as it stands.
    #[error(
        "{0:?} is not a name of lower-case letters, digits and underscores that begins with a letter and has at most 63"
    )]
    Name(String),
    /// The server refused.
    #[error("cannot {what}")]
    Database {
        /// What was tried.
        what: String,
        /// What the server said.
        source: sqlx::Error,
    },
}

impl Postgres {
    /// Makes sure there is a database `name`, and a role of the same name that owns it and may do nothing elsewhere.
    /// Its address is `url_as(name, name)`.
    pub async fn create_database(&self, name: &str) -> Result<(), AdminError> {
        let name = checked(name)?;
        if !self.has_role(name).await? {
            let password = &self.password; // hexadecimal digits
            self.run(
                format!("make the role {name}"),
                format!(
                    "-- servers.create_role\nCREATE ROLE \"{name}\" LOGIN PASSWORD '{password}'"
                ),
            )
            .await?;
        }
        if !self.has_database(name).await? {
            self.run(
                format!("make the database {name}"),
                format!("-- servers.create_database\nCREATE DATABASE \"{name}\" OWNER \"{name}\""),
            )
            .await?;
            self.run(
                format!("close the database {name} to others"),
                format!("-- servers.close_database\nREVOKE ALL ON DATABASE \"{name}\" FROM PUBLIC"),
            )
            .await?;
        }
        Ok(())
    }

    /// Makes `name` a copy of `template`, with the same owner of everything in it. Nobody may be connected to `template`.
    ///
    /// The address of the copy is `url_as(template, name)`.
    pub async fn clone_database(&self, template: &str, name: &str) -> Result<(), AdminError> {
        let (template, name) = (checked(template)?, checked(name)?);
        self.run(
            format!("copy the database {template}"),
            format!("-- servers.clone_database\nCREATE DATABASE \"{name}\" TEMPLATE \"{template}\" OWNER \"{template}\""),
        )
        .await
    }

    /// Drops a database if there is one, and ends whatever is connected to it.
    pub async fn drop_database(&self, name: &str) -> Result<(), AdminError> {
        let name = checked(name)?;
        self.run(
            format!("drop the database {name}"),
            format!("-- servers.drop_database\nDROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)"),
        )
        .await
    }

    /// Whether there is a database of this name.
    pub async fn has_database(&self, name: &str) -> Result<bool, AdminError> {
        self.has(
            "-- servers.has_database\nSELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)",
            name,
        )
        .await
    }

    async fn has_role(&self, name: &str) -> Result<bool, AdminError> {
        self.has(
            "-- servers.has_role\nSELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)",
            name,
        )
        .await
    }

    async fn has(&self, statement: &'static str, name: &str) -> Result<bool, AdminError> {
        let failed = |source| AdminError::Database {
            what: format!("look for {name}"),
            source,
        };
        let mut connection = PgConnection::connect(&self.url("postgres"))
            .await
            .map_err(failed)?;
        sqlx::query_scalar(statement)
            .bind(name)
            .fetch_one(&mut connection)
            .await
            .map_err(failed)
    }

    /// Each statement has a connection of its own: none is left over for the runtime of another test.
    async fn run(&self, what: String, statement: String) -> Result<(), AdminError> {
        let attempt = async {
            let mut connection = PgConnection::connect(&self.url("postgres")).await?;
            connection.execute(AssertSqlSafe(statement)).await?;
            connection.close().await
        };
        attempt
            .await
            .map_err(|source| AdminError::Database { what, source })
    }
}

fn checked(name: &str) -> Result<&str, AdminError> {
    let begins_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    let is_plain = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if begins_well && is_plain && name.len() <= 63 {
        Ok(name)
    } else {
        Err(AdminError::Name(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn only_plain_names_go_into_a_statement() {
        assert!(checked("settlement_17").is_ok());
        assert!(checked("").is_err());
        assert!(checked("1st").is_err());
        assert!(checked("a\"; DROP DATABASE b; --").is_err());
        assert!(checked(&"a".repeat(64)).is_err());
    }
}
