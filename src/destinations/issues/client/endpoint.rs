//! The operations that are used: method and path of each, and what it needs.
//!
//! Must stay the only place that knows a path. There is none here that deletes a work item.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use url::Url;

/// Unreserved characters (RFC 3986); everything else is encoded.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One operation; with its method the unit of Jira's burst limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    TenantInfo,
    CreateIssue,
    CreateIssues,
    EditIssue,
    FindIssue,
    FetchIssues,
    Search,
    ListTransitions,
    Transition,
    PutRemoteLink,
    FindRemoteLinks,
    DeleteRemoteLink,
    PutProperty,
    FindProperty,
    DeleteProperty,
    AddComment,
    LinkIssues,
    ListIssueTypes,
    ListCreateFields,
    FindProject,
    ListComponents,
    Myself,
    MyPermissions,
    CheckPermissions,
    ServerInfo,
}

impl Endpoint {
    #[must_use]
    pub fn method(self) -> Method {
        match self {
            Self::CreateIssue
            | Self::CreateIssues
            | Self::FetchIssues
            | Self::Search
            | Self::Transition
            | Self::PutRemoteLink
            | Self::AddComment
            | Self::LinkIssues
            | Self::CheckPermissions => Method::POST,
            Self::EditIssue | Self::PutProperty => Method::PUT,
            Self::DeleteRemoteLink | Self::DeleteProperty => Method::DELETE,
            _ => Method::GET,
        }
    }

    /// The path below the address of a site; ids go where `{}` stands.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::TenantInfo => "/_edge/tenant_info",
            Self::CreateIssue => "/rest/api/3/issue",
            Self::CreateIssues => "/rest/api/3/issue/bulk",
            Self::EditIssue | Self::FindIssue => "/rest/api/3/issue/{}",
            Self::FetchIssues => "/rest/api/3/issue/bulkfetch",
            Self::Search => "/rest/api/3/search/jql",
            Self::ListTransitions | Self::Transition => "/rest/api/3/issue/{}/transitions",
            Self::PutRemoteLink | Self::FindRemoteLinks | Self::DeleteRemoteLink => {
                "/rest/api/3/issue/{}/remotelink"
            }
            Self::PutProperty | Self::FindProperty | Self::DeleteProperty => {
                "/rest/api/3/issue/{}/properties/{}"
            }
            Self::AddComment => "/rest/api/3/issue/{}/comment",
            Self::LinkIssues => "/rest/api/3/issueLink",
            Self::ListIssueTypes => "/rest/api/3/issue/createmeta/{}/issuetypes",
            Self::ListCreateFields => "/rest/api/3/issue/createmeta/{}/issuetypes/{}",
            Self::FindProject => "/rest/api/3/project/{}",
            Self::ListComponents => "/rest/api/3/project/{}/components",
            Self::Myself => "/rest/api/3/myself",
            Self::MyPermissions => "/rest/api/3/mypermissions",
            Self::CheckPermissions => "/rest/api/3/permissions/check",
            Self::ServerInfo => "/rest/api/3/serverInfo",
        }
    }

    /// Whether it concerns one issue.
    #[must_use]
    pub fn is_of_issue(self) -> bool {
        self.path().starts_with("/rest/api/3/issue/{}")
    }

    /// Whether it changes something.
    #[must_use]
    pub fn is_write(self) -> bool {
        let only_reads = matches!(self, Self::FetchIssues | Self::Search | Self::CheckPermissions);
        self.method() != Method::GET && !only_reads
    }

    /// The scope that a token needs for it; `None` if any will do.
    #[must_use]
    pub fn scope(self) -> Option<&'static str> {
        match self {
            Self::TenantInfo | Self::ServerInfo => None,
            Self::Myself => Some("read:jira-user"),
            _ if self.is_write() => Some("write:jira-work"),
            _ => Some("read:jira-work"),
        }
    }

    /// The address below `base`, with the ids in the places for them.
    pub(super) fn url(self, base: &Url, ids: &[&str]) -> Url {
        let mut path = self.path().to_owned();
        for id in ids {
            path = path.replacen("{}", &utf8_percent_encode(id, SEGMENT).to_string(), 1);
        }
        let mut url = base.clone();
        url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
        url
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method(), self.path().replace("{}", "{id}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_encoded_below_the_base() {
        let base = Url::parse("https://api.atlassian.com/ex/jira/1122-ab/").unwrap();
        assert_eq!(
            Endpoint::FindProperty.url(&base, &["10/7 ?", "incident-bridge"]).as_str(),
            "https://api.atlassian.com/ex/jira/1122-ab/rest/api/3/issue/10%2F7%20%3F/properties/incident-bridge"
        );
        let site = Url::parse("https://acme.atlassian.net/").unwrap();
        assert_eq!(Endpoint::Myself.url(&site, &[]).as_str(), "https://acme.atlassian.net/rest/api/3/myself");
    }

    #[test]
    fn the_name_of_an_operation_holds_no_id() {
        assert_eq!(Endpoint::EditIssue.to_string(), "PUT /rest/api/3/issue/{id}");
    }

    #[test]
    fn every_operation_says_what_it_needs() {
        assert!(!Endpoint::Search.is_write() && !Endpoint::FindIssue.is_write());
        assert!(Endpoint::Transition.is_write() && Endpoint::DeleteProperty.is_write());
        assert_eq!(Endpoint::CreateIssue.scope(), Some("write:jira-work"));
        assert_eq!(Endpoint::FetchIssues.scope(), Some("read:jira-work"));
        assert_eq!(Endpoint::ServerInfo.scope(), None);
    }
}
