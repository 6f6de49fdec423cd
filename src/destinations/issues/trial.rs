//! A work item that is made only to see whether it can be made and resolved.
//!
//! Must not look like an incident's: it carries neither our label nor our property, so that nothing adopts, edits or sweeps
//! it. Never deletes it.

use std::collections::BTreeSet;

use serde_json::Map;

use super::client::{CallError, Client, IssueType};
use super::content::adf::{doc, lines, paragraph};
use super::content::body::IssueBody;
use super::content::create::{Creation, Place, Wanted, create};
use super::content::identity::Identity;
use super::content::issue::Issue;
use super::content::screen::CreateScreen;
use super::content::workflow::{Choice, Step, Wish, choose};
use super::options::Options;

/// By which people find what tests have left.
pub const TEST_LABEL: &str = "incident-bridge-test";

const SUMMARY: &str = "Test of Incident Bridge: please ignore";
const TEXT: &str = "Somebody ran `incident-bridge destinations test`. It made this work item, read it back and resolved it. \
                    It can be deleted.";

/// The body that makes it.
///
/// # Errors
/// What the create screen requires and nothing fills.
pub fn plan(options: &Options, kind: &IssueType, screen: &CreateScreen) -> Result<IssueBody, String> {
    let none = String::new;
    let identity =
        Identity { bridge: none(), destination: none(), source: none(), id: none(), episode: 1, seq: 0 };
    let wanted = Wanted {
        summary: SUMMARY.to_owned(),
        description: doc(vec![paragraph(lines(TEXT))]),
        priority: None,
        components: BTreeSet::new(),
        labels: vec![TEST_LABEL.to_owned()],
    };
    let (refused, none) = (BTreeSet::new(), Map::new());
    let custom = if options.fields.is_empty() { &none } else { &options.fields };
    let place = Place { project: &options.project, issue_type: &kind.id, screen, refused: &refused, custom };
    let Creation { mut body, missing, .. } = create(place, &wanted, &identity);
    body.properties.clear();
    if missing.is_empty() {
        Ok(body)
    } else {
        Err(format!("the create screen requires {}; give values in [jira_issues.fields]", missing.join(", ")))
    }
}

/// Whether what was read back is what was sent.
#[must_use]
pub fn is_as_sent(issue: &Issue) -> bool {
    issue.summary() == Some(SUMMARY)
}

/// How it is resolved. A test resolves also where the configuration leaves the status to people.
///
/// # Errors
/// Why the site cannot be asked.
pub async fn find_way(client: &Client, issue: &Issue, options: &Options) -> Result<Step, CallError> {
    let ways = client.list_transitions(&issue.id).await?.value;
    let configured = &options.transitions.resolved;
    let choice = if *configured == Choice::Off { &Choice::Auto } else { configured };
    Ok(choose(&ways, Wish::Resolve, choice, options.resolution.as_deref(), issue.category()))
}
