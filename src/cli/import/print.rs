//! The whole page: a source and tables for each receiver, with comments on what is missing.
//!
//! Must stay TOML whatever a file says: texts are quoted, and each comment is one line.

use std::fmt::Write;

use serde::Serialize;

use super::document::{Document, Receiver};
use super::routes;
use super::table::{Entry, Note, Table};
use super::toml::{one_line, quote, quote_all};
use super::translate::translate;

/// Longest id of a source or destination.
const LONGEST_ID: usize = 32;

/// What the command prints.
#[derive(Debug, Serialize)]
pub(super) struct Imported {
    /// TOML.
    pub configuration: String,
    pub receivers: Vec<Told>,
}

/// What is not in the configuration as it was in the file.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    pub name: String,
    /// The source to which Alertmanager posts.
    pub source: String,
    /// Keys of `[[jira_issues]]` that a person has to write.
    pub fill_in: Vec<String>,
    pub not_carried_over: Vec<Note>,
}

impl Imported {
    pub fn of(document: &Document) -> Self {
        let mut page = Page::default();
        page.line(&format!(
            "# From a configuration of {}. Add it to bridge.toml, which also needs",
            document.tool
        ));
        page.line("# [server], [store] and [vault]; `incident-bridge config check` says what is missing. No secret was");
        page.line("# carried over: write what is marked FILL IN.");
        let is_only = document.receivers.len() == 1;
        let told = document.receivers.iter().map(|receiver| page.add(document, receiver, is_only)).collect();
        Self { configuration: page.text, receivers: told }
    }
}

#[derive(Default)]
struct Page {
    text: String,
    sources: Vec<String>,
    destinations: Vec<String>,
}

impl Page {
    fn line(&mut self, text: &str) {
        // Writing to a text does not fail.
        let _written = writeln!(self.text, "{text}");
    }

    fn comment(&mut self, text: &str) {
        self.line(format!("# {}", one_line(text)).trim_end());
    }

    fn add(&mut self, document: &Document, receiver: &Receiver, is_only: bool) -> Told {
        let wanted = if is_only { "am".to_owned() } else { format!("am-{}", slug(&receiver.name)) };
        let source = take_id(&mut self.sources, &wanted);
        self.line("");
        self.describe(document, receiver, &source);
        self.line("[[sources]]");
        self.line(&format!("id = {}", quote(&source)));
        self.line("type = \"alertmanager\"");
        self.line(&format!(
            "webhook_token_file = {}  # FILL IN: a file with the text of Alertmanager's credentials_file",
            quote(&format!("{source}.token"))
        ));
        let mut told =
            Told { name: receiver.name.clone(), source, fill_in: Vec::new(), not_carried_over: Vec::new() };
        let mut places: Vec<(String, String)> = Vec::new();
        for config in &receiver.configs {
            let mut table = translate(config, &document.global);
            let place = |key: &str| table.find(key).unwrap_or_default().to_owned();
            let place = (place("site"), place("project"));
            if places.contains(&place) {
                table.note(
                    "project",
                    "another table of this receiver writes to the same project: one incident has one work item there",
                );
                self.line("");
                self.list_notes("Left out, because it would double work items", &table.notes);
            } else {
                self.add_table(&told.source, &table);
                places.push(place);
            }
            told.fill_in
                .extend(table.keys.into_iter().filter(|key| key.fill_in.is_some()).map(|key| key.key));
            told.not_carried_over.extend(table.notes);
        }
        told
    }

    /// What to change in Alertmanager.
    fn describe(&mut self, document: &Document, receiver: &Receiver, source: &str) {
        self.comment(&format!("The receiver {:?}.", receiver.name));
        if document.tool == "Alertmanager" {
            let lines = routes::describe(document.route.as_ref(), &receiver.name);
            if lines.is_empty() {
                self.comment("No route leads to it, so it receives nothing.");
            } else {
                self.comment("These routes lead to it and stay as they are:");
                for line in lines {
                    self.comment(&format!("  {line}"));
                }
            }
            if !receiver.others.is_empty() {
                self.comment(&format!("It keeps {}.", receiver.others.join(", ")));
            }
            self.comment("In Alertmanager's configuration, write in place of its jira_configs:");
        } else {
            self.comment("In Alertmanager's configuration, write in place of the webhook to jiralert:");
        }
        for line in [
            "    webhook_configs:",
            &format!("      - url: https://bridge.example.com/webhooks/{source}"),
            "        send_resolved: true",
            "        http_config:",
            "          authorization:",
            &format!("            credentials_file: /etc/alertmanager/{source}.token"),
        ] {
            self.comment(line);
        }
    }

    fn add_table(&mut self, source: &str, table: &Table) {
        let project = table.find("project").unwrap_or_default().trim_matches('"').to_lowercase();
        let id = take_id(&mut self.destinations, &slug(&project));
        self.line("");
        self.list_notes("Not carried over as it was", &table.notes);
        self.line("[[jira_issues]]");
        self.line(&format!("id = {}", quote(&id)));
        self.list_entries(&table.keys);
        self.line(&format!("sources = {}", quote_all([source])));
        for (name, entries) in &table.tables {
            self.line(&format!("[jira_issues.{name}]"));
            self.list_entries(entries);
        }
    }

    fn list_notes(&mut self, heading: &str, notes: &[Note]) {
        if !notes.is_empty() {
            self.comment(&format!("{heading}:"));
            for note in notes {
                self.comment(&format!("  {}: {}", note.key, note.why));
            }
        }
    }

    fn list_entries(&mut self, entries: &[Entry]) {
        for Entry { key, value, fill_in } in entries {
            let about = fill_in.as_ref().map(|what| format!("  # FILL IN: {what}")).unwrap_or_default();
            self.line(&format!("{key} = {value}{about}"));
        }
    }
}

/// A text as part of an id.
fn slug(text: &str) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let slug: String = text.chars().map(fit).collect();
    let parts: Vec<&str> = slug.split('-').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "jira".to_owned() } else { parts.join("-") }
}

/// The wanted id, or a similar one that is still free.
fn take_id(taken: &mut Vec<String>, wanted: &str) -> String {
    let short =
        |length: usize| wanted.chars().take(length).collect::<String>().trim_end_matches('-').to_owned();
    let mut id = short(LONGEST_ID);
    let mut number = 2;
    while taken.contains(&id) {
        let end = format!("-{number}");
        id = format!("{}{end}", short(LONGEST_ID.saturating_sub(end.len())));
        number += 1;
    }
    taken.push(id.clone());
    id
}
