//! Rates, ratios and percentiles: measurements, never money.

#![expect(
    clippy::float_arithmetic,
    reason = "a rate is a quotient and an estimate; no amount of money comes here"
)]

use std::time::Duration;

use hdrhistogram::Histogram;

use super::meter::Spent;

/// One round of settling.
#[derive(Debug)]
pub struct Round {
    /// From the first call to the last answer.
    pub elapsed: Duration,
    /// Microseconds from each call to its answer.
    pub latencies: Histogram<u64>,
    /// Whether the bills that were made for it ended before its time did.
    pub ran_dry: bool,
    /// What the machine spent on it.
    pub spent: Spent,
}

/// A round of ours and the round of `pgbench` after it.
#[derive(Debug)]
pub struct Pair {
    /// Ours.
    pub round: Round,
    /// How long after the round the last event was handled.
    pub told_after: Duration,
    /// Transactions a second of the neighbour.
    pub pgbench_tps: f64,
}

/// A quantity with the smallest and the largest of its values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    pub least: f64,
    pub median: f64,
    pub most: f64,
}

impl Round {
    /// How many bills were settled.
    pub fn charges(&self) -> u64 {
        self.latencies.len()
    }

    /// Bills settled in a second.
    pub fn charges_per_s(&self) -> f64 {
        real(self.charges()) / self.elapsed.as_secs_f64()
    }
}

impl Pair {
    /// How many bills we settle while `pgbench` does one transaction.
    pub fn ratio(&self) -> f64 {
        self.round.charges_per_s() / self.pgbench_tps
    }
}

impl Spread {
    /// The spread of some values; none of none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(values[middle - 1], values[middle])
        };
        Some(Self {
            least,
            median,
            most,
        })
    }
}

/// How many bills a round of `seconds` may need if it is up to `margin` times as fast as `charges_per_s`.
pub fn bills_for(charges_per_s: f64, seconds: u32, margin: f64) -> u32 {
    let bills = Duration::from_secs_f64(f64::from(seconds) * charges_per_s * margin).as_secs();
    u32::try_from(bills.saturating_add(1_000)).unwrap_or(u32::MAX)
}

/// Nothing measured yet: from a microsecond to ten minutes, to three digits.
pub fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 600_000_000, 3)
        .expect("the bounds are in order and the digits within five")
}

/// The time within which this share of the answers came, in milliseconds.
pub fn quantile_ms(latencies: &Histogram<u64>, share: f64) -> f64 {
    real(latencies.value_at_quantile(share)) / 1_000.0
}

/// The longest any answer took, in milliseconds.
pub fn longest_ms(latencies: &Histogram<u64>) -> f64 {
    real(latencies.max()) / 1_000.0
}

/// How much of something each of `charges` took.
pub fn per_charge(total: u64, charges: u64) -> f64 {
    if charges == 0 {
        0.0
    } else {
        real(total) / real(charges)
    }
}

/// A figure to as many decimals as are worth reading.
pub fn rounded(figure: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (figure * scale).round() / scale
}

/// Counts of a run are far below the 2^53 up to which every whole number has a float of its own.
fn real(count: u64) -> f64 {
    let high = u32::try_from(count >> 32).expect("half of it");
    let low = u32::try_from(count & u64::from(u32::MAX)).expect("the other half");
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_not_moved_by_one_bad_round() {
        let spread = Spread::of([3.0, 0.1, 3.2]).unwrap();
        assert_eq!(
            spread,
            Spread {
                least: 0.1,
                median: 3.0,
                most: 3.2
            }
        );
        assert_eq!(
            Spread::of([1.0, 2.0]).map(|spread| spread.median),
            Some(1.5)
        );
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn a_rate_is_answers_over_time() {
        let mut latencies = empty();
        for micros in 1..=1_000 {
            latencies.record(micros).unwrap();
        }
        let round = Round {
            elapsed: Duration::from_millis(500),
            latencies,
            ran_dry: false,
            spent: Spent::default(),
        };
        assert_eq!(round.charges_per_s().to_string(), "2000");
        assert_eq!(bills_for(2_000.0, 10, 1.5), 31_000);
        assert_eq!(
            rounded(quantile_ms(&round.latencies, 0.5), 2).to_string(),
            "0.5"
        );
        assert_eq!(real(1 << 40).to_string(), "1099511627776");
    }
}
