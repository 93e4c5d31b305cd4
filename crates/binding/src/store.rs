//! All SQL of this service.
//!
//! Locks are taken in one order everywhere: the key of a request, people by id, then a binding or display link. What a decision rests on is
//! read in a later statement than the lock, because a statement that waits for a lock still sees the past.
//!
//! `SELECT *` appears where a row becomes one of our structs: the macro compares every column with its field at compile time.

mod activations;
mod bindings;
mod enrolments;
mod links;
mod people;
mod proofs;
mod reads;
mod requests;
mod row;

pub use activations::{activated, activated_at, insert_activation};
pub use bindings::{
    agreed_bindings, due_bindings, find_binding, has_acted, insert_binding, list_bindings,
    list_in_review, lock_binding, open_bindings, open_bindings_of_account, update_binding,
};
pub use enrolments::{
    claim_number, ended_enrolments, enrolments_of, find_enrolment, forget_ended_enrolment,
    insert_enrolment, note_ended_enrolment, update_enrolment,
};
pub use links::{
    find_link, insert_link, links_since, list_links, lock_link, open_link, open_links_of,
    other_binders, shown_relatives, update_link,
};
pub use people::{
    PersonChange, Sealed, change_card, change_phone, count_old_keys, erase_person, find_person,
    insert_person, lock_old_keys, lock_people, lock_person_by_certificate, people_by_certificate,
    people_by_id, person_by_card, record_person_change, replace_keys,
};
pub use proofs::{insert_proofs, proofs_of};
pub use reads::{insert_reads, list_reads};
pub use requests::{Claim, claim_request, find_request, first_answers, insert_answer};

/// That a change met the one row it was meant for; a row that moved meanwhile is an error, not a silence.
fn one_row(done: &sqlx::postgres::PgQueryResult) -> Result<(), crate::error::StoreError> {
    match done.rows_affected() {
        1 => Ok(()),
        _ => Err(sqlx::Error::RowNotFound.into()),
    }
}
