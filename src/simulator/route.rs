//! Which of the thirteen documented operations a method and a path mean.
//!
//! Pure. Must not look at the body or at who is calling.

use percent_encoding::percent_decode_str;

use super::entities::EntityKind;

/// The API that an operation belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    Operations,
    Components,
}

impl Api {
    /// The descriptor module an app needs in order to call it.
    pub fn module(self) -> &'static str {
        match self {
            Self::Operations => "jiraOperationsInfoProvider",
            Self::Components => "jiraDevOpsComponentProvider",
        }
    }

    /// Kinds it stores, with the array of the bulk body that carries each.
    pub fn arrays(self) -> &'static [(EntityKind, &'static str)] {
        match self {
            Self::Operations => &[(EntityKind::Incident, "incidents"), (EntityKind::Review, "reviews")],
            Self::Components => &[(EntityKind::Component, "devopsComponents")],
        }
    }

    pub fn kinds(self) -> &'static [EntityKind] {
        match self {
            Self::Operations => &[EntityKind::Incident, EntityKind::Review],
            Self::Components => &[EntityKind::Component],
        }
    }
}

/// One documented operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    LinkWorkspaces,
    UnlinkWorkspaces,
    ListWorkspaces,
    Submit(Api),
    DeleteByProperties(Api),
    Read(EntityKind, String),
    Delete(EntityKind, String),
}

impl Operation {
    pub fn api(&self) -> Api {
        match self {
            Self::Submit(api) | Self::DeleteByProperties(api) => *api,
            Self::Read(EntityKind::Component, _) | Self::Delete(EntityKind::Component, _) => Api::Components,
            _ => Api::Operations,
        }
    }

    /// The scope an app needs in order to call it.
    pub fn scope(&self) -> &'static str {
        match self {
            Self::LinkWorkspaces | Self::Submit(_) => "WRITE",
            Self::ListWorkspaces | Self::Read(..) => "READ",
            Self::UnlinkWorkspaces | Self::DeleteByProperties(_) | Self::Delete(..) => "DELETE",
        }
    }
}

/// The operation, or the status if there is none: 404 for the path, 405 for the method.
pub fn find_operation(method: &str, path: &str) -> Result<Operation, u16> {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match segments.as_slice() {
        ["rest", "operations", "1.0", rest @ ..] => find_in_operations(method, rest),
        ["rest", "devopscomponents", "1.0", rest @ ..] => find_in_components(method, rest),
        _ => Err(404),
    }
}

fn find_in_operations(method: &str, segments: &[&str]) -> Result<Operation, u16> {
    match (segments, method) {
        (["linkedWorkspaces", "bulk"], "POST") => Ok(Operation::LinkWorkspaces),
        (["linkedWorkspaces", "bulk"], "DELETE") => Ok(Operation::UnlinkWorkspaces),
        (["linkedWorkspaces"], "GET") => Ok(Operation::ListWorkspaces),
        (["bulk"], "POST") => Ok(Operation::Submit(Api::Operations)),
        (["bulkByProperties"], "DELETE") => Ok(Operation::DeleteByProperties(Api::Operations)),
        (["incidents", id], _) => by_id(method, EntityKind::Incident, id),
        (["post-incident-reviews", id], _) => by_id(method, EntityKind::Review, id),
        (["linkedWorkspaces" | "bulk" | "bulkByProperties", ..], _) => Err(405),
        _ => Err(404),
    }
}

fn find_in_components(method: &str, segments: &[&str]) -> Result<Operation, u16> {
    match (segments, method) {
        (["bulk"], "POST") => Ok(Operation::Submit(Api::Components)),
        (["bulkByProperties"], "DELETE") => Ok(Operation::DeleteByProperties(Api::Components)),
        (["bulk" | "bulkByProperties"], _) => Err(405),
        ([id], _) => by_id(method, EntityKind::Component, id),
        _ => Err(404),
    }
}

fn by_id(method: &str, kind: EntityKind, segment: &str) -> Result<Operation, u16> {
    let id = percent_decode_str(segment).decode_utf8().map_err(|_| 404_u16)?.into_owned();
    if id.is_empty() {
        return Err(404);
    }
    match method {
        "GET" => Ok(Operation::Read(kind, id)),
        "DELETE" => Ok(Operation::Delete(kind, id)),
        _ => Err(405),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_operation_is_found() {
        let id = || "pd:a b".to_owned();
        for (method, path, expected) in [
            ("POST", "/rest/operations/1.0/linkedWorkspaces/bulk", Operation::LinkWorkspaces),
            ("DELETE", "/rest/operations/1.0/linkedWorkspaces/bulk", Operation::UnlinkWorkspaces),
            ("GET", "/rest/operations/1.0/linkedWorkspaces", Operation::ListWorkspaces),
            ("POST", "/rest/operations/1.0/bulk", Operation::Submit(Api::Operations)),
            (
                "DELETE",
                "/rest/operations/1.0/bulkByProperties",
                Operation::DeleteByProperties(Api::Operations),
            ),
            ("GET", "/rest/operations/1.0/incidents/pd:a%20b", Operation::Read(EntityKind::Incident, id())),
            (
                "DELETE",
                "/rest/operations/1.0/incidents/pd:a%20b",
                Operation::Delete(EntityKind::Incident, id()),
            ),
            (
                "GET",
                "/rest/operations/1.0/post-incident-reviews/pd:a%20b",
                Operation::Read(EntityKind::Review, id()),
            ),
            (
                "DELETE",
                "/rest/operations/1.0/post-incident-reviews/pd:a%20b",
                Operation::Delete(EntityKind::Review, id()),
            ),
            ("POST", "/rest/devopscomponents/1.0/bulk", Operation::Submit(Api::Components)),
            (
                "DELETE",
                "/rest/devopscomponents/1.0/bulkByProperties",
                Operation::DeleteByProperties(Api::Components),
            ),
            ("GET", "/rest/devopscomponents/1.0/pd:a%20b", Operation::Read(EntityKind::Component, id())),
            ("DELETE", "/rest/devopscomponents/1.0/pd:a%20b", Operation::Delete(EntityKind::Component, id())),
        ] {
            assert_eq!(find_operation(method, path), Ok(expected), "{method} {path}");
        }
    }

    #[test]
    fn other_methods_and_paths_are_told_apart() {
        assert_eq!(find_operation("GET", "/rest/operations/1.0/bulk"), Err(405));
        assert_eq!(find_operation("PUT", "/rest/operations/1.0/incidents/a"), Err(405));
        assert_eq!(find_operation("GET", "/rest/operations/1.0/incidents/"), Err(404));
        assert_eq!(find_operation("GET", "/rest/operations/1.0/incidents/a/b"), Err(404));
        assert_eq!(find_operation("GET", "/rest/api/3/issue/PAY-1"), Err(404));
    }
}
