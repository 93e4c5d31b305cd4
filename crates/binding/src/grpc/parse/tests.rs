use super::*;
use chassis::access::Caller;
use jiff::civil::date;
use kernel::BindingId;
use kernel::{AccountId, PersonId, Role};
use proto::common::v1 as words;

fn today() -> Today {
    Today {
        date: date(2026, 1, 1),
        strictness: Strictness::AlsoSynthetic,
    }
}

fn row() -> pb::PersonRow {
    pb::PersonRow {
        cert_type: "01".to_owned(),
        cert_no: "000000199003070020".to_owned(),
        name: "测试甲".to_owned(),
        enrolments: vec![pb::EnrolmentRow {
            person_no: "P-TEST-1".to_owned(),
            region: "320600".to_owned(),
            scheme: words::Scheme::Employee.into(),
            kind: words::PersonKind::Working.into(),
            standing: words::Standing::Normal.into(),
        }],
        ..Default::default()
    }
}

fn refused(change: impl FnOnce(&mut pb::PersonRow)) -> Option<Reason> {
    let mut row = row();
    change(&mut row);
    person_row(&row, &Packs::shipped(), today())
        .err()
        .map(|refusal| refusal.reason)
}

fn keys() -> Keys {
    Keys::read(&crate::keys::generate()).unwrap()
}

fn actor() -> Actor {
    Actor {
        caller: Caller {
            role: Role::Operator,
            subject: "op-1".to_owned(),
            about: None,
        },
        trace: None,
    }
}

#[test]
fn a_wrong_row_is_refused_by_what_is_wrong() {
    assert_eq!(refused(|_| {}), None);
    assert_eq!(
        refused(|row| row.name = "测试\u{0}".to_owned()),
        Some(Reason::TextMalformed)
    );
    assert_eq!(
        refused(|row| row.cert_no = "00000019900307002".to_owned()),
        Some(Reason::IdNumberInvalid)
    );
    assert_eq!(
        refused(|row| row.cert_type.clear()),
        Some(Reason::FieldMissing)
    );
    assert_eq!(
        refused(|row| row.phone = "1".to_owned()),
        Some(Reason::PhoneInvalid)
    );
    assert_eq!(
        refused(|row| row.social_security_card = "?".to_owned()),
        Some(Reason::CardNumberInvalid)
    );
    assert_eq!(
        refused(|row| row.enrolments[0].region = "990000".to_owned()),
        Some(Reason::RegionUnknown)
    );
    assert_eq!(
        refused(|row| row.enrolments[0].standing = 0),
        Some(Reason::FieldMissing)
    );
    assert_eq!(
        refused(|row| row.enrolments[0].scheme = 99),
        Some(Reason::UnknownCode)
    );
    let kind: i32 = words::PersonKind::Resident.into();
    assert_eq!(
        refused(|row| row.enrolments[0].kind = kind),
        Some(Reason::MalformedRequest)
    );
    assert_eq!(
        refused(|row| row.enrolments.push(row.enrolments[0].clone())),
        Some(Reason::MalformedRequest)
    );
}

#[test]
fn a_person_number_that_is_the_id_number_never_gets_in() {
    let number = row().cert_no;
    assert_eq!(
        refused(|row| row.enrolments[0].person_no = format!("P{number}")),
        Some(Reason::PersonNoInvalid)
    );
}

#[test]
fn synthetic_numbers_need_permission() {
    let strict = Today {
        strictness: Strictness::Real,
        ..today()
    };
    let refusal = person_row(&row(), &Packs::shipped(), strict).unwrap_err();
    assert_eq!(
        (refusal.reason, refusal.about.as_deref()),
        (Reason::IdNumberInvalid, Some("cert_no"))
    );
}

fn asked() -> pb::RequestBindingsRequest {
    pb::RequestBindingsRequest {
        request_id: "r-1".to_owned(),
        contributor_account_id: AccountId::generate().to_string(),
        members: vec![pb::BindingMember {
            beneficiary: Some(pb::binding_member::Beneficiary::PersonId(
                PersonId::generate().to_string(),
            )),
            relation: words::Relation::Parent.into(),
            ..Default::default()
        }],
        commitment_sha256: String::new(),
    }
}

#[test]
fn a_member_with_an_impossible_id_number_is_refused_alone() {
    let mut asked = asked();
    let identity = pb::BeneficiaryIdentity {
        cert_type: "01".to_owned(),
        cert_no: "1".to_owned(),
        name: "测试".to_owned(),
    };
    asked.members.push(pb::BindingMember {
        beneficiary: Some(pb::binding_member::Beneficiary::Identity(identity)),
        ..asked.members[0].clone()
    });
    let request = request(&asked, actor(), &keys(), today()).unwrap();
    assert!(matches!(
        request.members[0].beneficiary,
        Beneficiary::Person(_)
    ));
    assert!(
        matches!(&request.members[1].beneficiary, Beneficiary::Unreadable(refusal) if refusal.reason == Reason::IdNumberInvalid)
    );
    assert!(request.members[0].digest != request.members[1].digest);
}

#[test]
fn a_malformed_request_is_refused_whole() {
    let reason = |change: fn(&mut pb::RequestBindingsRequest)| {
        let mut asked = asked();
        change(&mut asked);
        request(&asked, actor(), &keys(), today())
            .err()
            .map(|refusal| refusal.reason)
    };
    assert_eq!(reason(|_| {}), None);
    assert_eq!(
        reason(|asked| asked.request_id.clear()),
        Some(Reason::FieldMissing)
    );
    assert_eq!(
        reason(|asked| asked.request_id = "r".repeat(65)),
        Some(Reason::TextMalformed)
    );
    assert_eq!(
        reason(|asked| asked.members.clear()),
        Some(Reason::FieldMissing)
    );
    assert_eq!(
        reason(|asked| asked.members = vec![asked.members[0].clone(); 101]),
        Some(Reason::PageTooLarge)
    );
    assert_eq!(
        reason(|asked| asked.members[0].relation = 0),
        Some(Reason::FieldMissing)
    );
    assert_eq!(
        reason(|asked| asked.members[0].valid_until = "31.1.2026".to_owned()),
        Some(Reason::DateMalformed)
    );
    assert_eq!(
        reason(|asked| asked.commitment_sha256 = "ab".to_owned()),
        Some(Reason::MalformedRequest)
    );
}

#[test]
fn a_page_has_a_usual_and_a_largest_size() {
    let read = |size, cursor: &str| {
        page::<BindingId>(Some(&WirePage {
            size,
            cursor: cursor.to_owned(),
        }))
        .map(|(size, _)| size)
        .map_err(|refusal| refusal.reason)
    };
    assert_eq!(read(0, ""), Ok(50));
    assert_eq!(read(500, &BindingId::generate().to_string()), Ok(500));
    assert_eq!(read(501, ""), Err(Reason::PageTooLarge));
    assert_eq!(read(-1, ""), Err(Reason::PageTooLarge));
    assert_eq!(read(1, "psn_x"), Err(Reason::CursorMalformed));
}
