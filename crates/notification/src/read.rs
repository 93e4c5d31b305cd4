//! Reading: rows out of the store, put into words.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use kernel::{Clock, PersonId};
use sqlx::PgPool;
use tracing::error;

use crate::names::NameBook;
use crate::notice::Told;
use crate::park::{self, NotSaid};
use crate::store::parked::Unsaid;
use crate::store::{self, Row, Wanted};
use crate::words::{self, Form, Language, Said, Words};

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

/// How a reader wants to be spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voice {
    /// In which language.
    pub language: Language,
    /// In which form.
    pub form: Form,
}

/// Reads and marks notices.
#[derive(Clone)]
pub struct Reader {
    db: PgPool,
    names: NameBook,
    words: Arc<Words>,
    clock: Clock,
}

impl Reader {
    /// A reader of this database.
    pub fn new(db: PgPool, names: NameBook, words: Arc<Words>, clock: Clock) -> Self {
        Self {
            db,
            names,
            words,
            clock,
        }
    }

    /// A page of a person's notices, newest first.
    pub async fn page(&self, wanted: Wanted, voice: Voice) -> Result<PageOf, sqlx::Error> {
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
            notices: self.speak(wanted.person, rows, voice).await,
            next_before: last.filter(|_| more),
        })
    }

    /// At most `limit` of a person's notices after a number, oldest first.
    pub async fn after(
        &self,
        person: PersonId,
        after: i64,
        limit: i64,
        voice: Voice,
    ) -> Result<Vec<Spoken>, sqlx::Error> {
        let rows = store::find_after(&self.db, person, after, limit).await?;
        Ok(self.speak(person, rows, voice).await)
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

    /// All names of a page are asked for at once. What cannot be said is parked, and shown with neutral words.
    async fn speak(&self, person: PersonId, rows: Vec<Row>, voice: Voice) -> Vec<Spoken> {
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
        let (mut spoken, mut unsaid) = (Vec::with_capacity(read.len()), Vec::new());
        for (told, row) in read {
            let said = told.map_err(NotSaid::from).and_then(|told| {
                let how = (voice.language, voice.form, &names);
                park::say(&self.words, &row, &told, how)
            });
            let said = said.unwrap_or_else(|failed| {
                unsaid.push(unsayable(person, &row, &failed));
                words::without_words(voice.language)
            });
            spoken.push(Spoken { row, said });
        }
        park::park(&self.db, &unsaid, self.clock.now()).await;
        spoken
    }
}

fn unsayable(person: PersonId, row: &Row, failed: &NotSaid) -> Unsaid {
    metrics::counter!("gongji_notices_unsayable_total").increment(1);
    let (notice, error): (_, &dyn std::error::Error) = (row.id, failed);
    error!(%notice, error, "a notice is shown without its words");
    Unsaid {
        person,
        sequence: row.sequence,
        reason: failed.code(),
        detail: failed.detail(),
    }
}
