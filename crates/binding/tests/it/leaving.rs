//! How people leave: their insurance ends, their keys are wrapped anew, their identity is erased. And who looked at it before.

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails its test")]

use binding::keys::{Column, Keys};
use binding::rotate;
use proto::binding::v1 as pb;
use proto::binding::v1::BindingState;
use proto::common::v1::{Page, Standing};

use crate::conditions::fence;
use crate::house::{House, code, employee, until};

/// The same person, whose insurance ended.
fn terminated(region: &str, serial: u32) -> pb::PersonRow {
    let mut row = employee(region, serial);
    row.enrolments[0].standing = Standing::Terminated.into();
    row
}

impl House {
    async fn erase(&self, person: &pb::Person) -> Result<(), String> {
        let request = pb::ErasePersonRequest {
            person_id: person.person_id.clone(),
            reason: "测试".to_owned(),
        };
        let answer = self.operator().erase_person(request).await;
        answer.map(|_| ()).map_err(|status| code(&status))
    }

    async fn person(&self, person: &pb::Person) -> Result<pb::Person, String> {
        let request = pb::GetPersonRequest {
            person_id: person.person_id.clone(),
        };
        let answer = self.operator().get_person(request).await;
        answer
            .map(|answer| answer.into_inner().person.unwrap())
            .map_err(|status| code(&status))
    }
}

#[tokio::test]
async fn with_an_insurance_that_ends_its_bindings_end_in_both_roles() {
    let house = House::open("terminated").await;
    let rows = (0..3).map(|serial| employee("330100", serial)).collect();
    let people = house.import(rows).await;
    let given = house.bind(&people[0], &people[1], "r-1").await.unwrap();
    let got = house.bind(&people[2], &people[0], "r-1").await.unwrap();
    let other = house.bind(&people[2], &people[1], "r-2").await.unwrap();

    house.import(vec![terminated("330100", 0)]).await;
    for ending in [&given, &got] {
        until("the fence is asked for", || async {
            let binding = house.binding(ending).await;
            (binding.state() == BindingState::Ending).then_some(())
        })
        .await;
    }
    assert_eq!(house.binding(&other).await.state(), BindingState::Active);
    // Nothing is left to do, and who begins anew is bound anew.
    until("nothing is left to do", || async {
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM enrolment_ended")
            .fetch_one(&house.db)
            .await
            .unwrap();
        (left == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_waited_is_withdrawn_when_the_insurance_ends() {
    let house = House::open("terminated_pending").await;
    let rows = (0..2).map(|serial| employee("320600", serial)).collect();
    let people = house.import(rows).await;
    let waiting = house.bind(&people[0], &people[1], "r-1").await.unwrap();
    house.import(vec![terminated("320600", 1)]).await;
    until("the request is withdrawn", || async {
        let binding = house.binding(&waiting).await;
        (binding.state() == BindingState::Ended).then_some(())
    })
    .await;
}

#[tokio::test]
async fn who_is_insured_or_bound_is_not_erased_and_who_left_is_gone() {
    let mut house = House::open("erased").await;
    let settlement = house.neighbour("erased_settlement").await;
    let rows = (0..2).map(|serial| employee("330100", serial)).collect();
    let people = house.import(rows).await;
    let binding = house.bind(&people[0], &people[1], "r-1").await.unwrap();
    let refused = Err("PERSON_STILL_INSURED".to_owned());
    assert_eq!(house.erase(&people[0]).await, refused);
    house.import(vec![terminated("330100", 0)]).await;
    assert_eq!(house.erase(&people[0]).await, refused);
    until("the fence is asked for", || async {
        let binding = house.binding(&binding).await;
        (binding.state() == BindingState::Ending).then_some(())
    })
    .await;
    fence(&house, &settlement, &binding).await;

    assert_eq!(house.erase(&people[0]).await, Ok(()));
    let unknown = "PERSON_UNKNOWN".to_owned();
    assert_eq!(house.person(&people[0]).await, Err(unknown.clone()));
    assert_eq!(house.erase(&people[0]).await, Err(unknown));
    assert!(house.person(&people[1]).await.is_ok());
    // What the books need stays: who did it, and why.
    let why: (String, String) = sqlx::query_as(
        "SELECT caller_subject, note FROM person_change WHERE facts @> ARRAY['ERASED']",
    )
    .fetch_one(&house.db)
    .await
    .unwrap();
    assert_eq!(why, ("op-1".to_owned(), "测试".to_owned()));
    // Hand-written SQL cannot bring half of it back.
    let half = sqlx::query("UPDATE person SET name = 'x'::bytea WHERE erased_at IS NOT NULL")
        .execute(&house.db)
        .await;
    assert!(half.is_err());
}

#[tokio::test]
async fn a_rotation_wraps_every_key_anew_and_touches_no_identity() {
    let house = House::open("rotated").await;
    let rows = (0..3).map(|serial| employee("330100", serial)).collect();
    let people = house.import(rows).await;
    let rows = || async {
        let rows: Vec<(uuid::Uuid, Vec<u8>, Vec<u8>)> =
            sqlx::query_as("SELECT person_id, data_key, cert_no FROM person ORDER BY person_id")
                .fetch_all(&house.db)
                .await
                .unwrap();
        rows
    };
    let before = rows().await;
    let ring = std::fs::read_to_string(house.key_file()).unwrap();
    let keys = Keys::read(&binding::keys::with_another(&ring).unwrap()).unwrap();
    assert_eq!(rotate::left(&house.db, &keys).await.unwrap(), 3);
    let batch = rotate::rotate(&house.db, &keys, None)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(batch.keys, 3);
    let more = rotate::rotate(&house.db, &keys, Some(batch.last)).await;
    assert_eq!(more.unwrap(), None);
    assert_eq!(rotate::rotate(&house.db, &keys, None).await.unwrap(), None);
    assert_eq!(rotate::left(&house.db, &keys).await.unwrap(), 0);
    for ((id, data_key, cert_no), (_, old_key, old_cert_no)) in rows().await.into_iter().zip(before)
    {
        assert_eq!((data_key[0], old_key[0]), (2, 1));
        assert_eq!(cert_no, old_cert_no);
        let person = kernel::PersonId::from_uuid(id);
        let number = keys
            .open_data_key(person, &data_key)
            .unwrap()
            .open(Column::CertNo, &cert_no)
            .unwrap();
        assert!(people.iter().any(|person| person.cert_no == *number));
    }
}

#[tokio::test]
async fn a_person_sees_who_looked_at_their_data_and_nobody_elses() {
    let house = House::open("reads").await;
    let rows = (0..2).map(|serial| employee("330100", serial)).collect();
    let people = house.import(rows).await;
    let binding = house.bind(&people[0], &people[1], "r-1").await.unwrap();
    // Their own look is not recorded; an operator's is, for both sides of what was looked at.
    let own = pb::GetPersonRequest {
        person_id: people[0].person_id.clone(),
    };
    house.citizen(&people[0]).get_person(own).await.unwrap();
    house.person(&people[0]).await.unwrap();
    house.binding(&binding).await;

    let reads = |of: &pb::Person, by: &pb::Person, cursor: &str| {
        let request = pb::ListReadsRequest {
            person_id: of.person_id.clone(),
            page: Some(Page {
                size: 1,
                cursor: cursor.to_owned(),
            }),
        };
        let mut client = house.citizen(by);
        async move { client.list_reads(request).await }
    };
    let first = reads(&people[0], &people[0], "")
        .await
        .unwrap()
        .into_inner();
    let then = reads(&people[0], &people[0], &first.next_cursor).await;
    let then = then.unwrap().into_inner();
    let seen: Vec<_> = [&first, &then]
        .iter()
        .flat_map(|page| &page.reads)
        .map(|read| {
            (
                read.what.as_str(),
                read.role.as_str(),
                read.subject.as_str(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("BINDING", "OPERATOR", "op-1"),
            ("PERSON", "OPERATOR", "op-1")
        ]
    );
    assert_eq!(then.next_cursor, "");
    let other = reads(&people[1], &people[1], "")
        .await
        .unwrap()
        .into_inner();
    assert_eq!(other.reads[0].what, "BINDING");
    let foreign = reads(&people[0], &people[1], "").await.unwrap_err();
    assert_eq!(code(&foreign), "NOT_YOURS");
}
