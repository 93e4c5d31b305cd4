//! `gongji reconcile`: an institution's file against the centre's books, for the agency that is asked who is right.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use comfy_table::{CellAlignment, Table};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::civil::Date;
use kernel::Fen;
use proto::common::v1::Scheme;
use proto::settlement::v1::settlement_service_client::SettlementServiceClient;
use proto::settlement::v1::{
    ClearingType, Figures, InstitutionRecord, ReconcileDetailsRequest, ReconciledField,
    ReconciledRecord, ReconciliationOutcome, ReconciliationScope, ReconciliationSummary,
    ReconciliationTotals,
};

use crate::import::Operator;

mod file;

/// As many records as the service takes in one message.
const MESSAGE: usize = 500;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The institution whose file it is: its `fixmedins_code`.
    #[arg(long)]
    institution: String,
    /// The first day (yyyy-MM-dd).
    #[arg(long)]
    from: Date,
    /// The last day, at most 31 with the first.
    #[arg(long)]
    to: Date,
    /// A .csv with a header of column names: the file of 3202. Columns: `setl_id`, `medfee_sumamt` (in yuan; below zero
    /// for a refund), and as far as they are there `psn_no`, `fund_pay_sumamt`, `acct_pay`, `acct_mulaid_pay`,
    /// `cash_payamt`, `refd_setl_flag` (0, 1); `mdtrt_id` is passed over.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// Only bills of this scheme.
    #[arg(long)]
    scheme: Option<Insutype>,
    /// Only bills of this type of clearing (`clr_type`).
    #[arg(long)]
    clearing_type: Option<Clearing>,
    /// The file holds settlements and no refunds.
    #[arg(long)]
    without_refunds: bool,
    /// How many records that are not equal are shown.
    #[arg(long, default_value_t = 100)]
    show: usize,
    /// Where the settlement service is.
    #[arg(long, default_value = "http://127.0.0.1:7403")]
    settlement: String,
    #[command(flatten)]
    operator: Operator,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Insutype {
    #[value(name = "310")]
    Employee,
    #[value(name = "390")]
    Resident,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Clearing {
    #[value(name = "11")]
    Outpatient,
    #[value(name = "21")]
    Inpatient,
    #[value(name = "41")]
    Pharmacy,
    #[value(name = "99")]
    Other,
}

impl Arguments {
    fn scope(&self) -> ReconciliationScope {
        let scheme = match self.scheme {
            None => Scheme::Unspecified,
            Some(Insutype::Employee) => Scheme::Employee,
            Some(Insutype::Resident) => Scheme::Resident,
        };
        let clearing_type = match self.clearing_type {
            None => ClearingType::Unspecified,
            Some(Clearing::Outpatient) => ClearingType::Outpatient,
            Some(Clearing::Inpatient) => ClearingType::Inpatient,
            Some(Clearing::Pharmacy) => ClearingType::Pharmacy,
            Some(Clearing::Other) => ClearingType::Other,
        };
        ReconciliationScope {
            institution: self.institution.clone(),
            first_day: self.from.to_string(),
            last_day: self.to.to_string(),
            scheme: scheme.into(),
            clearing_type: clearing_type.into(),
            without_refunds: self.without_refunds,
        }
    }
}

/// Fails if anything is not equal, so that a script can tell.
pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let lines = file::read(&arguments.file)?;
    let peer = arguments
        .operator
        .peer(&arguments.settlement, "settlement")?;
    let mut settlement = SettlementServiceClient::new(peer);
    let bar = ProgressBar::new(u64::try_from(lines.len())?);
    bar.set_style(ProgressStyle::with_template(
        "{bar:30} {pos}/{len} records {msg} ({eta} left)",
    )?);

    let messages = messages(arguments.scope(), &lines);
    let answers = settlement.reconcile_details(tokio_stream::iter(messages));
    let mut answers = answers.await?.into_inner();
    let mut lines = lines.iter().map(|(line, _)| *line);
    let mut findings = Findings::new(arguments.show);
    let mut summary = None;
    while let Some(answer) = answers.message().await? {
        for record in &answer.records {
            let line = record.institution.as_ref().and_then(|_| lines.next());
            bar.inc(u64::from(line.is_some()));
            findings.add(line, record);
        }
        bar.set_message(format!("{} not equal", findings.found));
        summary = answer.summary.or(summary);
    }
    bar.finish_and_clear();
    findings.print();
    let summary = summary.context("the service stopped before it was done")?;
    print(&summary);
    if findings.found > 0 {
        bail!("{} records are not equal", findings.found);
    }
    Ok(())
}

/// The first message says what is compared, the others bring the file.
fn messages(
    scope: ReconciliationScope,
    lines: &[(usize, InstitutionRecord)],
) -> Vec<ReconcileDetailsRequest> {
    let mut messages = vec![ReconcileDetailsRequest {
        scope: Some(scope),
        records: Vec::new(),
    }];
    messages.extend(lines.chunks(MESSAGE).map(|lines| ReconcileDetailsRequest {
        scope: None,
        records: lines.iter().map(|(_, record)| record.clone()).collect(),
    }));
    messages
}

/// Records that are not equal.
struct Findings {
    table: Table,
    show: usize,
    found: usize,
}

impl Findings {
    fn new(show: usize) -> Self {
        let mut table = Table::new();
        table.set_header(["line", "setl_id", "outcome", "what", "msgid"]);
        Self {
            table,
            show,
            found: 0,
        }
    }

    fn add(&mut self, line: Option<usize>, record: &ReconciledRecord) {
        let outcome = match record.outcome() {
            ReconciliationOutcome::Equal => return,
            ReconciliationOutcome::OnlyAtCentre => "only at the centre",
            ReconciliationOutcome::OnlyAtInstitution => "only at the institution",
            ReconciliationOutcome::Differs | ReconciliationOutcome::Unspecified => "differs",
        };
        self.found += 1;
        if self.found > self.show {
            return;
        }
        let told = record.institution.as_ref();
        let centre = record.centre.as_ref();
        let number = told.map(|told| told.settlement_id.clone());
        let number = number.or_else(|| centre.map(|centre| centre.settlement_id.clone()));
        self.table.add_row([
            line.map(|line| line.to_string()).unwrap_or_default(),
            number.unwrap_or_default(),
            outcome.to_owned(),
            what(record),
            centre
                .map(|centre| centre.msgid.clone())
                .unwrap_or_default(),
        ]);
    }

    fn print(&self) {
        if self.found > 0 {
            println!("{}", self.table);
        }
        let hidden = self.found.saturating_sub(self.show);
        if hidden > 0 {
            println!("and {hidden} more: --show {} shows them", self.found);
        }
    }
}

/// What there is to say of a record that is not equal.
fn what(record: &ReconciledRecord) -> String {
    let theirs = record.institution.as_ref().and_then(|told| told.figures);
    let ours = record.centre.as_ref().and_then(|centre| centre.figures);
    match record.outcome() {
        ReconciliationOutcome::OnlyAtInstitution if record.repeated_record => {
            "listed before".to_owned()
        }
        ReconciliationOutcome::OnlyAtInstitution if record.outside_scope => {
            "the centre has it under another day, scheme or type".to_owned()
        }
        ReconciliationOutcome::Differs => {
            let differences = record.differing().map(|field| {
                let (name, of) = named(field);
                let amount = |figures: Option<Figures>| figures.as_ref().and_then(of);
                match amount(theirs).zip(amount(ours)) {
                    Some((theirs, ours)) => format!("{name} {theirs}, centre {ours}"),
                    None => name.to_owned(),
                }
            });
            differences.collect::<Vec<_>>().join("; ")
        }
        _ => {
            let total = theirs.or(ours).map(|figures| Fen::new(figures.total_fen));
            total
                .map(|total| format!("total {total}"))
                .unwrap_or_default()
        }
    }
}

/// What a field is called, and its amount, if it is one.
type Named = (&'static str, fn(&Figures) -> Option<Fen>);

fn named(field: ReconciledField) -> Named {
    match field {
        ReconciledField::Total => ("total", |figures| Some(Fen::new(figures.total_fen))),
        ReconciledField::Pooled => ("fund", |figures| figures.pooled_fen.map(Fen::new)),
        ReconciledField::Own => ("own account", |figures| figures.own_fen.map(Fen::new)),
        ReconciledField::Aid => ("aid", |figures| figures.aid_fen.map(Fen::new)),
        ReconciledField::Cash => ("cash", |figures| figures.cash_fen.map(Fen::new)),
        ReconciledField::PersonNo => ("another person number", |_| None),
        ReconciledField::Refund => ("settlement or refund", |_| None),
        ReconciledField::Records => ("records", |_| None),
        ReconciledField::Unspecified => ("", |_| None),
    }
}

/// Both sides' totals, and how many records had which outcome.
fn print(summary: &ReconciliationSummary) {
    let mut table = Table::new();
    table.set_header(["", "institution", "centre"]);
    let side = |totals: Option<ReconciliationTotals>| {
        let totals = totals.unwrap_or_default();
        (totals.records, totals.figures.unwrap_or_default())
    };
    let (theirs, institution) = side(summary.institution);
    let (ours, centre) = side(summary.centre);
    table.add_row(["records".to_owned(), theirs.to_string(), ours.to_string()]);
    for field in [
        ReconciledField::Total,
        ReconciledField::Pooled,
        ReconciledField::Own,
        ReconciledField::Aid,
        ReconciledField::Cash,
    ] {
        let (name, of) = named(field);
        let told = |figures| of(figures).map_or_else(|| "-".to_owned(), |fen| fen.to_string());
        table.add_row([name.to_owned(), told(&institution), told(&centre)]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}");
    println!(
        "{} equal, {} differ, {} only at the institution, {} only at the centre",
        summary.equal, summary.differing, summary.only_at_institution, summary.only_at_centre
    );
}
