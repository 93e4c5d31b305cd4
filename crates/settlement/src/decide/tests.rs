use kernel::{AccountId, BindingId, Bucket, Fen, PersonId, SettlementId, Usage};
use policy::plan::Payer;
use policy::plan::limits::Caps;

use super::*;
use crate::account::tests::account;
use crate::bill::tests::bill;
use crate::command::Cancel;
use crate::enforced::tests::{binding, mandate};
use crate::enforced::{BindingState, Enforced, Mandate, MandateState, Parties};
use crate::give_back::cancel;
use crate::institution::Kind;
use crate::settlement::{PaidLeg, Stored};

pub(crate) const SHOP: &str = "P0001";

pub(crate) fn at() -> Timestamp {
    "2026-03-05T02:00:00Z".parse().unwrap()
}

/// A pharmacy, a patient with little money, and a contributor with more.
pub(crate) struct Family {
    pub(crate) book: Book,
    pub(crate) packs: Packs,
    pub(crate) patient: Account,
    pub(crate) contributor: Account,
    pub(crate) link: BindingId,
}

impl Family {
    pub(crate) fn new(own: i64, theirs: (i64, i64)) -> Self {
        let patient = account(own, 0);
        let contributor = account(theirs.0, theirs.1);
        let mut family = Self {
            book: Book::default(),
            packs: Packs::shipped(),
            patient,
            contributor,
            link: BindingId::generate(),
        };
        family.book.institutions.insert(SHOP.to_owned(), shop());
        for account in [family.patient.clone(), family.contributor.clone()] {
            family.book.accounts.insert(account.id, account);
        }
        family.bind(mandate(1, MandateState::InForce));
        family
    }

    fn bind(&mut self, mandate: Mandate) {
        let parties = Parties {
            contributor: self.contributor.person,
            contributor_account: self.contributor.id,
            beneficiary: self.patient.person,
            beneficiary_account: self.patient.id,
        };
        let mut enforced = Enforced::unheard(self.link, parties);
        enforced.apply_binding(binding(1, BindingState::Bound));
        enforced.apply_mandate(mandate);
        self.book
            .enforced
            .insert(self.patient.person, vec![enforced]);
    }

    fn settle(&mut self, number: u32, bill: Bill) -> Result<Verdict, Failed> {
        let command = command(number, self.patient.person, bill);
        settle(&mut self.book, &command, &self.packs, at())
    }

    pub(crate) fn settled(&mut self, number: u32, total: i64) -> Settled {
        match self.settle(number, bill(total)) {
            Ok(Verdict::Settled(settled)) => *settled,
            other => panic!("{other:?}"),
        }
    }

    fn refused(&mut self, number: u32, bill: Bill) -> Reason {
        match self.settle(number, bill) {
            Err(Failed::Refused(refusal)) => refusal.reason,
            other => panic!("{other:?}"),
        }
    }

    /// What was charged and given back this month under the binding.
    pub(crate) fn used(&self) -> (i64, i64) {
        let windows = windows_of(&self.packs, self.contributor.region, business_day(at()));
        let used = self.book.used(Scope::Pair(self.link), windows);
        let all = Scope::Contributor(self.contributor.id);
        assert_eq!(self.book.used(all, windows), used);
        (used.month.gross.get(), used.month.refunded.get())
    }

    pub(crate) fn balance(&self, account: AccountId) -> (i64, i64) {
        let account = &self.book.accounts[&account];
        (account.current.get(), account.prior.get())
    }
}

fn shop() -> Institution {
    Institution {
        code: SHOP.to_owned(),
        name: "测试药店".to_owned(),
        kind: Kind::Pharmacy,
        region: "320600".parse().unwrap(),
        tier: 0,
        sandbox: false,
    }
}

fn command(number: u32, person: PersonId, bill: Bill) -> Settle {
    Settle {
        id: SettlementId::generate(),
        key: RequestKey::new(SHOP, &format!("{SHOP}{number:010}")).unwrap(),
        patient: Presented {
            person,
            expires_at: None,
            fingerprint: Vec::new(),
        },
        bill,
        quote: None,
        deduct: Deduct::AtOnce,
        replaces: None,
    }
}

/// What the store gives back of a settlement.
pub(crate) fn stored(settled: &Settled) -> Stored {
    let leg = |(no, leg): (i16, &Leg)| PaidLeg {
        no,
        payer: leg.payer,
        account: leg.account,
        person: leg.person,
        bucket: leg.bucket,
        amount: leg.amount,
        refunded: Fen::ZERO,
        medical_year: leg.medical_year,
        counted_in: leg.counted_in,
        movement: kernel::MovementId::generate(),
    };
    Stored {
        id: settled.id,
        institution: settled.key.institution.clone(),
        patient: settled.patient.person,
        patient_account: settled.patient.id,
        person_no: settled.patient.person_no.clone(),
        usage: settled.usage,
        split: settled.split,
        settled_at: settled.at,
        sandbox: false,
        cash_back: Fen::ZERO,
        pooled_back: Fen::ZERO,
        open_back: Fen::ZERO,
        cancellation: None,
        replaces: None,
        legs: (1..).zip(&settled.legs).map(leg).collect(),
        lines: Vec::new(),
    }
}

fn take_back(
    family: &mut Family,
    settled: &Settled,
    number: u32,
) -> Result<crate::refund::Refunded, Failed> {
    family
        .book
        .settlements
        .entry(settled.id)
        .or_insert_with(|| stored(settled));
    let command = Cancel {
        id: SettlementId::generate(),
        key: RequestKey::new(SHOP, &format!("{SHOP}{number:010}")).unwrap(),
        settlement: settled.id,
        person_no: None,
    };
    cancel(&mut family.book, &command, (&family.packs, at()))
}

#[test]
fn the_bill_of_nantong_is_split_to_the_fen() {
    let mut family = Family::new(10_000, (200_000, 0));
    let settled = family.settled(1, 60_000);
    let Split { own, aid, cash, .. } = settled.split;
    assert_eq!((own.get(), aid.get(), cash.get()), (10_000, 50_000, 0));
    assert_eq!(family.balance(family.contributor.id), (150_000, 0));
    assert_eq!(settled.patient.balance(), Some(Fen::ZERO));
    assert_eq!(settled.aid_short(), None);
}

#[test]
fn two_bills_of_one_batch_share_one_balance() {
    let mut family = Family::new(0, (50_000, 0));
    assert_eq!(family.settled(1, 40_000).split.aid.get(), 40_000);
    let second = family.settled(2, 40_000);
    assert_eq!(
        (second.split.aid.get(), second.split.cash.get()),
        (10_000, 30_000)
    );
    assert_eq!(second.aid_short(), Some(Reason::BalanceZero));
    assert_eq!(family.book.accounts[&family.contributor.id].version, 2);
}

#[test]
fn two_bills_of_one_batch_share_one_monthly_limit() {
    let mut family = Family::new(0, (100_000, 0));
    family.bind(Mandate {
        caps: Caps {
            per_month: Some(Fen::new(30_000)),
            ..Caps::default()
        },
        ..mandate(1, MandateState::InForce)
    });
    let first = family.settled(1, 20_000);
    assert_eq!(first.legs[0].left.month, Some(Fen::new(10_000)));
    let second = family.settled(2, 20_000);
    assert_eq!(
        (second.split.aid.get(), second.split.cash.get()),
        (10_000, 10_000)
    );
    assert_eq!(second.legs[0].left.month, Some(Fen::ZERO));
    assert_eq!(family.used(), (30_000, 0));
    assert_eq!(family.book.moved_counters().len(), 2);
}

#[test]
fn what_is_used_counts_although_there_is_no_limit_yet() {
    let mut family = Family::new(0, (100_000, 0));
    family.settled(1, 20_000);
    assert_eq!(family.used(), (20_000, 0));
}

#[test]
fn a_cancel_restores_every_payer_bucket_and_counter() {
    let mut family = Family::new(3_000, (5_000, 20_000));
    let before = [
        family.balance(family.patient.id),
        family.balance(family.contributor.id),
    ];
    let settled = family.settled(1, 20_000);
    assert_eq!(
        settled.legs.len(),
        3,
        "own, and both buckets of the contributor"
    );
    let cancelled = take_back(&mut family, &settled, 2).unwrap();
    assert_eq!(
        [
            family.balance(family.patient.id),
            family.balance(family.contributor.id)
        ],
        before
    );
    assert_eq!(family.used(), (20_000 - 3_000, 20_000 - 3_000));
    assert_eq!(cancelled.own_balance, Fen::new(3_000));
    assert_eq!(cancelled.legs.len(), settled.legs.len());
}

#[test]
fn a_second_cancel_and_another_institution_are_refused() {
    let mut family = Family::new(3_000, (5_000, 0));
    let settled = family.settled(1, 1_000);
    take_back(&mut family, &settled, 2).unwrap();
    let refused = |result: Result<_, Failed>| match result {
        Err(Failed::Refused(refusal)) => refusal.reason,
        Ok(_) | Err(Failed::Unfit(_)) => panic!("not refused"),
    };
    assert_eq!(
        refused(take_back(&mut family, &settled, 3)),
        Reason::SettlementCancelled
    );
    family
        .book
        .settlements
        .get_mut(&settled.id)
        .unwrap()
        .institution = "P0002".to_owned();
    assert_eq!(
        refused(take_back(&mut family, &settled, 4)),
        Reason::SettlementNotYours
    );
}

#[test]
fn money_of_last_year_returns_to_the_prior_bucket() {
    let mut family = Family::new(0, (5_000, 0));
    let settled = family.settled(1, 4_000);
    let mut contributor = family.book.accounts[&family.contributor.id].clone();
    (
        contributor.medical_year,
        contributor.prior,
        contributor.current,
    ) = (2027, contributor.current, Fen::ZERO);
    family.book.store_account(contributor);
    let cancelled = take_back(&mut family, &settled, 2).unwrap();
    assert_eq!(cancelled.legs[0].bucket, Bucket::Prior);
    assert_eq!(family.balance(family.contributor.id), (0, 5_000));
}

#[test]
fn a_contributor_whose_account_is_not_locked_is_not_asked() {
    let mut family = Family::new(0, (5_000, 0));
    family.book.accounts.remove(&family.contributor.id);
    let settled = family.settled(1, 1_000);
    assert_eq!(
        (settled.split.aid.get(), settled.split.cash.get()),
        (0, 1_000)
    );
    assert!(
        settled
            .plan
            .lines
            .iter()
            .all(|line| line.payer == Payer::Own)
    );
}

#[test]
fn a_fenced_binding_pays_nothing() {
    let mut family = Family::new(0, (5_000, 0));
    let known = family
        .book
        .enforced
        .get_mut(&family.patient.person)
        .unwrap();
    known[0].apply_binding(binding(2, BindingState::Ending));
    let settled = family.settled(1, 1_000);
    assert_eq!(settled.split.aid, Fen::ZERO);
    assert_eq!(settled.aid_short(), Some(Reason::BindingEnding));
}

#[test]
fn a_token_is_good_until_it_expires_and_for_one_bill() {
    let mut family = Family::new(5_000, (0, 0));
    let shown = |expires: Timestamp| Presented {
        person: family.patient.person,
        expires_at: Some(expires),
        fingerprint: vec![7; 32],
    };
    let later = at() + jiff::SignedDuration::from_secs(1);
    let (fresh, stale) = (shown(later), shown(at()));
    let mut settle_with = |number, patient: Presented| {
        let command = Settle {
            patient,
            ..command(number, family.patient.person, bill(100))
        };
        settle(&mut family.book, &command, &family.packs, at()).map_err(|failed| match failed {
            Failed::Refused(refusal) => refusal.reason,
            Failed::Unfit(unfit) => panic!("{unfit}"),
        })
    };
    assert_eq!(
        settle_with(1, stale).unwrap_err(),
        Reason::CredentialExpired
    );
    assert!(settle_with(2, fresh.clone()).is_ok());
    assert_eq!(settle_with(3, fresh).unwrap_err(), Reason::CredentialUsed);
}

#[test]
fn what_is_not_yet_known_here_is_refused_and_leaves_no_trace() {
    let mut family = Family::new(5_000, (0, 0));
    let stranger = command(1, PersonId::generate(), bill(100));
    let refused = settle(&mut family.book, &stranger, &family.packs, at()).unwrap_err();
    assert!(matches!(refused, Failed::Refused(refusal) if refusal.reason == Reason::SyncPending));
    family.book.institutions.clear();
    assert_eq!(family.refused(2, bill(100)), Reason::InstitutionUnknown);
    assert!(family.book.moved_accounts().is_empty());
}

#[test]
fn a_prohibited_use_and_an_ended_insurance_are_declined() {
    let mut family = Family::new(5_000, (0, 0));
    let wellness = Bill {
        usage: Usage::Wellness,
        ..bill(100)
    };
    let Ok(Verdict::Declined(declined)) = family.settle(1, wellness) else {
        panic!()
    };
    assert_eq!(declined.why.reason, Reason::UsageProhibited);
    family.patient.standing = Standing::Terminated;
    family
        .book
        .accounts
        .insert(family.patient.id, family.patient.clone());
    let Ok(Verdict::Declined(declined)) = family.settle(2, bill(100)) else {
        panic!()
    };
    assert_eq!(declined.why.reason, Reason::BeneficiaryNotInsured);
    assert!(family.book.moved_accounts().is_empty());
}

#[test]
fn test_money_never_meets_real_people() {
    let mut family = Family::new(5_000, (5_000, 0));
    let mut contributor = family.contributor.clone();
    contributor.sandbox = true;
    family.book.accounts.insert(contributor.id, contributor);
    assert_eq!(family.settled(1, 6_000).split.aid, Fen::ZERO);
    family.book.institutions.insert(
        SHOP.to_owned(),
        Institution {
            sandbox: true,
            ..shop()
        },
    );
    assert_eq!(family.refused(2, bill(100)), Reason::SandboxMixed);
}
