//! Who looked at whose data, for the person it concerns.
//!
//! A look is recorded before it is answered. Nobody's look at their own data is recorded, and none of our own services',
//! which learn no name.

use chassis::access::Caller;
use kernel::{PersonId, ReadId, Role, Timestamp};
use sqlx::PgPool;

use crate::actor::Actor;
use crate::error::BindingError;
use crate::store;

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Person,
    Binding,
    Bindings,
    DisplayLink,
    DisplayLinks,
}

/// One look at a person's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    pub id: ReadId,
    pub at: Timestamp,
    pub what: What,
    /// The role and subject of who looked.
    pub role: String,
    pub subject: String,
}

impl What {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Person,
        Self::Binding,
        Self::Bindings,
        Self::DisplayLink,
        Self::DisplayLinks,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Person => "PERSON",
            Self::Binding => "BINDING",
            Self::Bindings => "BINDINGS",
            Self::DisplayLink => "DISPLAY_LINK",
            Self::DisplayLinks => "DISPLAY_LINKS",
        }
    }

    /// The kind with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.code() == code)
    }
}

/// Records that `caller` looks at what belongs to these people, where that is another's look.
pub async fn record(
    db: &PgPool,
    people: &[PersonId],
    what: What,
    caller: &Caller,
    now: Timestamp,
) -> Result<(), BindingError> {
    if matches!(caller.role, Role::Citizen | Role::Service) {
        return Ok(());
    }
    let by = Actor::new(caller.clone());
    store::insert_reads(&mut *db.acquire().await?, people, what, &by, now).await?;
    Ok(())
}

/// One page of the looks at a person's data, newest first, and the last one's id if there are more.
pub async fn list(
    db: &PgPool,
    person: PersonId,
    (size, after): (u16, Option<ReadId>),
) -> Result<(Vec<Read>, Option<ReadId>), BindingError> {
    let mut conn = db.acquire().await?;
    let mut found = store::list_reads(&mut conn, person, after, i64::from(size) + 1).await?;
    let more = found.len() > usize::from(size);
    found.truncate(usize::from(size));
    let last = found.last().map(|read| read.id).filter(|_| more);
    Ok((found, last))
}
