//! `gongji policy`: what the rule packs say.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;
use comfy_table::Table;
use jiff::civil::Date;
use kernel::clock::business_day;
use kernel::{Clock, Region};
use policy::Packs;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read the shipped packs and an overlay, and say what is wrong with it: file, line and cure.
    Check {
        /// The overlay; without it only the shipped packs are read.
        overlay: Option<PathBuf>,
    },
    /// What holds for a region on a day: each value with the pack, the source and the grade it comes from.
    Show {
        /// Six digits: 140100 is Taiyuan, 140000 Shanxi, 000000 the whole country.
        region: Region,
        /// The business day; today unless given.
        #[arg(long)]
        on: Option<Date>,
        #[arg(long, value_name = "FILE")]
        overlay: Option<PathBuf>,
    },
}

pub fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Check { overlay } => check(overlay.as_deref()),
        Command::Show {
            region,
            on,
            overlay,
        } => show(region, on, overlay.as_deref()),
    }
}

fn read(overlay: Option<&Path>) -> anyhow::Result<Packs> {
    let Some(path) = overlay else {
        return Ok(Packs::shipped());
    };
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("overlay");
    Ok(Packs::with_overlay(name, &text)?)
}

fn check(overlay: Option<&Path>) -> anyhow::Result<()> {
    let packs = read(overlay)?;
    let mut table = Table::new();
    table.set_header(["edition", "region", "name", "values", "of them enabled"]);
    for edition in packs.editions() {
        let enabled = edition
            .values()
            .filter(|(_, origin)| origin.enabled)
            .count();
        table.add_row([
            edition.version.as_str().to_owned(),
            edition.region.to_string(),
            format!("{} {}", edition.name_zh, edition.name_en),
            edition.values().count().to_string(),
            enabled.to_string(),
        ]);
    }
    println!("{table}");
    println!("the packs are sound");
    Ok(())
}

fn show(region: Region, on: Option<Date>, overlay: Option<&Path>) -> anyhow::Result<()> {
    let packs = read(overlay)?;
    let on = on.unwrap_or_else(|| business_day(Clock::system().now()));
    let rules = packs.rules(region, on)?;
    let mut table = Table::new();
    table.set_header(["rule", "value", "pack", "source", "grade"]);
    for (axis, origin) in rules.origins() {
        table.add_row([
            axis.code().to_owned(),
            origin.written.clone(),
            origin.version.as_str().to_owned(),
            origin.source.clone(),
            format!("{:?}", origin.grade),
        ]);
    }
    println!("what holds in {region} on {on}\n{table}");
    Ok(())
}
