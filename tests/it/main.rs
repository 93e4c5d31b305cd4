//! Stories over the whole stack: real Postgres, real nats-server, every service and the gateway.
//!
//! One Postgres serves all stories, each in databases of its own; each story has its own broker. Nothing is mocked, and
//! nothing sleeps for a fixed time: a story waits for what it wants to see, with a deadline.

mod crate_graph;
mod harness;

mod access;
mod after_visit;
mod bad_input;
mod books;
mod broker;
mod cancelling;
mod crashes;
mod displaying;
mod erasing;
mod holds;
mod json;
mod limits;
mod premiums;
mod races;
mod reconciling;
mod refunding;
mod repeating;
mod resettling;
mod statements;
mod traces;
mod withdrawing;
mod worked_examples;
