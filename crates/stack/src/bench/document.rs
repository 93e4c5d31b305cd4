//! The figures of docs/benchmarks.md: every run it reports, one after the other, and its table written anew.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::run::{self, Mode};
use super::{BenchError, Bills, Document, Hot, Plan, planner};

/// Where the table stands in the page.
const BEGIN: &str = "<!-- figures: written by `cargo stack bench document` -->";
const END: &str = "<!-- end of figures -->";

/// One line of the table: the command, and what came out.
struct Line {
    command: String,
    figures: Value,
}

/// Runs everything, and writes the table.
pub async fn write(wanted: Document) -> Result<(), BenchError> {
    let page = servers::place::workspace()
        .join("docs")
        .join("benchmarks.md");
    let failed = |source| BenchError::Document {
        path: page.clone(),
        source,
    };
    let before = fs::read_to_string(&page).map_err(failed)?;
    let mut lines = Vec::new();
    for (mode, bills) in runs(&wanted) {
        let command = command(mode, &bills);
        eprintln!("\n== {command}");
        let figures = run::bills(mode, bills).await?;
        lines.push(Line { command, figures });
    }
    let at_half = half_of_the_maximum(&lines).map(|rate| Bills {
        rate: Some(rate),
        ..bills(&wanted, 256)
    });
    if let Some(bills) = at_half {
        let command = command(Mode::Settle, &bills);
        eprintln!("\n== {command}");
        let figures = run::bills(Mode::Settle, bills).await?;
        lines.push(Line { command, figures });
    }
    let plan = planner::measure(Plan {
        seconds: wanted.seconds.min(5),
        contributors: 2,
        json: false,
        data: None,
    })
    .await?;
    let text = put(&before, &table(&lines, &plan), &page)?;
    fs::write(&page, text).map_err(failed)
}

fn bills(wanted: &Document, callers: u32) -> Bills {
    Bills {
        seconds: wanted.seconds,
        callers,
        accounts: 1_000_000,
        hot: None,
        rate: None,
        json: false,
        data: None,
    }
}

fn runs(wanted: &Document) -> Vec<(Mode, Bills)> {
    let many = |accounts| Bills {
        accounts,
        ..bills(wanted, 256)
    };
    let hot = |hot| Bills {
        hot: Some(hot),
        ..bills(wanted, 256)
    };
    let mut runs = vec![
        (Mode::Settle, bills(wanted, 1)),
        (Mode::Settle, bills(wanted, 64)),
        (Mode::Settle, bills(wanted, 256)),
        (Mode::Settle, bills(wanted, 512)),
        (Mode::Settle, many(10_000)),
        (Mode::Settle, hot(Hot::Contributor)),
        (Mode::Settle, hot(Hot::Institution)),
        (Mode::Pipeline, bills(wanted, 256)),
    ];
    if wanted.large {
        runs.push((Mode::Settle, many(10_000_000)));
    }
    runs
}

/// Half of the most that was reached, for the run with a fixed arrival rate.
fn half_of_the_maximum(lines: &[Line]) -> Option<u32> {
    let reached = lines
        .iter()
        .filter(|line| line.figures["bench"] == "settle")
        .filter_map(|line| line.figures["charges_per_s"].as_f64())
        .fold(0.0, f64::max);
    let whole = Duration::try_from_secs_f64(reached).ok()?.as_secs();
    u32::try_from(whole / 2).ok().filter(|rate| *rate > 0)
}

fn command(mode: Mode, bills: &Bills) -> String {
    let mode = match mode {
        Mode::Settle => "settle",
        Mode::Pipeline => "pipeline",
    };
    let hot = bills
        .hot
        .map_or_else(String::new, |hot| format!(" --hot {}", hot.word()));
    let rate = bills
        .rate
        .map_or_else(String::new, |rate| format!(" --rate {rate}"));
    format!(
        "{mode} --callers {} --accounts {}{hot}{rate}",
        bills.callers, bills.accounts
    )
}

fn table(lines: &[Line], plan: &Value) -> String {
    let mut text: Vec<String> = lines.first().map(on_what).into_iter().collect();
    text.push(
        "| `cargo stack bench …` | charges/s | pgbench tps | ratio (least to greatest) | p50 ms | p99 ms | p99.9 ms \
         | processor µs | WAL bytes | notice p99 ms |"
            .to_owned(),
    );
    text.push("|---|---|---|---|---|---|---|---|---|---|".to_owned());
    text.extend(lines.iter().map(row));
    text.push(format!(
        "\n`plan`: {} plans/s on one thread, {} times the {} tps of pgbench beside it.",
        plain(&plan["plans_per_s"]),
        plain(&plan["ratio"]),
        plain(&plan["pgbench_tps"])
    ));
    text.join("\n")
}

fn on_what(line: &Line) -> String {
    let machine = &line.figures["machine"];
    format!(
        "On {} cores ({}), {} MiB; PostgreSQL {}, nats-server {}; load before the first run {}; rounds of {} s.\n",
        machine["cores"],
        plain(&machine["cpu"]),
        machine["memory_mib"],
        plain(&machine["postgres"]),
        plain(&machine["nats"]),
        plain(&machine["load_before"]),
        line.figures["seconds"],
    )
}

fn row(Line { command, figures }: &Line) -> String {
    format!(
        "| `{command}` | {} | {} | {} ({} to {}) | {} | {} | {} | {} | {} | {} |",
        plain(&figures["charges_per_s"]),
        plain(&figures["pgbench_tps"]),
        plain(&figures["ratio"]),
        plain(&figures["ratio_least"]),
        plain(&figures["ratio_most"]),
        plain(&figures["p50_ms"]),
        plain(&figures["p99_ms"]),
        plain(&figures["p999_ms"]),
        plain(&figures["cpu_us_per_charge"]),
        plain(&figures["wal_bytes_per_charge"]),
        plain(&figures["notice_p99_ms"]),
    )
}

/// A figure or a word as it stands in a table.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The page with `table` between its two marks.
fn put(page: &str, table: &str, path: &Path) -> Result<String, BenchError> {
    let marks = page
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let Some((before, after)) = marks else {
        return Err(BenchError::Document {
            path: path.to_owned(),
            source: std::io::Error::other("the marks between which the figures stand are missing"),
        });
    };
    Ok(format!("{before}{BEGIN}\n\n{table}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_written_anew() {
        let page = format!("# Page\n{BEGIN}\nold\n{END}\nrest\n");
        let text = put(&page, "new", Path::new("page")).unwrap();
        assert_eq!(text, format!("# Page\n{BEGIN}\n\nnew\n{END}\nrest\n"));
        assert!(put("# Page", "new", Path::new("page")).is_err());
    }
}
