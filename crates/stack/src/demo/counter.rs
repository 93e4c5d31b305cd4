//! The counter: messages go over HTTP to the gateway, as a pharmacy's system would send them.

use std::collections::BTreeMap;

use jiff::fmt::strtime;
use kernel::clock::shanghai;
use kernel::{Clock, Role};
use proto::authorization::v1::{CredentialPurpose, IssueCredentialRequest};
use serde_json::Value;

use super::DemoError;
use super::cast::Cast;
use crate::callers::Callers;

/// Sends messages and remembers the numbers that came back.
pub struct Counter<'a> {
    http: reqwest::Client,
    address: String,
    callers: &'a Callers,
    cast: &'a Cast,
    clock: Clock,
    answers: BTreeMap<String, Value>,
    /// The filled text of each message: the same message sent again is the same text.
    sent: BTreeMap<String, String>,
}

impl<'a> Counter<'a> {
    /// A counter in front of the gateway at `address`.
    pub fn new(address: &str, callers: &'a Callers, cast: &'a Cast, clock: Clock) -> Self {
        Self {
            http: reqwest::Client::new(),
            address: format!("{address}/fsi/api/callFsiService/callService"),
            callers,
            cast,
            clock,
            answers: BTreeMap::new(),
            sent: BTreeMap::new(),
        }
    }

    /// Fills the placeholders of a message, sends it under its own institution's token, and keeps the answer.
    pub async fn send(&mut self, name: &str, text: &str) -> Result<(Value, Value), DemoError> {
        let unreadable = |source| DemoError::Message {
            name: name.to_owned(),
            source,
        };
        let template: Value = serde_json::from_str(text).map_err(unreadable)?;
        let msgid = template["msgid"].as_str().unwrap_or_default().to_owned();
        let text = match self.sent.get(&msgid) {
            Some(sent) => sent.clone(),
            None => self.fill(text).await?,
        };
        self.sent.insert(msgid, text.clone());
        let message: Value = serde_json::from_str(&text).map_err(unreadable)?;
        let institution = message["fixmedins_code"].as_str().unwrap_or_default();
        let token = self
            .callers
            .token(Role::Institution, institution, "gateway");
        let response = self
            .http
            .post(&self.address)
            .bearer_auth(token)
            .header("content-type", "application/json")
            .body(text)
            .send()
            .await?;
        let answer: Value = response.json().await?;
        self.answers.insert(name.to_owned(), answer.clone());
        Ok((message, answer))
    }

    async fn fill(&self, text: &str) -> Result<String, DemoError> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (placeholder, after) = after.split_once("}}").ok_or(DemoError::Placeholder)?;
            filled.push_str(before);
            filled.push_str(&self.value_of(placeholder).await?);
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    async fn value_of(&self, placeholder: &str) -> Result<String, DemoError> {
        match placeholder.split_once(':') {
            None if placeholder == "inf_time" => {
                let now = self.clock.now().to_zoned(shanghai());
                strtime::format("%Y-%m-%d %H:%M:%S", &now)
                    .ok()
                    .ok_or(DemoError::Placeholder)
            }
            Some(("token", person_no)) => self.token_of(person_no).await,
            Some(("setl_id", name)) => {
                let answer = self.answers.get(name).ok_or(DemoError::Placeholder)?;
                let number = answer["output"]["setlinfo"]["setl_id"].as_str();
                number.map(str::to_owned).ok_or(DemoError::Placeholder)
            }
            _ => Err(DemoError::Placeholder),
        }
    }

    /// A fresh code, as the patient's phone would show it.
    async fn token_of(&self, person_no: &str) -> Result<String, DemoError> {
        let member = self.cast.member(person_no)?;
        let request = IssueCredentialRequest {
            person_id: member.person.to_string(),
            purpose: CredentialPurpose::Settlement.into(),
            region: member.region.clone(),
            display_link_id: String::new(),
        };
        let patient = self.callers.citizen(member.person);
        Ok(patient
            .authorization()
            .issue_credential(request)
            .await?
            .into_inner()
            .token)
    }
}
