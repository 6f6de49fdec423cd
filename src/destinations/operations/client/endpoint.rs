//! The thirteen operations of the two APIs: method and path of each, as Jira's OpenAPI document has them.
//!
//! Must stay the only place that knows a path.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use url::Url;

use crate::domain::EntityKind;

/// Unreserved characters, and those of this program's ids that a path segment allows (RFC 3986). Everything
/// else is encoded, so that path and query string hash are unambiguous.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':')
    .remove(b'@')
    .remove(b'=');

/// Which of Jira's two APIs holds an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    /// `/rest/operations/1.0`: incidents and reviews.
    Operations,
    /// `/rest/devopscomponents/1.0`: components.
    Components,
}

/// One operation; also the unit of Jira's burst limits together with its method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    LinkWorkspaces,
    UnlinkWorkspaces,
    ListWorkspaces,
    Submit(Api),
    DeleteByProperties(Api),
    Find(EntityKind),
    Delete(EntityKind),
}

impl Endpoint {
    #[must_use]
    pub fn method(self) -> Method {
        match self {
            Self::LinkWorkspaces | Self::Submit(_) => Method::POST,
            Self::ListWorkspaces | Self::Find(_) => Method::GET,
            Self::UnlinkWorkspaces | Self::DeleteByProperties(_) | Self::Delete(_) => Method::DELETE,
        }
    }

    /// The path below the site's address; `{id}` stands where an entity's id goes.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::LinkWorkspaces | Self::UnlinkWorkspaces => "/rest/operations/1.0/linkedWorkspaces/bulk",
            Self::ListWorkspaces => "/rest/operations/1.0/linkedWorkspaces",
            Self::Submit(Api::Operations) => "/rest/operations/1.0/bulk",
            Self::Submit(Api::Components) => "/rest/devopscomponents/1.0/bulk",
            Self::DeleteByProperties(Api::Operations) => "/rest/operations/1.0/bulkByProperties",
            Self::DeleteByProperties(Api::Components) => "/rest/devopscomponents/1.0/bulkByProperties",
            Self::Find(kind) | Self::Delete(kind) => match kind {
                EntityKind::Incident => "/rest/operations/1.0/incidents/{id}",
                EntityKind::Review => "/rest/operations/1.0/post-incident-reviews/{id}",
                EntityKind::Component => "/rest/devopscomponents/1.0/{id}",
            },
        }
    }

    /// The address on a site, whose own address may have a context path.
    pub(super) fn url(self, site: &Url, id: &str) -> Url {
        let path = self.path().replace("{id}", &utf8_percent_encode(id, SEGMENT).to_string());
        let mut url = site.clone();
        url.set_path(&format!("{}{path}", site.path().trim_end_matches('/')));
        url.set_query(None);
        url.set_fragment(None);
        url
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method(), self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(site: &str, id: &str) -> String {
        Endpoint::Find(EntityKind::Incident).url(&Url::parse(site).unwrap(), id).to_string()
    }

    #[test]
    fn an_id_of_ours_stands_in_the_path_as_it_is() {
        assert_eq!(
            url("https://acme.atlassian.net", "pd:Q1~a@b=c-d.e_f"),
            "https://acme.atlassian.net/rest/operations/1.0/incidents/pd:Q1~a@b=c-d.e_f"
        );
    }

    #[test]
    fn any_other_character_is_encoded_below_the_context_path() {
        assert_eq!(
            url("https://acme.example/jira/?x=y#z", "a/b c%?é"),
            "https://acme.example/jira/rest/operations/1.0/incidents/a%2Fb%20c%25%3F%C3%A9"
        );
    }
}
