//! The Operations and DevOps Components APIs: from a request to a changed site and an answer.
//!
//! Pure, and unaware of faults, which apply before it. Every call is authenticated; a body is checked against
//! Jira's published rules before anything is stored.

use serde_json::{Value, json};
use url::form_urlencoded;

use super::auth;
use super::entities::Properties;
use super::exchange::{Answer, Call};
use super::history::{SchemaViolation, Submission};
use super::route::{Api, Operation, find_operation};
use super::schema::{MAX_ITEMS, Schemas, read_properties};
use super::site::Change;
use super::state::State;
use super::submit::submit;
use crate::clock::{Clock, Timestamp};

/// Answers a REST call.
pub fn answer(state: &mut State, schemas: &Schemas, clock: &Clock, call: &Call<'_>) -> Answer {
    let now = clock.now();
    state.site.settle(now);
    let mut desk = Desk { state, schemas, clock, call, now };
    match desk.admit() {
        Ok(operation) => desk.perform(operation),
        Err(status) => Answer::bare(status),
    }
}

/// The data of one call while it is served.
struct Desk<'a> {
    state: &'a mut State,
    schemas: &'a Schemas,
    clock: &'a Clock,
    call: &'a Call<'a>,
    now: Timestamp,
}

impl Desk<'_> {
    /// The operation, if the caller may perform it; otherwise a status that has no body.
    fn admit(&self) -> Result<Operation, u16> {
        // Jira's gateway refuses such a request before anything else.
        if self.call.method == "GET" && !self.call.body.is_empty() {
            return Err(403);
        }
        let operation = find_operation(self.call.method, self.call.path)?;
        let installation = self.state.site.installation.as_ref().filter(|it| it.enabled).ok_or(401_u16)?;
        auth::check(installation, self.call, self.now).map_err(|refusal| {
            tracing::debug!(%refusal, path = self.call.path, "the simulated site refused a token");
            401_u16
        })?;
        let allowed = installation.modules.contains(operation.api().module())
            && installation.scopes.contains(operation.scope());
        if allowed { Ok(operation) } else { Err(403) }
    }

    fn perform(&mut self, operation: Operation) -> Answer {
        match operation {
            Operation::LinkWorkspaces => self.link_workspaces(),
            Operation::UnlinkWorkspaces => self.unlink_workspaces(),
            Operation::ListWorkspaces => self.list_workspaces(),
            Operation::Submit(api) => self.submit(api),
            Operation::DeleteByProperties(api) => self.delete_by_properties(api),
            Operation::Read(kind, id) => match self.state.site.entities(kind).find(&id) {
                Some(entity) => Answer::json(200, entity.json.clone()),
                None => Answer::bare(404),
            },
            Operation::Delete(kind, id) => {
                self.state.site.enqueue(self.now, Change::Delete { kind, id });
                Answer::bare(202)
            }
        }
    }

    fn submit(&mut self, api: Api) -> Answer {
        let body = match self.parse_body() {
            Ok(body) => body,
            Err(answer) => return answer,
        };
        let entities = api.arrays().iter().filter_map(|(_, name)| body[*name].as_array()).map(Vec::len).sum();
        let components = api == Api::Components;
        if entities > MAX_ITEMS {
            self.record_violation(None, &format!("{entities} entities, at most {MAX_ITEMS}"));
        }
        if entities > self.state.site.options.max_entities {
            return Answer { entities, ..self.too_large("too many entities") };
        }
        let errors = self.schemas.check_submission(components, &body);
        if !errors.is_empty() {
            return Answer { entities, ..self.refuse_body(&errors) };
        }
        let properties = read_properties(&body);
        let verdicts = submit(&mut self.state.site, self.schemas, self.now, api.arrays(), &body, &properties);
        for (id, message) in &verdicts.violations {
            self.record_violation(Some(id), message);
        }
        for (kind, id, sequence) in &verdicts.accepted {
            let submission = Submission { sequence: *sequence, at: self.now };
            self.state.history.record_submission(*kind, id, submission);
        }
        let reviews_in_answer = self.state.site.options.reviews_in_answer;
        let body = verdicts.to_answer(components, reviews_in_answer, || self.clock.new_id());
        Answer { entities, ..Answer::json(202, body) }
    }

    fn delete_by_properties(&mut self, api: Api) -> Answer {
        let properties: Properties = self.query().into_iter().filter(|(name, _)| name != "jwt").collect();
        if properties.is_empty() {
            return self.refuse_query("at least one property is needed");
        }
        self.state.site.enqueue(self.now, Change::DeleteByProperties { kinds: api.kinds(), properties });
        Answer::bare(202)
    }

    fn link_workspaces(&mut self) -> Answer {
        let body = match self.parse_body() {
            Ok(body) => body,
            Err(answer) => return answer,
        };
        let errors = self.schemas.check_workspaces(&body);
        if !errors.is_empty() {
            let too_many = body["workspaceIds"].as_array().is_some_and(|ids| ids.len() > 100);
            let refusal = self.refuse_body(&errors);
            return if too_many { self.too_large("too many workspaces") } else { refusal };
        }
        let ids: Vec<String> = body["workspaceIds"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|id| Some(id.as_str()?.to_owned()))
            .collect();
        self.state.site.enqueue(self.now, Change::LinkWorkspaces(ids.clone()));
        Answer::json(202, json!({ "acceptedWorkspaceIds": ids }))
    }

    fn unlink_workspaces(&mut self) -> Answer {
        let ids: Vec<String> = self
            .query()
            .into_iter()
            .filter(|(name, _)| name == "workspaceIds")
            .flat_map(|(_, value)| value.split(',').map(str::to_owned).collect::<Vec<_>>())
            .filter(|id| !id.is_empty())
            .collect();
        if ids.is_empty() {
            return self.refuse_query("workspaceIds must not be empty");
        }
        self.state.site.enqueue(self.now, Change::UnlinkWorkspaces(ids));
        Answer::bare(202)
    }

    fn list_workspaces(&self) -> Answer {
        let wanted = self.query().into_iter().find(|(name, _)| name == "workspaceId").map(|(_, id)| id);
        let linked = self.state.site.workspaces().iter();
        let ids: Vec<&String> =
            linked.filter(|id| wanted.as_ref().is_none_or(|wanted| wanted == *id)).collect();
        if ids.is_empty() { Answer::bare(404) } else { Answer::json(200, json!({ "workspaceIds": ids })) }
    }

    fn query(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(self.call.query.as_bytes()).into_owned().collect()
    }

    fn parse_body(&mut self) -> Result<Value, Answer> {
        if self.call.body.len() > self.state.site.options.max_body {
            return Err(self.too_large("the body is too large"));
        }
        serde_json::from_slice(self.call.body)
            .map_err(|_| self.refuse_body(&["the body is not JSON".to_owned()]))
    }

    /// 400 with the bare array of errors, noted as a broken rule.
    fn refuse_body(&mut self, errors: &[String]) -> Answer {
        for message in errors {
            self.record_violation(None, message);
        }
        Answer::json(400, errors.iter().map(|message| self.error(message)).collect())
    }

    fn refuse_query(&mut self, message: &str) -> Answer {
        self.refuse_body(&[message.to_owned()])
    }

    /// 413. Not a broken rule: the contract does not give the limit.
    fn too_large(&self, message: &str) -> Answer {
        Answer::json(413, json!([self.error(message)]))
    }

    fn error(&self, message: &str) -> Value {
        json!({ "message": message, "errorTraceId": self.clock.new_id() })
    }

    fn record_violation(&mut self, entity: Option<&str>, message: &str) {
        self.state.history.record_violation(SchemaViolation {
            at: self.now,
            method: self.call.method.to_owned(),
            path: self.call.path.to_owned(),
            entity: entity.map(str::to_owned),
            message: message.to_owned(),
        });
    }
}

#[cfg(test)]
#[path = "rest_tests.rs"]
mod tests;
