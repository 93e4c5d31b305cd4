//! The books after a run: every fen that was answered must have moved once, and everybody must have been told once.

use sqlx::PgConnection;

use super::BenchError;

/// One thing that must be so.
#[derive(Debug, PartialEq, Eq)]
pub struct Check {
    /// What was counted.
    pub what: &'static str,
    /// How much there is.
    pub found: i64,
    /// How much there must be.
    pub wanted: i64,
}

impl Check {
    /// Whether it is so.
    pub const fn holds(&self) -> bool {
        self.found == self.wanted
    }
}

/// What settlement's tables say.
#[derive(Debug, sqlx::FromRow)]
struct Settled {
    settlements: i64,
    own: i64,
    aid: i64,
}

/// Compares what the tables say with what the callers were told: `answered` bills settled.
pub async fn check(
    settlement: &mut PgConnection,
    notification: &mut PgConnection,
    answered: u64,
) -> Result<Vec<Check>, BenchError> {
    let failed = || BenchError::sql("check the books");
    let answered = i64::try_from(answered).expect("a run settles fewer bills than an i64 counts");
    let settled: Settled = sqlx::query_as(SETTLED)
        .fetch_one(&mut *settlement)
        .await
        .map_err(failed())?;
    let mut checks = vec![Check {
        what: "settlements stored",
        found: settled.settlements,
        wanted: answered,
    }];
    for (what, statement, wanted) in [
        (
            "accounts whose balance is not the sum of their movements",
            ACCOUNTS_OFF,
            0,
        ),
        (
            "fen that own accounts paid, by movements",
            OWN_MOVED,
            settled.own,
        ),
        (
            "fen that contributors paid, by movements",
            AID_MOVED,
            settled.aid,
        ),
        ("fen that contributors paid, by legs", AID_LEGS, settled.aid),
        ("fen counted in monthly limits", COUNTED, settled.aid),
        ("tokens used up", TOKENS, answered),
        ("events of charges", EVENTS, answered),
        ("events parked by settlement", PARKED, 0),
    ] {
        let found = sqlx::query_scalar(statement)
            .fetch_one(&mut *settlement)
            .await
            .map_err(failed())?;
        checks.push(Check {
            what,
            found,
            wanted,
        });
    }
    for (what, statement, wanted) in [
        (
            "notices to patients who paid themselves",
            TOLD_OWN,
            answered,
        ),
        ("notices to contributors", TOLD_CONTRIBUTORS, answered),
        ("notices to patients who were helped", TOLD_HELPED, answered),
        ("events parked by notification", PARKED, 0),
    ] {
        let found = sqlx::query_scalar(statement)
            .fetch_one(&mut *notification)
            .await
            .map_err(failed())?;
        checks.push(Check {
            what,
            found,
            wanted,
        });
    }
    Ok(checks)
}

const SETTLED: &str = "-- bench.settled
SELECT count(*) AS settlements, coalesce(sum(own_fen), 0)::bigint AS own, coalesce(sum(aid_fen), 0)::bigint AS aid
FROM settlement WHERE outcome = 'SETTLED'";

const ACCOUNTS_OFF: &str = "-- bench.accounts_off
WITH moved AS (
    SELECT account_id, bucket, count(*) AS times,
           sum(CASE WHEN kind IN ('CHARGE_OWN', 'CHARGE_AID') THEN -amount_fen ELSE amount_fen END) AS fen
    FROM movement GROUP BY account_id, bucket
), books AS (
    SELECT account_id, sum(times) AS version,
           coalesce(sum(fen) FILTER (WHERE bucket = 'CURRENT'), 0) AS current_fen,
           coalesce(sum(fen) FILTER (WHERE bucket = 'PRIOR'), 0) AS prior_fen
    FROM moved GROUP BY account_id
)
SELECT count(*) FROM account a LEFT JOIN books b USING (account_id)
WHERE (a.current_fen, a.prior_fen, a.version)
    IS DISTINCT FROM (coalesce(b.current_fen, 0), coalesce(b.prior_fen, 0), coalesce(b.version, 0))";

const OWN_MOVED: &str = "-- bench.own_moved
SELECT coalesce(sum(amount_fen), 0)::bigint FROM movement WHERE kind = 'CHARGE_OWN'";

const AID_MOVED: &str = "-- bench.aid_moved
SELECT coalesce(sum(amount_fen), 0)::bigint FROM movement WHERE kind = 'CHARGE_AID'";

const AID_LEGS: &str = "-- bench.aid_legs
SELECT coalesce(sum(amount_fen), 0)::bigint FROM leg WHERE kind = 'AID'";

const COUNTED: &str = "-- bench.counted
SELECT coalesce(sum(total_gross_fen - total_refunded_fen), 0)::bigint FROM limit_used WHERE scope = 'PAIR'";

const TOKENS: &str = "-- bench.tokens_used
SELECT count(*) FROM credential_use";

const EVENTS: &str = "-- bench.events
SELECT count(*) FROM outbox WHERE subject = 'gongji.v1.settlement.charged'";

const PARKED: &str = "-- bench.parked
SELECT count(*) FROM parked";

const TOLD_OWN: &str = "-- bench.told_own
SELECT count(*) FROM notice WHERE template = 'CHARGED_OWN'";

const TOLD_CONTRIBUTORS: &str = "-- bench.told_contributors
SELECT count(*) FROM notice WHERE template = 'CHARGED_AID'";

const TOLD_HELPED: &str = "-- bench.told_helped
SELECT count(*) FROM notice WHERE template = 'AID_USED_FOR_YOU'";
