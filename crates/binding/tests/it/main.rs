//! The binding service as it is: its own gRPC, a real Postgres, a real nats-server.

#[cfg(test)]
mod bindings;
#[cfg(test)]
mod conditions;
#[cfg(test)]
mod house;
mod leaving;
mod links;
#[cfg(test)]
mod people;
mod reviews;
