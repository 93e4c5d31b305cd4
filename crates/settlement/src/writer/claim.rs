//! The first statement of a batch: whoever gets a key decides, whoever does not is answered from what was decided.
//!
//! A look before an insert would miss the twin in the same batch and the one on another replica.

use std::collections::{BTreeMap, BTreeSet};

use chassis::db::Corrupt;
use kernel::{AccountId, AllocationId, Reason, Refusal, SettlementId, Timestamp};
use prost::Message as _;
use proto::settlement::v1 as pb;
use sqlx::PgConnection;

use super::Job;
use super::batch::Done;
use crate::answer;
use crate::book::Book;
use crate::command::{Allocate, Answer, Command};
use crate::request::{Asked, Operation, RequestKey};
use crate::reverse::Original;
use crate::store::key::{self, Claim, Earlier};
use crate::store::{StoreError, allocation};

/// What is left to be decided, and what is answered already.
#[derive(Debug, Default)]
pub(super) struct Claimed {
    done: BTreeMap<usize, Done>,
    /// The places of the commands to decide, in the order in which they came.
    pub(super) open: Vec<usize>,
    /// What was found under the keys of the messages that reversals undo, by reversal.
    pub(super) originals: BTreeMap<SettlementId, Original>,
    /// Allocations that were posted before: answered with the account as it stands.
    pub(super) repeated: Vec<(usize, AccountId)>,
}

impl Claimed {
    /// Notes the answer to the command at `place`.
    pub(super) fn answer(&mut self, place: usize, answer: Result<Answer, Refusal>) {
        self.done.insert(place, Done::Answered(answer));
    }

    /// Leaves the command at `place` to a later batch.
    pub(super) fn put_off(&mut self, place: usize) {
        self.done.insert(place, Done::Later);
    }

    /// Answers the repeated allocations, once their accounts are there.
    pub(super) fn answer_repeated(&mut self, book: &Book, at: Timestamp) {
        for (place, account) in std::mem::take(&mut self.repeated) {
            let answer = match book.accounts.get(&account) {
                Some(account) => Ok(Answer::Allocate(Box::new(answer::account(account, at)))),
                None => Err(Reason::SyncPending.into()),
            };
            self.answer(place, answer);
        }
    }

    /// What became of each command, in their order.
    pub(super) fn done(self) -> Vec<Done> {
        self.done.into_values().collect()
    }
}

/// Commands with one key: the first may decide, its twins are answered after it.
type Group<C> = Vec<(usize, C)>;

/// Claims the keys of all jobs, sorted.
pub(super) async fn claim(
    conn: &mut PgConnection,
    jobs: &[Job],
    at: Timestamp,
) -> Result<Claimed, StoreError> {
    let mut claimed = Claimed::default();
    let mut requests: BTreeMap<&RequestKey, Group<Claim<'_>>> = BTreeMap::new();
    let mut credits: BTreeMap<AllocationId, Group<&Allocate>> = BTreeMap::new();
    let mut undone = Vec::new();
    let waiting = must_wait(jobs);
    for (place, job) in jobs.iter().enumerate() {
        if waiting.contains(&place) {
            claimed.done.insert(place, Done::Again);
        } else if let Command::Allocate(allocate) = &job.command {
            credits
                .entry(allocate.id)
                .or_default()
                .push((place, allocate));
        } else if let Some((key, operation, asked, outcome)) = job.command.claim() {
            if let Command::Reverse(reverse) = &job.command {
                undone.push(Claim {
                    key: &reverse.original,
                    operation: Operation::Reversed,
                    asked: Asked::nothing(),
                    outcome,
                });
            }
            requests.entry(key).or_default().push((
                place,
                Claim {
                    key,
                    operation,
                    asked,
                    outcome,
                },
            ));
        } else {
            // What has no key finds out under the locks whether there is anything left to do.
            claimed.open.push(place);
        }
    }
    if !requests.is_empty() {
        let groups = requests.into_values().collect();
        claim_requests(conn, groups, (undone, at), &mut claimed).await?;
    }
    if !credits.is_empty() {
        claim_credits(conn, credits.into_values().collect(), at, &mut claimed).await?;
    }
    claimed.open.sort_unstable();
    Ok(claimed)
}

/// Commands that must wait for an earlier one of the batch because one of the two undoes the other, or both undo the same:
/// a reversal wants two keys, and what it finds under the second depends on whoever wants that key, too.
fn must_wait(jobs: &[Job]) -> BTreeSet<usize> {
    let mut waiting = BTreeSet::new();
    if !jobs
        .iter()
        .any(|job| matches!(job.command, Command::Reverse(_)))
    {
        return waiting;
    }
    let (mut wanted, mut reserved) = (BTreeSet::new(), BTreeSet::new());
    for (place, job) in jobs.iter().enumerate() {
        let Some((key, ..)) = job.command.claim() else {
            continue;
        };
        if let Command::Reverse(reverse) = &job.command {
            let keys = [key, &reverse.original];
            if keys.iter().any(|key| wanted.contains(key)) {
                waiting.insert(place);
            } else {
                wanted.extend(keys);
                reserved.extend(keys);
            }
        } else if reserved.contains(key) {
            waiting.insert(place);
        } else {
            wanted.insert(key);
        }
    }
    waiting
}

impl Claimed {
    /// The first of a group decides; the others come back when its answer is stored.
    fn won<C>(&mut self, group: &Group<C>) {
        for (turn, (place, _)) in group.iter().enumerate() {
            if turn == 0 {
                self.open.push(*place);
            } else {
                self.done.insert(*place, Done::Again);
            }
        }
    }
}

/// The first of each group.
fn first<C>(groups: &[Group<C>]) -> impl Iterator<Item = &C> {
    groups
        .iter()
        .filter_map(|group| group.first())
        .map(|(_, claim)| claim)
}

async fn claim_requests(
    conn: &mut PgConnection,
    groups: Vec<Group<Claim<'_>>>,
    (undone, at): (Vec<Claim<'_>>, Timestamp),
    claimed: &mut Claimed,
) -> Result<(), StoreError> {
    // One sorted statement for both kinds of claim, so that no two batches wait for each other.
    let mut claims: Vec<&Claim<'_>> = first(&groups).chain(&undone).collect();
    claims.sort_unstable_by_key(|claim| claim.key);
    let free = key::claim(conn, &claims, at).await?;
    let is_free = |group: &Group<Claim<'_>>| {
        group
            .first()
            .is_some_and(|(_, claim)| free.contains(claim.key))
    };
    let (won, lost): (Vec<_>, Vec<_>) = groups.into_iter().partition(is_free);
    for group in won {
        claimed.won(&group);
    }
    let arrived: Vec<&Claim<'_>> = undone
        .iter()
        .filter(|claim| !free.contains(claim.key))
        .collect();
    let mut earlier = BTreeMap::new();
    if !lost.is_empty() || !arrived.is_empty() {
        let lost = first(&lost).map(|claim| claim.key);
        let keys: Vec<&RequestKey> = lost.chain(arrived.iter().map(|claim| claim.key)).collect();
        earlier = key::earlier(conn, &keys).await?;
    }
    for claim in &undone {
        let original = match earlier.get(claim.key) {
            Some(earlier) => Original::Decided {
                operation: earlier.operation,
                outcome: earlier.outcome,
            },
            None => Original::NotArrived,
        };
        claimed.originals.insert(claim.outcome, original);
    }
    for (place, claim) in lost.into_iter().flatten() {
        let answer = match earlier.get(claim.key) {
            Some(earlier) => repeat(&claim, earlier)?,
            // Whoever held the key has given it up in between.
            None => Err(Reason::Unavailable.into()),
        };
        claimed.answer(place, answer);
    }
    Ok(())
}

/// The first answer again, if it is the same request.
fn repeat(claim: &Claim<'_>, earlier: &Earlier) -> Result<Result<Answer, Refusal>, StoreError> {
    if earlier.operation == Operation::Reversed {
        return Ok(Err(Reason::MessageReversed.into()));
    }
    let differences = if claim.operation == earlier.operation {
        claim.asked.differences(&earlier.asked)
    } else {
        vec!["operation".to_owned()]
    };
    if !differences.is_empty() {
        return Ok(Err(Refusal::about(
            Reason::MsgidReused,
            differences.join(", "),
        )));
    }
    let answer = match earlier.operation {
        Operation::Settle | Operation::Capture => pb::SettleResponse::decode(&*earlier.answer)
            .map(|answer| Answer::Settle(Box::new(answer))),
        Operation::Place => pb::PlaceHoldResponse::decode(&*earlier.answer)
            .map(|answer| Answer::Place(Box::new(answer))),
        Operation::Release => pb::ReleaseHoldResponse::decode(&*earlier.answer)
            .map(|answer| Answer::Release(Box::new(answer))),
        Operation::Cancel => pb::CancelResponse::decode(&*earlier.answer)
            .map(|answer| Answer::Cancel(Box::new(answer))),
        Operation::Refund => pb::RefundResponse::decode(&*earlier.answer)
            .map(|answer| Answer::Refund(Box::new(answer))),
        Operation::Reverse | Operation::Reversed => pb::ReverseResponse::decode(&*earlier.answer)
            .map(|answer| Answer::Reverse(Box::new(answer))),
    };
    answer.map(Ok).map_err(|undecodable| {
        tracing::error!(error = %undecodable, key = %claim.key, "a stored answer cannot be decoded");
        Corrupt::new("request_key", "answer", claim.key).into()
    })
}

async fn claim_credits(
    conn: &mut PgConnection,
    groups: Vec<Group<&Allocate>>,
    at: Timestamp,
    claimed: &mut Claimed,
) -> Result<(), StoreError> {
    let claims: Vec<&Allocate> = first(&groups).copied().collect();
    let free = allocation::claim(conn, &claims, at).await?;
    let is_free = |group: &Group<&Allocate>| {
        group
            .first()
            .is_some_and(|(_, claim)| free.contains(&claim.id))
    };
    let (won, lost): (Vec<_>, Vec<_>) = groups.into_iter().partition(is_free);
    for group in won {
        claimed.won(&group);
    }
    if lost.is_empty() {
        return Ok(());
    }
    let ids: Vec<AllocationId> = first(&lost).map(|claim| claim.id).collect();
    let earlier = allocation::earlier(conn, &ids).await?;
    for (place, claim) in lost.into_iter().flatten() {
        match earlier
            .get(&claim.id)
            .map(|earlier| claim.differences(earlier))
        {
            Some(differences) if differences.is_empty() => {
                claimed.repeated.push((place, claim.account));
            }
            Some(differences) => {
                let refusal = Refusal::about(Reason::AllocationContradicts, differences.join(", "));
                claimed.answer(place, Err(refusal));
            }
            None => claimed.answer(place, Err(Reason::Unavailable.into())),
        }
    }
    Ok(())
}
