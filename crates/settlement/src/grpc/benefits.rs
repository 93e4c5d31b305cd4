//! The fee catalogue as it is imported, and what a person has used of deductible and cap.

use kernel::PersonId;
use std::collections::BTreeSet;

use kernel::clock::business_day;
use proto::convert::wire_reason;
use proto::settlement::v1 as pb;
use proto::settlement::v1::imported_item::Outcome;

use crate::catalogue::read_import;
use crate::store::{self, StoreError};
use crate::writer::Office;

/// How many medical years are shown: as many as anybody may still ask an institution about.
const YEARS: i16 = 5;

/// Takes in what can be taken in, row by row.
pub(super) async fn import(
    office: &Office,
    rows: &[pb::CatalogueItem],
    by: &str,
) -> Result<pb::ImportCatalogueResponse, StoreError> {
    let (good, answers) = read_import(rows);
    let changed = if good.is_empty() {
        BTreeSet::new()
    } else {
        store::catalogue::import(&office.db, &good, by, office.clock.now()).await?
    };
    let results = answers
        .into_iter()
        .map(|answer| pb::ImportedItem {
            outcome: Some(match answer {
                Ok(key) => Outcome::Changed(changed.contains(&key)),
                Err(refusal) => Outcome::Refused(wire_reason(&refusal)),
            }),
        })
        .collect();
    Ok(pb::ImportCatalogueResponse { results })
}

/// What a person has used in the last medical years, newest first.
pub(super) async fn used(
    office: &Office,
    person: PersonId,
) -> Result<pb::ListBenefitUsedResponse, StoreError> {
    let since = business_day(office.clock.now())
        .year()
        .saturating_sub(YEARS);
    let counted = store::benefit::of_person(&office.db, person, since).await?;
    let used = counted
        .into_iter()
        .map(|counted| pb::BenefitUsed {
            account_id: counted.account.to_string(),
            medical_year: counted.medical_year.into(),
            period_start: counted.period_start.to_string(),
            deductible_fen: counted.used.deductible.get(),
            fund_fen: counted.used.fund.get(),
        })
        .collect();
    Ok(pb::ListBenefitUsedResponse { used })
}
