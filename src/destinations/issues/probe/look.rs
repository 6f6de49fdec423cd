//! Asks the site, in an order in which each answer says whether the next question makes sense.
//!
//! Must change nothing: the one request for which writing must be allowed deletes nothing of an issue that cannot exist.

use std::collections::BTreeMap;

use crate::destinations::issues::client::{CallError, Client, IssueType, Project, ServerInfo};
use crate::destinations::issues::content::issue::Issue;
use crate::destinations::issues::content::jql;
use crate::destinations::issues::content::screen::{CreateScreen, Named};
use crate::destinations::issues::content::workflow::Transition;
use crate::destinations::issues::options::{Comments, Components, Host, Options};
use crate::destinations::jira::Answer;

/// Ids of issues begin far above.
const NO_ISSUE: &str = "1";
const NO_PROPERTY: &str = "incident-bridge-doctor";

/// What every destination needs; comments only if they are written.
const PERMISSIONS: [&str; 5] =
    ["BROWSE_PROJECTS", "CREATE_ISSUES", "EDIT_ISSUES", "TRANSITION_ISSUES", "LINK_ISSUES"];
const COMMENTS: &str = "ADD_COMMENTS";

/// A work item with the ways out of its status.
pub(super) type Newest = (Issue, Vec<Transition>);

/// An answer, or why there was none.
pub(super) type Asked<T> = Result<T, CallError>;

/// What was seen; `None` for what was not asked, because an earlier answer made it useless.
#[derive(Debug, Default)]
pub struct Seen {
    pub(super) server: Option<Asked<ServerInfo>>,
    pub(super) clock_skew: Option<chrono::TimeDelta>,
    pub(super) permissions: Option<Asked<BTreeMap<String, bool>>>,
    /// The host that took the token.
    pub(super) host: Option<Host>,
    pub(super) cloud_id: Option<String>,
    /// Whether the host that is not configured would take the token.
    pub(super) other_host_takes_it: bool,
    /// Whether the token may write, as far as that can be asked.
    pub(super) writing: Option<Asked<()>>,
    pub(super) project: Option<Asked<Project>>,
    pub(super) types: Option<Asked<Vec<IssueType>>>,
    pub(super) screen: Option<Asked<CreateScreen>>,
    pub(super) components: Option<Asked<Vec<Named>>>,
    /// The newest work item of the project and the ways out of its status; `None` if there is none yet.
    pub(super) newest: Option<Asked<Option<Newest>>>,
}

/// Asks everything that makes sense. `connect` makes a client, also with another host than the configured one.
pub async fn look(options: &Options, connect: impl Fn(&Options) -> Client + Sync) -> Seen {
    let client = connect(options);
    let mut seen = Seen::default();
    let server = client.server_info().await;
    seen.clock_skew = server.as_ref().ok().and_then(|answer| answer.meta.date_skew);
    // Anybody may ask, but a token that is no good spoils even that.
    let is_there = server.as_ref().map_or_else(|error| error.status == Some(401), |_| true);
    seen.server = Some(value(server));
    if !is_there {
        return seen;
    }
    look_at_token(&client, options, &connect, &mut seen).await;
    if matches!(seen.permissions, Some(Ok(_))) {
        look_at_project(&client, options, &mut seen).await;
    }
    seen
}

async fn look_at_token(
    client: &Client,
    options: &Options,
    connect: &(impl Fn(&Options) -> Client + Sync),
    seen: &mut Seen,
) {
    let permissions = value(client.my_permissions(&options.project, &wanted_permissions(options)).await);
    if let Err(error) = &permissions
        && error.status == Some(401)
        && options.host != Host::Auto
    {
        let host = if options.host == Host::Site { Host::Gateway } else { Host::Site };
        let other = connect(&Options { host, ..options.clone() });
        let answer = other.my_permissions(&options.project, &["BROWSE_PROJECTS"]).await;
        seen.other_host_takes_it = answer.is_ok() || answer.is_err_and(|error| error.status == Some(404));
    }
    seen.host = client.settled_host();
    seen.cloud_id = client.cloud_id();
    seen.permissions = Some(permissions);
}

pub(super) fn wanted_permissions(options: &Options) -> Vec<&'static str> {
    let comments = (options.comments == Comments::Status).then_some(COMMENTS);
    PERMISSIONS.into_iter().chain(comments).collect()
}

async fn look_at_project(client: &Client, options: &Options, seen: &mut Seen) {
    if seen.host == Some(Host::Gateway) {
        // Only tokens with scopes are taken there; a 401 says that writing is not among them.
        seen.writing = Some(value(client.delete_property(NO_ISSUE, NO_PROPERTY).await));
    }
    let project = value(client.find_project(&options.project).await);
    let is_there = project.is_ok();
    seen.project = Some(project);
    if !is_there {
        return;
    }
    let types = value(client.list_issue_types(&options.project).await);
    if let Some(chosen) = types.as_ref().ok().and_then(|types| find_type(types, options)) {
        seen.screen = Some(value(client.find_create_screen(&options.project, &chosen.id).await));
    }
    seen.types = Some(types);
    if options.components == Components::Match {
        seen.components = Some(value(client.list_components(&options.project).await));
    }
    seen.newest = Some(look_at_newest(client, &options.project).await);
}

/// The type that the operator means, by name or id.
#[must_use]
pub fn find_type<'t>(types: &'t [IssueType], options: &Options) -> Option<&'t IssueType> {
    let wanted = options.issue_type.trim();
    let by_name = || types.iter().find(|it| it.name.trim().to_lowercase() == wanted.to_lowercase());
    types.iter().find(|it| it.id == wanted).or_else(by_name)
}

async fn look_at_newest(client: &Client, project: &str) -> Asked<Option<Newest>> {
    let page = value(client.search(&jql::by_key_descending(project), 1, None).await)?;
    let Some(issue) = page.issues.into_iter().next() else { return Ok(None) };
    let ways = value(client.list_transitions(&issue.id).await)?;
    Ok(Some((issue, ways)))
}

fn value<T>(answer: Result<Answer<T>, CallError>) -> Asked<T> {
    answer.map(|answer| answer.value)
}
