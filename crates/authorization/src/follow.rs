//! Applies what binding and settlement say, a batch at a time: claim, lock, look, decide, write.
//!
//! Facts of different services arrive in any order, and two replicas may hold the beginning and the end of one binding
//! at the same time. Both claim the binding's row, so one waits for the other and then finds its row; and nothing leads
//! out of REVOKED. So the order does not matter: a binding that ended never gets a mandate in force.

use std::collections::{BTreeMap, BTreeSet};

use chassis::inbox::Failure;
use kernel::clock::business_day;
use kernel::{BindingId, Refusal, Timestamp};
use policy::values::{LimitScope, ShareOf};
use policy::{Packs, Rules};
use sqlx::PgConnection;

use crate::actor::Actor;
use crate::mandate::{
    Decision, Limit, Limits, Mandate, Places, Rank, Side, Terms, Uses, Validity, Version,
};
use crate::record::{Decided, record};
use crate::store::{self, StoreError};

/// Something another service said, and the trace it belongs to.
#[derive(Debug, Clone)]
pub struct Heard {
    pub fact: Fact,
    pub trace_parent: Option<String>,
}

/// What was said.
#[derive(Debug, Clone)]
pub enum Fact {
    /// Both sides agreed.
    Bound(Agreed),
    /// The binding ended, and settlement had fenced it for ever.
    Unbound(Agreed),
    /// Settlement decides nothing any more on mandates older than this version.
    Fenced(BindingId, Version),
}

/// A binding, as its facts repeat it.
#[derive(Debug, Clone, Copy)]
pub struct Agreed {
    pub binding_id: BindingId,
    pub contributor: Side,
    pub beneficiary: Side,
    /// None for a binding that ended before both sides agreed.
    pub bound_at: Option<Timestamp>,
}

/// Why a batch could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rules of the contributor's region have no terms for it.
    #[error("the rules give no terms for the mandate of {binding_id}")]
    NoTerms {
        binding_id: BindingId,
        source: Refusal,
    },
    /// Settlement fences what was tightened here, so this database has forgotten something.
    #[error("a fence arrived for the mandate of {0}, which is not stored here")]
    UnknownMandate(BindingId),
}

impl From<FollowError> for Failure {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Store(error) => error.into(),
            never @ (FollowError::NoTerms { .. } | FollowError::UnknownMandate(_)) => {
                Self::park(never)
            }
        }
    }
}

impl Fact {
    fn binding_id(&self) -> BindingId {
        match self {
            Self::Bound(it) | Self::Unbound(it) => it.binding_id,
            Self::Fenced(id, _) => *id,
        }
    }
}

/// Applies `heard` in order, in the caller's transaction.
pub async fn follow(
    conn: &mut PgConnection,
    packs: &Packs,
    heard: &[Heard],
    actor: &Actor,
    now: Timestamp,
) -> Result<(), FollowError> {
    // ---- claim: the first fact of a binding would begin its mandate, if nobody did so before
    let beginnings = beginnings(packs, heard, now)?;
    let rows: Vec<_> = beginnings
        .values()
        .map(|it| it.decision.mandate())
        .collect();
    let claimed: BTreeSet<_> = match rows.as_slice() {
        [] => BTreeSet::new(),
        rows => store::insert_new(conn, rows).await?.into_iter().collect(),
    };

    // ---- lock, look
    let ids: BTreeSet<_> = heard.iter().map(|it| it.fact.binding_id()).collect();
    let ids: Vec<_> = ids.into_iter().collect();
    let locked = store::lock(conn, &ids).await?;
    let mut mandates: BTreeMap<_, _> = locked
        .into_iter()
        .map(|it| (it.facts().binding_id, it))
        .collect();

    // ---- decide
    let mut decided: Vec<_> = beginnings
        .into_iter()
        .filter_map(|(id, beginning)| claimed.contains(&id).then_some(beginning))
        .collect();
    for Heard { fact, trace_parent } in heard {
        let id = fact.binding_id();
        let decision = match (fact, mandates.remove(&id)) {
            (Fact::Unbound(_), Some(mandate)) => mandate.end(now),
            (Fact::Fenced(_, version), Some(mandate)) => mandate.fenced(*version, now),
            (Fact::Bound(_), Some(mandate)) => Decision::Stands(mandate),
            (Fact::Fenced(..), None) => return Err(FollowError::UnknownMandate(id)),
            // Never agreed, so there is nothing to end.
            (Fact::Bound(_) | Fact::Unbound(_), None) => continue,
        };
        mandates.insert(id, decision.mandate().clone());
        decided.push(Decided {
            decision,
            trace_parent: trace_parent.as_deref(),
        });
    }

    // ---- write
    record(conn, &decided, actor).await?;
    Ok(())
}

/// For each binding, what its first fact of this batch would begin.
fn beginnings<'a>(
    packs: &Packs,
    heard: &'a [Heard],
    now: Timestamp,
) -> Result<BTreeMap<BindingId, Decided<'a>>, FollowError> {
    let mut beginnings = BTreeMap::new();
    for Heard { fact, trace_parent } in heard {
        let (Fact::Bound(agreed) | Fact::Unbound(agreed)) = fact else {
            continue;
        };
        let Some(bound_at) = agreed.bound_at else {
            continue;
        };
        if beginnings.contains_key(&agreed.binding_id) {
            continue;
        }
        let terms =
            first_terms(packs, agreed, bound_at).map_err(|source| FollowError::NoTerms {
                binding_id: agreed.binding_id,
                source,
            })?;
        let sides = (agreed.contributor, agreed.beneficiary);
        let decision = match fact {
            Fact::Bound(_) => {
                Decision::Granted(Mandate::granted(agreed.binding_id, sides, terms, now))
            }
            Fact::Unbound(_) | Fact::Fenced(..) => {
                Decision::Ended(Mandate::stillborn(agreed.binding_id, sides, terms, now))
            }
        };
        let trace_parent = trace_parent.as_deref();
        beginnings.insert(
            agreed.binding_id,
            Decided {
                decision,
                trace_parent,
            },
        );
    }
    Ok(beginnings)
}

/// The terms a mandate begins with: the limits of the contributor's region on the day of the agreement (ruling 33 of the
/// design), the first rank, any use, anywhere, as long as the binding.
fn first_terms(packs: &Packs, agreed: &Agreed, bound_at: Timestamp) -> Result<Terms, Refusal> {
    let rules = packs.rules(agreed.contributor.region, business_day(bound_at))?;
    let limits = match rules.limit_scope {
        LimitScope::Pair => first_limits(rules)?,
        // A limit for all beneficiaries together is no term of one mandate; settlement holds it by the rules.
        LimitScope::Contributor => Limits::default(),
    };
    Ok(Terms {
        rank: Rank::FIRST,
        limits,
        uses: Uses::Any,
        places: Places::default(),
        validity: Validity::default(),
    })
}

fn first_limits(rules: &Rules) -> Result<Limits, Refusal> {
    let limit = |field, fen: Option<_>| fen.map(|fen| Limit::new(field, fen)).transpose();
    Ok(Limits {
        per_transaction: limit("limit_per_transaction", rules.limit_per_transaction)?,
        per_day: limit("limit_per_day", rules.limit_per_day)?,
        per_month: limit("limit_per_month", rules.limit_per_month)?,
        per_year: limit("limit_per_year", rules.limit_per_year)?,
        total: limit("limit_total", rules.limit_total)?,
        share_of_balance: match rules.limit_share_of {
            ShareOf::Balance => rules.limit_share,
            ShareOf::Bill => None,
        },
    })
}
