//! The calls that tell what a site, a project and an account are like.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::answers::{Account, IssueType, Project, ServerInfo, list, named, permissions, understand};
use super::endpoint::Endpoint;
use super::error::CallError;
use super::request::{Call, Client};
use crate::destinations::issues::content::screen::{CreateScreen, Named};
use crate::destinations::jira::{Answer, Meta};

/// Entries that a page of the create screens is asked for: the most that Jira gives.
const PAGE: usize = 200;

/// Pages that are read at most.
const MAX_PAGES: usize = 25;

impl Client {
    /// E18, which needs no scope.
    pub async fn server_info(&self) -> Result<Answer<ServerInfo>, CallError> {
        understand(self.send(&Call::new(Endpoint::ServerInfo, &[])).await?, ServerInfo::read)
    }

    /// E15. Needs a scope that nothing else needs, so a refusal says nothing of the rest.
    pub async fn myself(&self) -> Result<Answer<Account>, CallError> {
        understand(self.send(&Call::new(Endpoint::Myself, &[])).await?, Account::read)
    }

    /// E16: which of these permissions the account has in a project. Jira answers exactly those that were asked for, and
    /// 400 if it does not know one.
    pub async fn my_permissions(
        &self,
        project: &str,
        keys: &[&str],
    ) -> Result<Answer<BTreeMap<String, bool>>, CallError> {
        let call = Call::new(Endpoint::MyPermissions, &[])
            .query("projectKey", project)
            .query("permissions", keys.join(","));
        understand(self.send(&call).await?, permissions)
    }

    /// E17: in which of these projects (numeric ids) the account has each permission.
    pub async fn check_permissions(
        &self,
        projects: &[u64],
        keys: &[&str],
    ) -> Result<Answer<BTreeMap<String, Vec<u64>>>, CallError> {
        let body = json!({ "projectPermissions": [{ "projects": projects, "permissions": keys }] });
        let call = Call::new(Endpoint::CheckPermissions, &[]).body(&body)?;
        let read = |grant: &Value| {
            let projects = grant.get("projects").and_then(Value::as_array).into_iter().flatten();
            Some((
                grant.get("permission")?.as_str()?.to_owned(),
                projects.filter_map(Value::as_u64).collect(),
            ))
        };
        let read_all =
            |body: &Value| Some(list(body, &["projectPermissions"])?.iter().filter_map(read).collect());
        understand(self.send(&call).await?, read_all)
    }

    /// E19, by key or id.
    pub async fn find_project(&self, project: &str) -> Result<Answer<Project>, CallError> {
        understand(self.send(&Call::new(Endpoint::FindProject, &[project])).await?, Project::read)
    }

    /// E20.
    pub async fn list_components(&self, project: &str) -> Result<Answer<Vec<Named>>, CallError> {
        understand(self.send(&Call::new(Endpoint::ListComponents, &[project])).await?, named)
    }

    /// E13a: the types in which the account may create; none if it may not.
    pub async fn list_issue_types(&self, project: &str) -> Result<Answer<Vec<IssueType>>, CallError> {
        let Answer { value, meta } = self
            .list_pages(Endpoint::ListIssueTypes, &[project], &["issueTypes", "createMetaIssueType"])
            .await?;
        Ok(Answer { value: value.iter().filter_map(IssueType::read).collect(), meta })
    }

    /// E13b: the create screen of a type.
    pub async fn find_create_screen(
        &self,
        project: &str,
        type_id: &str,
    ) -> Result<Answer<CreateScreen>, CallError> {
        let Answer { value, meta } =
            self.list_pages(Endpoint::ListCreateFields, &[project, type_id], &["fields", "results"]).await?;
        let mut screen = CreateScreen::default();
        screen.add(&value);
        Ok(Answer { value: screen, meta })
    }

    /// All pages of a list whose entries stand below one of `keys`.
    async fn list_pages(
        &self,
        endpoint: Endpoint,
        ids: &[&str],
        keys: &[&str],
    ) -> Result<Answer<Vec<Value>>, CallError> {
        let (mut all, mut meta) = (Vec::new(), Meta::default());
        for _ in 0..MAX_PAGES {
            let call = Call::new(endpoint, ids)
                .query("startAt", all.len().to_string())
                .query("maxResults", PAGE.to_string());
            let read = |body: &Value| {
                let total = body.get("total").and_then(Value::as_u64);
                Some((list(body, keys)?.clone(), total))
            };
            let page = understand(self.send(&call).await?, read)?;
            let (entries, total) = page.value;
            meta = page.meta;
            let is_empty = entries.is_empty();
            all.extend(entries);
            let has_all = total.is_none_or(|total| u64::try_from(all.len()).is_ok_and(|n| n >= total));
            if is_empty || has_all {
                break;
            }
        }
        Ok(Answer { value: all, meta })
    }
}
