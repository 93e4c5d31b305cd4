//! Display links: whose insurance code somebody else may show. No money follows from one, and no account is named.

use kernel::PersonId;
use proto::Unreadable;
use proto::binding::v1::{DisplayLinked, DisplayUnlinked};
use proto::convert::id;

use super::money::about;
use crate::notice::{NewNotice, Told, Who};

/// The displayed person hears who may show their code.
pub(super) fn added(linked: &DisplayLinked) -> Result<Vec<NewNotice>, Unreadable> {
    let binder = Who(id("binder_person_id", &linked.binder_person_id)?);
    let relative: PersonId = id("relative_person_id", &linked.relative_person_id)?;
    let told = Told::DisplayLinkAdded { binder };
    Ok(about(
        &linked.display_link_id,
        false,
        vec![(relative, told)],
    ))
}

/// And that they may no longer, whoever of the two ended it.
pub(super) fn removed(unlinked: &DisplayUnlinked) -> Result<Vec<NewNotice>, Unreadable> {
    let binder = Who(id("binder_person_id", &unlinked.binder_person_id)?);
    let relative: PersonId = id("relative_person_id", &unlinked.relative_person_id)?;
    let told = Told::DisplayLinkRemoved { binder };
    Ok(about(
        &unlinked.display_link_id,
        false,
        vec![(relative, told)],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(number: u128) -> PersonId {
        PersonId::from_uuid(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn the_displayed_person_hears_who_may_show_their_code_and_until_when() {
        let (binder_person_id, relative_person_id) = (person(1).to_string(), person(2).to_string());
        let linked = DisplayLinked {
            display_link_id: "lnk_x".into(),
            version: 2,
            binder_person_id: binder_person_id.clone(),
            relative_person_id: relative_person_id.clone(),
        };
        let unlinked = DisplayUnlinked {
            display_link_id: "lnk_x".into(),
            version: 3,
            binder_person_id,
            relative_person_id,
        };
        let binder = Who(person(1));
        let told = [added(&linked).unwrap(), removed(&unlinked).unwrap()].concat();
        let heard: Vec<_> = told
            .iter()
            .map(|notice| (notice.person, notice.subject.as_str(), &notice.told))
            .collect();
        assert_eq!(
            heard,
            [
                (person(2), "lnk_x", &Told::DisplayLinkAdded { binder }),
                (person(2), "lnk_x", &Told::DisplayLinkRemoved { binder }),
            ]
        );
    }
}
