//! Account rows: the locks of a batch.

use std::collections::{BTreeMap, BTreeSet};

use chassis::db::Corrupt;
use kernel::{AccountId, Fen, PersonId, PersonKind, Scheme, Standing};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{StoreError, column, touched, word};
use crate::account::{Account, Enrolment};
use crate::import::{Found, Named};

struct Row {
    account_id: Uuid,
    person_id: Uuid,
    person_no: String,
    region: String,
    scheme: String,
    kind: String,
    standing: String,
    frozen: bool,
    closed_at: Option<jiff_sqlx::Timestamp>,
    closing: bool,
    sandbox: bool,
    current_fen: i64,
    prior_fen: i64,
    current_floor: i64,
    prior_floor: i64,
    held_fen: i64,
    version: i64,
    medical_year: i16,
}

impl TryFrom<Row> for Account {
    type Error = Corrupt;

    fn try_from(row: Row) -> Result<Self, Corrupt> {
        let id = AccountId::from_uuid(row.account_id);
        Ok(Self {
            id,
            person: PersonId::from_uuid(row.person_id),
            person_no: row.person_no,
            region: word("account", "region", id, row.region.parse().ok())?,
            scheme: word("account", "scheme", id, Scheme::from_code(&row.scheme))?,
            kind: word("account", "kind", id, PersonKind::from_code(&row.kind))?,
            standing: word(
                "account",
                "standing",
                id,
                Standing::from_code(&row.standing),
            )?,
            frozen: row.frozen,
            closed_at: row.closed_at.map(jiff_sqlx::Timestamp::to_jiff),
            closing: row.closing,
            sandbox: row.sandbox,
            current: Fen::new(row.current_fen),
            prior: Fen::new(row.prior_fen),
            current_floor: Fen::new(row.current_floor),
            prior_floor: Fen::new(row.prior_floor),
            held: Fen::new(row.held_fen),
            version: row.version,
            medical_year: row.medical_year,
        })
    }
}

fn read(rows: Vec<Row>) -> Result<Vec<Account>, StoreError> {
    rows.into_iter()
        .map(|row| row.try_into().map_err(StoreError::Corrupt))
        .collect()
}

/// Which accounts a bill of each of these patients may touch: the patient's own, and those of whoever may pay for them. Which may
/// pay is only a guess here; it is read again once the locks are held.
pub async fn wanted(
    conn: &mut PgConnection,
    patients: &[PersonId],
) -> Result<Vec<(PersonId, AccountId)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.wanted_accounts
        SELECT person_id AS "patient!", account_id AS "account!" FROM account WHERE person_id = ANY ($1)
        UNION ALL
        SELECT beneficiary_person_id, contributor_account_id FROM enforced
        WHERE beneficiary_person_id = ANY ($1) AND NOT fenced_for_ever
        "#,
        &column(patients, |id| id.uuid()),
    )
    .fetch_all(conn)
    .await?;
    let wanted = rows.into_iter().map(|row| {
        (
            PersonId::from_uuid(row.patient),
            AccountId::from_uuid(row.account),
        )
    });
    Ok(wanted.collect())
}

/// Locks accounts in the order of their ids, and waits for whoever holds one.
pub async fn lock(
    conn: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<Vec<Account>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        -- settlement.lock_accounts
        SELECT account_id, person_id, person_no, region, scheme, kind, standing, frozen, sandbox,
               closed_at AS "closed_at: jiff_sqlx::Timestamp", current_fen, prior_fen, current_floor, prior_floor,
               held_fen, version, medical_year,
               EXISTS (SELECT FROM year_end WHERE state = 'CLOSING' AND account.region LIKE prefix) AS "closing!"
        FROM account
        WHERE account_id = ANY ($1)
        ORDER BY account_id
        FOR UPDATE
        "#,
        &column(accounts, |id| id.uuid()),
    )
    .fetch_all(conn)
    .await?;
    read(rows)
}

/// The same without waiting: what somebody else holds is left out.
pub async fn lock_free(
    conn: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<Vec<Account>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        -- settlement.lock_free_accounts
        SELECT account_id, person_id, person_no, region, scheme, kind, standing, frozen, sandbox,
               closed_at AS "closed_at: jiff_sqlx::Timestamp", current_fen, prior_fen, current_floor, prior_floor,
               held_fen, version, medical_year,
               EXISTS (SELECT FROM year_end WHERE state = 'CLOSING' AND account.region LIKE prefix) AS "closing!"
        FROM account
        WHERE account_id = ANY ($1)
        ORDER BY account_id
        FOR UPDATE SKIP LOCKED
        "#,
        &column(accounts, |id| id.uuid()),
    )
    .fetch_all(conn)
    .await?;
    read(rows)
}

/// Which of these accounts there are.
pub async fn known(
    conn: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<BTreeSet<AccountId>, StoreError> {
    let known = sqlx::query_scalar!(
        r#"
        -- settlement.known_accounts
        SELECT account_id FROM account WHERE account_id = ANY ($1)
        "#,
        &column(accounts, |id| id.uuid()),
    )
    .fetch_all(conn)
    .await?;
    Ok(known.into_iter().map(AccountId::from_uuid).collect())
}

/// The same accounts as they stand, without waiting for anybody: for a quote, which promises nothing.
pub async fn look(conn: &mut PgConnection, patient: PersonId) -> Result<Vec<Account>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        -- settlement.look_at_accounts
        SELECT account_id, person_id, person_no, region, scheme, kind, standing, frozen, sandbox,
               closed_at AS "closed_at: jiff_sqlx::Timestamp", current_fen, prior_fen, current_floor, prior_floor,
               held_fen, version, medical_year,
               EXISTS (SELECT FROM year_end WHERE state = 'CLOSING' AND account.region LIKE prefix) AS "closing!"
        FROM account
        WHERE account_id = ANY (ARRAY(
            SELECT account_id FROM account WHERE person_id = $1
            UNION
            SELECT contributor_account_id FROM enforced WHERE beneficiary_person_id = $1 AND NOT fenced_for_ever))
        "#,
        patient.uuid(),
    )
    .fetch_all(conn)
    .await?;
    read(rows)
}

/// A person's accounts, oldest first.
pub async fn of_person(
    db: impl PgExecutor<'_>,
    person: PersonId,
) -> Result<Vec<Account>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        -- settlement.accounts_of_person
        SELECT account_id, person_id, person_no, region, scheme, kind, standing, frozen, sandbox,
               closed_at AS "closed_at: jiff_sqlx::Timestamp", current_fen, prior_fen, current_floor, prior_floor,
               held_fen, version, medical_year,
               EXISTS (SELECT FROM year_end WHERE state = 'CLOSING' AND account.region LIKE prefix) AS "closing!"
        FROM account
        WHERE person_id = $1
        ORDER BY account_id
        "#,
        person.uuid(),
    )
    .fetch_all(db)
    .await?;
    read(rows)
}

/// The accounts that rows of an import name, by the names they use.
pub async fn find_named(
    db: impl PgExecutor<'_>,
    names: &[&Named],
) -> Result<BTreeMap<Named, Found>, StoreError> {
    let mut ids = Vec::new();
    let mut numbers = Vec::new();
    for name in names {
        match name {
            Named::Id(id) => ids.push(id.uuid()),
            Named::Number { person_no, .. } => numbers.push(person_no.clone()),
        }
    }
    let rows = sqlx::query!(
        r#"
        -- settlement.find_named_accounts
        SELECT account_id, person_no, region, kind FROM account WHERE account_id = ANY ($1)
        UNION
        SELECT account_id, person_no, region, kind FROM account WHERE person_no = ANY ($2) AND scheme = 'EMPLOYEE'
        "#,
        &ids,
        &numbers,
    )
    .fetch_all(db)
    .await?;
    let mut found = BTreeMap::new();
    for row in rows {
        let (Some(id), Some(person_no), Some(region), Some(kind)) =
            (row.account_id, row.person_no, row.region, row.kind)
        else {
            continue; // a union has no column that cannot be null, its tables have
        };
        let id = AccountId::from_uuid(id);
        let region = word("account", "region", id, region.parse().ok())?;
        let kind = word("account", "kind", id, PersonKind::from_code(&kind))?;
        let known = Found { id, region, kind };
        found.insert(Named::Id(id), known);
        found.insert(Named::Number { person_no, region }, known);
    }
    Ok(found)
}

/// Whose account it is; none if it is not known.
pub async fn owner(
    db: impl PgExecutor<'_>,
    account: AccountId,
) -> Result<Option<PersonId>, StoreError> {
    let owner = sqlx::query_scalar!(
        r#"
        -- settlement.account_owner
        SELECT person_id FROM account WHERE account_id = $1
        "#,
        account.uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(owner.map(PersonId::from_uuid))
}

/// Writes the balances and versions of locked accounts.
pub async fn write_balances(
    conn: &mut PgConnection,
    accounts: &[&Account],
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        r#"
        -- settlement.write_balances
        UPDATE account
        SET current_fen = moved.current_fen, prior_fen = moved.prior_fen, version = moved.version
        FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[])
            AS moved (account_id, current_fen, prior_fen, version)
        WHERE account.account_id = ANY ($1) AND account.account_id = moved.account_id
        "#,
        &column(accounts, |account| account.id.uuid()),
        &column(accounts, |account| account.current.get()),
        &column(accounts, |account| account.prior.get()),
        &column(accounts, |account| account.version),
    )
    .execute(conn)
    .await?;
    touched(
        "settlement.write_balances",
        done.rows_affected(),
        accounts.len(),
    )
}

/// The same for accounts of which more than the balances changed.
pub async fn write_whole(conn: &mut PgConnection, accounts: &[&Account]) -> Result<(), StoreError> {
    let done = sqlx::query!(
        r#"
        -- settlement.write_accounts
        UPDATE account
        SET current_fen = moved.current_fen, prior_fen = moved.prior_fen, version = moved.version,
            current_floor = moved.current_floor, prior_floor = moved.prior_floor, medical_year = moved.medical_year,
            frozen = moved.frozen, closed_at = moved.closed_at
        FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::smallint[],
                    $8::boolean[], $9::timestamptz[])
            AS moved (account_id, current_fen, prior_fen, version, current_floor, prior_floor, medical_year, frozen,
                      closed_at)
        WHERE account.account_id = ANY ($1) AND account.account_id = moved.account_id
        "#,
        &column(accounts, |account| account.id.uuid()),
        &column(accounts, |account| account.current.get()),
        &column(accounts, |account| account.prior.get()),
        &column(accounts, |account| account.version),
        &column(accounts, |account| account.current_floor.get()),
        &column(accounts, |account| account.prior_floor.get()),
        &column(accounts, |account| account.medical_year),
        &column(accounts, |account| account.frozen),
        &column(accounts, |account| account.closed_at.map(jiff_sqlx::ToSqlx::to_sqlx))
            as &[Option<jiff_sqlx::Timestamp>],
    )
    .execute(conn)
    .await?;
    touched(
        "settlement.write_accounts",
        done.rows_affected(),
        accounts.len(),
    )
}

/// Locks these accounts, in the order of their ids: what a fence and a change of enrolment wait for.
pub async fn lock_for_projection(
    conn: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- settlement.lock_for_projection
        SELECT account_id FROM account WHERE account_id = ANY ($1) ORDER BY account_id FOR UPDATE
        "#,
        &column(accounts, |id| id.uuid()),
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// Opens the accounts of enrolments, or takes over what is newer of them; each enrolment once, sorted by account.
///
/// `medical_years` are those in which accounts that are new begin.
pub async fn enrol(
    conn: &mut PgConnection,
    enrolments: &[Enrolment],
    medical_years: &[i16],
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- settlement.enrol
        INSERT INTO account AS known
            (account_id, person_id, enrolment_version, person_no, region, scheme, kind, standing, sandbox, medical_year)
        SELECT * FROM unnest(
            $1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::boolean[], $10::smallint[])
        ON CONFLICT (account_id) DO UPDATE SET
            enrolment_version = EXCLUDED.enrolment_version,
            person_no = EXCLUDED.person_no,
            region = EXCLUDED.region,
            scheme = EXCLUDED.scheme,
            kind = EXCLUDED.kind,
            standing = EXCLUDED.standing,
            sandbox = EXCLUDED.sandbox
        WHERE known.enrolment_version < EXCLUDED.enrolment_version
        "#,
        &column(enrolments, |enrolment| enrolment.account.uuid()),
        &column(enrolments, |enrolment| enrolment.person.uuid()),
        &column(enrolments, |enrolment| enrolment.version),
        &column(enrolments, |enrolment| enrolment.person_no.clone()),
        &column(enrolments, |enrolment| enrolment.region.to_string()),
        &column(enrolments, |enrolment| enrolment.scheme.to_string()),
        &column(enrolments, |enrolment| enrolment.kind.to_string()),
        &column(enrolments, |enrolment| enrolment.standing.to_string()),
        &column(enrolments, |enrolment| enrolment.sandbox),
        medical_years,
    )
    .execute(conn)
    .await?;
    Ok(())
}
