//! `cargo stack demo`: one day of five families, played on a real stack, printed, and checked.

mod cast;
mod counter;
mod evening;
mod script;
mod tables;
mod verdict;

use std::time::Duration;

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use kernel::Clock;
use kernel::clock::start_of;
use proto::binding::v1::RequestUnbindRequest;
use proto::notification::v1::{Language, ListNoticesRequest, Notice};
use proto::settlement::v1::{Account, ListAccountsRequest};
use servers::{DataError, Progress, Scratch};

use self::cast::{Cast, Member, Miscast};
use self::counter::Counter;
use self::evening::Bindings;
use self::script::{Pair, Script, ScriptError};
use self::verdict::Verdict;
use crate::quiet::{NotQuiet, Watcher};
use crate::up::invite;
use crate::whole::{Stack, StackError, Wanted};

/// How long the events of one step may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why the day could not be played, or did not go as it must.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The script cannot be read.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// The script and the services do not fit together.
    #[error(transparent)]
    Cast(#[from] Miscast),
    /// There is no place for the data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The stack is not there.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// Events did not arrive.
    #[error(transparent)]
    Quiet(#[from] NotQuiet),
    /// A service refused a step of the evening.
    #[error("{what} was refused with {code}: {sentence}")]
    Refused {
        /// Which step.
        what: String,
        /// The stable code.
        code: String,
        /// Its sentence.
        sentence: String,
    },
    /// A service failed a call.
    #[error("a service answered with an error")]
    Call(#[from] Box<tonic::Status>),
    /// A service answered without what was asked for.
    #[error("{0} left something out of its answer")]
    Silent(&'static str),
    /// The gateway cannot be reached.
    #[error("the gateway did not answer")]
    Http(#[from] reqwest::Error),
    /// A message is not JSON.
    #[error("the message {name} is not JSON")]
    Message {
        /// Which.
        name: String,
        /// Why.
        source: serde_json::Error,
    },
    /// A placeholder cannot be filled.
    #[error("a message holds a placeholder that cannot be filled: see demo/README.md")]
    Placeholder,
    /// The day went otherwise.
    #[error("the day did not go as demo/expected.json says: {0} differences")]
    Different(usize),
}

impl From<tonic::Status> for DemoError {
    fn from(status: tonic::Status) -> Self {
        Self::Call(Box::new(status))
    }
}

/// Plays the day on a fresh stack; then stays up until Ctrl-C, or stops and says how it went.
pub async fn run(exit: bool) -> Result<(), DemoError> {
    let script = Script::read()?;
    let scratch = Scratch::new()?;
    let clock = Clock::manual(evening());
    let wanted = Wanted {
        data: scratch.path().join("demo"),
        overlay: Some(script.overlay.clone()),
        clock: clock.clone(),
    };
    let stack = Stack::start(wanted, Progress::to_stderr()).await?;
    let played = play(&script, &stack, &clock).await;
    match played {
        Ok(()) if !exit => {
            invite(&stack.layout, &stack.callers, "P00000000001");
            println!(
                "It is still the evening of that day here. Ctrl-C stops everything and throws the data away."
            );
            Ok(stack.run().await?)
        }
        played => {
            stack.stop().await?;
            played
        }
    }
}

/// 2026-01-01 18:00 in Shanghai.
fn evening() -> Timestamp {
    let midnight = start_of(date(2026, 1, 1)).expect("2026 is within the calendar");
    midnight + SignedDuration::from_hours(18)
}

async fn play(script: &Script, stack: &Stack, clock: &Clock) -> Result<(), DemoError> {
    let watcher = Watcher::of(&stack.layout).await?;
    println!(
        "\nThe evening of 2026-01-01: {} people, {} bindings",
        script.people.rows.len(),
        script.families.len()
    );
    let (cast, bindings) = evening::play(script, &stack.callers, &watcher).await?;
    // Over midnight, to nine in the morning: what was bound yesterday in Shanxi and Shaanxi is in effect now.
    clock.advance(SignedDuration::from_hours(15));

    println!(
        "2026-01-02, from 09:00: {} messages of two pharmacies",
        script.requests.len()
    );
    let mut verdict = Verdict::default();
    let mut counter = Counter::new(
        &stack.layout.url("gateway"),
        &stack.callers,
        &cast,
        clock.clone(),
    );
    for (name, text) in &script.requests {
        clock.advance(SignedDuration::from_mins(10));
        if let Some(pair) = script.expected.unbind_before.get(name) {
            unbind(pair, &cast, &bindings, stack).await?;
        }
        let (message, answer) = counter.send(name, text).await?;
        tables::bill(name, &message, &answer, &cast);
        verdict.answer(name, &script.expected, &answer, &cast);
    }

    watcher.until_quiet(PATIENCE).await?;
    println!("\n═══ What each person was told");
    let mut accounts = Vec::new();
    for (person_no, member) in cast.iter() {
        let notices = notices_of(member, stack).await?;
        tables::reminders(member, &notices);
        verdict.reminders(person_no, &script.expected, &notices);
        let account = account_of(member, stack).await?;
        verdict.balance(person_no, &script.expected, &account);
        accounts.push((member.name.clone(), account));
    }
    tables::balances(&accounts);
    close(&verdict)
}

async fn unbind(
    pair: &Pair,
    cast: &Cast,
    bindings: &Bindings,
    stack: &Stack,
) -> Result<(), DemoError> {
    let (contributor, beneficiary) = (
        cast.member(&pair.contributor)?,
        cast.member(&pair.beneficiary)?,
    );
    let key = (pair.contributor.clone(), pair.beneficiary.clone());
    let binding = bindings
        .get(&key)
        .ok_or_else(|| Miscast::Unknown(pair.beneficiary.clone()))?;
    let request = RequestUnbindRequest {
        binding_id: binding.to_string(),
        note: String::new(),
    };
    let answer = stack
        .callers
        .citizen(contributor.person)
        .binding()
        .request_unbind(request)
        .await?
        .into_inner();
    let state = answer.binding.unwrap_or_default().state();
    println!(
        "\n▌ {} unbinds {}: {}",
        contributor.name,
        beneficiary.name,
        state.as_str_name()
    );
    Ok(())
}

/// Everything a person was told, oldest first.
async fn notices_of(member: &Member, stack: &Stack) -> Result<Vec<Notice>, DemoError> {
    let request = ListNoticesRequest {
        person_id: member.person.to_string(),
        language: Language::Zh.into(),
        page_size: 200,
        cursor: String::new(),
        unread_only: false,
        large_print: false,
    };
    let answer = stack
        .callers
        .citizen(member.person)
        .notification()
        .list_notices(request)
        .await?;
    let mut notices = answer.into_inner().notices;
    notices.reverse();
    Ok(notices)
}

async fn account_of(member: &Member, stack: &Stack) -> Result<Account, DemoError> {
    let request = ListAccountsRequest {
        person_id: member.person.to_string(),
    };
    let answer = stack
        .callers
        .citizen(member.person)
        .settlement()
        .list_accounts(request)
        .await?
        .into_inner();
    answer
        .accounts
        .into_iter()
        .next()
        .ok_or(DemoError::Silent("settlement"))
}

/// The verdict, for people and for the exit code.
fn close(verdict: &Verdict) -> Result<(), DemoError> {
    if verdict.differences.is_empty() {
        println!(
            "\nEvery split, balance and reminder is as expected ({} compared).",
            verdict.compared
        );
        return Ok(());
    }
    println!("\nNot as expected:");
    for difference in &verdict.differences {
        println!("  {difference}");
    }
    Err(DemoError::Different(verdict.differences.len()))
}
