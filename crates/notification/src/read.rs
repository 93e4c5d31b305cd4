//! Reading: rows out of the store, put into words.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use kernel::PersonId;
use sqlx::PgPool;
use tracing::error;

use crate::names::NameBook;
use crate::notice::Told;
use crate::store::{self, Row, Wanted};
use crate::words::{self, Language, Names, Said, Setting, Unsayable, Words};

/// A notice in words.
#[derive(Debug, Clone)]
pub struct Spoken {
    /// What is stored of it.
    pub row: Row,
    /// How it reads.
    pub said: Said,
}

/// A page, newest first.
#[derive(Debug, Clone)]
pub struct PageOf {
    /// The notices.
    pub notices: Vec<Spoken>,
    /// Where the next page starts; none on the last.
    pub next_before: Option<i64>,
}

/// Reads and marks notices.
#[derive(Clone)]
pub struct Reader {
    db: PgPool,
    names: NameBook,
    words: Arc<Words>,
}

impl Reader {
    /// A reader of this database.
    pub fn new(db: PgPool, names: NameBook) -> Self {
        Self {
            db,
            names,
            words: Arc::new(Words::load()),
        }
    }

    /// A page of a person's notices, newest first.
    pub async fn page(&self, wanted: Wanted, language: Language) -> Result<PageOf, sqlx::Error> {
        let one_more = Wanted {
            limit: wanted.limit.saturating_add(1),
            ..wanted
        };
        let mut rows = store::find_before(&self.db, one_more).await?;
        let size = usize::try_from(wanted.limit).unwrap_or(usize::MAX);
        let more = rows.len() > size;
        rows.truncate(size);
        let last = rows.last().map(|row| row.sequence);
        Ok(PageOf {
            notices: self.speak(rows, language).await,
            next_before: last.filter(|_| more),
        })
    }

    /// At most `limit` of a person's notices after a number, oldest first.
    pub async fn after(
        &self,
        person: PersonId,
        after: i64,
        limit: i64,
        language: Language,
    ) -> Result<Vec<Spoken>, sqlx::Error> {
        let rows = store::find_after(&self.db, person, after, limit).await?;
        Ok(self.speak(rows, language).await)
    }

    /// Marks a person's notices up to a number as read, and says how many were not yet.
    pub async fn mark_read(
        &self,
        person: PersonId,
        up_to: i64,
        now: Timestamp,
    ) -> Result<u64, sqlx::Error> {
        store::mark_read(&self.db, person, up_to, now).await
    }

    /// All names of a page are asked for at once.
    async fn speak(&self, rows: Vec<Row>, language: Language) -> Vec<Spoken> {
        let read: Vec<_> = rows
            .into_iter()
            .map(|row| (serde_json::from_str::<Told>(&row.params), row))
            .collect();
        let people: BTreeSet<PersonId> = read
            .iter()
            .filter_map(|(told, _)| told.as_ref().ok())
            .flat_map(Told::people)
            .collect();
        let names = self.names.names_of(people).await;
        read.into_iter()
            .map(|(told, row)| {
                let said = self
                    .say(told, &row, language, &names)
                    .unwrap_or_else(|failed| {
                        metrics::counter!("gongji_notices_unsayable_total").increment(1);
                        let (notice, error): (_, &dyn std::error::Error) = (row.id, &failed);
                        error!(%notice, error, "a notice is shown without its words");
                        words::without_words(language)
                    });
                Spoken { row, said }
            })
            .collect()
    }

    fn say(
        &self,
        told: Result<Told, serde_json::Error>,
        row: &Row,
        language: Language,
        names: &Names,
    ) -> Result<Said, NotSaid> {
        let setting = Setting {
            language,
            happened_at: row.happened_at,
            sandbox: row.sandbox,
            names,
        };
        Ok(self.words.say(&told?, setting)?)
    }
}

/// Why a notice is shown without its words. The page it stands on is shown nevertheless.
#[derive(Debug, thiserror::Error)]
enum NotSaid {
    #[error("the stored notice cannot be read")]
    Unreadable(#[from] serde_json::Error),
    #[error("the notice and its template do not fit")]
    Unsayable(#[from] Unsayable),
}
