//! What came out, for a person and for a program.

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

use super::books::Check;
use super::figures::{self, Pair, Spread, longest_ms, per_charge, quantile_ms, rounded};
use super::machine::Machine;
use super::meter::Cpu;
use super::notices::Notices;
use super::run::Mode;
use super::{Bills, Hot};

/// Everything that was measured.
#[derive(Debug)]
pub struct Report {
    pub mode: Mode,
    pub wanted: Bills,
    /// How long notices took, where they were told meanwhile.
    pub notices: Option<Notices>,
    pub machine: Machine,
    pub pairs: Vec<Pair>,
    pub checks: Vec<Check>,
}

/// The figures that stand for the run.
struct Whole {
    charges_per_s: Spread,
    pgbench_tps: Spread,
    ratio: Spread,
}

impl Report {
    /// Whether money and notices are all there, once.
    pub fn books_add_up(&self) -> bool {
        self.checks.iter().all(Check::holds)
    }

    fn whole(&self) -> Whole {
        let spread = |figure: fn(&Pair) -> f64| {
            Spread::of(self.pairs.iter().map(figure)).expect("a run has at least one pair")
        };
        Whole {
            charges_per_s: spread(|pair| pair.round.charges_per_s()),
            pgbench_tps: spread(|pair| pair.pgbench_tps),
            ratio: spread(Pair::ratio),
        }
    }

    fn latencies(&self) -> hdrhistogram::Histogram<u64> {
        let mut all = figures::empty();
        for pair in &self.pairs {
            all.add(&pair.round.latencies)
                .expect("all histograms have the same bounds");
        }
        all
    }

    fn charges(&self) -> u64 {
        self.pairs.iter().map(|pair| pair.round.charges()).sum()
    }

    fn wal(&self) -> u64 {
        self.pairs.iter().map(|pair| pair.round.spent.wal).sum()
    }

    /// None where the system does not tell.
    fn cpu(&self) -> Option<Cpu> {
        self.pairs.iter().try_fold(Cpu::default(), |so_far, pair| {
            let cpu = pair.round.spent.cpu?;
            Some(Cpu {
                ours: so_far.ours.saturating_add(cpu.ours),
                postgres: so_far.postgres.saturating_add(cpu.postgres),
                nats: so_far.nats.saturating_add(cpu.nats),
            })
        })
    }

    /// Prints it for a person.
    pub fn print(&self) {
        let Bills {
            seconds,
            callers,
            accounts,
            hot,
            rate,
            ..
        } = self.wanted;
        println!();
        let what = match self.mode {
            Mode::Settle => "Settle over gRPC, told after the round",
            Mode::Pipeline => "Settle over gRPC with relay, consumers and notices",
        };
        println!(
            "{what}: own account and one contributor, {callers} callers, {accounts} contributors"
        );
        match hot {
            None => {}
            Some(Hot::Contributor) => println!("one contributor pays every bill"),
            Some(Hot::Institution) => println!("one institution sends every bill"),
        }
        if let Some(rate) = rate {
            println!(
                "{rate} bills a second are due, answered or not; a bill's time begins when it is due"
            );
        }
        println!(
            "{} rounds of {seconds} s, each followed by pgbench (TPC-B-like) on the same Postgres",
            self.pairs.len()
        );
        println!("{}", self.machine);
        println!();
        println!("{}", self.table());
        let whole = self.whole();
        println!();
        println!(
            "ratio {:.2} (median; {:.2} to {:.2}): {:.0} charges/s to {:.0} pgbench tps",
            whole.ratio.median,
            whole.ratio.least,
            whole.ratio.most,
            whole.charges_per_s.median,
            whole.pgbench_tps.median
        );
        let charges = self.charges();
        if let Some(cpu) = self.cpu() {
            println!(
                "processor time per charge {:.0} µs: services and callers {:.0}, Postgres {:.0}, nats-server {:.0}",
                per_charge(cpu.total(), charges),
                per_charge(cpu.ours, charges),
                per_charge(cpu.postgres, charges),
                per_charge(cpu.nats, charges)
            );
        }
        println!(
            "write-ahead log per charge {:.0} bytes, events and notices included",
            per_charge(self.wal(), charges)
        );
        if let Some(notices) = self.notices {
            println!(
                "from a charge to its stored notice: p50 {:.0} ms, p99 {:.0} ms, at most {:.0} ms",
                notices.median, notices.p99, notices.longest
            );
        }
        self.print_books();
    }

    fn print_books(&self) {
        if self.books_add_up() {
            println!(
                "the books add up: {} checks over every account, movement, limit, token and notice",
                self.checks.len()
            );
        }
        for check in self.checks.iter().filter(|check| !check.holds()) {
            println!(
                "WRONG: {}: {}, and must be {}",
                check.what, check.found, check.wanted
            );
        }
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header([
            "round",
            "charges/s",
            "pgbench tps",
            "ratio",
            "p50 ms",
            "p90 ms",
            "p99 ms",
            "p99.9 ms",
            "max ms",
            "told after s",
        ]);
        for (at, pair) in self.pairs.iter().enumerate() {
            let mut row = vec![
                at.saturating_add(1).to_string(),
                format!("{:.0}", pair.round.charges_per_s()),
                format!("{:.0}", pair.pgbench_tps),
                format!("{:.2}", pair.ratio()),
            ];
            row.extend(tail(&pair.round.latencies));
            row.push(format!("{:.1}", pair.told_after.as_secs_f64()));
            table.add_row(row);
        }
        let whole = self.whole();
        let mut row = vec![
            "all".to_owned(),
            format!("{:.0}", whole.charges_per_s.median),
            format!("{:.0}", whole.pgbench_tps.median),
            format!("{:.2}", whole.ratio.median),
        ];
        row.extend(tail(&self.latencies()));
        table.add_row(row);
        for column in table.column_iter_mut() {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    /// One line for a program.
    pub fn json(&self) -> Value {
        let whole = self.whole();
        let latencies = self.latencies();
        let charges = self.charges();
        let cpu = self
            .cpu()
            .map(|cpu| rounded(per_charge(cpu.total(), charges), 1));
        let pairs: Vec<Value> = self.pairs.iter().map(pair).collect();
        let mut json = json!({
            "bench": match self.mode { Mode::Settle => "settle", Mode::Pipeline => "pipeline" },
            "charges_per_s": rounded(whole.charges_per_s.median, 1),
            "pgbench_tps": rounded(whole.pgbench_tps.median, 1),
            "ratio": rounded(whole.ratio.median, 3),
            "ratio_least": rounded(whole.ratio.least, 3),
            "ratio_most": rounded(whole.ratio.most, 3),
            "p50_ms": rounded(quantile_ms(&latencies, 0.5), 3),
            "p90_ms": rounded(quantile_ms(&latencies, 0.9), 3),
            "p99_ms": rounded(quantile_ms(&latencies, 0.99), 3),
            "p999_ms": rounded(quantile_ms(&latencies, 0.999), 3),
            "max_ms": rounded(longest_ms(&latencies), 3),
            "callers": self.wanted.callers,
            "seconds": self.wanted.seconds,
            "accounts": self.wanted.accounts,
            "hot": self.wanted.hot.map(Hot::word),
            "rate": self.wanted.rate,
            "charges": charges,
            "cpu_us_per_charge": cpu,
            "wal_bytes_per_charge": rounded(per_charge(self.wal(), charges), 1),
            "books_add_up": self.books_add_up(),
            "machine": self.machine,
            "pairs": pairs,
        });
        if let (Some(notices), Some(fields)) = (self.notices, json.as_object_mut()) {
            fields.insert(
                "notice_p50_ms".to_owned(),
                rounded(notices.median, 1).into(),
            );
            fields.insert("notice_p99_ms".to_owned(), rounded(notices.p99, 1).into());
        }
        json
    }
}

fn pair(pair: &Pair) -> Value {
    json!({
        "charges_per_s": rounded(pair.round.charges_per_s(), 1),
        "pgbench_tps": rounded(pair.pgbench_tps, 1),
        "ratio": rounded(pair.ratio(), 3),
        "p50_ms": rounded(quantile_ms(&pair.round.latencies, 0.5), 3),
        "p99_ms": rounded(quantile_ms(&pair.round.latencies, 0.99), 3),
        "told_after_s": rounded(pair.told_after.as_secs_f64(), 2),
        "ran_dry": pair.round.ran_dry,
    })
}

/// p50, p90, p99, p99.9 and the longest, in milliseconds.
fn tail(latencies: &hdrhistogram::Histogram<u64>) -> Vec<String> {
    let mut tail: Vec<String> = [0.5, 0.9, 0.99, 0.999]
        .into_iter()
        .map(|share| format!("{:.1}", quantile_ms(latencies, share)))
        .collect();
    tail.push(format!("{:.1}", longest_ms(latencies)));
    tail
}
