//! What people were told.

use std::collections::BTreeMap;

use kernel::SettlementId;
use proto::notification::v1::{Language, ListNoticesRequest, Notice};
use uuid::Uuid;

use super::{Person, Stack, until};

impl Stack {
    /// Everything a person was told, newest first.
    pub async fn notices(&self, person: &Person) -> Vec<Notice> {
        let request = ListNoticesRequest {
            person_id: person.id.to_string(),
            language: Language::En.into(),
            page_size: 200,
            ..ListNoticesRequest::default()
        };
        let mut inbox = self.callers.citizen(person.id).notification();
        let answer = inbox.list_notices(request).await;
        answer
            .expect("a citizen reads their own")
            .into_inner()
            .notices
    }

    /// The templates a person was told by about one settlement or binding, sorted.
    pub async fn told(&self, person: &Person, subject: &str) -> Vec<String> {
        let notices = self.notices(person).await.into_iter();
        let about = notices.filter(|notice| notice.subject_id == subject);
        let mut templates: Vec<_> = about.map(|notice| notice.template).collect();
        templates.sort();
        templates
    }

    /// Waits until everybody who paid was told as often as they paid.
    pub async fn until_every_charge_is_told(&self) {
        until("every charge is told", async || {
            let told = self.told_charges().await;
            let mut payers = self.payers().await.into_iter();
            payers.all(|(charge, times)| told.get(&charge).is_some_and(|told| *told >= times))
        })
        .await;
    }

    /// Every charge was told to each of its payers, to nobody else, and once.
    pub async fn every_charge_is_told_once(&self) {
        assert_eq!(self.told_charges().await, self.payers().await);
    }

    /// Whoever's balance changed was told of each change, as far as settlement's books and what was told agree: the audit says
    /// so, and so do the rows of both sides.
    pub async fn every_change_is_told(&self) {
        let booked: Vec<(Uuid, i64)> = sqlx::query_as(
            "-- tests.booked_changes
            SELECT account_id, version FROM account WHERE version > 0 ORDER BY account_id",
        )
        .fetch_all(&self.settlement)
        .await
        .expect("settlement's database answers");
        let told: Vec<(Uuid, i64)> = sqlx::query_as(
            "-- tests.told_changes
            SELECT account_id, known FROM account_told WHERE untold_since IS NULL ORDER BY account_id",
        )
        .fetch_all(&self.notification)
        .await
        .expect("notification's database answers");
        assert_eq!(booked, told);
        // And the walk through the books comes to the same.
        let rounds = "-- tests.rounds\nSELECT round FROM books_walk";
        let round = async || -> i64 {
            sqlx::query_scalar(rounds)
                .fetch_one(&self.notification)
                .await
                .expect("notification's database answers")
        };
        let begun = round().await;
        until("the books are compared as a whole", async || {
            round().await > begun + 1
        })
        .await;
    }

    /// How many notices there are, as far as the database knows.
    pub async fn notices_stored(&self) -> i64 {
        sqlx::query_scalar("-- tests.notices_stored\nSELECT count(*) FROM notice")
            .fetch_one(&self.notification)
            .await
            .expect("notification's database answers")
    }

    /// How often each payer is to be told of each settlement.
    async fn payers(&self) -> BTreeMap<(String, Uuid), i64> {
        let rows: Vec<(Uuid, Uuid, i64)> = sqlx::query_as(
            "-- tests.payers
            SELECT settlement_id, person_id, count(DISTINCT (kind, deduction_no)) FROM leg
            LEFT JOIN deduction d USING (settlement_id)
            WHERE deduction_no IS NULL OR leg_no BETWEEN first_leg AND last_leg
            GROUP BY 1, 2",
        )
        .fetch_all(&self.settlement)
        .await
        .expect("settlement's database answers");
        let named = |(settlement, person, times)| {
            let settlement = SettlementId::from_uuid(settlement).to_string();
            ((settlement, person), times)
        };
        rows.into_iter().map(named).collect()
    }

    async fn told_charges(&self) -> BTreeMap<(String, Uuid), i64> {
        let rows: Vec<(String, Uuid, i64)> = sqlx::query_as(
            "-- tests.told_charges
            SELECT subject_id, person_id, count(*) FROM notice
            WHERE template IN ('CHARGED_OWN', 'CHARGED_AID') GROUP BY 1, 2",
        )
        .fetch_all(&self.notification)
        .await
        .expect("notification's database answers");
        let named = |(settlement, person, times)| ((settlement, person), times);
        rows.into_iter().map(named).collect()
    }
}
