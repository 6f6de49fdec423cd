//! What each answer, and each lack of one, means.

use reqwest::StatusCode;
use serde_json::json;
use url::Url;

use super::*;
use crate::domain::parse_timestamp;

fn error_of(status: u16, headers: &[(&'static str, &str)], body: &str) -> CallError {
    let headers = headers
        .iter()
        .map(|(name, value)| (reqwest::header::HeaderName::from_static(name), value.parse().unwrap()))
        .collect();
    let answer = FailedAnswer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: &headers,
        body: body.as_bytes(),
        url: &Url::parse("https://acme.atlassian.net/rest/api/3/issue").unwrap(),
        now: parse_timestamp("2026-04-03T09:12:00Z").unwrap(),
    };
    CallError::refused(Endpoint::CreateIssue, &answer, None)
}

#[test]
fn each_status_has_its_meaning() {
    let unclear = || Fault::Unclear { not_before: None };
    for (status, fault) in [
        (401, Fault::Unauthorized { lacks_scope: false }),
        (403, Fault::Forbidden),
        (404, Fault::NotFound),
        (409, Fault::Conflict),
        (413, Fault::IssueFull),
        (408, unclear()),
        (425, unclear()),
        (500, unclear()),
        (502, unclear()),
        (503, unclear()),
        (304, unclear()),
    ] {
        assert_eq!(error_of(status, &[], "").fault, fault, "{status}");
    }
    for status in [400, 405, 410, 415, 422] {
        let rejection = Rejection { status, ..Rejection::default() };
        assert_eq!(error_of(status, &[], "").fault, Fault::Rejected(Box::new(rejection)));
    }
}

#[test]
fn only_what_is_unclear_may_have_worked() {
    let worked = |status| error_of(status, &[], "").may_have_worked();
    assert!([408, 500, 502, 503, 504].into_iter().all(worked));
    assert!(![400, 401, 403, 404, 409, 410, 413, 415, 422].into_iter().any(worked));
}

#[test]
fn refused_fields_are_told_by_their_ids() {
    let body = json!({ "errorMessages": ["Nein"], "errors": { "priority": "Feld \"priority\"", "x": 7 }, "status": 400 });
    let error = error_of(400, &[], &body.to_string());
    let Fault::Rejected(rejection) = &error.fault else { panic!("{error:?}") };
    assert_eq!(rejection.field_names().into_iter().collect::<Vec<_>>(), ["priority", "x"]);
    assert_eq!(error.message, "Jira answered 400: Nein; priority: Feld \"priority\"; x:");
}

#[test]
fn no_error_body_is_too_strange() {
    for body in ["", "<html>", "null", "[]", "7", r#"{"errors":[1],"errorMessages":{"a":1}}"#, "\u{feff}{}"] {
        let error = error_of(400, &[], body);
        assert_eq!(error.message, "Jira answered 400", "{body}");
    }
    assert_eq!(
        error_of(401, &[], r#"{"code":401,"message":"Unauthorized"}"#).message,
        "Jira answered 401: Unauthorized"
    );
}

#[test]
fn a_missing_scope_is_told_from_a_wrong_token() {
    for body in [r#"{"code":401,"message":"Unauthorized; scope does not match"}"#, "Scope Does Not Match"] {
        assert_eq!(error_of(401, &[], body).fault, Fault::Unauthorized { lacks_scope: true });
    }
}

#[test]
fn a_busy_site_names_the_earliest_next_attempt() {
    let not_before = parse_timestamp("2026-04-03T09:12:30Z");
    assert_eq!(error_of(503, &[("retry-after", "30")], "").fault, Fault::Unclear { not_before });
}

#[test]
fn a_renamed_site_is_named() {
    let error = error_of(302, &[("location", "https://new.atlassian.net/rest/api/3/issue")], "");
    assert_eq!(error.fault, Fault::Redirected { to_host: "new.atlassian.net".to_owned() });
}

#[test]
fn messages_are_bounded_and_hold_no_token() {
    let fields: Value =
        (0..200).map(|n| (format!("f{n}\n{}", "x".repeat(200)), json!("y".repeat(2000)))).collect();
    let body = json!({ "errorMessages": vec!["ATATT3x token"; 100], "errors": fields });
    let error = error_of(400, &[], &body.to_string());
    let Fault::Rejected(rejection) = &error.fault else { panic!("{error:?}") };
    assert!(rejection.fields.len() == 50 && rejection.messages.len() == 5 && error.message.len() < 600);
    assert!(rejection.fields.keys().all(|field| field.len() <= 100 && !field.contains('\n')));
    assert!(!format!("{error:?}").contains("ATATT"));
}

#[test]
fn without_a_connection_nothing_was_sent() {
    let fault = |cause| {
        let fault = TransportFault { address: "acme.atlassian.net:443".to_owned(), cause };
        CallError::transport(Endpoint::CreateIssue, &fault).fault
    };
    let detail = String::new;
    for cause in [
        TransportCause::NameNotFound { detail: detail() },
        TransportCause::ConnectionRefused,
        TransportCause::ConnectTimeout,
        TransportCause::CertificateNotTrusted,
        TransportCause::Proxy { detail: detail() },
        TransportCause::NotConnected { detail: detail() },
    ] {
        assert_eq!(fault(cause), Fault::NotSent);
    }
    for cause in [
        TransportCause::AnswerTimeout,
        TransportCause::BrokeOff { detail: detail() },
        TransportCause::TooLarge { limit: 1 },
    ] {
        assert_eq!(fault(cause), Fault::Unclear { not_before: None });
    }
}
