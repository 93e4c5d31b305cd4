//! Money that relatives move before any bill: into a family pool (Fujian), or from wallet to wallet (the whole country).
//!
//! A bill knows nothing of either: what was moved belongs to the pool's slice or to the receiver's wallet by then.

use kernel::{Fen, Reason, Refusal, Relation, Timestamp, clock};

use crate::axes::Rules;

/// What a member wants to move into the family pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntoPool {
    pub amount: Fen,
    /// What of the member's account the rules let them use for others.
    pub usable: Fen,
    /// How often the member moved money in during this calendar month.
    pub this_month: u16,
}

/// Decides whether money may go into the pool, by the rules of the member's place.
///
/// # Errors
/// `AMOUNT_ZERO` and `AMOUNT_NEGATIVE`, `POOL_NOT_OFFERED`, `POOL_MONTH_USED`, and `POOL_KEEPS_REST` with the most that can be moved.
pub fn into_pool(asked: &IntoPool, rules: &Rules) -> Result<(), Refusal> {
    positive(asked.amount)?;
    let pool = rules.pool.ok_or(Reason::PoolNotOffered)?;
    if asked.this_month >= pool.per_month.get() {
        return Err(Refusal::about(
            Reason::PoolMonthUsed,
            pool.per_month.to_string(),
        ));
    }
    let most = asked.usable.less(pool.transferable_above);
    if asked.amount > most {
        return Err(Refusal::about(Reason::PoolKeepsRest, most.to_string()));
    }
    Ok(())
}

/// What somebody wants to send from a wallet, or from their own account, to a relative's wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToWallet {
    pub amount: Fen,
    /// What the receiver is to the sender.
    pub relation: Relation,
    /// What the sender's wallet or account can give.
    pub usable: Fen,
    /// How many transfers the sender's wallet has made today.
    pub today: u16,
    pub now: Timestamp,
}

/// Decides whether a transfer may be made, by the stricter of the sender's and the receiver's place.
///
/// Wallets are for near relatives (`domain.md` 6.5), whatever legacy relations a region's binding admits.
///
/// # Errors
/// `AMOUNT_ZERO` and `AMOUNT_NEGATIVE`, `RELATION_NOT_ALLOWED`, `WALLET_NOT_OFFERED`, `WALLET_CLOSED` with the hours,
/// `WALLET_DAY_USED`, `WALLET_TOO_MUCH` with the most, `CONTRIBUTOR_BALANCE_ZERO`.
pub fn to_wallet(asked: &ToWallet, sender: &Rules, receiver: &Rules) -> Result<(), Refusal> {
    positive(asked.amount)?;
    if !asked.relation.is_near() {
        return Err(Refusal::about(
            Reason::RelationNotAllowed,
            asked.relation.code(),
        ));
    }
    let time = asked.now.to_zoned(clock::shanghai()).time();
    for rules in [sender, receiver] {
        let wallet = rules.wallet.ok_or(Reason::WalletNotOffered)?;
        if time >= wallet.closed_from || time < wallet.closed_until {
            let hours = [wallet.closed_from, wallet.closed_until]
                .map(|time| time.strftime("%H:%M").to_string())
                .join("-");
            return Err(Refusal::about(Reason::WalletClosed, hours));
        }
        if asked.today >= wallet.per_day.get() {
            return Err(Refusal::about(
                Reason::WalletDayUsed,
                wallet.per_day.to_string(),
            ));
        }
        if asked.amount > wallet.at_most {
            return Err(Refusal::about(
                Reason::WalletTooMuch,
                wallet.at_most.to_string(),
            ));
        }
    }
    if asked.amount > asked.usable {
        return Err(Reason::BalanceZero.into());
    }
    Ok(())
}

fn positive(amount: Fen) -> Result<(), Refusal> {
    if amount.is_negative() {
        return Err(Refusal::about(Reason::AmountNegative, amount.to_string()));
    }
    if amount.is_zero() {
        return Err(Reason::AmountZero.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Packs;

    fn rules(region: &str) -> Rules {
        let on = "2026-01-01".parse().unwrap();
        Rules::clone(Packs::shipped().rules(region.parse().unwrap(), on).unwrap())
    }

    fn deposit(yuan: i64, this_month: u16) -> Result<(), Refusal> {
        let asked = IntoPool {
            amount: Fen::new(yuan * 100),
            usable: Fen::new(260_000),
            this_month,
        };
        into_pool(&asked, &rules("350100"))
    }

    #[test]
    fn in_fujian_what_is_above_two_thousand_goes_into_the_pool_once_a_month() {
        assert_eq!(deposit(600, 0), Ok(()));
        let too_much = Refusal::about(Reason::PoolKeepsRest, "600.00");
        assert_eq!(deposit(601, 0), Err(too_much));
        assert_eq!(
            deposit(1, 1),
            Err(Refusal::about(Reason::PoolMonthUsed, "1"))
        );
        assert_eq!(deposit(0, 0), Err(Reason::AmountZero.into()));
        assert!(deposit(-1, 0).is_err());
    }

    #[test]
    fn elsewhere_there_is_no_pool() {
        let asked = IntoPool {
            amount: Fen::new(1),
            usable: Fen::new(1_000_000),
            this_month: 0,
        };
        assert_eq!(
            into_pool(&asked, &rules("320100")),
            Err(Reason::PoolNotOffered.into())
        );
    }

    fn transfer(change: impl Fn(&mut ToWallet), receiver: &str) -> Result<(), Refusal> {
        let mut asked = ToWallet {
            amount: Fen::new(200_000),
            relation: Relation::Parent,
            usable: Fen::new(200_000),
            today: 2,
            now: "2026-01-01T04:00:00Z".parse().unwrap(), // noon in Shanghai
        };
        change(&mut asked);
        to_wallet(&asked, &rules("320600"), &rules(receiver))
    }

    #[test]
    fn a_wallet_sends_two_thousand_three_times_a_day_to_near_relatives_anywhere() {
        assert_eq!(transfer(|_| {}, "650100"), Ok(()));
        let refused = |change: fn(&mut ToWallet)| transfer(change, "650100").unwrap_err().reason;
        assert_eq!(
            refused(|asked| asked.amount = Fen::new(200_001)),
            Reason::WalletTooMuch
        );
        assert_eq!(
            refused(|asked| asked.usable = Fen::new(199_999)),
            Reason::BalanceZero
        );
        assert_eq!(refused(|asked| asked.today = 3), Reason::WalletDayUsed);
        assert_eq!(
            refused(|asked| asked.relation = Relation::SpouseParent),
            Reason::RelationNotAllowed
        );
        assert_eq!(
            refused(|asked| asked.amount = Fen::ZERO),
            Reason::AmountZero
        );
    }

    #[test]
    fn at_night_no_wallet_sends() {
        let at = |time: &str| {
            let now: Timestamp = format!("2026-01-01T{time}+08:00").parse().unwrap();
            transfer(|asked| asked.now = now, "650100")
        };
        assert!(at("21:59:59").is_ok() && at("06:00:00").is_ok());
        let closed = Refusal::about(Reason::WalletClosed, "22:00-06:00");
        assert_eq!(at("22:00:00"), Err(closed.clone()));
        assert_eq!(at("05:59:59"), Err(closed));
    }

    #[test]
    fn both_places_must_have_wallets() {
        assert_eq!(
            transfer(|_| {}, "440100"),
            Err(Reason::WalletNotOffered.into())
        );
    }
}
