//! Money that waits in suspense, as an operator's task.

use kernel::{
    AccountId, Bucket, Fen, MovementId, PersonId, Reason, Refusal, SettlementId, Timestamp,
};

use crate::refund::Waiting;

/// One task. It is the movement into suspense, and has its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    pub id: MovementId,
    pub why: Waiting,
    pub settlement: SettlementId,
    pub refund: SettlementId,
    /// The account that paid, and its owner where that is known.
    pub account: AccountId,
    pub person: Option<PersonId>,
    pub bucket: Bucket,
    pub amount: Fen,
    pub sandbox: bool,
    pub opened_at: Timestamp,
    pub closed: Option<Closed>,
}

/// What became of the money that waited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    pub by: String,
    pub note: String,
    pub at: Timestamp,
}

impl Task {
    /// Closes it; none if the same operator closed it with the same words before.
    ///
    /// # Errors
    /// `TASK_CLOSED` if it was closed otherwise.
    pub fn close(&self, by: &str, note: &str, at: Timestamp) -> Result<Option<Closed>, Refusal> {
        match &self.closed {
            None => Ok(Some(Closed {
                by: by.to_owned(),
                note: note.to_owned(),
                at,
            })),
            Some(closed) if closed.by == by && closed.note == note => Ok(None),
            Some(_) => Err(Refusal::about(Reason::TaskClosed, self.id.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_closed_once_and_saying_so_again_changes_nothing() {
        let at: Timestamp = "2026-03-05T02:00:00Z".parse().unwrap();
        let open = Task {
            id: MovementId::generate(),
            why: Waiting::AccountClosed,
            settlement: SettlementId::generate(),
            refund: SettlementId::generate(),
            account: AccountId::generate(),
            person: None,
            bucket: Bucket::Current,
            amount: Fen::new(5),
            sandbox: false,
            opened_at: at,
            closed: None,
        };
        let closed = open.close("op1", "paid to the heirs", at).unwrap();
        let task = Task {
            closed: closed.clone(),
            ..open
        };
        assert!(closed.is_some());
        assert_eq!(task.close("op1", "paid to the heirs", at), Ok(None));
        for (by, note) in [("op1", "another"), ("op2", "paid to the heirs")] {
            let refused = task.close(by, note, at).unwrap_err();
            assert_eq!(refused.reason, Reason::TaskClosed);
        }
    }
}
