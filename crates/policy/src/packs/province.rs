//! The provinces of the national dictionary: which two digits a region code may begin with.

use kernel::Region;
use serde::Deserialize;

/// A province, autonomous region, municipality, or the Xinjiang corps.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Province {
    pub region: Region,
    pub zh: String,
    pub en: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dictionary {
    province: Vec<Province>,
}

/// All of them.
pub(super) fn all() -> Vec<Province> {
    let text = include_str!("../../packs/provinces.toml");
    let dictionary: Dictionary =
        toml::from_str(text).expect("the shipped dictionary is checked by this crate's tests");
    dictionary.province
}
