use kernel::Fen;
use proptest::prelude::*;

use super::*;

const AT: Timestamp = Timestamp::UNIX_EPOCH;

pub(super) fn terms(per_month: Option<i64>) -> Terms {
    Terms {
        rank: Rank::FIRST,
        limits: Limits {
            per_month: per_month.map(|fen| Limit::new("per_month_fen", Fen::new(fen)).unwrap()),
            ..Limits::default()
        },
        uses: Uses::Any,
        places: Places::default(),
        validity: Validity::default(),
    }
}

fn side() -> Side {
    Side {
        person_id: PersonId::generate(),
        account_id: AccountId::generate(),
        region: "610100".parse().unwrap(),
    }
}

pub(super) fn granted() -> Mandate {
    Mandate::granted(BindingId::generate(), (side(), side()), terms(None), AT)
}

fn version(number: i64) -> Version {
    Version::new(number).unwrap()
}

/// A mandate in `state` at version 5, without limits.
fn in_state(state: State) -> Mandate {
    let facts = Facts {
        version: version(5),
        ..granted().facts().clone()
    };
    Mandate::stored(state, facts)
}

/// What happened, in one word: the state it led to, or the refusal.
fn outcome(decided: Result<Decision, Refusal>) -> String {
    match decided {
        Err(refusal) => refusal.reason.code().to_owned(),
        Ok(decision) => {
            let word = match &decision {
                Decision::Stands(_) => "stands",
                Decision::Granted(_) => "granted",
                Decision::Waits(_) => "waits",
                Decision::Holds(_) => "holds",
                Decision::Ended(_) => "ended",
            };
            let mandate = decision.mandate();
            let version = mandate.facts().version.get();
            assert_eq!(
                version,
                if word == "stands" { 5 } else { 6 },
                "a change is a new version"
            );
            if word != "stands" {
                assert_eq!(
                    mandate.awaits_fence(),
                    word == "waits",
                    "only a tightening waits"
                );
            }
            format!("{word} {}", mandate.state().code())
        }
    }
}

/// What each step leads to from a mandate at version 5, by the state it is in.
const TABLE: &str = "
                      | IN_FORCE              | CHANGING         | PAUSING          | PAUSED                | REVOKING         | REVOKED
another rank          | holds IN_FORCE        | MANDATE_BUSY     | MANDATE_BUSY     | holds PAUSED          | MANDATE_REVOKED  | MANDATE_REVOKED
a lower limit         | waits CHANGING        | MANDATE_BUSY     | MANDATE_BUSY     | holds PAUSED          | MANDATE_REVOKED  | MANDATE_REVOKED
the terms it has      | stands IN_FORCE       | stands CHANGING  | stands PAUSING   | stands PAUSED         | MANDATE_REVOKED  | MANDATE_REVOKED
seen at version 4     | MANDATE_VERSION_STALE | MANDATE_BUSY     | MANDATE_BUSY     | MANDATE_VERSION_STALE | MANDATE_REVOKED  | MANDATE_REVOKED
pause                 | waits PAUSING         | waits PAUSING    | stands PAUSING   | stands PAUSED         | MANDATE_REVOKED  | MANDATE_REVOKED
resume                | MANDATE_NOT_PAUSED    | MANDATE_NOT_PAUSED | MANDATE_BUSY   | holds IN_FORCE        | MANDATE_REVOKED  | MANDATE_REVOKED
revoke                | waits REVOKING        | waits REVOKING   | waits REVOKING   | waits REVOKING        | stands REVOKING  | stands REVOKED
fenced at version 5   | stands IN_FORCE       | holds IN_FORCE   | holds PAUSED     | stands PAUSED         | holds REVOKED    | stands REVOKED
fenced at version 4   | stands IN_FORCE       | stands CHANGING  | stands PAUSING   | stands PAUSED         | stands REVOKING  | stands REVOKED
its binding ended     | ended REVOKED         | ended REVOKED    | ended REVOKED    | ended REVOKED         | ended REVOKED    | stands REVOKED
";

fn take(step: &str, it: Mandate) -> Result<Decision, Refusal> {
    let second = Terms {
        rank: Rank::new(2).unwrap(),
        ..terms(None)
    };
    match step {
        "another rank" => it.change(second, version(5), AT),
        "a lower limit" => it.change(terms(Some(100)), version(5), AT),
        "the terms it has" => it.change(terms(None), version(5), AT),
        "seen at version 4" => it.change(terms(Some(100)), version(4), AT),
        "pause" => it.pause(AT),
        "resume" => it.resume(AT),
        "revoke" => Ok(it.revoke(AT)),
        "fenced at version 5" => Ok(it.fenced(version(5), AT)),
        "fenced at version 4" => Ok(it.fenced(version(4), AT)),
        "its binding ended" => Ok(it.end(AT)),
        unknown => panic!("the table has a step {unknown:?}"),
    }
}

#[test]
fn every_step_from_every_state_is_as_the_table_says() {
    let mut rows = TABLE
        .trim_matches('\n')
        .lines()
        .map(|row| row.split('|').map(str::trim));
    let states: Vec<_> = rows.next().unwrap().skip(1).collect();
    assert_eq!(states, State::ALL.map(State::code));
    for mut row in rows {
        let step = row.next().unwrap();
        let expected: Vec<_> = row.collect();
        let found = State::ALL.map(|state| outcome(take(step, in_state(state))));
        assert_eq!(found.to_vec(), expected, "{step}");
    }
}

#[test]
fn a_pause_on_top_of_a_lowering_keeps_the_lowered_terms() {
    let mandate = in_state(State::InForce);
    let lowered = mandate
        .change(terms(Some(100)), version(5), AT)
        .unwrap()
        .into_mandate();
    let pausing = lowered.pause(AT).unwrap().into_mandate();
    let Decision::Stands(pausing) = pausing.fenced(version(6), AT) else {
        panic!("the fence of the lowering is not the pause's");
    };
    let paused = pausing.fenced(version(7), AT).into_mandate();
    assert_eq!(
        (paused.state(), paused.facts().version),
        (State::Paused, version(8))
    );
    let resumed = paused.resume(AT).unwrap().into_mandate();
    assert_eq!(resumed.facts().terms, terms(Some(100)));
}

#[test]
fn what_ended_before_it_began_is_revoked_from_its_first_version() {
    let mandate = Mandate::stillborn(BindingId::generate(), (side(), side()), terms(None), AT);
    assert_eq!(
        (mandate.state(), mandate.facts().version),
        (State::Revoked, Version::FIRST)
    );
}

#[test]
fn a_stored_state_is_read_back() {
    for state in State::ALL {
        assert_eq!(State::from_code(state.code()), Some(state));
        assert_eq!(in_state(state).state(), state);
    }
    assert_eq!(State::from_code("DRAFT"), None);
    assert_eq!(Version::new(0), None);
}

#[derive(Debug, Clone)]
enum Step {
    Change(Option<i64>),
    Pause,
    Resume,
    Revoke,
    Fence,
    End,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        proptest::option::of(1_i64..5).prop_map(Step::Change),
        Just(Step::Pause),
        Just(Step::Resume),
        Just(Step::Revoke),
        Just(Step::Fence),
        Just(Step::End),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_nothing_loosens_without_a_newer_version_and_revoked_is_for_ever(
        steps in proptest::collection::vec(step(), 0..40),
    ) {
        let mut mandate = granted();
        for step in steps {
            let before = mandate.clone();
            let seen = before.facts().version;
            let decided = match step {
                Step::Change(limit) => mandate.change(terms(limit), seen, AT),
                Step::Pause => mandate.pause(AT),
                Step::Resume => mandate.resume(AT),
                Step::Revoke => Ok(mandate.revoke(AT)),
                Step::Fence => Ok(mandate.fenced(seen, AT)),
                Step::End => Ok(mandate.end(AT)),
            };
            mandate = decided.map_or_else(|_| before.clone(), Decision::into_mandate);
            if mandate != before {
                prop_assert_eq!(mandate.facts().version.get(), seen.get() + 1);
            }
            if before.state() == State::Revoked {
                prop_assert_eq!(&mandate, &before);
            }
            // Tighter terms never count as in force before their fence.
            if before.facts().terms.are_tightened_by(&mandate.facts().terms) {
                prop_assert!(mandate.state() != State::InForce);
            }
        }
    }
}
