//! What people are shown of the past: an account as it stood, statements, a year in figures.
//!
//! Citizens see their own, and of a relative's bills what they themselves paid: amount, time and kind of place, never what for.

use chassis::access::Caller;
use chassis::db::Corrupt;
use chassis::grpc::{internal, refuse, unavailable};
use kernel::{AccountId, BindingId, Bucket, Fen, MovementId, PersonId, Reason, Refusal, Timestamp};
use proto::common::v1 as common;
use proto::convert::{self, wire_time};
use proto::settlement::v1 as pb;
use tonic::Status;
use uuid::Uuid;

use super::accounts::page_size;
use super::{Api, failed, show};
use crate::institution::Kind as Place;
use crate::statement::{self, BalanceAt, Bookmark, Days};
use crate::store::StoreError;
use crate::store::movement::Seen;
use crate::store::statement as store;
use crate::store::statement::{AidAsked, AidSeen};
use crate::tax::{self, TaxRule};
use crate::year::{self, AidTotal, Paid, VisitCosts};

/// What Postgres answers when a lock was waited for long enough.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Sums that no `i64` holds.
#[derive(Debug, thiserror::Error)]
#[error("the figures of {0} do not fit")]
struct Unfit(PersonId);

pub(super) async fn balance(
    api: &Api,
    caller: &Caller,
    request: &pb::GetBalanceRequest,
) -> Result<pb::GetBalanceResponse, Status> {
    let account = own_account(api, caller, &request.account_id).await?;
    let now = api.office.clock.now();
    let at = match &request.as_of {
        None => now,
        Some(at) => {
            let at = convert::time("as_of", at).map_err(|error| refuse(error.0))?;
            statement::past(at, now).map_err(refuse)?
        }
    };
    let db = &api.office.db;
    store::settle_down(db, account).await.map_err(failing)?;
    let balance = store::balance_at(db, account, at).await.map_err(failing)?;
    Ok(pb::GetBalanceResponse {
        balance: Some(shown(balance)),
    })
}

pub(super) async fn statement(
    api: &Api,
    caller: &Caller,
    request: &pb::GetStatementRequest,
) -> Result<pb::GetStatementResponse, Status> {
    let account = own_account(api, caller, &request.account_id).await?;
    let now = api.office.clock.now();
    let days = days(&request.from_day, &request.to_day, now).map_err(refuse)?;
    let page = request.page.clone().unwrap_or_default();
    let size = page_size(page.size)?;
    let bookmark = Bookmark::read(&page.cursor, &days, now).map_err(refuse)?;
    let closing = bookmark.map_or(days.closing(now), |bookmark| bookmark.closing);

    let db = &api.office.db;
    store::settle_down(db, account).await.map_err(failing)?;
    let opening = store::balance_at(db, account, days.opening());
    let opening = opening.await.map_err(failing)?;
    let closing = store::balance_at(db, account, closing).await;
    let closing = closing.map_err(failing)?;
    let after = bookmark.map_or(opening.version, |bookmark| {
        bookmark.version.max(opening.version)
    });
    let range = (after, closing.version);
    let rows = store::lines(db, account, range, size.into()).await;
    let rows = rows.map_err(failing)?;
    let last = rows
        .last()
        .map(|last| last.account_version)
        .filter(|last| *last < closing.version);
    let next = last.map(|version| Bookmark {
        version,
        closing: closing.at,
    });
    let lines = rows.into_iter().map(line).collect::<Result<_, Corrupt>>();
    Ok(pb::GetStatementResponse {
        account_id: account.to_string(),
        opening: Some(shown(opening)),
        closing: Some(shown(closing)),
        lines: lines.map_err(|error| internal(&error))?,
        next_cursor: next.map(|next| next.cursor()).unwrap_or_default(),
    })
}

pub(super) async fn aid_given(
    api: &Api,
    caller: &Caller,
    request: &pb::ListAidGivenRequest,
) -> Result<pb::ListAidGivenResponse, Status> {
    let contributor = own_figures(caller, &request.person_id)?;
    let now = api.office.clock.now();
    let asked = AidAsked {
        contributor,
        beneficiary: match request.beneficiary_person_id.as_str() {
            "" => None,
            id => {
                let id = convert::id("beneficiary_person_id", id);
                Some(id.map_err(|error| refuse(error.0))?)
            }
        },
        days: days(&request.from_day, &request.to_day, now).map_err(refuse)?,
    };
    let page = request.page.clone().unwrap_or_default();
    let size = page_size(page.size)?;
    let before = place_in_list(&page.cursor, &asked.days).map_err(refuse)?;
    let db = &api.office.db;
    let totals = match page.cursor.as_str() {
        "" => store::aid_totals(db, &asked).await.map_err(failing)?,
        _ => Vec::new(),
    };
    let rows = store::aid_given(db, &asked, before, size.into()).await;
    let rows = rows.map_err(failing)?;
    let last = rows
        .last()
        .filter(|_| i32::try_from(rows.len()) == Ok(size));
    let next_cursor = last.map(cursor).unwrap_or_default();
    let aid = rows.iter().map(aid).collect::<Result<_, Corrupt>>();
    Ok(pb::ListAidGivenResponse {
        totals: all(&totals, contributor)?,
        aid: aid.map_err(|error| internal(&error))?,
        next_cursor,
    })
}

pub(super) async fn yearly_costs(
    api: &Api,
    caller: &Caller,
    request: &pb::GetYearlyCostsRequest,
) -> Result<pb::GetYearlyCostsResponse, Status> {
    let person = own_figures(caller, &request.person_id)?;
    let (year, days) = calendar_year(request.year, api.office.clock.now()).map_err(refuse)?;
    let visits = store::visits(&api.office.db, person, days).await;
    let visits = visits.map_err(failing)?;
    Ok(pb::GetYearlyCostsResponse {
        costs: Some(costs(person, year, &visits)?),
    })
}

pub(super) async fn family_year(
    api: &Api,
    caller: &Caller,
    request: &pb::GetFamilyYearRequest,
) -> Result<pb::GetFamilyYearResponse, Status> {
    let person = own_figures(caller, &request.person_id)?;
    let (year, days) = calendar_year(request.year, api.office.clock.now()).map_err(refuse)?;
    let db = &api.office.db;
    let visits = store::visits(db, person, days).await.map_err(failing)?;
    let asked = AidAsked {
        contributor: person,
        beneficiary: None,
        days,
    };
    let given = store::aid_totals(db, &asked).await.map_err(failing)?;
    let received = store::aid_received(db, person, days).await;
    let received = received.map_err(failing)?;
    Ok(pb::GetFamilyYearResponse {
        costs: Some(costs(person, year, &visits)?),
        given: all(&given, person)?,
        received: all(&received, person)?,
    })
}

pub(super) async fn tax_deduction(
    api: &Api,
    caller: &Caller,
    request: &pb::EstimateTaxDeductionRequest,
) -> Result<pb::EstimateTaxDeductionResponse, Status> {
    let person = own_figures(caller, &request.person_id)?;
    let now = api.office.clock.now();
    let (year, days) = calendar_year(request.year, now).map_err(refuse)?;
    let rule = TaxRule::of(year).ok_or_else(|| refuse(Reason::TaxRuleMissing))?;
    let visits = store::visits(&api.office.db, person, days).await;
    let visits = visits.map_err(failing)?;
    let estimate = tax::estimate(year, rule, &visits).ok_or_else(|| internal(&Unfit(person)))?;
    Ok(pb::EstimateTaxDeductionResponse {
        estimate: Some(pb::TaxEstimate {
            person_id: person.to_string(),
            year: year.into(),
            personal_fen: estimate.personal.get(),
            not_insured_fen: estimate.not_insured.get(),
            in_list_fen: estimate.in_list.get(),
            threshold_fen: rule.threshold.get(),
            most_fen: rule.most.get(),
            deductible_fen: estimate.deductible.get(),
            source: rule.source.to_owned(),
            year_is_over: days.is_over(now),
            explanation: Some(pb::Text {
                zh: estimate.zh(),
                en: estimate.en(),
            }),
        }),
    })
}

/// A read that failed. An account that is held for longer than a reader waits is only busy.
#[expect(clippy::needless_pass_by_value, reason = "what map_err hands over")]
fn failing(error: StoreError) -> Status {
    match &error {
        StoreError::Database(sqlx::Error::Database(said))
            if said.code().as_deref() == Some(LOCK_NOT_AVAILABLE) =>
        {
            unavailable(&error)
        }
        _ => failed(&error),
    }
}

/// The account, if it is the caller's to look into.
async fn own_account(api: &Api, caller: &Caller, id: &str) -> Result<AccountId, Status> {
    let account = convert::id("account_id", id).map_err(|error| refuse(error.0))?;
    let owner = crate::store::account::owner(&api.office.db, account).await;
    let unknown = || refuse(Refusal::about(Reason::AccountUnknown, id));
    let owner = owner.map_err(failing)?.ok_or_else(unknown)?;
    caller.may_act_for(owner).map_err(refuse)?;
    Ok(account)
}

/// The person, if the caller may see their figures: so far that is the person alone, and operators.
fn own_figures(caller: &Caller, id: &str) -> Result<PersonId, Status> {
    let person = convert::id("person_id", id).map_err(|error| refuse(error.0))?;
    caller.may_act_for(person).map_err(refuse)?;
    Ok(person)
}

fn days(from: &str, to: &str, now: Timestamp) -> Result<Days, Refusal> {
    let first = convert::required("from_day", convert::date("from_day", from)?)?;
    let last = convert::required("to_day", convert::date("to_day", to)?)?;
    Days::between(first, last, now)
}

fn calendar_year(year: i32, now: Timestamp) -> Result<(i16, Days), Refusal> {
    let year = i16::try_from(year)
        .ok()
        .ok_or_else(|| Refusal::about(Reason::DateMalformed, "year"))?;
    Ok((year, Days::of_year(year, now)?))
}

/// Where a list of aid goes on: before its end, or before the last one shown.
fn place_in_list(cursor: &str, days: &Days) -> Result<(Timestamp, Uuid), Refusal> {
    if cursor.is_empty() {
        return Ok((days.end, Uuid::nil()));
    }
    let place = || {
        let (at, id) = cursor.split_once('.')?;
        let at = Timestamp::from_microsecond(at.parse().ok()?).ok()?;
        let id: MovementId = id.parse().ok()?;
        (at < days.end).then_some((at, id.uuid()))
    };
    place().ok_or_else(|| Reason::CursorMalformed.into())
}

fn cursor(last: &AidSeen) -> String {
    let at = last.posted_at.to_jiff().as_microsecond();
    format!("{at}.{}", MovementId::from_uuid(last.movement_id))
}

fn shown(balance: BalanceAt) -> pb::Balance {
    pb::Balance {
        as_of: Some(wire_time(balance.at)),
        current_fen: balance.current.get(),
        prior_fen: balance.prior.get(),
        account_version: balance.version,
    }
}

fn line(row: Seen) -> Result<pb::StatementLine, Corrupt> {
    let moved = show::movement(row)?;
    let (zh, en) = statement::title(&moved.kind)
        .ok_or_else(|| Corrupt::new("movement", "kind", &moved.movement_id))?;
    Ok(pb::StatementLine {
        movement_id: moved.movement_id,
        kind: moved.kind,
        title: Some(pb::Text {
            zh: zh.to_owned(),
            en: en.to_owned(),
        }),
        posted_at: moved.posted_at,
        bucket: moved.bucket,
        amount_fen: moved.amount_fen,
        account_version: moved.account_version,
        current_after_fen: moved.current_after_fen,
        prior_after_fen: moved.prior_after_fen,
        settlement_id: moved.settlement_id,
        beneficiary_person_id: moved.beneficiary_person_id,
    })
}

fn aid(row: &AidSeen) -> Result<pb::AidGiven, Corrupt> {
    let id = MovementId::from_uuid(row.movement_id);
    let bucket = Bucket::from_code(&row.bucket);
    let place = Place::from_code(&row.place);
    Ok(pb::AidGiven {
        movement_id: id.to_string(),
        paid_at: Some(wire_time(row.posted_at.to_jiff())),
        account_id: AccountId::from_uuid(row.account_id).to_string(),
        bucket: bucket
            .map(|bucket| common::Bucket::from(bucket).into())
            .ok_or_else(|| Corrupt::new("movement", "bucket", id))?,
        amount_fen: row.amount_fen,
        returned_fen: row.refunded_fen,
        beneficiary_person_id: PersonId::from_uuid(row.beneficiary_person_id).to_string(),
        binding_id: BindingId::from_uuid(row.binding_id).to_string(),
        place: place
            .map(|place| pb::InstitutionKind::from(place).into())
            .ok_or_else(|| Corrupt::new("institution", "kind", id))?,
    })
}

fn all(totals: &[AidTotal], of: PersonId) -> Result<Vec<pb::AidTotal>, Status> {
    let wire = |total: &AidTotal| {
        Some(pb::AidTotal {
            person_id: total.relative.to_string(),
            bills: total.bills,
            paid_fen: total.paid.get(),
            returned_fen: total.returned.get(),
            net_fen: total.paid.checked_sub(total.returned)?.get(),
        })
    };
    let all: Option<Vec<_>> = totals.iter().map(wire).collect();
    all.ok_or_else(|| internal(&Unfit(of)))
}

fn costs(person: PersonId, year: i16, visits: &[VisitCosts]) -> Result<pb::YearlyCosts, Status> {
    let wire = |usage: common::Usage, bills: i32, paid: &Paid| {
        Some(pb::VisitCosts {
            usage: usage.into(),
            bills,
            total_fen: paid.total().map(Fen::get)?,
            pooled_fen: paid.pooled.get(),
            own_fen: paid.own.get(),
            aid_fen: paid.aid.get(),
            cash_fen: paid.cash.get(),
        })
    };
    let figures = || {
        let (bills, paid) = year::together(visits)?;
        let total = wire(common::Usage::Unspecified, bills, &paid)?;
        let visits: Option<Vec<_>> = visits
            .iter()
            .map(|visit| wire(visit.usage.into(), visit.bills, &visit.split))
            .collect();
        Some((visits?, total))
    };
    let (visits, total) = figures().ok_or_else(|| internal(&Unfit(person)))?;
    Ok(pb::YearlyCosts {
        person_id: person.to_string(),
        year: year.into(),
        visits,
        total: Some(total),
    })
}
