//! Access by table: who may call what, straight from the proto files. What the table does not name, nobody may call.

use std::collections::HashMap;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, Request};
use kernel::{Reason, Refusal, Role};
use tonic::Status;

use super::figures::Figures;
use super::status::refuse;
use crate::access::{Caller, Verifier, bearer};

/// What everybody may call without a token: whether the server is well, and what it serves.
const OPEN: [&str; 2] = ["/grpc.health.v1.Health/", "/grpc.reflection."];

/// One operation of the table.
#[derive(Debug)]
pub(super) struct Operation {
    roles: &'static [Role],
    pub figures: Arc<Figures>,
}

/// Decides who gets in.
#[derive(Debug)]
pub(super) struct Entrance {
    verifier: Verifier,
    operations: HashMap<&'static str, Operation>,
    /// Everything that the table does not name is counted under one name, or a stranger could fill the memory with paths.
    unlisted: Operation,
}

impl Entrance {
    pub fn new(
        service: &'static str,
        table: &'static [(&'static str, &'static [Role])],
        verifier: Verifier,
    ) -> Self {
        let operation = |path, roles| Operation {
            roles,
            figures: Arc::new(Figures::new(service, path)),
        };
        Self {
            verifier,
            operations: table
                .iter()
                .map(|(path, roles)| (*path, operation(path, roles)))
                .collect(),
            unlisted: operation("unlisted", &[]),
        }
    }

    /// Whether `path` needs no token.
    pub fn is_open(path: &str) -> bool {
        OPEN.iter().any(|prefix| path.starts_with(prefix))
    }

    /// What is called.
    pub fn operation(&self, path: &str) -> &Operation {
        self.operations.get(path).unwrap_or(&self.unlisted)
    }

    /// Who calls, if they may call this.
    pub fn admit<T>(&self, operation: &Operation, request: &Request<T>) -> Result<Caller, Refusal> {
        let caller = self.verifier.verify(token(request.headers())?)?;
        if operation.roles.contains(&caller.role) {
            Ok(caller)
        } else {
            Err(Reason::AccessDenied.into())
        }
    }
}

fn token(headers: &HeaderMap) -> Result<&str, Refusal> {
    let header = headers
        .get(AUTHORIZATION)
        .ok_or(Reason::AccessTokenMissing)?;
    header
        .to_str()
        .ok()
        .and_then(bearer)
        .ok_or_else(|| Refusal::about(Reason::AccessTokenInvalid, "authorization"))
}

/// Who is calling.
///
/// The server puts the caller into every request that it lets in; a request without one did not come through it and is refused.
pub fn caller<T>(request: &tonic::Request<T>) -> Result<Caller, Status> {
    request
        .extensions()
        .get::<Caller>()
        .cloned()
        .ok_or_else(|| refuse(Reason::AccessTokenMissing))
}
