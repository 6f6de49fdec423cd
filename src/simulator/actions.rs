//! The module actions that Jira calls on the app, and the check of their answers.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use url::Url;

use super::calls::{AppAnswer, CallError, parse_url, sign_with_secret};
use super::descriptor::OPERATIONS;
use super::entities::EntityKind;
use super::handle::Simulator;

impl Simulator {
    /// Asks the app to turn workspace ids into names.
    ///
    /// # Errors
    /// When nothing is installed or the app cannot be reached.
    pub async fn fetch_workspaces(&self, ids: &[&str]) -> Result<AppAnswer, CallError> {
        let mut answer = self.act("fetchWorkspaces", "POST", &[], Some(json!({ "ids": ids }))).await?;
        if answer.status == 200 {
            answer.problems = check_workspaces(&answer.body, ids);
        }
        Ok(answer)
    }

    /// Asks the app for containers whose name contains `query`.
    ///
    /// # Errors
    /// When nothing is installed or the app cannot be reached.
    pub async fn search_containers(
        &self,
        query: &str,
        workspace_id: Option<&str>,
    ) -> Result<AppAnswer, CallError> {
        let mut parameters = vec![("searchQuery", query)];
        parameters.extend(workspace_id.map(|id| ("workspaceId", id)));
        let mut answer = self.act("searchContainers", "GET", &parameters, None).await?;
        if answer.status == 200 {
            answer.problems = check_containers(&answer.body);
        }
        Ok(answer)
    }

    /// Links an incident or review to a Jira issue, as a user would, and notifies the app.
    ///
    /// # Errors
    /// When nothing is installed or the app cannot be reached.
    pub async fn associate(&self, entity_id: &str, issue: &str) -> Result<AppAnswer, CallError> {
        self.lock().site.issues.entry(entity_id.to_owned()).or_default().insert(issue.to_owned());
        self.tell_of_issue("onEntityAssociated", "associatedWith", entity_id, issue).await
    }

    /// Removes such a link, and notifies the app.
    ///
    /// # Errors
    /// When nothing is installed or the app cannot be reached.
    pub async fn disassociate(&self, entity_id: &str, issue: &str) -> Result<AppAnswer, CallError> {
        if let Some(issues) = self.lock().site.issues.get_mut(entity_id) {
            issues.remove(issue);
        }
        self.tell_of_issue("onEntityDisassociated", "disassociatedFrom", entity_id, issue).await
    }

    async fn tell_of_issue(
        &self,
        action: &str,
        field: &str,
        entity_id: &str,
        issue: &str,
    ) -> Result<AppAnswer, CallError> {
        let (cloud_id, noun) = {
            let state = self.lock();
            let review = state.site.entities(EntityKind::Review).find(entity_id).is_some();
            (state.site.cloud_id.clone(), if review { "post-incident-review" } else { "incident" })
        };
        let body = json!({
            "entity": { "id": entity_id, "ari": format!("ari:cloud:jira:{cloud_id}:{noun}/{entity_id}") },
            field: {
                "ati": "ati:cloud:jira:issue",
                "ari": format!("ari:cloud:jira:{cloud_id}:issue/{issue}"),
                "cloudId": cloud_id,
                "id": issue,
            },
            "user": { "id": "712020:00000000-0000-4000-8000-000000000002" },
        });
        self.act(action, "PUT", &[], Some(body)).await
    }

    async fn act(
        &self,
        action: &str,
        method: &'static str,
        parameters: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<AppAnswer, CallError> {
        let installation = self.get_installation()?;
        let declared = installation.actions.get(&format!("{OPERATIONS}.{action}"));
        let mut url = parse_url(declared.ok_or_else(|| CallError::NotDeclared(action.to_owned()))?)?;
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        let call = sign_with_secret(&self.0.clock, &installation, method, url, body)?;
        self.send(call).await
    }
}

fn check_workspaces(body: &Value, asked: &[&str]) -> Vec<String> {
    let Some(workspaces) = body["workspaces"].as_array() else {
        return vec!["workspaces: must be an array".to_owned()];
    };
    let mut problems = Vec::new();
    for workspace in workspaces {
        if !workspace["id"].as_str().is_some_and(|id| asked.contains(&id)) {
            problems.push("workspaces: an id was not asked for".to_owned());
        }
        problems.extend(check_texts("workspaces", workspace, &["name"], &["url", "avatarUrl"]));
    }
    problems
}

fn check_containers(body: &Value) -> Vec<String> {
    let Some(containers) = body["containers"].as_array() else {
        return vec!["containers: must be an array".to_owned()];
    };
    let mut problems = Vec::new();
    let mut ids = BTreeSet::new();
    for container in containers {
        let id = container["id"].as_str().unwrap_or_default();
        if !is_container_id(id) {
            problems.push(format!("containers: `{id}` is not a container id"));
        }
        if !ids.insert(id) {
            problems.push(format!("containers: `{id}` comes twice"));
        }
        problems.extend(check_texts("containers", container, &["name"], &["url", "avatarUrl"]));
        let updated = &container["lastUpdatedDate"];
        let valid = updated.as_str().is_some_and(|text| chrono::DateTime::parse_from_rfc3339(text).is_ok());
        if !updated.is_null() && !valid {
            problems.push("containers: lastUpdatedDate must be RFC 3339".to_owned());
        }
    }
    problems
}

fn check_texts(list: &str, item: &Value, texts: &[&str], urls: &[&str]) -> Vec<String> {
    let missing = texts.iter().filter(|field| !item[**field].is_string());
    let broken =
        urls.iter().filter(|field| item[**field].as_str().is_none_or(|url| Url::parse(url).is_err()));
    let text = missing.map(|field| format!("{list}: {field} must be a string"));
    text.chain(broken.map(|field| format!("{list}: {field} must be an absolute URL"))).collect()
}

/// `[a-zA-Z0-9\-_.~@:{}=]+(/[a-zA-Z0-9\-_.~@:{}=]+)*`
fn is_container_id(id: &str) -> bool {
    id.split('/').all(|part| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.~@:{}=".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn container_ids_follow_the_documented_pattern() {
        for id in ["pd:PIJ90N7", "a/b/c", "a~@:{}=._-"] {
            assert!(is_container_id(id), "{id}");
        }
        for id in ["", "/a", "a/", "a//b", "a b", "a%20b", "ä"] {
            assert!(!is_container_id(id), "{id}");
        }
    }

    #[test]
    fn an_answer_is_checked_against_the_contract() {
        let good =
            json!({ "id": "a", "name": "A", "url": "https://t.example", "avatarUrl": "https://t.example/a" });
        assert_eq!(check_workspaces(&json!({ "workspaces": [good] }), &["a"]), Vec::<String>::new());
        assert_eq!(check_workspaces(&json!({ "workspaces": [good] }), &["b"]).len(), 1);
        assert_eq!(check_workspaces(&json!([good]), &["a"]).len(), 1);
        assert_eq!(check_containers(&json!({ "containers": [good] })), Vec::<String>::new());
        assert_eq!(check_containers(&json!({ "containers": [good, good] })).len(), 1);
        assert_eq!(check_containers(&json!({ "containers": [{ "id": "a", "name": "A" }] })).len(), 2);
    }
}
