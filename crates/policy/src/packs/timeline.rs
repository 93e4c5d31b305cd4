//! The merged rules of one place through time: cut wherever a pack on its line begins or ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kernel::{Date, Region};

use super::edition::Edition;
use super::flaw::{Flaw, PackError};
use crate::axes::{Answers, Rules};

/// Rules by the first day on which they hold; none where the nation has no rules yet.
#[derive(Debug, Clone)]
pub(super) struct Timeline(Vec<(Date, Option<Arc<Rules>>)>);

impl Timeline {
    pub(super) fn on(&self, day: Date) -> Option<&Arc<Rules>> {
        let later = self.0.partition_point(|(first, _)| *first <= day);
        self.0[..later].last()?.1.as_ref()
    }
}

/// One timeline for every place that has a pack.
pub(super) fn all(editions: &[Edition]) -> Result<BTreeMap<Region, Timeline>, PackError> {
    let places: BTreeSet<_> = editions.iter().map(|edition| edition.region).collect();
    places
        .into_iter()
        .map(|place| Ok((place, through_time(place, editions)?)))
        .collect()
}

fn through_time(place: Region, editions: &[Edition]) -> Result<Timeline, PackError> {
    let on_line = || {
        place.lineage().flat_map(|wider| {
            editions
                .iter()
                .filter(move |edition| edition.region == wider)
        })
    };
    let cuts: BTreeSet<Date> = on_line()
        .flat_map(|edition| {
            let after = edition.valid_to.and_then(|last| last.tomorrow().ok());
            [Some(edition.valid_from), after]
        })
        .flatten()
        .collect();
    cuts.into_iter()
        .map(|day| {
            let line: Vec<_> = on_line().filter(|edition| edition.covers(day)).collect();
            Ok((day, merge(place, &line)?))
        })
        .collect::<Result<_, _>>()
        .map(Timeline)
}

/// Merges the editions of one day, unless the nation has none on it.
fn merge(place: Region, line: &[&Edition]) -> Result<Option<Arc<Rules>>, PackError> {
    let Some(nation) = line
        .last()
        .filter(|edition| edition.region == Region::NATION)
    else {
        return Ok(None);
    };
    let answers: Vec<_> = line.iter().map(|edition| &edition.answers).collect();
    Answers::merge(place, &answers)
        .map(|rules| Some(Arc::new(rules)))
        .map_err(|axis| {
            let flaw = Flaw::Unanswered(axis, nation.version.clone());
            PackError::at(&nation.pack, Some(nation.line), flaw)
        })
}
