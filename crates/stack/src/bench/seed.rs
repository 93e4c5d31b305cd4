//! The people of a run, put straight into the tables: going through the services would take longer than the run.
//!
//! What is written is what the services would have written: an account has an opening balance with its movement,
//! a binding is in force with its mandate, a token is known by its fingerprint. So the books can be checked as a whole
//! afterwards. Only institutions are registered as anybody does it.

use std::fmt::Write as _;
use std::ops::Range;

use authorization::credential::Fingerprint;
use chassis::grpc::refusal_of;
use jiff::{SignedDuration, Timestamp};
use kernel::clock::business_day;
use kernel::{AccountId, Fen};
use proto::settlement::v1 as pb;
use settlement::seal::{Block, Contents, Head, MovementEntry, NOTHING, Place, Sealer, micros};
use settlement::store::{StoreError, lane};
use sqlx::PgConnection;
use tonic::Status;

use super::BenchError;
use super::bill::{Bill, CONTRIBUTOR_FEN, Kind, REGION, Town};
use crate::callers::Callers;

/// How much text is sent at once.
const CHUNK: usize = 256 * 1024;
/// The most institutions in one call.
const PAGE: usize = 500;
/// What a contributor lets one bill and one month take: more than any bill, so that both limits are judged and never bind.
const PER_TRANSACTION_FEN: i64 = 100_000;
const PER_MONTH_FEN: i64 = 5_000_000;

/// Why an institution was not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The call failed.
    #[error("settlement did not answer")]
    Call(#[source] Box<Status>),
    /// Settlement does not want one.
    #[error("{0}")]
    Refused(String),
}

/// The tables that are written, in the databases they are in.
#[derive(Debug)]
pub struct Tables {
    /// Accounts, their books, and the permissions that charges are decided on.
    pub settlement: PgConnection,
    /// Tokens.
    pub authorization: PgConnection,
    /// Where the chain of the seed's own lane ends, once it has one.
    pub head: Option<Head>,
}

impl Tables {
    /// Opens the accounts of all contributors.
    pub async fn contributors(&mut self, town: Town) -> Result<(), BenchError> {
        let numbers = 0..town.contributors;
        let holder = |number| Holder {
            person: Kind::ContributorPerson,
            account: Kind::ContributorAccount,
            opening: Kind::ContributorOpening,
            number,
            amount: Fen::new(CONTRIBUTOR_FEN),
        };
        self.accounts(town, numbers, holder).await
    }

    /// Makes the patients of these bills, with their bindings and tokens.
    pub async fn bills(
        &mut self,
        town: Town,
        numbers: Range<u32>,
        now: Timestamp,
    ) -> Result<(), BenchError> {
        let holder = |number| Holder {
            person: Kind::PatientPerson,
            account: Kind::PatientAccount,
            opening: Kind::PatientOpening,
            number,
            amount: town.bill(number).own(),
        };
        self.accounts(town, numbers.clone(), holder).await?;
        let bindings = Copy {
            what: "make bindings",
            statement: "-- bench.bindings
             COPY enforced (binding_id, contributor_person_id, contributor_account_id, beneficiary_person_id,
                            beneficiary_account_id, binding_version, binding_state, bound_at, effective_from,
                            mandate_version, mandate_state, rank, per_transaction_fen, per_month_fen) FROM STDIN",
        };
        let write = |text: &mut String, number| binding(text, town, &town.bill(number));
        bindings
            .run(&mut self.settlement, numbers.clone(), write)
            .await?;
        let tokens = Copy {
            what: "make tokens",
            statement: "-- bench.tokens
             COPY credential (fingerprint, person_id, presenter_person_id, purpose, issued_at, expires_at,
                              actor_role, actor) FROM STDIN",
        };
        let write = |text: &mut String, number| token(text, &town.bill(number), now);
        tokens.run(&mut self.authorization, numbers, write).await
    }

    async fn accounts(
        &mut self,
        town: Town,
        numbers: Range<u32>,
        holder: impl Fn(u32) -> Holder,
    ) -> Result<(), BenchError> {
        let accounts = Copy {
            what: "open accounts",
            statement: "-- bench.accounts
             COPY account (account_id, person_id, person_no, region, scheme, kind, standing, enrolment_version,
                           sandbox, current_fen, version, medical_year) FROM STDIN",
        };
        let year = business_day(town.founded).year();
        let write = |text: &mut String, number| holder(number).account(text, town, year);
        accounts
            .run(&mut self.settlement, numbers.clone(), write)
            .await?;
        let allocations = Copy {
            what: "post opening balances",
            statement: "-- bench.allocations
             COPY allocation (allocation_id, account_id, kind, bucket, amount_fen, period, posted_at) FROM STDIN",
        };
        let write = |text: &mut String, number| holder(number).allocation(text, town);
        allocations
            .run(&mut self.settlement, numbers.clone(), write)
            .await?;
        let movements = Copy {
            what: "write the movements of opening balances",
            statement: "-- bench.movements
             COPY movement (movement_id, posted_at, kind, debit, credit, amount_fen, account_id, bucket,
                            account_version, current_after_fen, prior_after_fen, allocation_id,
                            caller_role, caller, reason, sandbox, lane, height, position) FROM STDIN",
        };
        let place = self.place().await.map_err(BenchError::Seal)?;
        let mut sealer = Sealer::default();
        let write = |text: &mut String, number| {
            holder(number).movement(text, &mut sealer, (town, place));
        };
        movements
            .run(&mut self.settlement, numbers.clone(), write)
            .await?;
        let contents = sealer.finish();
        if contents.movements == 0 {
            return Ok(());
        }
        self.seal(contents, town.founded)
            .await
            .map_err(BenchError::Seal)
    }

    /// Where the next block of the seed's own lane goes.
    async fn place(&mut self) -> Result<Place, StoreError> {
        let head = match self.head {
            Some(head) => head,
            None => *self.head.insert(lane::take(&mut self.settlement).await?),
        };
        Ok(head.next().expect("a run makes a few blocks"))
    }

    async fn seal(&mut self, contents: Contents, at: Timestamp) -> Result<(), StoreError> {
        let place = self.place().await?;
        let block = Block {
            place,
            previous: self.head.map_or(NOTHING, |head| head.hash),
            contents,
            posted_at: micros(at),
        };
        let head = block.head();
        if !lane::seal(&mut self.settlement, &block, &head.hash, at).await? {
            return Err(StoreError::Rows {
                statement: "settlement.seal",
                touched: 0,
                expected: 1,
            });
        }
        self.head = Some(head);
        Ok(())
    }
}

/// Whose account is opened, and with what.
struct Holder {
    person: Kind,
    account: Kind,
    opening: Kind,
    number: u32,
    amount: Fen,
}

impl Holder {
    fn account(&self, text: &mut String, town: Town, year: i16) {
        let (account, person) = (
            town.id(self.account, self.number),
            town.id(self.person, self.number),
        );
        let (number, fen) = (self.number, self.amount.get());
        line(
            text,
            format_args!(
                "{account}\t{person}\t{number:010}\t{REGION}\tEMPLOYEE\tWORKING\tNORMAL\t1\tf\t{fen}\t1\t{year}"
            ),
        );
    }

    fn allocation(&self, text: &mut String, town: Town) {
        let (allocation, account) = (
            town.id(self.opening, self.number),
            town.id(self.account, self.number),
        );
        let (fen, at) = (self.amount.get(), town.founded);
        line(
            text,
            format_args!("{allocation}\t{account}\tOPENING\tCURRENT\t{fen}\t\t{at}"),
        );
    }

    fn movement(&self, text: &mut String, sealer: &mut Sealer, (town, place): (Town, Place)) {
        let (opening, account) = (
            town.id(self.opening, self.number),
            town.id(self.account, self.number),
        );
        let (credit, fen, at) = (
            AccountId::from_uuid(account),
            self.amount.get(),
            town.founded,
        );
        let (debit, credit) = (
            format!("source:opening:{REGION}"),
            format!("pa:{credit}:current"),
        );
        let position = sealer.movement(&MovementEntry {
            movement_id: opening,
            kind: "OPENING_BALANCE",
            debit: &debit,
            credit: &credit,
            amount_fen: fen,
            account_id: Some(account),
            bucket: Some("CURRENT"),
            account_version: Some(1),
            current_after_fen: Some(fen),
            prior_after_fen: Some(0),
            settlement_id: None,
            refund_id: None,
            allocation_id: Some(opening),
            beneficiary_person_id: None,
            binding_id: None,
            mandate_version: None,
            reverses: None,
            caller_role: "OPERATOR",
            caller: "BENCH",
            reason: "opening balance",
            trace_parent: None,
            sandbox: false,
        });
        let Place { lane, height } = place;
        line(
            text,
            format_args!(
                "{opening}\t{at}\tOPENING_BALANCE\t{debit}\t{credit}\t{fen}\t{account}\tCURRENT\t\
             1\t{fen}\t0\t{opening}\tOPERATOR\tBENCH\topening balance\tf\t{lane}\t{height}\t{position}"
            ),
        );
    }
}

fn binding(text: &mut String, town: Town, bill: &Bill) {
    let contributor = town.id(Kind::ContributorPerson, bill.contributor());
    let account = bill.contributor_account().uuid();
    let (binding, patient, own) = (
        bill.binding().uuid(),
        bill.patient().uuid(),
        bill.patient_account().uuid(),
    );
    let at = town.founded;
    line(
        text,
        format_args!(
            "{binding}\t{contributor}\t{account}\t{patient}\t{own}\t1\tBOUND\t{at}\t{at}\t\
         1\tIN_FORCE\t1\t{PER_TRANSACTION_FEN}\t{PER_MONTH_FEN}"
        ),
    );
}

/// Good for a day: it outlives the run.
fn token(text: &mut String, bill: &Bill, now: Timestamp) {
    let fingerprint =
        Fingerprint::of(&bill.token()).expect("a token of ours has the length of one");
    let (fingerprint, patient) = (hex::encode(fingerprint.as_bytes()), bill.patient().uuid());
    let expiry = now
        .checked_add(SignedDuration::from_hours(24))
        .unwrap_or(Timestamp::MAX);
    line(
        text,
        format_args!(
            "\\\\x{fingerprint}\t{patient}\t{patient}\tSETTLEMENT\t{now}\t{expiry}\tOPERATOR\tBENCH"
        ),
    );
}

fn line(text: &mut String, row: std::fmt::Arguments<'_>) {
    writeln!(text, "{row}").expect("a string takes everything");
}

/// Rows on their way into one table.
struct Copy {
    what: &'static str,
    statement: &'static str,
}

impl Copy {
    async fn run(
        &self,
        database: &mut PgConnection,
        numbers: Range<u32>,
        write: impl FnMut(&mut String, u32),
    ) -> Result<(), BenchError> {
        self.stream(database, numbers, write)
            .await
            .map_err(BenchError::sql(self.what))
    }

    async fn stream(
        &self,
        database: &mut PgConnection,
        numbers: Range<u32>,
        mut write: impl FnMut(&mut String, u32),
    ) -> Result<(), sqlx::Error> {
        let mut copy = database.copy_in_raw(self.statement).await?;
        let mut text = String::with_capacity(CHUNK.saturating_mul(2));
        for number in numbers {
            write(&mut text, number);
            if text.len() >= CHUNK {
                copy.send(text.as_bytes()).await?;
                text.clear();
            }
        }
        copy.send(text.as_bytes()).await?;
        copy.finish().await?;
        Ok(())
    }
}

/// The code of the institution that is a caller.
pub fn institution(caller: u32) -> String {
    format!("B{caller:011}")
}

/// Registers a pharmacy for each caller.
pub async fn institutions(callers: &Callers, count: u32) -> Result<(), RegisterError> {
    let institutions: Vec<_> = (0..count)
        .map(|caller| pb::Institution {
            code: institution(caller),
            name: format!("Bench pharmacy {caller}"),
            kind: pb::InstitutionKind::Pharmacy.into(),
            region: REGION.to_owned(),
            tier: 0,
            // Real as far as anybody can tell: everything that a real bill causes is to happen.
            sandbox: false,
        })
        .collect();
    for page in institutions.chunks(PAGE) {
        let request = pb::RegisterInstitutionsRequest {
            institutions: page.to_vec(),
        };
        let answer = callers
            .operator()
            .settlement()
            .register_institutions(request)
            .await
            .map_err(|status| match refusal_of(&status) {
                Some(refused) => RegisterError::Refused(refused.en),
                None => RegisterError::Call(Box::new(status)),
            })?;
        if let Some(refused) = answer
            .into_inner()
            .results
            .into_iter()
            .find_map(|result| result.refused)
        {
            return Err(RegisterError::Refused(refused.en));
        }
    }
    Ok(())
}
