//! The servers as they are: real programs, started, killed, wiped, started again.

mod fetching;
mod living;
mod process_tree;
