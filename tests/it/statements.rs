//! What people look up about the past, over the gateway.

use kernel::Timestamp;
use proto::common::v1::Relation;
use proto::settlement::v1 as pb;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Person, Purse, Stack, code_of};

impl Stack {
    async fn look_up(&self, person: &Person, path: &str) -> (StatusCode, Value) {
        let url = format!("{}/api/v1{path}", self.layout.url("gateway"));
        let token = self.callers.citizen(person.id).gateway_token();
        let answer = self.http.get(url).bearer_auth(token).send().await;
        let answer = answer.expect("the gateway answers");
        let status = answer.status();
        (status, answer.json().await.expect("it is JSON"))
    }

    async fn shown(&self, person: &Person, path: &str) -> Value {
        let (status, shown) = self.look_up(person, path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {shown}");
        shown
    }

    async fn mother_and_son(&self, mother: Purse, son: Purse) -> (Person, Person) {
        let wanted = [("110100", mother), ("110100", son)];
        let [mother, son] = self
            .people(&wanted)
            .await
            .try_into()
            .expect("two were asked for");
        self.bind(&mother, &son, Relation::Child).await;
        (mother, son)
    }

    /// The mother pays nearly all of a large bill of her son's, and for a small one that is taken back; and the time before
    /// both.
    async fn an_expensive_day(&self) -> (Person, Person, Timestamp) {
        let (mother, son) = self
            .mother_and_son(Purse::of(900_000, 1_700_000), Purse::current(1_000))
            .await;
        let before = self.clock.now();
        self.next_day();
        self.settle(&son, 1_900_000).await;
        let back = self.settle(&son, 5_000).await;
        self.cancel(&back).await;
        (mother, son, before)
    }
}

/// The text of an amount in JSON, where int64 is text.
fn fen(value: &Value) -> i64 {
    let text = value.as_str().unwrap_or("0");
    text.parse().expect("an amount is whole fen")
}

#[tokio::test]
async fn a_contributor_looks_up_how_the_account_stood_and_what_moved_it() {
    let stack = Stack::start().await;
    let (mother, son, before) = stack.an_expensive_day().await;
    let path = |what: &str| format!("/accounts/{}/{what}", mother.account);
    let old = stack
        .shown(&mother, &path(&format!("balance?as_of={before}")))
        .await;
    let buckets = |balance: &Value| (fen(&balance["currentFen"]), fen(&balance["priorFen"]));
    assert_eq!(buckets(&old["balance"]), (900_000, 1_700_000));
    let now = stack.shown(&mother, &path("balance")).await;
    let statement = path("statement?from=2026-01-06&to=2026-01-31");
    let statement = stack.shown(&mother, &statement).await;
    assert_eq!(buckets(&statement["opening"]), (900_000, 1_700_000));
    assert_eq!(buckets(&statement["closing"]), buckets(&now["balance"]));
    let lines = statement["lines"].as_array().expect("there are lines");
    let moved: i64 = lines.iter().map(|line| fen(&line["amountFen"])).sum();
    assert_eq!(moved, -1_899_000, "{statement}");
    assert_eq!(lines[0]["title"]["zh"], "家庭共济支付");
    assert_eq!(lines[0]["beneficiaryPersonId"], json!(son.id.to_string()));
    stack.end().await;
}

#[tokio::test]
async fn a_family_looks_up_where_its_money_went_in_the_year() {
    let stack = Stack::start().await;
    let (mother, son, _) = stack.an_expensive_day().await;
    let spent = json!([{
        "personId": son.id.to_string(), "bills": 2,
        "paidFen": "1904000", "returnedFen": "5000", "netFen": "1899000",
    }]);
    let aid = format!(
        "/people/{}/aid-given?from=2026-01-06&to=2026-01-06",
        mother.id
    );
    let aid = stack.shown(&mother, &aid).await;
    assert_eq!(aid["totals"], spent);
    let leg = aid["aid"].as_array().and_then(|legs| legs.first());
    let leg = leg.and_then(Value::as_object).expect("there are legs");
    assert_eq!(leg["place"], "INSTITUTION_KIND_PHARMACY");
    let told = [
        "accountId",
        "amountFen",
        "beneficiaryPersonId",
        "bindingId",
        "bucket",
        "movementId",
        "paidAt",
        "place",
        "returnedFen",
    ];
    let mut fields: Vec<_> = leg.keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, told, "and nothing of what was bought");

    let year = stack
        .shown(&mother, &format!("/people/{}/family-year/2026", mother.id))
        .await;
    assert_eq!(year["given"], spent);
    assert_eq!(fen(&year["costs"]["total"]["totalFen"]), 0);
    let costs = stack
        .shown(&son, &format!("/people/{}/costs/2026", son.id))
        .await;
    let visit = &costs["costs"]["visits"][0];
    assert_eq!(visit["usage"], "USAGE_PHARMACY_DRUG");
    let parts = (
        fen(&visit["ownFen"]),
        fen(&visit["aidFen"]),
        &visit["bills"],
    );
    assert_eq!(parts, (1_000, 1_899_000, &json!(1)));
    let tax = stack
        .shown(&son, &format!("/people/{}/tax-deduction/2026", son.id))
        .await;
    let estimate = &tax["estimate"];
    assert_eq!(fen(&estimate["deductibleFen"]), 400_000, "{tax}");
    assert_eq!(estimate["source"], "国发〔2018〕41号");
    let sentence = estimate["explanation"]["zh"].as_str();
    assert!(
        sentence.is_some_and(|zh| zh.contains("可扣除4000.00元")),
        "{tax}"
    );
    stack.end().await;
}

#[tokio::test]
async fn a_statement_that_is_read_while_money_moves_stays_the_one_that_was_begun() {
    let stack = Stack::start().await;
    let worker = stack.person("110100", Purse::current(10_000)).await;
    for fen in [1, 20, 300] {
        stack.settle(&worker, fen).await;
        assert!(stack.clock.advance(jiff::SignedDuration::from_secs(1)));
    }
    let mut settlement = stack.callers.citizen(worker.id).settlement();
    let mut request = pb::GetStatementRequest {
        account_id: worker.account.to_string(),
        from_day: "2026-01-01".to_owned(),
        to_day: "2026-01-31".to_owned(),
        page: Some(proto::common::v1::Page {
            size: 2,
            ..Default::default()
        }),
    };
    let mut pages = Vec::new();
    loop {
        let page = settlement.get_statement(request.clone()).await;
        let page = page.expect("it is theirs").into_inner();
        assert!(stack.clock.advance(jiff::SignedDuration::from_secs(1)));
        stack.settle(&worker, 1_000).await;
        let next = page.next_cursor.clone();
        pages.push(page);
        if next.is_empty() {
            break;
        }
        request.page.as_mut().expect("it has one").cursor = next;
    }
    let amounts: Vec<_> = pages
        .iter()
        .flat_map(|page| page.lines.iter().map(|line| line.amount_fen))
        .collect();
    assert_eq!(amounts, [10_000, -1, -20, -300]);
    for page in &pages {
        let closing = page.closing.as_ref().expect("it has one");
        assert_eq!((closing.current_fen, closing.account_version), (9_679, 4));
        assert_eq!(page.opening.as_ref().map(|open| open.current_fen), Some(0));
    }
    stack.end().await;
}

#[tokio::test]
async fn what_somebody_else_spent_is_not_shown() {
    let stack = Stack::start().await;
    let (mother, son) = stack
        .mother_and_son(Purse::current(9_000), Purse::EMPTY)
        .await;
    stack.settle(&son, 700).await;
    stack.until_quiet().await;
    let fingerprint = stack.fingerprint().await;

    let days = "from=2026-01-01&to=2026-01-31";
    let hers = [
        format!("/accounts/{}/balance", mother.account),
        format!("/accounts/{}/statement?{days}", mother.account),
        format!("/people/{}/aid-given?{days}", mother.id),
        format!("/people/{}/costs/2026", mother.id),
        format!("/people/{}/family-year/2026", mother.id),
        format!("/people/{}/tax-deduction/2026", mother.id),
    ];
    for path in &hers {
        let (status, refused) = stack.look_up(&son, path).await;
        assert_eq!(
            (status, &refused["code"]),
            (StatusCode::FORBIDDEN, &json!("NOT_YOURS")),
            "{path}"
        );
        stack.shown(&mother, path).await;
    }
    assert_eq!(fingerprint, stack.fingerprint().await);
    stack.end().await;
}

#[tokio::test]
async fn a_time_that_is_none_or_has_not_come_is_not_looked_up() {
    let stack = Stack::start().await;
    let mother = stack.person("110100", Purse::current(9_000)).await;
    stack.until_quiet().await;
    let fingerprint = stack.fingerprint().await;
    let days = "from=2026-01-01&to=2026-01-31";
    let account = |query: &str| format!("/accounts/{}/{query}", mother.account);
    let person = |query: &str| format!("/people/{}/{query}", mother.id);
    let nobody = kernel::AccountId::generate();
    for (path, code) in [
        (
            account("balance?as_of=2026-01-05T02:00:00.000001Z"),
            "PERIOD_NOT_BEGUN",
        ),
        (
            account("balance?as_of=1989-01-01T00:00:00Z"),
            "DATE_MALFORMED",
        ),
        (account("balance?as_of=yesterday"), "MALFORMED_REQUEST"),
        (account("statement?from=2026-01-01"), "FIELD_MISSING"),
        (
            account("statement?from=2026-01-02&to=2026-01-01"),
            "RANGE_INVERTED",
        ),
        (
            account("statement?from=2026-01-06&to=2026-01-07"),
            "PERIOD_NOT_BEGUN",
        ),
        (
            account("statement?from=2026-02-30&to=2026-03-01"),
            "DATE_MALFORMED",
        ),
        (
            account(&format!("statement?{days}&page_size=501")),
            "PAGE_TOO_LARGE",
        ),
        (
            account(&format!("statement?{days}&cursor=7")),
            "CURSOR_MALFORMED",
        ),
        (
            person(&format!("aid-given?{days}&cursor=7.mov_1")),
            "CURSOR_MALFORMED",
        ),
        (
            person(&format!("aid-given?{days}&beneficiary=acc_1")),
            "ID_MALFORMED",
        ),
        (person("costs/2027"), "PERIOD_NOT_BEGUN"),
        (person("costs/1989"), "DATE_MALFORMED"),
        (person("family-year/twenty"), "DATE_MALFORMED"),
        (person("tax-deduction/2018"), "TAX_RULE_MISSING"),
        (format!("/accounts/{nobody}/balance"), "ACCOUNT_UNKNOWN"),
        (format!("/accounts/{nobody}/movements"), "ACCOUNT_UNKNOWN"),
    ] {
        let (_, refused) = stack.look_up(&mother, &path).await;
        assert_eq!(refused["code"], code, "{path}: {refused}");
    }
    // A bare call leaves out what must be there.
    let mut settlement = stack.callers.citizen(mother.id).settlement();
    let bare = settlement
        .get_yearly_costs(pb::GetYearlyCostsRequest::default())
        .await;
    assert_eq!(code_of(bare), "FIELD_MISSING");
    assert_eq!(fingerprint, stack.fingerprint().await);
    stack.end().await;
}
