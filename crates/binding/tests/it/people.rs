use futures::future::join_all;
use proto::binding::v1 as pb;
use proto::binding::v1::imported_person::Outcome;
use proto::common::v1 as words;
use sqlx::{AssertSqlSafe, PgPool};

use crate::house::{House, ask, code, employee};

/// One human being came to be two when the same record was created twice at once
/// (hapifhir/hapi-fhir-jpaserver-starter#459).
#[tokio::test]
async fn dup_create_hapi_starter_459() {
    let house = House::open("dup_create").await;
    let row = employee("330100", 1);
    // Twice in one batch as well, and many batches at once.
    let imports = (0..16).map(|_| house.import(vec![row.clone(), row.clone()]));
    let people: Vec<_> = join_all(imports).await.into_iter().flatten().collect();
    assert!(people.iter().all(|person| *person == people[0]));
    assert_eq!(people[0].enrolments.len(), 1);
    let told: i64 = sqlx::query_scalar("SELECT count(*) FROM enrolment_change")
        .fetch_one(&house.db)
        .await
        .unwrap();
    assert_eq!(told, 1);
}

#[tokio::test]
async fn a_wrong_row_harms_no_other_and_says_what_is_wrong() {
    let house = House::open("wrong_rows").await;
    house.import(vec![employee("330100", 1)]).await;

    let other_name = pb::PersonRow {
        name: "测试乙".to_owned(),
        ..employee("330100", 1)
    };
    let mut other_number = employee("330100", 2);
    other_number.enrolments[0].person_no = employee("330100", 1).enrolments[0].person_no.clone();
    let other_card = pb::PersonRow {
        social_security_card: "T00000001".to_owned(),
        ..employee("330100", 3)
    };
    let right = employee("330100", 4);
    let rows = vec![other_name, other_number, other_card, right];
    let answer = house
        .operator()
        .import_people(pb::ImportPeopleRequest { rows })
        .await
        .unwrap();
    let codes: Vec<_> = answer
        .into_inner()
        .results
        .into_iter()
        .map(|result| match result.outcome.unwrap() {
            Outcome::Person(_) => "imported".to_owned(),
            Outcome::Refused(reason) => reason.code,
        })
        .collect();
    assert_eq!(
        codes,
        [
            "IDENTITY_MISMATCH",
            "ENROLMENT_CONTRADICTS",
            "CARD_CONTRADICTS",
            "imported"
        ]
    );
    let people: i64 = sqlx::query_scalar("SELECT count(*) FROM person")
        .fetch_one(&house.db)
        .await
        .unwrap();
    assert_eq!(people, 2);
}

#[tokio::test]
async fn an_identity_is_in_plain_text_in_no_column_of_no_table() {
    let house = House::open("sealed").await;
    let rows = vec![
        employee("330100", 1),
        employee("330100", 2),
        employee("330100", 3),
    ];
    let people = house.import(rows.clone()).await;
    assert_eq!(
        (people[0].name.as_str(), people[0].birth_date.as_str()),
        ("测试1", "1900-03-07")
    );

    // A request that names a relative by ID number, one that cannot be right, and one by card.
    let mut request = ask(&people[0], &people[1], "r-1");
    let identity = |row: &pb::PersonRow, name: &str| pb::BindingMember {
        beneficiary: Some(pb::binding_member::Beneficiary::Identity(
            pb::BeneficiaryIdentity {
                cert_type: row.cert_type.clone(),
                cert_no: row.cert_no.clone(),
                name: name.to_owned(),
            },
        )),
        ..request.members[0].clone()
    };
    let members = vec![
        identity(&rows[1], &rows[1].name),
        identity(&rows[2], "测试错名"),
    ];
    request.members = members;
    let answer = house
        .citizen(&people[0])
        .request_bindings(request)
        .await
        .unwrap()
        .into_inner();
    let [found, mismatched] = <[_; 2]>::try_from(answer.results).unwrap();
    let pb::binding_result::Outcome::Binding(found) = found.outcome.unwrap() else {
        panic!("not bound")
    };
    assert_eq!(
        (found.beneficiary_person_id, found.beneficiary_masked_name),
        (people[1].person_id.clone(), "测*".to_owned())
    );
    let pb::binding_result::Outcome::Refused(mismatched) = mismatched.outcome.unwrap() else {
        panic!("bound")
    };
    assert_eq!(mismatched.code, "IDENTITY_MISMATCH");

    let secrets: Vec<_> = rows
        .iter()
        .flat_map(|row| {
            [
                &row.name,
                &row.cert_no,
                &row.phone,
                &row.social_security_card,
            ]
        })
        .flat_map(|secret| [secret.clone(), hex::encode(secret)])
        .chain(["测试错名".to_owned(), hex::encode("测试错名")])
        .collect();
    for (table, row) in every_row(&house.db).await {
        for secret in &secrets {
            assert!(
                !row.contains(secret.as_str()),
                "{table} holds {secret}: {row}"
            );
        }
    }
}

/// Every row of every table as text, with the table's name.
async fn every_row(db: &PgPool) -> Vec<(String, String)> {
    let tables =
        "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(db).await.unwrap();
    let mut rows = Vec::new();
    for table in tables {
        let all = AssertSqlSafe(format!("SELECT t::text FROM \"{table}\" t"));
        let all: Vec<String> = sqlx::query_scalar(all).fetch_all(db).await.unwrap();
        rows.extend(all.into_iter().map(|row| (table.clone(), row)));
    }
    for table in [
        "person",
        "enrolment",
        "binding",
        "binding_request",
        "outbox",
    ] {
        assert!(
            rows.iter().any(|(name, _)| name == table),
            "{table} is empty"
        );
    }
    rows
}

#[tokio::test]
async fn who_may_read_a_person_reads_them_and_nobody_else_does() {
    let house = House::open("reading").await;
    let people = house
        .import(vec![employee("330100", 1), employee("330100", 2)])
        .await;
    let get = || pb::GetPersonRequest {
        person_id: people[0].person_id.clone(),
    };
    let own = house
        .citizen(&people[0])
        .get_person(get())
        .await
        .unwrap()
        .into_inner()
        .person
        .unwrap();
    assert_eq!(own, people[0]);
    assert_eq!(
        code(
            &house
                .citizen(&people[1])
                .get_person(get())
                .await
                .unwrap_err()
        ),
        "NOT_YOURS"
    );
    let import = pb::ImportPeopleRequest {
        rows: vec![employee("330100", 3)],
    };
    assert_eq!(
        code(
            &house
                .citizen(&people[0])
                .import_people(import)
                .await
                .unwrap_err()
        ),
        "ACCESS_DENIED"
    );
    let foreign = house
        .citizen(&people[1])
        .request_bindings(ask(&people[0], &people[1], "r-1"))
        .await
        .unwrap_err();
    assert_eq!(code(&foreign), "NOT_YOURS");
}

#[tokio::test]
async fn a_card_finds_its_person_and_a_service_learns_no_name() {
    let house = House::open("cards").await;
    let rows = vec![employee("330100", 1), employee("330100", 2)];
    let people = house.import(rows.clone()).await;
    let find = |kind: words::CredentialKind, number: &str| pb::FindPersonByCardRequest {
        card: Some(words::Credential {
            kind: kind.into(),
            number: number.to_owned(),
        }),
    };
    let mut service = house.service();
    let found = service
        .find_person_by_card(find(words::CredentialKind::IdCard, &rows[1].cert_no))
        .await
        .unwrap();
    assert_eq!(found.into_inner().person_id, people[1].person_id);
    let found = service
        .find_person_by_card(find(words::CredentialKind::SocialSecurityCard, "t00000001"))
        .await
        .unwrap();
    assert_eq!(found.into_inner().person_id, people[0].person_id);
    let unknown = service
        .find_person_by_card(find(words::CredentialKind::IdCard, "0"))
        .await
        .unwrap_err();
    assert_eq!(code(&unknown), "CREDENTIAL_UNKNOWN");

    let get = pb::GetPersonRequest {
        person_id: people[0].person_id.clone(),
    };
    let seen = service
        .get_person(get)
        .await
        .unwrap()
        .into_inner()
        .person
        .unwrap();
    assert_eq!(
        (
            seen.name.as_str(),
            seen.cert_no.as_str(),
            seen.enrolments.len()
        ),
        ("", "", 1)
    );
    let names = pb::ListMaskedNamesRequest {
        person_ids: people
            .iter()
            .map(|person| person.person_id.clone())
            .collect(),
    };
    let names = service
        .list_masked_names(names)
        .await
        .unwrap()
        .into_inner()
        .names;
    assert!(names.len() == 2 && names.iter().all(|name| name.masked_name == "测*"));
    let denied = house
        .operator()
        .find_person_by_card(find(words::CredentialKind::IdCard, "0"))
        .await
        .unwrap_err();
    assert_eq!(code(&denied), "ACCESS_DENIED");
}
