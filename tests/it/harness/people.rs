//! People with money. Their ID numbers cannot exist: area 000000.

use kernel::{AccountId, AllocationId, PersonId};
use proto::binding::v1::imported_person::Outcome;
use proto::binding::v1::{EnrolmentRow, ImportPeopleRequest, PersonRow};
use proto::common::v1::{Bucket, PersonKind, Scheme, Standing};
use proto::settlement::v1::{
    Account, Allocation, AllocationKind, ListAccountsRequest, PostAllocationsRequest,
    posted_allocation,
};

use super::{Stack, until};

/// Somebody with one enrolment.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: PersonId,
    pub account: AccountId,
    pub number: String,
    pub name: String,
    pub cert_no: String,
    pub region: &'static str,
}

/// What is in an account, in fen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purse {
    pub current: i64,
    pub prior: i64,
}

impl Purse {
    pub const EMPTY: Self = Self::of(0, 0);

    pub const fn of(current: i64, prior: i64) -> Self {
        Self { current, prior }
    }

    pub const fn current(fen: i64) -> Self {
        Self::of(fen, 0)
    }
}

impl Stack {
    /// An employee of `region` with this much in their account.
    pub async fn person(&self, region: &'static str, purse: Purse) -> Person {
        let mut people = self.people(&[(region, purse)]).await;
        people.pop().expect("one was asked for")
    }

    /// Employees, in the order given.
    pub async fn people(&self, wanted: &[(&'static str, Purse)]) -> Vec<Person> {
        let rows: Vec<_> = wanted.iter().map(|(region, _)| self.row(region)).collect();
        let people = self.import(rows).await;
        self.until_known(&people).await;
        for (person, (_, purse)) in people.iter().zip(wanted) {
            self.credit(person, *purse).await;
        }
        people
    }

    /// A resident of `region`: they have no money of their own.
    pub async fn resident(&self, region: &'static str) -> Person {
        let mut row = self.row(region);
        for enrolment in &mut row.enrolments {
            enrolment.scheme = Scheme::Resident.into();
            enrolment.kind = PersonKind::Resident.into();
        }
        let mut people = self.import(vec![row]).await;
        self.until_known(&people).await;
        people.pop().expect("one was asked for")
    }

    async fn until_known(&self, people: &[Person]) {
        until("settlement has heard of everybody", async || {
            for person in people {
                if self.accounts_of(person).await.is_empty() {
                    return false;
                }
            }
            true
        })
        .await;
    }

    /// A row of an import with a number that nobody has.
    pub fn row(&self, region: &str) -> PersonRow {
        let number = self.number();
        let (day, serial) = (number / 900 % 28 + 1, number % 900 + 100);
        PersonRow {
            cert_type: "01".to_owned(),
            cert_no: format!("000000196803{day:02}{serial}2"),
            name: format!("测试{number}"),
            enrolments: vec![EnrolmentRow {
                person_no: format!("PT-{number:06}"),
                region: region.to_owned(),
                scheme: Scheme::Employee.into(),
                kind: PersonKind::Working.into(),
                standing: Standing::Normal.into(),
            }],
            sandbox: true,
            ..PersonRow::default()
        }
    }

    /// The row by which somebody was imported.
    pub fn row_of(&self, person: &Person) -> PersonRow {
        let mut row = self.row(person.region);
        row.cert_no.clone_from(&person.cert_no);
        row.name.clone_from(&person.name);
        for enrolment in &mut row.enrolments {
            enrolment.person_no.clone_from(&person.number);
        }
        row
    }

    async fn import(&self, rows: Vec<PersonRow>) -> Vec<Person> {
        let request = ImportPeopleRequest { rows: rows.clone() };
        let mut binding = self.callers.operator().binding();
        let answer = binding.import_people(request).await;
        let results = answer.expect("the import is answered").into_inner().results;
        let imported = rows.into_iter().zip(results).map(|(row, result)| {
            let person = match result.outcome {
                Some(Outcome::Person(person)) => person,
                other => panic!("{} was not imported: {other:?}", row.name),
            };
            let enrolment = person.enrolments.first().expect("the row had an enrolment");
            Person {
                id: person.person_id.parse().expect("an answer has ids"),
                account: enrolment.account_id.parse().expect("an answer has ids"),
                number: enrolment.person_no.clone(),
                name: row.name,
                cert_no: row.cert_no,
                region: region_of(&enrolment.region),
            }
        });
        imported.collect()
    }

    /// Puts money into both buckets.
    pub async fn credit(&self, person: &Person, purse: Purse) {
        let allocation = |kind: AllocationKind, bucket: Bucket, fen| Allocation {
            allocation_id: AllocationId::generate().to_string(),
            account_id: person.account.to_string(),
            kind: kind.into(),
            bucket: bucket.into(),
            amount_fen: fen,
            period: "2026-01".to_owned(),
        };
        let allocations: Vec<_> = [
            allocation(AllocationKind::Monthly, Bucket::Current, purse.current),
            allocation(AllocationKind::Opening, Bucket::Prior, purse.prior),
        ]
        .into_iter()
        .filter(|allocation| allocation.amount_fen > 0)
        .collect();
        if allocations.is_empty() {
            return;
        }
        let request = PostAllocationsRequest { allocations };
        let mut settlement = self.callers.operator().settlement();
        let answer = settlement.post_allocations(request).await;
        for result in answer.expect("it is answered").into_inner().results {
            assert!(
                matches!(result.outcome, Some(posted_allocation::Outcome::Account(_))),
                "{result:?}"
            );
        }
    }

    async fn accounts_of(&self, person: &Person) -> Vec<Account> {
        let request = ListAccountsRequest {
            person_id: person.id.to_string(),
        };
        let mut settlement = self.callers.citizen(person.id).settlement();
        let answer = settlement.list_accounts(request).await;
        answer
            .expect("a citizen sees their own")
            .into_inner()
            .accounts
    }

    /// What is in somebody's account now.
    pub async fn purse(&self, person: &Person) -> Purse {
        let accounts = self.accounts_of(person).await;
        let account = accounts.first().expect("settlement knows them");
        Purse::of(account.current_fen, account.prior_fen)
    }

    /// Both buckets together, in fen.
    pub async fn balance(&self, person: &Person) -> i64 {
        let purse = self.purse(person).await;
        purse.current + purse.prior
    }
}

/// The places of the stories.
fn region_of(code: &str) -> &'static str {
    let places = ["110100", "140100", "320600", "330300", "410100", "610100"];
    let place = places.into_iter().find(|place| *place == code);
    place.expect("stories take place there")
}
