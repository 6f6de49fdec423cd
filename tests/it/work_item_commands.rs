//! The commands around `[[jira_issues]]` against a simulated site: `destinations`, `destinations test`, and `doctor`.

use incident_bridge::simulator::platform::{Account, Permission, Workflow};
use serde_json::Value;
use wiremock::Mock;
use wiremock::matchers::path;

use crate::harness::pagerduty::incident;
use crate::harness::place::{Place, SOURCE, Said, command};
use crate::harness::start_time;
use crate::poll::{page, start_pagerduty};

const EMAIL: &str = "bot@acme.example";
const TOKEN: &str = "a-token-of-jira";

/// A place whose site has an account for the bridge, and a table for its project `OPS`.
fn place(more: &str) -> Place {
    let place = Place::new();
    place.site.board().admit(Account::of_user(EMAIL, TOKEN));
    let addr = place.site.addr();
    let table = format!(
        "[[jira_issues]]\nsite = \"{addr}\"\nproject = \"OPS\"\nissue_type = \"Incident\"\nemail = \"{EMAIL}\"\napi_token = \"{TOKEN}\"\n{more}\n"
    );
    let text = std::fs::read_to_string(&place.file).expect("it reads");
    assert!(text.contains(SOURCE.trim()) && text.contains(&addr.to_string()), "{text}");
    std::fs::write(&place.file, format!("{text}\n{table}")).expect("the folder is writable");
    place
}

async fn run(place: &Place, arguments: &[&str]) -> Said {
    let said = command(arguments, Some(&place.file)).await;
    assert!(!said.out.contains(TOKEN) && !said.err.contains(TOKEN), "{said:?}");
    said
}

#[tokio::test]
async fn destinations_are_listed_before_and_after_the_service_ran() {
    let place = place("");
    let said = run(&place, &["destinations"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let line = said.out.lines().find(|line| line.starts_with("ops ")).expect("a line for it");
    assert!(line.contains("issues") && line.contains("all") && line.ends_with("unknown"), "{line}");
    let said = run(&place, &["destinations", "list", "--json"]).await;
    let told: Value = serde_json::from_str(&said.out).expect("it prints JSON");
    assert_eq!(told["destinations"][0]["id"], "ops");
    assert!(told["unknown"].is_string(), "{told}");
    run(&place, &["migrate"]).await;
    let said = run(&place, &["destinations"]).await;
    assert!(said.out.contains("not taken up yet"), "{said:?}");
}

#[tokio::test]
async fn a_test_work_item_is_made_read_back_and_resolved_and_says_each_step() {
    let place = place("");
    let said = run(&place, &["destinations", "test", "ops"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let steps: Vec<&str> = said.out.lines().filter_map(|line| line.strip_prefix("ok    ")).collect();
    assert_eq!(steps.len(), 4, "{said:?}");
    for (step, part) in
        steps.iter().zip(["asked: ", "created: OPS-1 with", "read back: ", "resolved: from To Do to Done"])
    {
        assert!(step.starts_with(part), "{part} in {said:?}");
    }
    let board = place.site.board();
    let issues = board.issues();
    assert_eq!(issues.len(), 1);
    assert_eq!(issues[0].labels(), ["incident-bridge-test"], "it is nobody's incident");
    assert!(issues[0].properties.is_empty());
    assert_eq!(place.site.board().category("OPS-1"), Some("done"));
    assert!(place.site.schema_violations().is_empty());
}

#[tokio::test]
async fn a_test_that_cannot_succeed_says_where_it_stopped() {
    let place = place("transitions = { resolved = \"off\" }");
    place.site.board().change_project("OPS", |project| project.workflow = Workflow::dead_end());
    let said = run(&place, &["destinations", "test", "ops", "--json"]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    let steps: Value = serde_json::from_str(&said.out).expect("it prints JSON");
    let last = steps.as_array().and_then(|steps| steps.last()).expect("steps");
    assert_eq!((&last["step"], &last["ok"]), (&"resolved".into(), &false.into()), "{steps}");
    assert!(last["seen"].as_str().is_some_and(|seen| seen.contains("stays open")), "{steps}");

    place.site.board().change_account(EMAIL, |account| {
        account.permissions.remove(&Permission::Create);
    });
    let said = run(&place, &["destinations", "test", "ops"]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains("FAIL  asked: permissions: the account lacks CREATE_ISSUES"), "{said:?}");
    assert_eq!(place.site.board().issues().len(), 1, "nothing more was made");
    let unknown = run(&place, &["destinations", "test", "op"]).await;
    assert_eq!(unknown.code, Some(1));
    assert!(
        unknown.err.contains("there is no [[jira_issues]] table \"op\"; did you mean \"ops\"?"),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn a_type_has_a_page_and_a_wrong_name_gets_the_right_one() {
    let said = command(&["destinations", "show", "operations"], None).await;
    assert!(said.out.starts_with("# Jira's Incidents page"), "{said:?}");
    let said = command(&["destinations", "show", "issues"], None).await;
    assert!(said.out.contains("## Keys") && said.out.contains("## Try first"), "{said:?}");
    let wrong = command(&["destinations", "show", "operation"], None).await;
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.err.contains("did you mean \"operations\"?"), "{wrong:?}");
}

async fn examine(place: &Place) -> (Option<i32>, Vec<Value>) {
    let said = run(place, &["doctor", "--json"]).await;
    let checks: Vec<Value> = serde_json::from_str(&said.out).expect("it prints JSON");
    (said.code, checks.into_iter().filter(|check| check["group"] == "work_items").collect())
}

#[tokio::test]
async fn doctor_has_a_row_for_everything_that_the_project_must_have() {
    let place = place("token_expires = \"2999-12-31\"");
    let (_, checks) = examine(&place).await;
    assert!(checks.iter().all(|check| check["state"] == "ok"), "{checks:#?}");
    let rows: Vec<&str> = checks.iter().filter_map(|check| check["what"].as_str()).collect();
    for row in [
        "site",
        "token",
        "host",
        "permissions",
        "project",
        "type",
        "screens",
        "priorities",
        "workflow",
        "token expiry",
    ] {
        assert!(rows.contains(&format!("ops, {row}").as_str()), "{row} in {rows:?}");
    }
}

#[tokio::test]
async fn doctor_names_the_fault_with_a_code_and_a_fix() {
    let place = place("priority = { P1 = \"Blocker\" }\ntoken_expires = \"2020-01-01\"");
    place.site.board().change_project("OPS", |project| project.archived = true);
    place.site.board().change_account(EMAIL, |account| {
        account.permissions.remove(&Permission::Edit);
    });
    let (code, checks) = examine(&place).await;
    assert_eq!(code, Some(1));
    let codes: Vec<&str> = checks.iter().filter_map(|check| check["code"].as_str()).collect();
    assert_eq!(
        codes,
        [
            "issues-permission-missing",
            "issues-project-unusable",
            "issues-priority-unknown",
            "issues-token-ends"
        ],
        "{checks:#?}"
    );
    place.site.board().change_account(EMAIL, |account| account.expired = true);
    let (_, checks) = examine(&place).await;
    assert!(checks.iter().any(|check| check["code"] == "issues-token-refused"), "{checks:#?}");
}

#[tokio::test]
async fn a_dry_run_says_how_many_work_items_would_be_made_and_makes_none() {
    let server = start_pagerduty().await;
    let told = [("Q1", "triggered"), ("Q2", "acknowledged"), ("Q3", "resolved")];
    let told = told.map(|(id, status)| incident(id, "Down", status, "PCHECKOUT", start_time()));
    Mock::given(path("/incidents")).respond_with(page(&told, false)).mount(&server).await;
    let place = place("min_severity = \"P2\"");
    let text = std::fs::read_to_string(&place.file).expect("it reads");
    let polled = format!("type = \"pagerduty\"\napi_token = \"rest\"\napi_url = \"{}\"\n", server.uri());
    let text = text.replacen("type = \"pagerduty\"\n", &polled, 1);
    std::fs::write(&place.file, &text).expect("the folder is writable");
    run(&place, &["migrate"]).await;
    let said = run(&place, &["sync", "--dry-run"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains("2 work items would be made by ops"), "{said:?}");
    std::fs::write(&place.file, text.replace("min_severity = \"P2\"", "min_severity = \"P1\""))
        .expect("writable");
    let said = run(&place, &["sync", "--dry-run"]).await;
    assert!(said.out.contains("0 work items would be made by ops"), "{said:?}");
    assert!(place.site.board().issues().is_empty());
}

#[tokio::test]
async fn a_first_sync_that_would_make_more_than_a_hundred_waits_for_a_person() {
    let server = start_pagerduty().await;
    let many: Vec<Value> = (0..101)
        .map(|n| incident(&format!("Q{n}"), "Down", "triggered", "PCHECKOUT", start_time()))
        .collect();
    Mock::given(path("/incidents")).respond_with(page(&many, false)).mount(&server).await;
    let place = place("writes_per_second = 100");
    let text = std::fs::read_to_string(&place.file).expect("it reads");
    let polled = format!("type = \"pagerduty\"\napi_token = \"rest\"\napi_url = \"{}\"\n", server.uri());
    let text = text.replacen("type = \"pagerduty\"\n", &polled, 1);
    std::fs::write(&place.file, &text).expect("the folder is writable");
    let said = run(&place, &["sync"]).await;
    assert!(said.out.contains("ops would make 101 work items, and waits: `sync --yes`"), "{said:?}");
    assert!(place.site.board().issues().is_empty());
    let said = run(&place, &["doctor", "--json"]).await;
    assert!(said.out.contains("issues-held") && said.out.contains("destinations approve ops"), "{said:?}");
    let said = run(&place, &["destinations", "approve", "ops"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let said = run(&place, &["doctor", "--json"]).await;
    assert!(!said.out.contains("issues-held"), "{said:?}");
    let unknown = run(&place, &["destinations", "approve", "op"]).await;
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.err.contains("did you mean \"ops\"?"), "{unknown:?}");
    run(&place, &["sync", "--yes"]).await;
    assert!(!place.site.board().issues().is_empty());
}
