//! What hangs on an issue: links, properties, comments.

use serde_json::{Value, json};

use super::super::exchange::Answer;
use super::edit::{check_document, check_property};
use super::issue::{Issue, IssueLink, RemoteLink};
use super::permissions::Permission;
use super::refusal;
use super::rest::Desk;

/// Names of the types of links that every site has.
const LINK_TYPES: [&str; 4] = ["Blocks", "Cloners", "Duplicate", "Relates"];

impl Desk<'_> {
    /// `getRemoteIssueLinks`: all, or the one with a `globalId`.
    pub(super) fn list_remote_links(&self, id: u64) -> Answer {
        let Some((issue, _)) = self.look_up(id) else { return refusal::no_issue() };
        if !self.platform.settings.linking {
            return refusal::message(403, "Issue linking is currently disabled.");
        }
        let Some(wanted) = self.query("globalId") else {
            return Answer::json(200, issue.remote_links.iter().map(RemoteLink::to_json).collect());
        };
        match issue.remote_links.iter().find(|it| it.global_id.as_deref() == Some(&wanted)) {
            Some(link) => Answer::json(200, link.to_json()),
            None => refusal::message(404, "The remote link does not exist."),
        }
    }

    /// `createOrUpdateRemoteIssueLink`: the same `globalId` replaces, and what the body leaves out becomes null.
    pub(super) fn put_remote_link(&mut self, id: u64, body: &Value) -> Answer {
        let settings = self.platform.settings;
        if !settings.linking || !self.account.may(Permission::Link) {
            return refusal::message(403, "You do not have permission to link issues.");
        }
        let new_id = self.platform.take_id();
        let global_id = body["globalId"].as_str().map(str::to_owned);
        let url = format!("{}/rest/api/3/issue/{id}/remotelink", self.url);
        let Some(issue) = self.platform.get_mut(id) else { return refusal::no_issue() };
        let held = issue.remote_links.iter_mut().find(|it| global_id.is_some() && it.global_id == global_id);
        if let Some(link) = held {
            link.body = body.clone();
            return Answer::json(200, json!({ "id": link.id, "self": format!("{url}/{}", link.id) }));
        }
        if issue.remote_links.len() >= settings.most_remote_links {
            return refusal::message(413, "The issue has too many remote links.");
        }
        issue.remote_links.push(RemoteLink { id: new_id, global_id, body: body.clone() });
        Answer::json(201, json!({ "id": new_id, "self": format!("{url}/{new_id}") }))
    }

    /// `deleteRemoteIssueLinkByGlobalId`
    pub(super) fn delete_remote_link(&mut self, id: u64) -> Answer {
        if !self.platform.settings.linking || !self.account.may(Permission::Link) {
            return refusal::message(403, "You do not have permission to link issues.");
        }
        let Some(wanted) = self.query("globalId") else {
            return refusal::message(400, "globalId is missing.");
        };
        let Some(issue) = self.platform.get_mut(id) else { return refusal::no_issue() };
        let before = issue.remote_links.len();
        issue.remote_links.retain(|it| it.global_id.as_deref() != Some(&wanted));
        if issue.remote_links.len() < before {
            Answer::bare(204)
        } else {
            refusal::message(404, "The remote link does not exist.")
        }
    }

    /// `getIssueProperty`
    pub(super) fn get_property(&self, id: u64, key: &str) -> Answer {
        let Some((issue, _)) = self.look_up(id) else { return refusal::no_issue() };
        match issue.properties.get(key) {
            Some(value) => Answer::json(200, json!({ "key": key, "value": value })),
            None => refusal::message(404, "The property does not exist."),
        }
    }

    /// `setIssueProperty`: replaces, and never merges.
    pub(super) fn set_property(&mut self, id: u64, key: &str, value: &Value) -> Answer {
        if !self.account.may(Permission::Edit) {
            return refusal::message(403, "You do not have permission to edit this issue.");
        }
        let (key, value) = match check_property(key, value) {
            Ok(property) => property,
            Err(why) => return refusal::message(400, &why),
        };
        let Some(issue) = self.platform.get_mut(id) else { return refusal::no_issue() };
        let replaced = issue.properties.insert(key, value);
        Answer::json(if replaced.is_some() { 200 } else { 201 }, json!({}))
    }

    /// `deleteIssueProperty`
    pub(super) fn delete_property(&mut self, id: u64, key: &str) -> Answer {
        let Some(issue) = self.platform.get_mut(id) else { return refusal::no_issue() };
        match issue.properties.remove(key) {
            Some(_) => Answer::bare(204),
            None => refusal::message(404, "The property does not exist."),
        }
    }

    /// `addComment`: appends each time.
    pub(super) fn add_comment(&mut self, id: u64, body: &Value) -> Answer {
        let settings = self.platform.settings;
        if !self.account.may(Permission::Comment) {
            return refusal::message(400, "You do not have permission to comment on this issue.");
        }
        if let Err(why) = check_document(&body["body"], settings) {
            self.record_violation(&why);
            return refusal::message(400, &why);
        }
        let (comment_id, now) = (self.platform.take_id(), self.now);
        let author = self.account.name.clone();
        let Some(issue) = self.platform.get_mut(id) else { return refusal::no_issue() };
        if issue.comments.len() >= settings.most_comments {
            return refusal::message(413, "The issue has too many comments.");
        }
        let comment = json!({
            "id": comment_id.to_string(),
            "author": { "displayName": author, "accountId": author },
            "body": body["body"],
            "created": now.to_rfc3339(),
        });
        issue.comments.push(comment.clone());
        self.platform.send_mail(now, id, "addComment");
        Answer::json(201, comment)
    }

    /// `linkIssues`: a repeat changes nothing, apart from its comment, which is added again.
    pub(super) fn link_issues(&mut self, body: &Value) -> Answer {
        let settings = self.platform.settings;
        if !settings.linking || !self.account.may(Permission::Link) {
            return refusal::message(404, "Issue linking is currently disabled, or you may not link issues.");
        }
        let name = body["type"]["name"].as_str().unwrap_or_default().to_owned();
        if !LINK_TYPES.contains(&name.as_str()) {
            return refusal::message(404, "No issue link type with this name exists.");
        }
        let find = |end: &Value| {
            let named = end["id"].as_str().or(end["key"].as_str())?;
            self.platform.find_id(named)
        };
        let (Some(inward), Some(outward)) = (find(&body["inwardIssue"]), find(&body["outwardIssue"])) else {
            return refusal::no_issue();
        };
        for (id, other, is_outward) in [(inward, outward, true), (outward, inward, false)] {
            let Some(issue) = self.platform.get_mut(id) else { return refusal::no_issue() };
            let link = IssueLink { name: name.clone(), other, outward: is_outward };
            if issue.links.contains(&link) {
                continue;
            }
            if issue.links.len() >= settings.most_links {
                return refusal::message(413, "The issue has too many links.");
            }
            issue.links.push(link);
        }
        if body["comment"].is_object() {
            self.add_comment(inward, &body["comment"]);
        }
        Answer::bare(201)
    }
}

impl RemoteLink {
    /// As the API shows it.
    pub fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "globalId": self.global_id,
            "application": self.body["application"],
            "relationship": self.body["relationship"],
            "object": self.body["object"],
        })
    }
}

impl Issue {
    /// The remote link with this `globalId`.
    pub fn remote_link(&self, global_id: &str) -> Option<&RemoteLink> {
        self.remote_links.iter().find(|it| it.global_id.as_deref() == Some(global_id))
    }
}
