//! The terms of what stands beside linking: the family pool, the wallet, and the display link that moves no money.

use std::num::NonZeroU16;

use jiff::civil::Time;
use kernel::Fen;
use serde::Deserialize;

use super::Presence;
use super::written::Yuan;

/// How money gets into a family pool (Fujian). The floor of such a place is this one, and concerns the way in, not paying
/// from the pool (ruling 35 of the design).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolTerms {
    /// Only what is above this may be moved in.
    #[serde(deserialize_with = "yuan")]
    pub transferable_above: Fen,
    /// How often per calendar month one member may move money in.
    pub per_month: NonZeroU16,
}

/// How money moves between wallets (national, `domain.md` 4.3 and 6.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalletTerms {
    /// How many transfers one wallet may send per day.
    pub per_day: NonZeroU16,
    /// The most of one transfer.
    #[serde(deserialize_with = "yuan")]
    pub at_most: Fen,
    /// From when in the evening nothing is sent, Asia/Shanghai.
    pub closed_from: Time,
    /// Until when in the morning nothing is sent; what was not accepted by then goes back.
    pub closed_until: Time,
}

/// On what terms one person may show another's insurance code (亲情账户, `domain.md` 6.4, ruling 38 of the design). The
/// binding service's display links are decided by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisplayLinkTerms {
    /// How many people one may link in a calendar month, those already unlinked included.
    pub per_month: NonZeroU16,
    /// By how many people one may be linked at a time.
    pub binders: NonZeroU16,
    /// From which age the relative's own face (or household page) is asked for, instead of papers of birth.
    pub face_from_age: u8,
    /// Where the code may be shown.
    pub presence: Presence,
}

fn yuan<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Fen, D::Error> {
    Yuan::deserialize(deserializer).map(Fen::from)
}
