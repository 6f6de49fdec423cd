//! Mistakes in the tables of `[[jira_issues]]`, which only the type that reads them can see.
//!
//! Must not use the network, and must repeat no token.

use secrecy::SecretString;

use crate::config::{DestinationConfig, JiraIssuesConfig, Readable};
use crate::destinations::issues::options::Options;
use crate::domain::SourceId;
use crate::store::Vault;
use crate::sync::unseal_token;

/// The type of destination that has tables of its own.
const ISSUES: &str = "issues";

/// One destination as its type reads it.
pub struct IssuesTable {
    pub id: String,
    pub options: Options,
    /// All when absent.
    pub sources: Option<Vec<SourceId>>,
}

/// The tables that are valid, and what is wrong with the others. Without a `vault`, sealed tokens are taken as they are.
#[must_use]
pub fn read_issues_tables(
    destinations: &[DestinationConfig],
    vault: Option<&Vault>,
) -> (Vec<IssuesTable>, Vec<String>) {
    let (mut tables, mut faults) = (Vec::new(), Vec::new());
    for config in destinations.iter().filter(|config| config.type_name == ISSUES) {
        let opened = vault.map_or_else(|| Ok(config.api_token.clone()), |vault| unseal_token(config, vault));
        let parsed = opened.map_err(|fault| vec![fault]).and_then(|token| parse(config, token));
        match parsed {
            Ok(options) => {
                tables.push(IssuesTable { id: config.id.clone(), options, sources: config.sources.clone() });
            }
            Err(some) => {
                faults.extend(some.into_iter().map(|fault| format!("jira_issues {:?}: {fault}", config.id)));
            }
        }
    }
    faults.extend(find_doubles(&tables));
    (tables, faults)
}

fn parse(config: &DestinationConfig, token: Option<SecretString>) -> Result<Options, Vec<String>> {
    Options::parse(&config.options, token)
}

/// Every mistake of every table.
pub(super) fn find_faults(readable: &Readable, vault: Option<&Vault>) -> Vec<String> {
    let (_, mut faults) = read_issues_tables(readable.destinations.as_deref().unwrap_or_default(), vault);
    let tables = readable.jira_issues.as_deref().unwrap_or_default();
    if let Some(connect) = &readable.connect {
        let insecure = |table: &JiraIssuesConfig| {
            let fault = table.find_insecure_site(&connect.insecure_sites)?;
            Some(format!("jira_issues {:?}: {fault}", table.id))
        };
        faults.extend(tables.iter().filter_map(insecure));
    }
    let all = readable.destinations.iter().flatten().filter(|config| config.type_name == ISSUES);
    let strays = all.filter(|config| !tables.iter().any(|table| table.id == config.id));
    faults.extend(strays.map(|config| {
        format!("destination {:?}: type: {ISSUES:?} has tables of its own; write [[jira_issues]]", config.id)
    }));
    faults
}

/// Two tables that would make two work items of one incident in one project.
fn find_doubles(tables: &[IssuesTable]) -> Vec<String> {
    let mut faults = Vec::new();
    for (at, table) in tables.iter().enumerate() {
        let earlier = tables.iter().take(at).find(|other| {
            other.options.site.authority() == table.options.site.authority()
                && other.options.project == table.options.project
                && overlap(other, table)
        });
        faults.extend(earlier.map(|other| {
            format!(
                "jira_issues {:?}: writes to the project {} of {}, as {:?} does, for the same sources: each incident would \
                 get two work items there; give each table other `sources`, or remove one",
                table.id,
                table.options.project,
                table.options.site.authority(),
                other.id
            )
        }));
    }
    faults
}

fn overlap(one: &IssuesTable, other: &IssuesTable) -> bool {
    match (&one.sources, &other.sources) {
        (Some(one), Some(other)) => one.iter().any(|source| other.contains(source)),
        _ => true,
    }
}
