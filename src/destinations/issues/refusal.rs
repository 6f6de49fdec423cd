//! A failed call in the engine's terms: what to do, and what to tell a person.
//!
//! Must say nothing of the incident: what a failure means for one work item is decided where its state is known.

use crate::destinations::issues::client::{CallError, Endpoint, Fault, Held, Scope as Paused};
use crate::destinations::{Refusal, Remedy, Scope};

impl From<CallError> for Refusal {
    fn from(error: CallError) -> Self {
        let (remedy, was_sent) = (remedy(&error), !matches!(error.fault, Fault::HeldBack(_)));
        error.into_refusal(remedy, was_sent)
    }
}

/// What the engine must do about a failed call that nothing else explains.
#[must_use]
pub fn remedy(error: &CallError) -> Remedy {
    let park = |advice: String, may_pass| Remedy::Park { advice, may_pass };
    match &error.fault {
        Fault::NotSent | Fault::Conflict => Remedy::Retry { not_before: None },
        Fault::Unclear { not_before } => Remedy::Retry { not_before: *not_before },
        Fault::HeldBack(held) | Fault::RateLimited { held, .. } => wait(*held),
        Fault::Unauthorized { lacks_scope: true } => park(missing_scope(error.endpoint), false),
        // Atlassian's own login has bad moments too.
        Fault::Unauthorized { lacks_scope: false } => park(
            "Jira does not take the API token: it has expired or was revoked, or `email` is not the address of its \
             owner; make a new token and write it to `api_token`"
                .to_owned(),
            true,
        ),
        Fault::Forbidden => park(forbidden(error.endpoint), false),
        Fault::NotFound if is_of_project(error.endpoint) => park(
            "the project does not exist, or the account may not see it: check `project`, and add the account to the \
             project"
                .to_owned(),
            false,
        ),
        Fault::Rejected(_) | Fault::IssueFull | Fault::NotFound => Remedy::GiveUp,
        Fault::Redirected { to_host } => park(format!("the site answers as {to_host} now: change `site`"), false),
    }
}

fn wait(held: Held) -> Remedy {
    let scope = match held.scope {
        Paused::Issue | Paused::Call | Paused::Endpoint => Scope::Request,
        Paused::Site => Scope::Destination,
    };
    Remedy::WaitUntil { until: held.until, scope }
}

fn missing_scope(endpoint: Endpoint) -> String {
    let scope = endpoint.scope().unwrap_or("read:jira-work");
    format!("the API token lacks the scope {scope}: make a token with read:jira-work and write:jira-work")
}

fn forbidden(endpoint: Endpoint) -> String {
    match endpoint {
        Endpoint::PutRemoteLink | Endpoint::FindRemoteLinks | Endpoint::DeleteRemoteLink => {
            "Jira does not let the account link work items: grant it the permission Link Issues in the project, or ask \
             an administrator to turn issue linking on"
                .to_owned()
        }
        _ => "Jira forbids this to the account: check its permissions in the project".to_owned(),
    }
}

fn is_of_project(endpoint: Endpoint) -> bool {
    matches!(
        endpoint,
        Endpoint::FindProject
            | Endpoint::ListComponents
            | Endpoint::ListIssueTypes
            | Endpoint::ListCreateFields
            | Endpoint::MyPermissions
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;
    use crate::destinations::jira::Reason;

    fn error(endpoint: Endpoint, fault: Fault) -> CallError {
        CallError {
            endpoint,
            status: Some(400),
            fault,
            message: "m".to_owned(),
            trace_id: Some("t".to_owned()),
            date_skew: None,
            unreachable: None,
        }
    }

    fn remedy_of(endpoint: Endpoint, fault: Fault) -> Remedy {
        remedy(&error(endpoint, fault))
    }

    fn advice(endpoint: Endpoint, fault: Fault) -> String {
        match remedy_of(endpoint, fault) {
            Remedy::Park { advice, .. } => advice,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_may_pass_is_repeated_and_what_may_not_is_given_up() {
        let not_before = Some(from_millis(7));
        for (fault, remedy) in [
            (Fault::NotSent, Remedy::Retry { not_before: None }),
            (Fault::Conflict, Remedy::Retry { not_before: None }),
            (Fault::Unclear { not_before }, Remedy::Retry { not_before }),
            (Fault::Rejected(Box::default()), Remedy::GiveUp),
            (Fault::IssueFull, Remedy::GiveUp),
            (Fault::NotFound, Remedy::GiveUp),
        ] {
            assert_eq!(remedy_of(Endpoint::EditIssue, fault), remedy);
        }
    }

    #[test]
    fn limits_hold_back_what_they_concern() {
        let until = from_millis(9);
        for (paused, scope) in [
            (Paused::Issue, Scope::Request),
            (Paused::Call, Scope::Request),
            (Paused::Endpoint, Scope::Request),
            (Paused::Site, Scope::Destination),
        ] {
            let held = Held { until, scope: paused };
            let wait = Remedy::WaitUntil { until, scope };
            assert_eq!(remedy_of(Endpoint::EditIssue, Fault::HeldBack(held)), wait);
            assert_eq!(
                remedy_of(Endpoint::EditIssue, Fault::RateLimited { reason: Reason::Burst, held }),
                wait
            );
        }
    }

    #[test]
    fn what_a_person_must_do_is_said() {
        let scope = Fault::Unauthorized { lacks_scope: true };
        assert!(advice(Endpoint::EditIssue, scope.clone()).contains("lacks the scope write:jira-work"));
        assert!(advice(Endpoint::Search, scope).contains("lacks the scope read:jira-work"));
        assert!(advice(Endpoint::Search, Fault::Unauthorized { lacks_scope: false }).contains("`api_token`"));
        assert!(advice(Endpoint::PutRemoteLink, Fault::Forbidden).contains("Link Issues"));
        assert!(advice(Endpoint::FindProject, Fault::NotFound).contains("`project`"));
        let moved = Fault::Redirected { to_host: "new.atlassian.net".to_owned() };
        assert!(advice(Endpoint::CreateIssue, moved).contains("new.atlassian.net"));
    }

    #[test]
    fn only_what_we_held_back_was_not_sent() {
        let held = Held { until: from_millis(9), scope: Paused::Site };
        assert!(!Refusal::from(error(Endpoint::EditIssue, Fault::HeldBack(held))).was_sent);
        let refusal = Refusal::from(error(Endpoint::EditIssue, Fault::NotFound));
        assert!(refusal.was_sent);
        assert_eq!(refusal.message, "PUT /rest/api/3/issue/{id}: m");
        assert_eq!((refusal.trace_id.as_deref(), refusal.evidence.status), (Some("t"), Some(400)));
    }
}
