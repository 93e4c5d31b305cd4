//! An erased person is gone from every place that ever held something of theirs.

use std::path::Path;

use proto::binding::v1 as pb;
use proto::common::v1::{Relation, Standing};
use sqlx::{AssertSqlSafe, PgPool};
use stack::layout::SERVICES;

use crate::harness::{Person, Purse, Stack, until};

/// Every row of every table of a database, as text.
async fn every_row(db: &PgPool) -> Vec<(String, String)> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = 'public'",
    )
    .fetch_all(db)
    .await
    .expect("the database answers");
    let mut rows = Vec::new();
    for table in tables {
        let found: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(format!("SELECT t::text FROM {table} AS t")))
                .fetch_all(db)
                .await
                .expect("a table can be read");
        rows.extend(found.into_iter().map(|row| (table.clone(), row)));
    }
    rows
}

/// Every file below a directory.
fn files(directory: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(directory).expect("it is a directory") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            files(&path, found);
        } else {
            let bytes = std::fs::read(&path).unwrap_or_default();
            found.push((path.display().to_string(), bytes));
        }
    }
}

/// Where any of these texts, plain or in hexadecimal digits, is held: databases and the broker's files.
async fn holders(stack: &Stack, texts: &[&str]) -> Vec<String> {
    let texts: Vec<_> = texts
        .iter()
        .flat_map(|text| [(*text).to_owned(), hex::encode(text)])
        .collect();
    let mut holders = Vec::new();
    for (service, url) in SERVICES.into_iter().zip(&stack.layout.databases) {
        let db = PgPool::connect(url).await.expect("the database answers");
        for (table, row) in every_row(&db).await {
            if texts.iter().any(|text| row.contains(text.as_str())) {
                holders.push(format!("{service}.{table}"));
            }
        }
    }
    let mut kept = Vec::new();
    files(&stack.broker_files(), &mut kept);
    assert!(!kept.is_empty(), "the broker keeps files");
    for (path, bytes) in kept {
        let holds = |text: &String| {
            bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        if texts.iter().any(holds) {
            holders.push(path);
        }
    }
    holders
}

/// The insurance of somebody ends.
async fn terminate(stack: &Stack, mut row: pb::PersonRow) {
    for enrolment in &mut row.enrolments {
        enrolment.standing = Standing::Terminated.into();
    }
    let request = pb::ImportPeopleRequest { rows: vec![row] };
    let mut binding = stack.callers.operator().binding();
    binding.import_people(request).await.expect("it is a row");
}

async fn erased(stack: &Stack, person: &Person) -> bool {
    let request = pb::ErasePersonRequest {
        person_id: person.id.to_string(),
        reason: "测试".to_owned(),
    };
    let mut binding = stack.callers.operator().binding();
    binding.erase_person(request).await.is_ok()
}

/// A person was erased, and what had been delivered about them stayed (the-momentum/open-wearables#1610).
#[tokio::test]
async fn erasure_reaches_payloads_openwearables_1610() {
    let stack = Stack::start().await;
    let wanted = [("110100", Purse::current(10_000)), ("110100", Purse::EMPTY)];
    let [mother, son] = stack
        .people(&wanted)
        .await
        .try_into()
        .expect("two were asked for");
    // Whatever can tell of them, tells: a binding, a bill, notices on both sides, a receipt with masked names.
    stack.bind(&mother, &son, Relation::Child).await;
    stack.settle(&son, 3_000).await;
    stack.until_every_charge_is_told().await;
    stack.until_quiet().await;
    // The search finds what is there: the ids of both are in many places.
    let id = mother.id.uuid().to_string();
    assert!(holders(&stack, &[&id]).await.len() > 3);

    terminate(&stack, stack.row_of(&mother)).await;
    until(
        "the binding has ended and the person is erased",
        async || erased(&stack, &mother).await,
    )
    .await;
    stack.until_quiet().await;

    let texts = [mother.cert_no.as_str(), mother.name.as_str()];
    assert_eq!(holders(&stack, &texts).await, Vec::<String>::new());
    let binding = PgPool::connect(&stack.layout.databases[0])
        .await
        .expect("the database answers");
    let left: i64 = sqlx::query_scalar(
        "SELECT num_nonnulls(data_key, cert_index, cert_no, name, phone, card_index, card)::bigint
         FROM person WHERE person_id = $1",
    )
    .bind(mother.id.uuid())
    .fetch_one(&binding)
    .await
    .expect("the row stays");
    assert_eq!(left, 0);
    stack.end().await;
}
