//! Everything that the platform holds. Must not know HTTP.

use std::collections::BTreeMap;

use serde::Serialize;

use super::account::Account;
use super::index::Index;
use super::issue::{Change, Issue};
use super::limits::Limits;
use super::project::Project;
use crate::clock::Timestamp;

/// What differs between sites.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Whether issues can be linked at all.
    pub linking: bool,
    /// Whether the limit of a description counts its text instead of its JSON: Atlassian does not say.
    pub counts_text: bool,
    /// Most comments, remote links and links of one issue.
    pub most_comments: usize,
    pub most_remote_links: usize,
    pub most_links: usize,
}

/// A mail to the watchers of an issue.
#[derive(Clone, Debug, Serialize)]
pub struct Mail {
    pub at: Timestamp,
    pub issue: u64,
    /// The operation that caused it.
    pub cause: &'static str,
}

/// Projects, people and issues of one site.
#[derive(Debug)]
pub struct Platform {
    pub projects: Vec<Project>,
    pub accounts: Vec<Account>,
    pub settings: Settings,
    pub limits: Limits,
    pub index: Index,
    pub mails: Vec<Mail>,
    /// How often each operation was performed.
    pub calls: BTreeMap<&'static str, u64>,
    issues: BTreeMap<u64, Issue>,
    deleted: BTreeMap<u64, Issue>,
    /// Keys that issues had before they moved.
    old_keys: BTreeMap<String, u64>,
    next_id: u64,
}

impl Platform {
    /// With the projects that every simulated site has, and nobody who may call.
    pub fn new(seed: u64) -> Self {
        Self {
            projects: Project::defaults(),
            accounts: Vec::new(),
            settings: Settings {
                linking: true,
                counts_text: false,
                most_comments: 5000,
                most_remote_links: 2000,
                most_links: 2000,
            },
            limits: Limits::default(),
            index: Index::new(seed),
            mails: Vec::new(),
            calls: BTreeMap::new(),
            issues: BTreeMap::new(),
            deleted: BTreeMap::new(),
            old_keys: BTreeMap::new(),
            next_id: 10_000,
        }
    }

    /// A number that nothing else has.
    pub fn take_id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    pub fn issues(&self) -> impl DoubleEndedIterator<Item = &Issue> {
        self.issues.values()
    }

    pub fn deleted(&self) -> impl Iterator<Item = &Issue> {
        self.deleted.values()
    }

    pub fn insert(&mut self, issue: Issue) {
        self.issues.insert(issue.id, issue);
    }

    /// Takes an issue away for good.
    pub fn delete(&mut self, id: u64) {
        if let Some(issue) = self.issues.remove(&id) {
            self.deleted.insert(id, issue);
        }
    }

    /// The id of an issue, by id, key, or a key that it had before.
    pub fn find_id(&self, id_or_key: &str) -> Option<u64> {
        let by_id = id_or_key.parse().ok().filter(|id| self.issues.contains_key(id));
        let by_key = || self.issues().find(|it| it.key == id_or_key).map(|it| it.id);
        let by_old_key = || self.old_keys.get(id_or_key).copied().filter(|id| self.issues.contains_key(id));
        by_id.or_else(by_key).or_else(by_old_key)
    }

    pub fn find(&self, id_or_key: &str) -> Option<&Issue> {
        self.issues.get(&self.find_id(id_or_key)?)
    }

    pub fn get_mut(&mut self, id: u64) -> Option<&mut Issue> {
        self.issues.get_mut(&id)
    }

    /// A project by id, key, or a key that it had before; keys are case-sensitive.
    pub fn find_project(&self, id_or_key: &str) -> Option<&Project> {
        let is = |it: &&Project| {
            it.id == id_or_key || it.key == id_or_key || it.old_keys.iter().any(|key| key == id_or_key)
        };
        self.projects.iter().find(is)
    }

    pub fn find_project_mut(&mut self, id_or_key: &str) -> Option<&mut Project> {
        let id = self.find_project(id_or_key)?.id.clone();
        self.projects.iter_mut().find(|it| it.id == id)
    }

    /// The project of an issue.
    pub fn project_of(&self, issue: &Issue) -> Option<&Project> {
        self.find_project(&issue.project)
    }

    /// The next key of a project.
    pub fn take_key(&mut self, project: &str) -> Option<String> {
        let project = self.find_project_mut(project)?;
        let key = format!("{}-{}", project.key, project.next_number);
        project.next_number += 1;
        Some(key)
    }

    /// Gives an issue a new key; the old one still leads to it.
    pub fn rename(&mut self, id: u64, key: String) {
        if let Some(issue) = self.issues.get_mut(&id) {
            let old = std::mem::replace(&mut issue.key, key);
            self.old_keys.insert(old, id);
        }
    }

    /// Notes who changed fields of an issue.
    pub fn record_change(&mut self, now: Timestamp, id: u64, author: &str, fields: &[&str]) {
        if let Some(issue) = self.issues.get_mut(&id) {
            issue.updated = now;
            for field in fields {
                let to = (*field == "status").then(|| issue.status.clone());
                let (author, field) = (author.to_owned(), (*field).to_owned());
                issue.changes.push(Change { at: now, author, field, to });
            }
            self.index.note(now, id);
        }
    }

    pub fn send_mail(&mut self, at: Timestamp, issue: u64, cause: &'static str) {
        self.mails.push(Mail { at, issue, cause });
    }
}
