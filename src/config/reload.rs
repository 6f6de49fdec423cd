//! What a new configuration may change in a running process, and what waits for a restart.

use std::collections::BTreeSet;

use serde::Serialize;

use super::effective::Config;
use super::load::Loaded;

/// Keys, or the begin of keys, that a reload puts into force. [`adopt`] has to know each of them.
const LIVE: [&str; 7] = [
    "sources.",
    "destinations.",
    "jira_issues.",
    "connect.sites",
    "connect.insecure_sites",
    "vault.key",
    "vault.previous_keys",
];

/// What differs between two configurations: dotted keys, with a source's or destination's id. Of one that is new
/// or gone, `sources.pd` stands for all its keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// In force from now on.
    pub changed: BTreeSet<String>,
    /// As before until the process is started again.
    pub needs_restart: BTreeSet<String>,
}

impl Loaded {
    /// Puts the new configuration into the place of the running one as far as that is possible without a
    /// restart, and says what differs.
    #[must_use]
    pub fn adopt(&self, new: &Self) -> (Self, Changes) {
        let changes = self.compare(new);
        let mut adopted = self.clone();
        adopt(&mut adopted.config, new.config.clone());
        adopted.reading.fingerprints.retain(|key, _| !is_live(key));
        let live = new.reading.fingerprints.iter().filter(|(key, _)| is_live(key));
        adopted.reading.fingerprints.extend(live.map(|(key, print)| (key.clone(), *print)));
        adopted.reading.secret_files.clone_from(&new.reading.secret_files);
        (adopted, changes)
    }

    fn compare(&self, new: &Self) -> Changes {
        let (old, new) = (&self.reading.fingerprints, &new.reading.fingerprints);
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let mut changes = Changes::default();
        for key in keys.into_iter().filter(|key| old.get(*key) != new.get(*key)) {
            let one = entry(key)
                .filter(|one| ![old, new].iter().all(|keys| keys.contains_key(&format!("{one}.id"))));
            let set = if is_live(key) { &mut changes.changed } else { &mut changes.needs_restart };
            set.insert(one.unwrap_or(key).to_owned());
        }
        changes
    }
}

fn is_live(key: &str) -> bool {
    LIVE.iter().any(|live| if live.ends_with('.') { key.starts_with(live) } else { key == *live })
}

/// `sources.pd` for a key of that source.
fn entry(key: &str) -> Option<&str> {
    let list =
        ["sources.", "destinations.", "jira_issues."].into_iter().find(|list| key.starts_with(list))?;
    let end = key.get(list.len()..)?.find('.')?;
    key.get(..list.len() + end)
}

fn adopt(running: &mut Config, new: Config) {
    running.sources = new.sources;
    running.destinations = new.destinations;
    running.jira_issues = new.jira_issues;
    running.connect.sites = new.connect.sites;
    running.connect.insecure_sites = new.connect.insecure_sites;
    running.vault = new.vault;
}
