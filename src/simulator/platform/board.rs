//! People at work on the site: what they see on their board, and what they change by hand.

use serde_json::{Value, json};

use super::super::handle::Simulator;
use super::account::Account;
use super::issue::Issue;
use super::project::Project;
use super::state::{Edit, Mail, PERSON, Platform};
use crate::clock::Timestamp;

/// The site's projects as people use them.
#[derive(Clone, Copy, Debug)]
pub struct Board<'a>(&'a Simulator);

impl Simulator {
    /// Projects and work items.
    pub fn board(&self) -> Board<'_> {
        Board(self)
    }
}

impl Board<'_> {
    fn change<T>(self, change: impl FnOnce(&mut Platform, Timestamp) -> T) -> T {
        let now = self.0.0.clock.now();
        change(&mut self.0.lock().platform, now)
    }

    /// Lets an account call the API.
    pub fn admit(self, account: Account) {
        self.change(|platform, _| {
            platform.accounts.retain(|it| it.email != account.email);
            platform.accounts.push(account);
        });
    }

    /// Changes an account, as an administrator does.
    pub fn change_account(self, email: &str, change: impl FnOnce(&mut Account)) {
        self.change(|platform, _| platform.accounts.iter_mut().find(|it| it.email == email).map(change));
    }

    /// Changes a project, as an administrator does.
    pub fn change_project(self, key: &str, change: impl FnOnce(&mut Project)) {
        self.change(|platform, _| platform.find_project_mut(key).map(change));
    }

    /// Changes settings, limits or the index of the site.
    pub fn configure(self, change: impl FnOnce(&mut Platform)) {
        self.change(|platform, _| change(platform));
    }

    /// Gives a project another key; its issues get new keys, and the old ones lead to them.
    pub fn rename_project(self, key: &str, new_key: &str) {
        self.change(|platform, _| {
            let Some(project) = platform.find_project_mut(key) else { return };
            let old = std::mem::replace(&mut project.key, new_key.to_owned());
            project.old_keys.push(old);
            let id = project.id.clone();
            let of_project = platform.issues().filter(|it| it.project == id);
            let renamed: Vec<(u64, String)> = of_project
                .map(|it| (it.id, format!("{new_key}-{}", it.key.rsplit('-').next().unwrap_or_default())))
                .collect();
            for (id, key) in renamed {
                platform.rename(id, key);
            }
        });
    }

    /// All work items that exist.
    pub fn issues(self) -> Vec<Issue> {
        self.change(|platform, _| platform.issues().cloned().collect())
    }

    /// One, by id or key.
    pub fn issue(self, id_or_key: &str) -> Option<Issue> {
        self.change(|platform, _| platform.find(id_or_key).cloned())
    }

    /// The category of an issue's status: `new`, `indeterminate` or `done`.
    pub fn category(self, id_or_key: &str) -> Option<&'static str> {
        self.change(|platform, _| {
            let issue = platform.find(id_or_key)?;
            platform.project_of(issue)?.workflow.find(&issue.status).map(|it| it.category)
        })
    }

    /// A person writes a field.
    pub fn edit(self, id_or_key: &str, field: &str, value: Value) {
        self.change(|platform, now| {
            let Some(issue) = platform.find_id(id_or_key) else { return };
            platform.edit(now, Edit { issue, field: field.to_owned(), value });
        });
    }

    /// A person writes a field right after an issue was read the next time.
    pub fn edit_after_read(self, id_or_key: &str, field: &str, value: Value) {
        self.change(|platform, _| {
            let Some(issue) = platform.find_id(id_or_key) else { return };
            platform.after_reads.push(Edit { issue, field: field.to_owned(), value });
        });
    }

    /// A person adds a label.
    pub fn label(self, id_or_key: &str, label: &str) {
        let Some(issue) = self.issue(id_or_key) else { return };
        let labels: Vec<&str> = issue.labels().into_iter().chain([label]).collect();
        self.edit(id_or_key, "labels", json!(labels));
    }

    /// A person moves an issue to a status, by its name.
    pub fn transition(self, id_or_key: &str, status: &str) {
        self.change(|platform, now| {
            let Some(issue) = platform.find(id_or_key) else { return };
            let id = issue.id;
            let statuses =
                platform.project_of(issue).map(|it| it.workflow.statuses.clone()).unwrap_or_default();
            let Some(status) = statuses.iter().find(|it| it.name == status) else { return };
            platform.change((now, PERSON), id, &["status"], |issue| status.id.clone_into(&mut issue.status));
        });
    }

    /// A person moves an issue to another project; the old key still leads to it.
    pub fn move_to(self, id_or_key: &str, project: &str) {
        self.change(|platform, now| {
            let Some(id) = platform.find_id(id_or_key) else { return };
            let Some(target) = platform.find_project(project).cloned() else { return };
            let Some(key) = platform.take_key(project) else { return };
            platform.rename(id, key);
            platform.change((now, PERSON), id, &["project"], |issue| {
                issue.project.clone_from(&target.id);
                if target.find_type(&issue.issue_type).is_none()
                    && let Some(first) = target.types.first()
                {
                    first.id.clone_into(&mut issue.issue_type);
                }
                if target.workflow.find(&issue.status).is_none()
                    && let Some(first) = target.workflow.statuses.first()
                {
                    first.id.clone_into(&mut issue.status);
                }
            });
        });
    }

    /// A person deletes an issue.
    pub fn delete(self, id_or_key: &str) {
        self.change(|platform, _| {
            if let Some(id) = platform.find_id(id_or_key) {
                platform.delete(id);
            }
        });
    }

    /// Mails to watchers so far.
    pub fn mails(self) -> Vec<Mail> {
        self.change(|platform, _| platform.mails.clone())
    }

    /// How often an operation was performed, by Atlassian's name of it.
    pub fn count_calls(self, operation: &str) -> u64 {
        self.change(|platform, _| platform.calls.get(operation).copied().unwrap_or_default())
    }
}
