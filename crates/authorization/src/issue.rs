//! Issues an e-credential: the token goes to the patient once, its fingerprint into the database.

use chassis::access::Caller;
use jiff::SignedDuration;
use kernel::{PersonId, Refusal, Region, Timestamp};
use proto::Unreadable;
use sqlx::PgPool;
use tonic::Status;
use tracing::instrument;

use crate::credential::{Credential, ENTROPY, Purpose, Token};
use crate::store::{self, StoreError};

/// What somebody asks for.
#[derive(Debug, Clone, Copy)]
pub struct Issue {
    /// Whose it shall be: the patient, who shows it themselves.
    pub person_id: PersonId,
    pub purpose: Purpose,
    /// Where it will be shown.
    pub region: Region,
}

/// Why no token was issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// It may not be: nobody gets another person's code (`domain.md` 3.6).
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Binding, which keeps display links, did not answer.
    #[error("binding did not say how the display link stands")]
    Binding(#[source] Status),
    /// Binding answered with something that is no display link.
    #[error("binding's answer cannot be read")]
    Answer(#[source] Unreadable),
    /// The machine has no chance to give, and a token that can be guessed is none.
    #[error("the machine gave no random bytes")]
    Chance(#[source] getrandom::Error),
}

/// Issues a token that is good for `ttl` from `now`.
#[instrument(name = "authorization.issue", skip_all, fields(person.id = %issue.person_id))]
pub async fn issue(
    db: &PgPool,
    issue: Issue,
    caller: &Caller,
    ttl: SignedDuration,
    now: Timestamp,
) -> Result<(Token, Credential), IssueError> {
    caller.may_act_for(issue.person_id)?;
    let token = new_token(issue.region)?;
    let credential = Credential::issue(&token, issue.person_id, issue.purpose, (now, ttl));

    let mut conn = db.acquire().await.map_err(StoreError::from)?;
    store::insert_credential(&mut conn, &credential, &caller.into()).await?;
    Ok((token, credential))
}

/// A token that nobody can guess, to be shown in `region`.
pub(crate) fn new_token(region: Region) -> Result<Token, IssueError> {
    let mut chance = [0; ENTROPY];
    getrandom::fill(&mut chance).map_err(IssueError::Chance)?;
    Ok(Token::new(region, chance))
}
