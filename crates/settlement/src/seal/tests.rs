use super::*;

fn entry(reason: &str) -> MovementEntry<'_> {
    MovementEntry {
        movement_id: Uuid::from_u128(1),
        kind: "CHARGE_OWN",
        debit: "pa:a:current",
        credit: "payable:inst:P1:41",
        amount_fen: 100,
        account_id: Some(Uuid::from_u128(2)),
        bucket: Some("CURRENT"),
        account_version: Some(1),
        current_after_fen: Some(0),
        prior_after_fen: Some(0),
        settlement_id: Some(Uuid::from_u128(3)),
        refund_id: None,
        allocation_id: None,
        beneficiary_person_id: None,
        binding_id: None,
        mandate_version: None,
        reverses: None,
        caller_role: "INSTITUTION",
        caller: "P1",
        reason,
        trace_parent: None,
        sandbox: false,
    }
}

fn sealed(rows: &[MovementEntry<'_>]) -> Contents {
    let mut sealer = Sealer::default();
    for row in rows {
        sealer.movement(row);
    }
    sealer.finish()
}

#[test]
fn every_field_and_the_order_of_rows_count() {
    let (one, two) = (entry("one"), entry("two"));
    let whole = sealed(&[one, two]);
    assert_eq!(whole.movements, 2);
    assert_eq!(whole, sealed(&[one, two]));
    assert_ne!(whole.entries, sealed(&[two, one]).entries);
    assert_ne!(whole.entries, sealed(&[one]).entries);
    let shifted = MovementEntry {
        binding_id: one.settlement_id,
        settlement_id: None,
        ..one
    };
    assert_ne!(sealed(&[one]).entries, sealed(&[shifted]).entries);
}

#[test]
fn text_cannot_flow_from_one_field_into_the_next() {
    let short = MovementEntry {
        debit: "ab",
        credit: "c",
        ..entry("")
    };
    let long = MovementEntry {
        debit: "a",
        credit: "bc",
        ..entry("")
    };
    assert_ne!(sealed(&[short]).entries, sealed(&[long]).entries);
}

/// Written down once: whoever changes the encoding makes every stored chain unreadable.
#[test]
fn the_encoding_is_what_it_was() {
    let contents = sealed(&[entry("settle")]);
    let block = Block {
        place: Place { lane: 1, height: 1 },
        previous: NOTHING,
        contents,
        posted_at: 1_772_676_000_000_000,
    };
    assert_eq!(
        hex::encode(block.hash()),
        "802042f2567b99f7f9f6474499c877c5bab74df1712f1c67e68f2c9c6a674827"
    );
}
