//! `gongji policy`: what the rule packs say, and why.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use comfy_table::Table;
use jiff::civil::Date;
use kernel::clock::business_day;
use kernel::{Clock, Region, Scheme};
use policy::packs::{Edition, Origin};
use policy::{Axis, Packs};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check overlays, each over the shipped packs, and say what is wrong: file, line and cure.
    ///
    /// An overlay is a labelled TOML file that switches on values which ship disabled, or sets others. This one makes
    /// Henan pay from the largest balance first, and lets nobody there be bound for less than three months:
    ///
    ///     overlay = "henan-2026"
    ///
    ///     [[region]]
    ///     code = "410000"
    ///     enable = ["order"]
    ///
    ///     [region.rules]
    ///     min_bind = { value = { months = 3 }, source = "the notice that says so", grade = "A" }
    ///
    /// The label becomes part of the version of every pack it touches, and is stored with each binding and settlement.
    #[command(verbatim_doc_comment)]
    Check {
        /// An overlay, or a folder: every .toml in it is checked. Without it the shipped packs are listed.
        path: Option<PathBuf>,
    },
    /// What holds in a place on a day: each value with its pack, source and grade; and what is there and not in force.
    Show {
        #[command(flatten)]
        place: Place,
    },
    /// Why one rule of a place is what it is: who says so, who was passed over, and why. In English and Chinese.
    ///
    /// For example: gongji policy explain 411002 min_bind --on 2026-01-01
    Explain {
        #[command(flatten)]
        place: Place,
        /// The rule, as `gongji policy show` calls it: `reserve_floor`.
        #[arg(value_parser = axis)]
        rule: Axis,
    },
}

/// Where, when and under which rules.
#[derive(Debug, clap::Args)]
pub struct Place {
    /// Six digits: 140100 is Taiyuan, 140000 Shanxi, 000000 the whole country.
    region: Region,
    /// The business day; today unless given.
    #[arg(long)]
    on: Option<Date>,
    /// Rules on top of the shipped packs.
    #[arg(long, value_name = "FILE")]
    overlay: Option<PathBuf>,
}

pub fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Check { path: None } => {
            list(&Packs::shipped());
            Ok(())
        }
        Command::Check { path: Some(path) } => check(&path),
        Command::Show { place } => show(&place),
        Command::Explain { place, rule } => explain(&place, rule),
    }
}

/// The rule with this name, or those that might be meant.
fn axis(text: &str) -> Result<Axis, String> {
    let meant = || {
        let like = Axis::ALL.iter().map(|axis| axis.code());
        let like: Vec<_> = like
            .filter(|code| {
                text.split('_')
                    .any(|word| word.len() > 2 && code.contains(word))
            })
            .collect();
        match like.as_slice() {
            [] => "`gongji policy show 000000` lists them all".to_owned(),
            like => format!("did you mean {}?", like.join(", ")),
        }
    };
    Axis::from_code(text).ok_or_else(|| format!("no rule has this name; {}", meant()))
}

fn read(path: &Path) -> anyhow::Result<Packs> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Packs::with_overlay(&path.display().to_string(), &text)?)
}

/// The overlays that a path names, in the order of their names.
fn overlays(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let cannot_read = || format!("cannot read {}", path.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(path).with_context(cannot_read)? {
        let file = entry.with_context(cannot_read)?.path();
        if file
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        bail!(
            "there is no .toml in {}: name an overlay, or a folder of them",
            path.display()
        );
    }
    Ok(files)
}

fn check(path: &Path) -> anyhow::Result<()> {
    let files = overlays(path)?;
    let mut wrong = 0_usize;
    for file in &files {
        match read(file) {
            Ok(packs) => {
                let touched = packs
                    .editions()
                    .iter()
                    .map(|edition| edition.version.as_str());
                let touched: Vec<_> = touched.filter(|version| version.contains('+')).collect();
                println!("{}: sound; makes {}", file.display(), touched.join(", "));
            }
            Err(error) => {
                wrong += 1;
                eprintln!("{error:#}");
            }
        }
    }
    if wrong > 0 {
        bail!("{wrong} of {} cannot be used", files.len());
    }
    Ok(())
}

fn list(packs: &Packs) {
    let mut table = Table::new();
    table.set_header(["edition", "name", "until", "values", "not in force"]);
    for edition in packs.editions() {
        let disabled = edition.values().filter(|(_, origin)| !origin.enabled);
        table.add_row([
            edition.version.to_string(),
            format!("{} {}", edition.name_zh, edition.name_en),
            edition
                .valid_to
                .map(|last| last.to_string())
                .unwrap_or_default(),
            edition.values().count().to_string(),
            disabled.count().to_string(),
        ]);
    }
    println!("{table}\nthe shipped packs are sound");
}

fn show(place: &Place) -> anyhow::Result<()> {
    let (packs, on) = place.packs()?;
    let rules = packs.rules(place.region, on)?;
    println!(
        "what holds in {} on {on}\n{}",
        place.region,
        table(rules.origins())
    );
    let disabled: Vec<_> = packs
        .line(place.region, on)
        .flat_map(Edition::values)
        .filter(|(_, origin)| !origin.enabled)
        .collect();
    if !disabled.is_empty() {
        println!("there, and not in force\n{}", table(disabled.into_iter()));
    }
    for scheme in [Scheme::Employee, Scheme::Resident] {
        show_benefit(&packs, place.region, scheme, on);
    }
    Ok(())
}

/// What the pooled fund pays for one scheme, or that no pack says so.
fn show_benefit(packs: &Packs, region: Region, scheme: Scheme, on: Date) {
    let Some(benefit) = packs.benefit(region, scheme, on) else {
        println!("no pack gives a benefit of the {scheme} scheme in {region} on {on}");
        return;
    };
    let mut table = Table::new();
    table.set_header(["benefit", "value", "pack", "source", "grade"]);
    for (key, origin) in benefit.origins() {
        table.add_row([
            key.to_owned(),
            origin.written.clone(),
            origin.version.to_string(),
            origin.source.clone(),
            origin.grade.to_string(),
        ]);
    }
    println!("what the pooled fund pays for the {scheme} scheme\n{table}");
}

fn table<'a>(values: impl Iterator<Item = (Axis, &'a Origin)>) -> Table {
    let mut table = Table::new();
    table.set_header(["rule", "value", "pack", "source", "grade"]);
    for (axis, origin) in values {
        table.add_row([
            axis.to_string(),
            origin.written.clone(),
            origin.version.to_string(),
            origin.source.clone(),
            origin.grade.to_string(),
        ]);
    }
    table
}

fn explain(place: &Place, rule: Axis) -> anyhow::Result<()> {
    let (packs, on) = place.packs()?;
    let why = packs.why(place.region, rule, on)?;
    println!("{rule} in {} on {on}", place.region);
    println!("{}\n", rule.about());
    for sentence in why.en() {
        println!("- {sentence}");
    }
    println!();
    for sentence in why.zh() {
        println!("- {sentence}");
    }
    Ok(())
}

impl Place {
    /// The packs to ask, and the day to ask about.
    fn packs(&self) -> anyhow::Result<(Packs, Date)> {
        let packs = match &self.overlay {
            Some(path) => read(path)?,
            None => Packs::shipped(),
        };
        let on = self
            .on
            .unwrap_or_else(|| business_day(Clock::system().now()));
        Ok((packs, on))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_is_none_is_told_its_neighbours() {
        assert_eq!(axis("reserve_floor"), Ok(Axis::ReserveFloor));
        let refused = axis("max_people").unwrap_err();
        assert!(
            refused.contains("did you mean max_beneficiaries"),
            "{refused}"
        );
        let refused = axis("x").unwrap_err();
        assert!(refused.ends_with("lists them all"), "{refused}");
    }

    #[test]
    fn a_folder_is_checked_file_by_file() {
        let folder = std::env::temp_dir().join(format!("gongji-overlays-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        assert!(check(&folder).unwrap_err().to_string().contains("no .toml"));
        fs::write(folder.join("good.toml"), "overlay = \"a\"\n").unwrap();
        assert!(check(&folder).is_ok());
        fs::write(folder.join("bad.toml"), "overlay = \"a b\"\n").unwrap();
        let refused = check(&folder).unwrap_err().to_string();
        assert_eq!(refused, "1 of 2 cannot be used");
        assert!(check(&folder.join("none.toml")).is_err());
        fs::remove_dir_all(&folder).unwrap();
    }
}
