//! Display links: who may show whose code, told as stories.

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails its test")]

use futures::future::join_all;
use jiff::SignedDuration;
use proto::Event as _;
use proto::binding::v1 as pb;
use proto::binding::v1::{DisplayEvidence, DisplayLinkState};
use proto::common::v1 as words;

use crate::house::{House, code, employee, until};

/// Somebody insured in Nantong who was born on that day.
fn born(birth: &str, serial: u32) -> pb::PersonRow {
    pb::PersonRow {
        cert_no: format!("000000{birth}{serial:04}"),
        ..employee("320600", serial)
    }
}

impl House {
    async fn activated(&self, person: &pb::Person) {
        let request = pb::ActivateCredentialRequest {
            person_id: person.person_id.clone(),
            face_sha256: "fa".repeat(32),
        };
        let mut links = self.citizen_links(person);
        links.activate_credential(request).await.unwrap();
    }

    async fn link(
        &self,
        binder: &pb::Person,
        relative: &pb::Person,
    ) -> Result<pb::DisplayLink, String> {
        use pb::start_display_link_request::Relative;
        let request = pb::StartDisplayLinkRequest {
            binder_person_id: binder.person_id.clone(),
            relative: Some(Relative::PersonId(relative.person_id.clone())),
            commitment_sha256: "0c".repeat(32),
        };
        let answer = self.citizen_links(binder).start_display_link(request).await;
        answer
            .map(|answer| answer.into_inner().display_link.unwrap())
            .map_err(|status| code(&status))
    }

    async fn prove(
        &self,
        by: &pb::Person,
        link: &pb::DisplayLink,
        evidence: DisplayEvidence,
    ) -> Result<pb::DisplayLink, String> {
        let request = pb::ProveDisplayLinkRequest {
            display_link_id: link.display_link_id.clone(),
            evidence: evidence.into(),
            sha256: "ab".repeat(32),
        };
        let answer = self.citizen_links(by).prove_display_link(request).await;
        answer
            .map(|answer| answer.into_inner().display_link.unwrap())
            .map_err(|status| code(&status))
    }

    async fn review(
        &self,
        operator: &str,
        link: &pb::DisplayLink,
        accept: bool,
    ) -> Result<pb::DisplayLink, String> {
        let request = pb::ReviewDisplayLinkRequest {
            display_link_id: link.display_link_id.clone(),
            accept,
            reason: "测试".to_owned(),
        };
        let answer = self
            .operator_links(operator)
            .review_display_link(request)
            .await;
        answer
            .map(|answer| answer.into_inner().display_link.unwrap())
            .map_err(|status| code(&status))
    }

    async fn unlink(&self, by: &pb::Person, link: &pb::DisplayLink) -> pb::DisplayLink {
        let request = pb::EndDisplayLinkRequest {
            display_link_id: link.display_link_id.clone(),
        };
        let answer = self.citizen_links(by).end_display_link(request).await;
        answer.unwrap().into_inner().display_link.unwrap()
    }

    /// A link that the relative's own face made active.
    async fn linked(&self, binder: &pb::Person, relative: &pb::Person) -> pb::DisplayLink {
        let link = self.link(binder, relative).await.unwrap();
        let link = self.prove(relative, &link, DisplayEvidence::Face).await;
        link.unwrap()
    }
}

fn refused(code: &str) -> Result<pb::DisplayLink, String> {
    Err(code.to_owned())
}

#[tokio::test]
async fn a_relatives_own_face_makes_a_link_active_and_activates_the_relative() {
    let house = House::open("link_face").await;
    let people = house
        .import((1..4).map(|serial| employee("320600", serial)).collect())
        .await;
    let [binder, relative, other] = [&people[0], &people[1], &people[2]];
    assert_eq!(
        house.link(binder, relative).await,
        refused("CREDENTIAL_NOT_ACTIVATED")
    );
    house.activated(binder).await;
    assert_eq!(
        house.link(binder, binder).await,
        refused("DISPLAY_LINK_SELF")
    );

    let waiting = house.link(binder, relative).await.unwrap();
    assert_eq!(waiting.state(), DisplayLinkState::Requested);
    assert_eq!(waiting.relative_masked_name.chars().next(), Some('测'));
    assert!(
        waiting
            .evidence_wanted()
            .any(|kind| kind == DisplayEvidence::Face)
    );
    assert_eq!(house.link(binder, relative).await, Ok(waiting.clone()));
    // Nobody's face but the relative's own.
    let face = DisplayEvidence::Face;
    for foreign in [binder, other] {
        assert_eq!(
            house.prove(foreign, &waiting, face).await,
            refused("NOT_YOURS")
        );
    }
    let active = house.prove(relative, &waiting, face).await.unwrap();
    assert_eq!(active.state(), DisplayLinkState::Active);
    assert_eq!(active.presence(), pb::Presence::Counter);
    assert_eq!(house.prove(relative, &waiting, face).await, Ok(active));
    assert_eq!(
        house.link(binder, relative).await,
        refused("DISPLAY_LINK_EXISTS")
    );
    // The relative was activated with it, and so may show others' codes now.
    assert!(house.link(relative, other).await.is_ok());
}

#[tokio::test]
async fn papers_are_reviewed_by_another_than_who_handed_them_in() {
    let house = House::open("link_papers").await;
    let people = house
        .import(vec![born("19600101", 1), born("20150607", 2)])
        .await;
    let (binder, child) = (&people[0], &people[1]);
    house.activated(binder).await;
    let link = house.link(binder, child).await.unwrap();
    // A child's face is not asked for, and an adult's papers say nothing of a child.
    for unfit in [DisplayEvidence::Face, DisplayEvidence::HouseholdPage] {
        assert_eq!(
            house.prove(child, &link, unfit).await,
            refused("DISPLAY_EVIDENCE_UNFIT")
        );
    }
    assert_eq!(
        house.review("op-1", &link, true).await,
        refused("DISPLAY_LINK_NOT_WAITING")
    );
    let request = pb::ProveDisplayLinkRequest {
        display_link_id: link.display_link_id.clone(),
        evidence: DisplayEvidence::BirthCertificate.into(),
        sha256: "ab".repeat(32),
    };
    let mut desk = house.operator_links("op-1");
    let review = desk.prove_display_link(request).await.unwrap().into_inner();
    let review = review.display_link.unwrap();
    assert_eq!(review.state(), DisplayLinkState::InReview);
    assert_eq!(
        house.review("op-1", &link, true).await,
        refused("REVIEW_BY_ANOTHER")
    );
    let active = house.review("op-2", &link, true).await.unwrap();
    assert_eq!(active.state(), DisplayLinkState::Active);
    assert_eq!(house.review("op-2", &link, true).await, Ok(active));

    // Rejected papers end a link; another may be asked for.
    house.unlink(binder, &link).await;
    let link = house.link(binder, child).await.unwrap();
    let papers = DisplayEvidence::BothHouseholdPages;
    house.prove(binder, &link, papers).await.unwrap();
    let rejected = house.review("op-1", &link, false).await.unwrap();
    assert_eq!(rejected.state(), DisplayLinkState::Rejected);
    assert!(house.link(binder, child).await.is_ok());
}

#[tokio::test]
async fn fifty_requests_at_once_make_six_links_a_month_and_ended_ones_count() {
    let house = House::open("link_month").await;
    let people = house
        .import((1..52).map(|serial| employee("320600", serial)).collect())
        .await;
    let (binder, relatives) = people.split_first().unwrap();
    house.activated(binder).await;
    let asked = relatives
        .iter()
        .map(|relative| house.link(binder, relative));
    let answers = join_all(asked).await;
    let made: Vec<_> = answers.iter().flatten().collect();
    assert_eq!(made.len(), 6);
    assert!(
        answers
            .iter()
            .filter_map(|answer| answer.as_ref().err())
            .all(|code| code == "DISPLAY_LINKS_OF_MONTH_USED")
    );

    // One that was never active gives its place back, one that was active does not.
    let of = |link: &pb::DisplayLink| {
        let is_theirs = |person: &&pb::Person| person.person_id == link.relative_person_id;
        relatives.iter().find(is_theirs).unwrap()
    };
    let face = DisplayEvidence::Face;
    house.prove(of(made[0]), made[0], face).await.unwrap();
    let ended = house.unlink(of(made[0]), made[0]).await;
    assert_eq!(ended.state(), DisplayLinkState::Ended);
    let free: Vec<_> = relatives
        .iter()
        .filter(|person| {
            !made
                .iter()
                .any(|link| link.relative_person_id == person.person_id)
        })
        .collect();
    assert_eq!(
        house.link(binder, free[0]).await,
        refused("DISPLAY_LINKS_OF_MONTH_USED")
    );
    house.unlink(binder, made[1]).await;
    assert!(house.link(binder, free[0]).await.is_ok());
    // What became active counts in its month only.
    house.clock.advance(SignedDuration::from_hours(31 * 24));
    assert!(house.link(binder, free[1]).await.is_ok());
}

#[tokio::test]
async fn of_many_binders_at_once_two_show_a_persons_code() {
    let house = House::open("link_binders").await;
    let people = house
        .import((1..10).map(|serial| employee("320600", serial)).collect())
        .await;
    let (relative, binders) = people.split_first().unwrap();
    let mut links = Vec::new();
    for binder in binders {
        house.activated(binder).await;
        links.push(house.link(binder, relative).await.unwrap());
    }
    let face = DisplayEvidence::Face;
    let proven = links.iter().map(|link| house.prove(relative, link, face));
    let answers = join_all(proven).await;
    let active: Vec<_> = answers.iter().flatten().collect();
    assert_eq!(active.len(), 2);
    assert!(
        answers
            .iter()
            .filter_map(|answer| answer.as_ref().err())
            .all(|code| code == "TOO_MANY_BINDERS")
    );
    // Either side ends one, and the place is free.
    house.unlink(relative, active[0]).await;
    let waiting = links.iter().find(|link| {
        !active
            .iter()
            .any(|active| active.display_link_id == link.display_link_id)
    });
    let late = house.prove(relative, waiting.unwrap(), face).await.unwrap();
    assert_eq!(late.state(), DisplayLinkState::Active);
}

#[tokio::test]
async fn a_link_is_for_the_insured_and_is_seen_by_its_two_people_only() {
    let house = House::open("link_insured").await;
    let mut paused = employee("320600", 2);
    paused.enrolments[0].standing = words::Standing::Paused.into();
    let rows = vec![employee("320600", 1), paused, employee("320600", 3)];
    let people = house.import(rows).await;
    house.activated(&people[0]).await;
    assert_eq!(
        house.link(&people[0], &people[1]).await,
        refused("RELATIVE_NOT_INSURED")
    );
    let link = house.linked(&people[0], &people[2]).await;

    let get = |by: &pb::Person| {
        let request = pb::GetDisplayLinkRequest {
            display_link_id: link.display_link_id.clone(),
        };
        let mut links = house.citizen_links(by);
        async move { links.get_display_link(request).await }
    };
    assert!(get(&people[0]).await.is_ok() && get(&people[2]).await.is_ok());
    let foreign = get(&people[1]).await.unwrap_err();
    assert_eq!(code(&foreign), "NOT_YOURS");

    let list = pb::ListDisplayLinksRequest {
        person_id: people[2].person_id.clone(),
        ..Default::default()
    };
    let mut links = house.citizen_links(&people[2]);
    let listed = links.list_display_links(list).await.unwrap().into_inner();
    assert_eq!(listed.display_links, std::slice::from_ref(&link));

    house.unlink(&people[2], &link).await;
    let told: Vec<String> = sqlx::query_scalar(
        "SELECT subject FROM outbox WHERE subject LIKE '%display%' ORDER BY subject",
    )
    .fetch_all(&house.db)
    .await
    .unwrap();
    assert_eq!(
        told,
        [pb::DisplayLinked::SUBJECT, pb::DisplayUnlinked::SUBJECT]
    );
}

#[tokio::test]
async fn with_the_last_insurance_of_either_its_links_end_and_other_links_stay() {
    let house = House::open("unlinked").await;
    let rows = (1..5).map(|serial| employee("320600", serial)).collect();
    let people = house.import(rows).await;
    for binder in [&people[0], &people[1]] {
        house.activated(binder).await;
    }
    let showing = house.linked(&people[0], &people[2]).await;
    let shown = house.linked(&people[1], &people[0]).await;
    let other = house.linked(&people[1], &people[3]).await;

    let mut gone = employee("320600", 1);
    gone.enrolments[0].standing = words::Standing::Terminated.into();
    house.import(vec![gone]).await;

    let state = async |link: &pb::DisplayLink| {
        let request = pb::GetDisplayLinkRequest {
            display_link_id: link.display_link_id.clone(),
        };
        let answer = house.operator_links("op-1").get_display_link(request).await;
        answer.unwrap().into_inner().display_link.unwrap().state()
    };
    for link in [&showing, &shown] {
        until("the link has ended", || async {
            (state(link).await == DisplayLinkState::Ended).then_some(())
        })
        .await;
    }
    assert_eq!(state(&other).await, DisplayLinkState::Active);
}

#[tokio::test]
async fn who_asks_a_display_link_for_money_is_told_the_other_product() {
    let house = House::open("link_money").await;
    let people = house
        .import(vec![employee("320600", 1), employee("320600", 2)])
        .await;
    house.activated(&people[0]).await;
    let link = house.linked(&people[0], &people[1]).await;
    let request = pb::ConfirmBindingRequest {
        binding_id: link.display_link_id,
        proofs: Vec::new(),
    };
    let refused = house.citizen(&people[1]).confirm_binding(request).await;
    let refused = refused.unwrap_err();
    assert_eq!(code(&refused), "WRONG_PRODUCT_DISPLAY_LINK");
    assert!(refused.message().contains("家庭共济"));
    // It is no binding, so nothing of it is one.
    let list = pb::ListBindingsRequest {
        person_id: people[0].person_id.clone(),
        include_ended: true,
        ..Default::default()
    };
    let bindings = house.citizen(&people[0]).list_bindings(list).await.unwrap();
    assert_eq!(bindings.into_inner().bindings, []);
}
