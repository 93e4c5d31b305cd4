//! A notice that cannot be put into words is parked: told to whoever runs the service, and never lost.
//!
//! Its reader sees neutral words meanwhile. When the words or the data are mended, [`retry`] lets it go.

use std::error::Error as _;

use jiff::Timestamp;
use sqlx::PgPool;
use tracing::error;

use crate::notice::Told;
use crate::store::Row;
use crate::store::parked::{self, After, Parked, Unsaid};
use crate::words::{Form, Language, Names, Said, Setting, Unsayable, Words};

/// How many parked notices are tried at once.
const AT_ONCE: i64 = 200;

/// Why a notice is shown without its words. The page it stands on is shown nevertheless.
#[derive(Debug, thiserror::Error)]
pub enum NotSaid {
    /// What is stored is not a notice of this build.
    #[error("the stored notice cannot be read")]
    Unreadable(#[from] serde_json::Error),
    /// The words do not fit the notice.
    #[error("the notice and its template do not fit")]
    Unsayable(#[from] Unsayable),
}

impl NotSaid {
    /// The stable code of the reason.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "NOTICE_UNREADABLE",
            Self::Unsayable(_) => "TEMPLATE_FAILED",
        }
    }

    /// What went wrong, for whoever mends it.
    pub fn detail(&self) -> String {
        let (mut causes, mut cause) = (Vec::new(), self.source());
        while let Some(next) = cause {
            causes.push(next.to_string());
            cause = next.source();
        }
        causes.join(": ")
    }
}

/// The words of a stored notice.
///
/// # Errors
/// It cannot be said. Whoever asked parks it.
pub fn say(
    words: &Words,
    row: &Row,
    told: &Told,
    (language, form, names): (Language, Form, &Names),
) -> Result<Said, NotSaid> {
    let setting = Setting {
        language,
        form,
        happened_at: row.happened_at,
        sandbox: row.sandbox,
        names,
    };
    Ok(words.say(told, setting)?)
}

/// Parks what could not be said. A reader is not kept from the rest of the page if that fails: the next reader parks it.
pub async fn park(db: &PgPool, unsaid: &[Unsaid], now: Timestamp) {
    if unsaid.is_empty() {
        return;
    }
    if let Err(failed) = parked::insert(db, unsaid, now).await {
        let error: &dyn std::error::Error = &failed;
        error!(error, "notices without words could not be parked");
    }
}

/// What a retry did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retried {
    /// Notices that can be said again.
    pub mended: u64,
    /// Notices that still cannot.
    pub left: u64,
}

/// Tries every parked notice in every language and form, and lets go of those that can be said.
pub async fn retry(db: &PgPool, words: &Words) -> Result<Retried, sqlx::Error> {
    let mut retried = Retried { mended: 0, left: 0 };
    let mut after: Option<After> = None;
    loop {
        let page = parked::list(db, after, AT_ONCE).await?;
        let Some(last) = page.last() else {
            return Ok(retried);
        };
        after = Some((last.parked_at, last.person, last.row.sequence));
        for one in page {
            if can_be_said(words, &one) && parked::delete(db, one.person, one.row.sequence).await? {
                retried.mended += 1;
            } else {
                retried.left += 1;
            }
        }
    }
}

fn can_be_said(words: &Words, parked: &Parked) -> bool {
    let nobody = Names::new();
    serde_json::from_str::<Told>(&parked.row.params).is_ok_and(|told| {
        Language::ALL.iter().all(|language| {
            Form::ALL
                .iter()
                .all(|form| say(words, &parked.row, &told, (*language, *form, &nobody)).is_ok())
        })
    })
}
