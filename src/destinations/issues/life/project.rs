//! What a project offers: its type of work items, the create screen, priorities, components.
//!
//! Read when it is needed and kept for an hour. Must not decide anything about an incident.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;

use super::stop::{Stop, later};
use crate::destinations::issues::client::Client;
use crate::destinations::issues::content::create::Place;
use crate::destinations::issues::content::priority::Priorities;
use crate::destinations::issues::content::screen::{CreateScreen, Named, is_same_name};
use crate::destinations::issues::options::{Components, Options};
use crate::domain::Timestamp;

/// How long it counts.
const FRESH: TimeDelta = TimeDelta::hours(1);

/// A project with one type of work items.
#[derive(Debug)]
pub struct Project {
    pub key: String,
    pub type_id: String,
    pub screen: CreateScreen,
    pub priorities: Priorities,
    pub components: Vec<Named>,
    read_at: Timestamp,
}

/// By key and type.
#[derive(Debug, Default)]
pub struct Projects {
    known: Mutex<BTreeMap<(String, String), Arc<Project>>>,
    /// Fields that Jira has refused, by project.
    refused: Mutex<BTreeMap<String, BTreeSet<String>>>,
    /// Highest number of a key that was seen, by project.
    highest: Mutex<BTreeMap<String, u64>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Projects {
    /// A project with a type, by name or id; read unless it is known and fresh.
    pub async fn find(
        &self,
        client: &Client,
        options: &Options,
        (key, issue_type): (&str, &str),
        now: Timestamp,
    ) -> Result<Arc<Project>, Stop> {
        let name = (key.to_owned(), issue_type.to_owned());
        let known = lock(&self.known).get(&name).cloned();
        if let Some(known) = known.filter(|it| later(it.read_at, FRESH) > now) {
            return Ok(known);
        }
        let read = Arc::new(read(client, options, (key, issue_type), now).await?);
        lock(&self.refused).remove(&read.key);
        lock(&self.known).insert(name, Arc::clone(&read));
        Ok(read)
    }

    /// Forgets what is known: something was not as known.
    pub fn forget(&self) {
        lock(&self.known).clear();
    }

    /// Fields that Jira has refused in a project.
    pub fn list_refused(&self, key: &str) -> BTreeSet<String> {
        lock(&self.refused).get(key).cloned().unwrap_or_default()
    }

    pub fn note_refused(&self, key: &str, fields: &[String]) {
        lock(&self.refused).entry(key.to_owned()).or_default().extend(fields.iter().cloned());
    }

    /// Highest number of a key that was seen in a project.
    pub fn find_highest(&self, key: &str) -> Option<u64> {
        lock(&self.highest).get(key).copied()
    }

    /// Notes a key that was seen.
    pub fn note_number(&self, key: &str, number: u64) {
        let mut highest = lock(&self.highest);
        let known = highest.entry(key.to_owned()).or_default();
        *known = number.max(*known);
    }
}

impl Project {
    /// Where a work item is made.
    pub fn place<'a>(&'a self, refused: &'a BTreeSet<String>, options: &'a Options) -> Place<'a> {
        Place {
            project: &self.key,
            issue_type: &self.type_id,
            screen: &self.screen,
            refused,
            custom: &options.fields,
        }
    }
}

async fn read(
    client: &Client,
    options: &Options,
    (key, issue_type): (&str, &str),
    now: Timestamp,
) -> Result<Project, Stop> {
    let project = client.find_project(key).await?.value;
    if project.is_archived || project.is_deleted {
        let what = if project.is_deleted { "is in the trash" } else { "is archived" };
        return Err(Stop::park(format!(
            "the project {} {what}: restore it, or change `project`",
            project.key
        )));
    }
    let types = client.list_issue_types(&project.key).await?.value;
    let is_meant = |id: &str, name: &str| id == issue_type || is_same_name(name, issue_type);
    let Some(found) = types.iter().find(|it| !it.is_subtask && is_meant(&it.id, &it.name)) else {
        let names: Vec<&str> = types.iter().filter(|it| !it.is_subtask).map(|it| it.name.as_str()).collect();
        return Err(Stop::park(if names.is_empty() {
            format!("the account may not create work items in {}: grant it Create Issues there", project.key)
        } else {
            format!("{} has no issue type {issue_type:?}: write one of {}", project.key, names.join(", "))
        }));
    };
    let screen = client.find_create_screen(&project.key, &found.id).await?.value;
    let priorities = Priorities::choose(screen.allowed("priority"), &options.priority);
    let components = match screen.allowed("components") {
        _ if options.components == Components::Off => Vec::new(),
        None => Vec::new(),
        Some([]) => client.list_components(&project.key).await?.value,
        Some(offered) => offered.to_vec(),
    };
    Ok(Project { key: project.key, type_id: found.id.clone(), screen, priorities, components, read_at: now })
}
