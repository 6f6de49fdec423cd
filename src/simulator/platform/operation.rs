//! Which documented operation a method and a path mean, on which host, and the scope that it needs.
//!
//! Pure. Names are the `operationId` of Atlassian's document.

use percent_encoding::percent_decode_str;

/// The two ways to the same site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// `https://{site}.atlassian.net`
    Site,
    /// `https://api.atlassian.com/ex/jira/{cloudId}`
    Gateway,
}

/// The host of a call to the platform's API, and the path below `/rest/api/3`; `None` for other paths.
pub fn find_host<'a>(path: &'a str, cloud_id: &str) -> Option<(Host, &'a str)> {
    if let Some(below) = path.strip_prefix("/rest/api/3/") {
        return Some((Host::Site, below));
    }
    let below = path.strip_prefix("/ex/jira/")?.strip_prefix(cloud_id)?.strip_prefix("/rest/api/3/")?;
    Some((Host::Gateway, below))
}

/// An operation with the names in its path; `issue` is an id or a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    GetCurrentUser,
    GetMyPermissions,
    GetBulkPermissions,
    GetServerInfo,
    GetProject { project: String },
    GetProjectComponents { project: String },
    GetCreateIssueMetaIssueTypes { project: String },
    GetCreateIssueMetaIssueTypeId { project: String, issue_type: String },
    CreateIssue,
    CreateIssues,
    BulkFetchIssues,
    GetIssue { issue: String },
    EditIssue { issue: String },
    DeleteIssue { issue: String },
    GetTransitions { issue: String },
    DoTransition { issue: String },
    GetRemoteIssueLinks { issue: String },
    CreateOrUpdateRemoteIssueLink { issue: String },
    DeleteRemoteIssueLinkByGlobalId { issue: String },
    GetIssueProperty { issue: String, key: String },
    SetIssueProperty { issue: String, key: String },
    DeleteIssueProperty { issue: String, key: String },
    AddComment { issue: String },
    LinkIssues,
    SearchAndReconsileIssuesUsingJqlPost,
}

impl Operation {
    /// Atlassian's name of it.
    pub fn id(&self) -> &'static str {
        match self {
            Self::GetCurrentUser => "getCurrentUser",
            Self::GetMyPermissions => "getMyPermissions",
            Self::GetBulkPermissions => "getBulkPermissions",
            Self::GetServerInfo => "getServerInfo",
            Self::GetProject { .. } => "getProject",
            Self::GetProjectComponents { .. } => "getProjectComponents",
            Self::GetCreateIssueMetaIssueTypes { .. } => "getCreateIssueMetaIssueTypes",
            Self::GetCreateIssueMetaIssueTypeId { .. } => "getCreateIssueMetaIssueTypeId",
            Self::CreateIssue => "createIssue",
            Self::CreateIssues => "createIssues",
            Self::BulkFetchIssues => "bulkFetchIssues",
            Self::GetIssue { .. } => "getIssue",
            Self::EditIssue { .. } => "editIssue",
            Self::DeleteIssue { .. } => "deleteIssue",
            Self::GetTransitions { .. } => "getTransitions",
            Self::DoTransition { .. } => "doTransition",
            Self::GetRemoteIssueLinks { .. } => "getRemoteIssueLinks",
            Self::CreateOrUpdateRemoteIssueLink { .. } => "createOrUpdateRemoteIssueLink",
            Self::DeleteRemoteIssueLinkByGlobalId { .. } => "deleteRemoteIssueLinkByGlobalId",
            Self::GetIssueProperty { .. } => "getIssueProperty",
            Self::SetIssueProperty { .. } => "setIssueProperty",
            Self::DeleteIssueProperty { .. } => "deleteIssueProperty",
            Self::AddComment { .. } => "addComment",
            Self::LinkIssues => "linkIssues",
            Self::SearchAndReconsileIssuesUsingJqlPost => "searchAndReconsileIssuesUsingJqlPost",
        }
    }

    /// The scope that a token with scopes must have; `None` where none is asked for.
    pub fn scope(&self) -> Option<&'static str> {
        match self {
            Self::GetCurrentUser => Some("read:jira-user"),
            Self::GetBulkPermissions | Self::GetServerInfo => None,
            _ if self.writes() => Some("write:jira-work"),
            _ => Some("read:jira-work"),
        }
    }

    /// Whether it changes something.
    pub fn writes(&self) -> bool {
        matches!(
            self,
            Self::CreateIssue
                | Self::CreateIssues
                | Self::EditIssue { .. }
                | Self::DeleteIssue { .. }
                | Self::DoTransition { .. }
                | Self::CreateOrUpdateRemoteIssueLink { .. }
                | Self::DeleteRemoteIssueLinkByGlobalId { .. }
                | Self::SetIssueProperty { .. }
                | Self::DeleteIssueProperty { .. }
                | Self::AddComment { .. }
                | Self::LinkIssues
        )
    }

    /// The issue in the path.
    pub fn issue(&self) -> Option<&str> {
        match self {
            Self::GetIssue { issue }
            | Self::EditIssue { issue }
            | Self::DeleteIssue { issue }
            | Self::GetTransitions { issue }
            | Self::DoTransition { issue }
            | Self::GetRemoteIssueLinks { issue }
            | Self::CreateOrUpdateRemoteIssueLink { issue }
            | Self::DeleteRemoteIssueLinkByGlobalId { issue }
            | Self::GetIssueProperty { issue, .. }
            | Self::SetIssueProperty { issue, .. }
            | Self::DeleteIssueProperty { issue, .. }
            | Self::AddComment { issue } => Some(issue),
            _ => None,
        }
    }

    /// The operation of a path below `/rest/api/3/`, or a status: 404 for the path, 405 for the method, 410 for what
    /// Atlassian has removed.
    pub fn find(method: &str, below: &str) -> Result<Self, u16> {
        let segments: Vec<String> = below
            .split('/')
            .map(|segment| percent_decode_str(segment).decode_utf8().map(std::borrow::Cow::into_owned))
            .collect::<Result<_, _>>()
            .map_err(|_| 404_u16)?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            ["issue", rest @ ..] => find_below_issue(method, rest),
            ["project", rest @ ..] => find_below_project(method, rest),
            ["search"] => Err(410),
            ["search", "jql"] => only(method, "POST", Self::SearchAndReconsileIssuesUsingJqlPost),
            ["issueLink"] => only(method, "POST", Self::LinkIssues),
            ["myself"] => only(method, "GET", Self::GetCurrentUser),
            ["mypermissions"] => only(method, "GET", Self::GetMyPermissions),
            ["permissions", "check"] => only(method, "POST", Self::GetBulkPermissions),
            ["serverInfo"] => only(method, "GET", Self::GetServerInfo),
            _ => Err(404),
        }
    }
}

fn only(method: &str, wanted: &str, operation: Operation) -> Result<Operation, u16> {
    if method == wanted { Ok(operation) } else { Err(405) }
}

fn find_below_project(method: &str, segments: &[&str]) -> Result<Operation, u16> {
    match segments {
        [project] => only(method, "GET", Operation::GetProject { project: (*project).to_owned() }),
        [project, "components"] => {
            only(method, "GET", Operation::GetProjectComponents { project: (*project).to_owned() })
        }
        _ => Err(404),
    }
}

fn find_below_issue(method: &str, segments: &[&str]) -> Result<Operation, u16> {
    let own = |text: &&str| (*text).to_owned();
    match segments {
        [] => only(method, "POST", Operation::CreateIssue),
        ["bulk"] => only(method, "POST", Operation::CreateIssues),
        ["bulkfetch"] => only(method, "POST", Operation::BulkFetchIssues),
        ["createmeta", project, "issuetypes"] => {
            only(method, "GET", Operation::GetCreateIssueMetaIssueTypes { project: own(project) })
        }
        ["createmeta", project, "issuetypes", id] => {
            let operation =
                Operation::GetCreateIssueMetaIssueTypeId { project: own(project), issue_type: own(id) };
            only(method, "GET", operation)
        }
        [issue] => match method {
            "GET" => Ok(Operation::GetIssue { issue: own(issue) }),
            "PUT" => Ok(Operation::EditIssue { issue: own(issue) }),
            "DELETE" => Ok(Operation::DeleteIssue { issue: own(issue) }),
            _ => Err(405),
        },
        [issue, "transitions"] => match method {
            "GET" => Ok(Operation::GetTransitions { issue: own(issue) }),
            "POST" => Ok(Operation::DoTransition { issue: own(issue) }),
            _ => Err(405),
        },
        [issue, "remotelink"] => match method {
            "GET" => Ok(Operation::GetRemoteIssueLinks { issue: own(issue) }),
            "POST" => Ok(Operation::CreateOrUpdateRemoteIssueLink { issue: own(issue) }),
            "DELETE" => Ok(Operation::DeleteRemoteIssueLinkByGlobalId { issue: own(issue) }),
            _ => Err(405),
        },
        [issue, "properties", key] => match method {
            "GET" => Ok(Operation::GetIssueProperty { issue: own(issue), key: own(key) }),
            "PUT" => Ok(Operation::SetIssueProperty { issue: own(issue), key: own(key) }),
            "DELETE" => Ok(Operation::DeleteIssueProperty { issue: own(issue), key: own(key) }),
            _ => Err(405),
        },
        [issue, "comment"] => only(method, "POST", Operation::AddComment { issue: own(issue) }),
        _ => Err(404),
    }
}
