//! Bills that are deducted after the visit. What is deducted is told as a charge; here is told that it will be, and what
//! was given up.

use kernel::Fen;
use proto::Unreadable;
use proto::convert::{id, required, time};
use proto::settlement::v1::{Accepted, GivenUp};

use super::money::institution;
use crate::notice::{NewNotice, Told};

/// To the patient: no cash is due meanwhile.
pub(super) fn accepted(accepted: &Accepted) -> Result<Vec<NewNotice>, Unreadable> {
    let give_up_at = required("give_up_at", accepted.give_up_at.as_ref())?;
    Ok(vec![NewNotice {
        person: id("patient_person_id", &accepted.patient_person_id)?,
        told: Told::DeductionAccepted {
            institution: institution(accepted.institution_kind),
            total: Fen::new(accepted.total_fen).into(),
            open: Fen::new(accepted.open_fen).into(),
            give_up_at: time("give_up_at", give_up_at)?,
        },
        subject: accepted.settlement_id.clone(),
        sandbox: accepted.sandbox,
        tells: Vec::new(),
    }])
}

/// To the patient: the rest is due now.
pub(super) fn given_up(given_up: &GivenUp) -> Result<Vec<NewNotice>, Unreadable> {
    let accepted_at = required("accepted_at", given_up.accepted_at.as_ref())?;
    Ok(vec![NewNotice {
        person: id("patient_person_id", &given_up.patient_person_id)?,
        told: Told::DeductionGivenUp {
            institution: institution(given_up.institution_kind),
            own: Fen::new(given_up.own_fen).into(),
            aid: Fen::new(given_up.aid_fen).into(),
            cash: Fen::new(given_up.cash_fen).into(),
            accepted_at: time("accepted_at", accepted_at)?,
            reason: given_up.reason.clone(),
        },
        subject: given_up.settlement_id.clone(),
        sandbox: given_up.sandbox,
        tells: Vec::new(),
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::Template;
    use kernel::PersonId;
    use proto::convert::wire_time;

    #[test]
    fn the_patient_hears_that_a_bill_was_accepted_and_what_was_given_up() {
        let patient = PersonId::generate();
        let at = Some(wire_time(jiff::Timestamp::UNIX_EPOCH));
        let notices = accepted(&Accepted {
            patient_person_id: patient.to_string(),
            open_fen: 700,
            give_up_at: at,
            ..Default::default()
        });
        let notices = notices.unwrap();
        assert_eq!(notices[0].person, patient);
        assert_eq!(notices[0].told.template(), Template::DeductionAccepted);
        let notices = given_up(&GivenUp {
            patient_person_id: patient.to_string(),
            cash_fen: 700,
            accepted_at: at,
            ..Default::default()
        });
        let told = &notices.unwrap()[0].told;
        assert!(matches!(told, Told::DeductionGivenUp { cash, .. } if cash.0 == Fen::new(700)));
        assert!(given_up(&GivenUp::default()).is_err());
    }
}
