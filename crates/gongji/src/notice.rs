//! `gongji notice`: how notices read, and those that could not be put into words.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::{Args, Subcommand, ValueEnum};
use comfy_table::Table;
use kernel::clock::shanghai;
use kernel::{Clock, PersonId};
use notification::notice::{Audience, ROWS, Row, Template};
use notification::words::{Form, Language, Setting, Words, names_of_samples, sms};
use notification::{park, store};
use sqlx::PgPool;

mod completeness;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show how a kind of notice reads, with samples. Without a kind: list the kinds.
    ///
    ///     gongji notice preview                                    every kind, to whom, and its samples
    ///     gongji notice preview CHARGED_AID                        as the inbox shows it, in Chinese
    ///     gongji notice preview CHARGED_AID --channel sms          the parts of a text message, counted
    ///     gongji notice preview BOUND --to beneficiary --language en --channel large
    ///     gongji notice preview CHARGED_AID --words /etc/gongji/words     with your own words
    ///
    /// Your own words are files named like the shipped ones, each with only the texts that you want to say differently:
    ///
    ///     # /etc/gongji/words/charged_aid.contributor.toml
    ///     [zh]
    ///     title = '{{ beneficiary|name }}用了您的{{ amount|yuan }}'
    ///
    /// A text may use the fields that the list shows, each with its filter: yuan, name, place, relation, usage, reason,
    /// month, day, last_day, moment. It is refused if it uses anything else, if a balance lacks its version, or if a text
    /// message does not name amount and party in its first 70 characters.
    #[command(verbatim_doc_comment)]
    Preview(Preview),
    /// Check your own words: everything that is wrong with them, and where.
    Check {
        /// The folder.
        words: PathBuf,
    },
    /// List the notices that could not be put into words, the oldest first. Their readers see neutral words meanwhile.
    Parked {
        #[command(flatten)]
        target: Target,
        /// How many at most.
        #[arg(long, default_value_t = 100)]
        limit: i64,
    },
    /// Whether everybody was told of every change of their balance: now, and day by day. Fails if anybody was not.
    Completeness {
        #[command(flatten)]
        target: Target,
        /// How many days, the newest first.
        #[arg(long, default_value_t = 7)]
        days: i64,
    },
    /// Try the parked notices again, after the words were mended: in every language and form.
    Retry {
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Debug, Args)]
pub struct Preview {
    /// The kind: CHARGED_AID.
    #[arg(value_parser = kind)]
    kind: Option<Template>,
    /// On which side of the money the reader stands; all that are told of it unless given.
    #[arg(long)]
    to: Option<Side>,
    /// In which language.
    #[arg(long, default_value = "zh")]
    language: Tongue,
    /// Where it is read.
    #[arg(long, default_value = "inbox")]
    channel: Channel,
    /// One sample; all of them unless given.
    #[arg(long)]
    sample: Option<String>,
    /// As it reads for test money.
    #[arg(long)]
    test_money: bool,
    /// A folder with your own words.
    #[arg(long, value_name = "FOLDER")]
    words: Option<PathBuf>,
}

/// The notification service.
#[derive(Debug, Args)]
pub struct Target {
    /// Its configuration file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Side {
    Owner,
    Contributor,
    Beneficiary,
    Displayed,
}

impl Side {
    fn is(self, audience: Audience) -> bool {
        matches!(
            (self, audience),
            (Self::Owner, Audience::Owner)
                | (Self::Contributor, Audience::Contributor)
                | (Self::Beneficiary, Audience::Beneficiary)
                | (Self::Displayed, Audience::Displayed)
        )
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Tongue {
    /// 中文
    Zh,
    /// English
    En,
}

impl From<Tongue> for Language {
    fn from(tongue: Tongue) -> Self {
        match tongue {
            Tongue::Zh => Self::Chinese,
            Tongue::En => Self::English,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Channel {
    /// The inbox of an app.
    Inbox,
    /// The inbox in large print.
    Large,
    /// A text message.
    Sms,
}

impl From<Channel> for Form {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Inbox => Self::Usual,
            Channel::Large => Self::Large,
            Channel::Sms => Self::Sms,
        }
    }
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Preview(preview) => show(&preview),
        Command::Check { words } => check(&words),
        Command::Parked { target, limit } => parked(&target, limit).await,
        Command::Completeness { target, days } => completeness::report(&target, days).await,
        Command::Retry { target } => retry(&target).await,
    }
}

/// The kind with this code, or those that might be meant.
fn kind(text: &str) -> Result<Template, String> {
    let wanted = text.to_ascii_uppercase().replace('-', "_");
    let like = |template: &&Template| {
        wanted
            .split('_')
            .any(|word| word.len() > 2 && template.code().contains(word))
    };
    let known = Template::ALL.iter().find(|kind| kind.code() == wanted);
    known.copied().ok_or_else(|| {
        let like: Vec<_> = Template::ALL
            .iter()
            .filter(like)
            .map(|kind| kind.code())
            .collect();
        match like.as_slice() {
            [] => "no notice is of this kind; `gongji notice preview` lists them all".to_owned(),
            like => format!(
                "no notice is of this kind; did you mean {}?",
                like.join(", ")
            ),
        }
    })
}

fn check(folder: &Path) -> anyhow::Result<()> {
    let words = Words::load(Some(folder))?;
    println!(
        "{}: sound; tried with {} samples",
        folder.display(),
        words.samples().count()
    );
    Ok(())
}

fn show(preview: &Preview) -> anyhow::Result<()> {
    let words = Words::load(preview.words.as_deref())?;
    let Some(kind) = preview.kind else {
        println!("{}", catalogue(&words));
        return Ok(());
    };
    let names = names_of_samples();
    let mut shown = 0_usize;
    for row in ROWS.iter().filter(|row| row.template == kind) {
        if preview.to.is_some_and(|side| !side.is(row.audience)) {
            continue;
        }
        for (_, name, told) in words.samples().filter(|(file, ..)| *file == row.file) {
            if preview.sample.as_ref().is_some_and(|wanted| wanted != name) {
                continue;
            }
            let said = words.say(
                told,
                Setting {
                    language: preview.language.into(),
                    form: preview.channel.into(),
                    happened_at: Clock::system().now(),
                    sandbox: preview.test_money,
                    names: &names,
                },
            )?;
            println!("--- {kind} to {}, sample {name}", row.audience);
            print(preview.channel, &said.title, &said.text);
            shown += 1;
        }
    }
    if shown == 0 {
        bail!("there is no such sample of {kind}: `gongji notice preview` lists what there is");
    }
    Ok(())
}

fn print(channel: Channel, title: &str, text: &str) {
    match channel {
        Channel::Inbox | Channel::Large => println!("{title}\n{text}\n"),
        Channel::Sms => {
            let parts = sms::parts(text);
            for (at, part) in parts.iter().enumerate() {
                let units = sms::units(part);
                println!(
                    "part {} of {}, {units} of {} characters\n{part}",
                    at + 1,
                    parts.len(),
                    sms::PART
                );
            }
            println!();
        }
    }
}

/// Every kind, to whom, what its words may use, and its samples.
fn catalogue(words: &Words) -> Table {
    let mut table = Table::new();
    table.set_header(["kind", "to", "its words may use", "samples"]);
    for row in ROWS {
        table.add_row([
            row.template.to_string(),
            row.audience.to_string().to_ascii_lowercase(),
            fields(row),
            words
                .samples()
                .filter(|(file, ..)| *file == row.file)
                .map(|(_, name, _)| name)
                .collect::<Vec<_>>()
                .join(", "),
        ]);
    }
    table
}

fn fields(row: &Row) -> String {
    let fields: Vec<_> = row.fields.iter().map(|(name, _)| *name).collect();
    fields.join(", ")
}

/// The service's database, and the words its settings name.
async fn open(target: &Target) -> anyhow::Result<(PgPool, Words)> {
    let config = notification::Config::load(target.config.as_deref())?;
    let words = Words::load(config.words.as_deref())?;
    let db = chassis::db::open(&config.database, &notification::MIGRATIONS).await?;
    Ok((db, words))
}

async fn parked(target: &Target, limit: i64) -> anyhow::Result<()> {
    let (db, _) = open(target).await?;
    let parked = store::parked::list(&db, None, limit).await?;
    if parked.is_empty() {
        println!("every notice can be put into words");
        return Ok(());
    }
    let mut table = Table::new();
    table.set_header(["parked at", "person", "number", "kind", "reason", "because"]);
    for one in parked {
        let person: PersonId = one.person;
        table.add_row([
            one.parked_at
                .to_zoned(shanghai())
                .strftime("%F %T")
                .to_string(),
            person.to_string(),
            one.row.sequence.to_string(),
            one.row.template,
            one.reason,
            one.detail,
        ]);
    }
    println!("{table}");
    Ok(())
}

async fn retry(target: &Target) -> anyhow::Result<()> {
    let (db, words) = open(target).await?;
    let park::Retried { mended, left } = park::retry(&db, &words).await?;
    println!("{mended} notices can be read again, {left} still cannot");
    Ok(())
}
