//! Which versions of the tables a build can work on.

use sqlx::PgConnection;
use sqlx::migrate::{Migrate as _, MigrateError, Migrator};

/// Why the tables are not those this build was written for.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// Migrations are missing.
    #[error(
        "the {set} tables are at version {found}, this build needs {needed}: run `gongji migrate`"
    )]
    Behind {
        /// Whose tables: `chassis` or `service`.
        set: &'static str,
        /// The newest version applied; 0 if none was.
        found: i64,
        /// The oldest version that would do.
        needed: i64,
    },
    /// Another build has migrated further.
    #[error(
        "the {set} tables have version {found}, which this build does not know: start a newer build"
    )]
    Unknown {
        /// Whose tables.
        set: &'static str,
        /// The version.
        found: i64,
    },
    /// A migration is not the one that was applied.
    #[error("migration {version} of the {set} tables differs from the one that was applied")]
    Differs {
        /// Whose tables.
        set: &'static str,
        /// The version.
        version: i64,
    },
    /// A migration was begun and not finished.
    #[error(
        "migration {version} of the {set} tables was begun and not finished: repair it and run `gongji migrate`"
    )]
    Unfinished {
        /// Whose tables.
        set: &'static str,
        /// The version.
        version: i64,
    },
    /// The versions could not be read.
    #[error("the versions of the {set} tables cannot be read")]
    Unreadable {
        /// Whose tables.
        set: &'static str,
        /// What went wrong.
        source: MigrateError,
    },
}

/// A version and the checksum of its text.
type Version<'a> = (i64, &'a [u8]);

/// Refuses a database whose tables this build does not know.
pub async fn check(
    conn: &mut PgConnection,
    set: &'static str,
    migrations: &Migrator,
) -> Result<(), SchemaError> {
    let unreadable = |source| SchemaError::Unreadable { set, source };
    let table = &migrations.table_name;
    match conn.dirty_version(table).await {
        Ok(None) => {}
        Ok(Some(version)) => return Err(SchemaError::Unfinished { set, version }),
        Err(error) if is_missing_table(&error) => return compare(set, &known(migrations), &[]),
        Err(error) => return Err(unreadable(error)),
    }
    let applied = conn
        .list_applied_migrations(table)
        .await
        .map_err(unreadable)?;
    let applied: Vec<Version<'_>> = applied
        .iter()
        .map(|one| (one.version, one.checksum.as_ref()))
        .collect();
    compare(set, &known(migrations), &applied)
}

fn known(migrations: &Migrator) -> Vec<Version<'_>> {
    migrations
        .iter()
        .filter(|one| !one.migration_type.is_down_migration())
        .map(|one| (one.version, one.checksum.as_ref()))
        .collect()
}

fn is_missing_table(error: &MigrateError) -> bool {
    let MigrateError::Execute(sqlx::Error::Database(said)) = error else {
        return false;
    };
    said.code().as_deref() == Some("42P01")
}

/// Both lists in the order of their versions.
fn compare(
    set: &'static str,
    known: &[Version<'_>],
    applied: &[Version<'_>],
) -> Result<(), SchemaError> {
    for (version, checksum) in applied {
        match known.iter().find(|(known, _)| known == version) {
            None => {
                return Err(SchemaError::Unknown {
                    set,
                    found: *version,
                });
            }
            Some((_, known)) if known != checksum => {
                return Err(SchemaError::Differs {
                    set,
                    version: *version,
                });
            }
            Some(_) => {}
        }
    }
    // The newest one may be missing: a deployment comes before or after its migration.
    let needed = known.len().saturating_sub(1).max(1).min(known.len());
    if applied.len() >= needed {
        return Ok(());
    }
    Err(SchemaError::Behind {
        set,
        found: applied.last().map_or(0, |(version, _)| *version),
        needed: known[needed - 1].0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Version<'_> = (1, b"one");
    const TWO: Version<'_> = (2, b"two");
    const THREE: Version<'_> = (3, b"three");

    #[test]
    fn the_newest_version_and_the_one_before_it_will_do() {
        let known = [ONE, TWO, THREE];
        assert!(compare("service", &known, &known).is_ok());
        assert!(compare("service", &known, &[ONE, TWO]).is_ok());
        let behind = compare("service", &known, &[ONE]).unwrap_err();
        assert!(
            matches!(
                behind,
                SchemaError::Behind {
                    found: 1,
                    needed: 2,
                    ..
                }
            ),
            "{behind}"
        );
        assert!(compare("service", &[], &[]).is_ok());
    }

    #[test]
    fn an_empty_database_never_will() {
        let behind = compare("service", &[ONE], &[]).unwrap_err();
        assert!(
            matches!(
                behind,
                SchemaError::Behind {
                    found: 0,
                    needed: 1,
                    ..
                }
            ),
            "{behind}"
        );
    }

    #[test]
    fn a_version_of_another_build_or_with_another_text_is_refused() {
        let unknown = compare("service", &[ONE], &[ONE, TWO]).unwrap_err();
        assert!(
            matches!(unknown, SchemaError::Unknown { found: 2, .. }),
            "{unknown}"
        );
        let differs = compare("service", &[ONE, TWO], &[ONE, (2, b"too")]).unwrap_err();
        assert!(
            matches!(differs, SchemaError::Differs { version: 2, .. }),
            "{differs}"
        );
    }
}
