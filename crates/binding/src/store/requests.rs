//! Requests for bindings, by the key their client made, and what each member was answered.

use chassis::db::Corrupt;
use jiff_sqlx::ToSqlx as _;
use kernel::{AccountId, Reason, Refusal, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use super::row::BindingRow;
use crate::actor::Actor;
use crate::binding::Binding;
use crate::error::StoreError;
use crate::keys::BlindIndex;

/// The key of a request, and keyed digests of what it asks for.
#[derive(Clone, PartialEq, Eq)]
pub struct Claim {
    pub account: AccountId,
    pub request_id: String,
    pub commitment: Option<Vec<u8>>,
    pub members: Vec<BlindIndex>,
}

/// What one member was answered.
pub type FirstAnswer = Result<Binding, Refusal>;

/// Takes the key of a request. `false`: somebody has it, and has committed.
///
/// A claim that is not committed yet is waited for.
pub async fn claim_request(
    conn: &mut PgConnection,
    claim: &Claim,
    by: &Actor,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let members: Vec<Vec<u8>> = claim
        .members
        .iter()
        .map(|member| member.as_bytes().to_vec())
        .collect();
    let done = sqlx::query!(
        r#"
        -- binding.claim_request
        INSERT INTO binding_request (
            contributor_account, request_id, commitment, members, requested_at, caller_role, caller_subject, trace
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (contributor_account, request_id) DO NOTHING
        "#,
        claim.account.uuid(),
        claim.request_id,
        claim.commitment.as_deref(),
        &members,
        now.to_sqlx(),
        by.caller.role.code(),
        by.caller.subject,
        by.trace.as_deref(),
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What a key was taken for.
pub async fn find_request(
    conn: &mut PgConnection,
    account: AccountId,
    request_id: &str,
) -> Result<Claim, StoreError> {
    let row = sqlx::query!(
        r#"
        -- binding.find_request
        SELECT commitment, members FROM binding_request WHERE contributor_account = $1 AND request_id = $2
        "#,
        account.uuid(),
        request_id,
    )
    .fetch_one(conn)
    .await?;
    Ok(Claim {
        account,
        request_id: request_id.to_owned(),
        commitment: row.commitment,
        members: row.members.into_iter().map(BlindIndex::stored).collect(),
    })
}

/// Stores what one member is answered.
pub async fn insert_answer(
    conn: &mut PgConnection,
    claim: &Claim,
    member: usize,
    answer: &FirstAnswer,
) -> Result<(), StoreError> {
    let (binding, refusal) = (answer.as_ref().ok(), answer.as_ref().err());
    sqlx::query!(
        r#"
        -- binding.insert_answer
        INSERT INTO binding_answer (contributor_account, request_id, member, binding_id, reason, about)
        VALUES ($1, $2, $3, $4, $5, $6)
        "#,
        claim.account.uuid(),
        claim.request_id,
        i32::try_from(member).expect("a request has few members"),
        binding.map(|binding| binding.id.uuid()),
        refusal.map(|refusal| refusal.reason.code()),
        refusal.and_then(|refusal| refusal.about.as_deref()),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What each member was answered then: a binding in its first version, whatever has become of it, or a refusal.
pub async fn first_answers(
    conn: &mut PgConnection,
    account: AccountId,
    request_id: &str,
) -> Result<Vec<FirstAnswer>, StoreError> {
    let mut answers = Vec::new();
    for (binding, refusal) in answered(&mut *conn, account, request_id).await? {
        answers.push(match (binding, refusal) {
            (Some(id), _) => Ok(first_version(&mut *conn, id).await?),
            (None, Some(refusal)) => Err(refusal),
            (None, None) => return Err(Corrupt::new("binding_answer", "reason", request_id).into()),
        });
    }
    Ok(answers)
}

async fn answered(
    conn: &mut PgConnection,
    account: AccountId,
    request_id: &str,
) -> Result<Vec<(Option<Uuid>, Option<Refusal>)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- binding.answered
        SELECT binding_id, reason, about FROM binding_answer
        WHERE contributor_account = $1 AND request_id = $2
        ORDER BY member
        "#,
        account.uuid(),
        request_id,
    )
    .fetch_all(conn)
    .await?;
    let refusal = |code: &str, about| {
        let reason = Reason::from_code(code)
            .ok_or_else(|| Corrupt::new("binding_answer", "reason", request_id))?;
        Ok(Refusal { reason, about })
    };
    rows.into_iter()
        .map(|row| {
            let refused = row.reason.map(|code| refusal(&code, row.about)).transpose();
            refused
                .map(|refused| (row.binding_id, refused))
                .map_err(StoreError::Corrupt)
        })
        .collect()
}

async fn first_version(conn: &mut PgConnection, id: Uuid) -> Result<Binding, StoreError> {
    let row = sqlx::query_as!(
        BindingRow,
        r#"
        -- binding.first_version
        SELECT binding.binding_id, first.version, first.state, contributor_person, contributor_account, contributor_region,
            beneficiary_person, beneficiary_account, beneficiary_region, relation, asked_until, commitment, requested_at,
            first.rules, first.bound_at, first.effective_from, first.valid_until, first.ending_at, first.ended_at,
            first.declined_at, binding.confirm_by
        FROM binding
        JOIN binding_change AS first ON first.binding_id = binding.binding_id AND first.version = 1
        WHERE binding.binding_id = $1
        "#,
        id,
    )
    .fetch_one(conn)
    .await?;
    Ok(Binding::try_from(row)?)
}
