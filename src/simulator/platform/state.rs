//! Everything that the platform holds. Must not know HTTP.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::account::Account;
use super::index::Index;
use super::issue::{Change, Issue, Side};
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

/// Who changes things by hand.
pub const PERSON: &str = "a person";

/// A field that a person writes.
#[derive(Clone, Debug)]
pub struct Edit {
    pub issue: u64,
    pub field: String,
    pub value: Value,
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
    /// Each as soon as its issue was read.
    pub after_reads: Vec<Edit>,
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
            after_reads: Vec::new(),
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

    /// Changes an issue, and notes who changed which of these fields.
    pub fn change(
        &mut self,
        (now, author): (Timestamp, &str),
        id: u64,
        fields: &[&str],
        change: impl FnOnce(&mut Issue),
    ) {
        let Some(issue) = self.issues.get_mut(&id) else { return };
        let before: Vec<Side> = fields.iter().map(|field| issue.side(field)).collect();
        change(issue);
        issue.updated = now;
        for (field, from) in fields.iter().zip(before) {
            let (author, field) = (author.to_owned(), (*field).to_owned());
            let to = issue.side(&field);
            issue.changes.push(Change { at: now, author, field, from, to });
        }
        self.index.note(now, id);
    }

    /// A person writes a field.
    pub fn edit(&mut self, now: Timestamp, Edit { issue, field, value }: Edit) {
        self.change((now, PERSON), issue, &[&field], |issue| drop(issue.fields.insert(field.clone(), value)));
    }

    /// What people do as soon as an issue was read.
    pub fn note_read(&mut self, now: Timestamp, id: u64) {
        let waiting = std::mem::take(&mut self.after_reads);
        let (due, rest): (Vec<Edit>, Vec<Edit>) = waiting.into_iter().partition(|it| it.issue == id);
        self.after_reads = rest;
        for edit in due {
            self.edit(now, edit);
        }
    }

    pub fn send_mail(&mut self, at: Timestamp, issue: u64, cause: &'static str) {
        self.mails.push(Mail { at, issue, cause });
    }
}
