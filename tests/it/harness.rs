//! What stories are told with: a running stack, people with money, families, a counter, and the books.

mod books;
mod broker;
mod counter;
mod families;
mod holds;
mod national;
mod notices;
mod people;
mod shared;
mod stack;
mod until;

pub use self::counter::{PHARMACY, bill_of, code_of, parts, settled};
pub use self::national::{drug_input, error_code, message_of};
pub use self::people::{Person, Purse};
pub use self::stack::Stack;
pub use self::until::until;
