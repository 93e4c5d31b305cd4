//! The merged rules of one place through time: cut wherever a pack on its line begins or ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kernel::{Date, Region};

use super::edition::Edition;
use super::flaw::{Flaw, PackError};
use crate::axes::{Answers, Rules};

/// What holds in a place, by the first day on which it does; none where nobody says anything yet.
#[derive(Debug, Clone)]
pub(super) struct Timeline<T>(Vec<(Date, Option<Arc<T>>)>);

impl<T> Timeline<T> {
    /// Cuts the time of `place` wherever an edition on its line begins or ends, and has `merge` answer for the first day of each
    /// part from the editions that cover it, the narrowest place first.
    pub(super) fn of(
        place: Region,
        editions: &[Edition],
        merge: impl Fn(&[&Edition]) -> Result<Option<T>, PackError>,
    ) -> Result<Self, PackError> {
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
                Ok((day, merge(&line)?.map(Arc::new)))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(super) fn on(&self, day: Date) -> Option<&Arc<T>> {
        let later = self.0.partition_point(|(first, _)| *first <= day);
        self.0[..later].last()?.1.as_ref()
    }
}

/// One timeline of rules for every place that has a pack.
pub(super) fn all(editions: &[Edition]) -> Result<BTreeMap<Region, Timeline<Rules>>, PackError> {
    let places: BTreeSet<_> = editions.iter().map(|edition| edition.region).collect();
    places
        .into_iter()
        .map(|place| {
            let timeline = Timeline::of(place, editions, |line| merge(place, line))?;
            Ok((place, timeline))
        })
        .collect()
}

/// Merges the editions of one day, unless the nation has none on it.
fn merge(place: Region, line: &[&Edition]) -> Result<Option<Rules>, PackError> {
    let Some(nation) = line
        .last()
        .filter(|edition| edition.region == Region::NATION)
    else {
        return Ok(None);
    };
    let answers: Vec<_> = line.iter().map(|edition| &edition.answers).collect();
    Answers::merge(place, &answers).map(Some).map_err(|axis| {
        let flaw = Flaw::Unanswered(axis, nation.version.clone());
        PackError::at(&nation.pack, Some(nation.line), flaw)
    })
}
