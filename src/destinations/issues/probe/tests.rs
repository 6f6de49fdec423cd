//! Every row against the simulated site: what is well, and each fault by itself.

use std::net::SocketAddr;
use std::time::Duration;

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::*;
use crate::clock::Clock;
use crate::destinations::issues::client::Client;
use crate::destinations::issues::options::Options;
use crate::domain::parse_timestamp;
use crate::http::{HttpSettings, build_client};
use crate::simulator::platform::{Account, Permission, Platform, TokenKind, Workflow};
use crate::simulator::{RunningSimulator, Simulator, SimulatorOptions};

const EMAIL: &str = "bot@acme.example";
const SERVICE: &str = "bot@serviceaccount.atlassian.com";
const TOKEN: &str = "a-token";

struct Site {
    simulator: RunningSimulator,
    clock: Clock,
}

impl Site {
    fn start() -> Self {
        let clock = Clock::manual(parse_timestamp("2026-04-03T09:12:00Z").unwrap());
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        let simulator = Simulator::start(clock.clone(), local, SimulatorOptions::default()).unwrap();
        let site = Self { simulator, clock };
        site.change(|platform| {
            platform.accounts = vec![Account::of_user(EMAIL, TOKEN), Account::of_service(SERVICE, TOKEN)];
        });
        site
    }

    fn change(&self, change: impl FnOnce(&mut Platform)) {
        self.simulator.board().configure(change);
    }

    fn change_account(&self, change: impl Fn(&mut Account)) {
        self.change(|platform| platform.accounts.iter_mut().for_each(change));
    }

    fn options(&self, more: &Value) -> Options {
        let mut table = json!({
            "site": self.simulator.url(), "project": "OPS", "email": EMAIL, "api_token": TOKEN, "issue_type": "Incident",
        });
        for (key, value) in more.as_object().unwrap() {
            table[key] = value.clone();
        }
        Options::parse(table.as_object().unwrap(), None).unwrap()
    }

    async fn ask(&self, more: &Value) -> Vec<Finding> {
        let options = self.options(more);
        let http = build_client(&HttpSettings::new(Duration::from_secs(30))).unwrap();
        let seen = look(&options, |options| Client::new(http.clone(), self.clock.clone(), options)).await;
        judge(&seen, &options, self.clock.now().date_naive())
    }

    /// The row is in this state, and its sentences have these parts.
    async fn finds(&self, more: Value, row: Row, state: State, parts: &[&str]) {
        let findings = self.ask(&more).await;
        let found = findings.iter().find(|finding| finding.row == row);
        let found = found.unwrap_or_else(|| panic!("{row:?} in {findings:#?}"));
        let said = format!("{}; {}", found.seen, found.fix.as_deref().unwrap_or_default());
        assert_eq!(found.state, state, "{found:?}");
        for part in parts {
            assert!(said.contains(part), "{part:?} in {said}");
        }
        assert!(!format!("{findings:?}").contains(TOKEN), "{findings:?}");
    }

    async fn stop(self) {
        self.simulator.stop().await.unwrap();
    }
}

fn rows(findings: &[Finding]) -> Vec<Row> {
    findings.iter().map(|finding| finding.row).collect()
}

#[tokio::test]
async fn everything_is_well_on_either_host_and_nothing_is_changed() {
    let site = Site::start();
    for (email, host) in [(EMAIL, "the site itself"), (SERVICE, "cloud id")] {
        let findings = site.ask(&json!({ "email": email, "token_expires": "2026-12-31" })).await;
        assert!(findings.iter().all(|finding| finding.state == State::Ok), "{findings:#?}");
        assert!(findings.iter().any(|it| it.row == Row::Host && it.seen.contains(host)), "{findings:#?}");
        assert!(rows(&findings).is_sorted(), "{findings:#?}");
    }
    let service = site.ask(&json!({ "email": SERVICE })).await;
    assert!(rows(&service).contains(&Row::Scopes));
    assert!(site.simulator.board().issues().is_empty());
    site.stop().await;
}

#[tokio::test]
async fn a_site_that_is_not_there_is_told_and_nothing_else_is_asked() {
    let site = Site::start();
    let findings = site.ask(&json!({ "site": "http://127.0.0.1:9" })).await;
    assert_eq!(rows(&findings), [Row::Site, Row::Expiry]);
    assert_eq!(findings[0].state, State::Fix);
    assert!(findings[0].seen.contains("cannot be reached"), "{findings:?}");
    site.stop().await;
}

#[tokio::test]
async fn tokens_that_are_not_taken_say_why() {
    let site = Site::start();
    site.finds(json!({ "api_token": "wrong" }), Row::Token, State::Fix, &["revoked", EMAIL]).await;
    site.finds(json!({ "email": "other@acme.example" }), Row::Token, State::Fix, &["owner"]).await;
    let scoped = json!({ "host": "site", "email": "svc@acme.example" });
    site.change(|platform| platform.accounts.push(Account::of_service("svc@acme.example", TOKEN)));
    site.finds(scoped, Row::Token, State::Fix, &["with scopes", "host = \"gateway\""]).await;
    site.finds(json!({ "host": "gateway" }), Row::Token, State::Fix, &["without scopes", "host = \"site\""])
        .await;
    site.change_account(|account| account.expired = true);
    for email in [EMAIL, SERVICE] {
        site.finds(json!({ "email": email }), Row::Token, State::Fix, &["has expired"]).await;
        let findings = site.ask(&json!({ "email": email })).await;
        assert_eq!(rows(&findings), [Row::Site, Row::Token, Row::Expiry], "{findings:#?}");
    }
    site.stop().await;
}

#[tokio::test]
async fn a_scope_that_is_missing_is_named() {
    let site = Site::start();
    for (has, lacks) in [("write:jira-work", "read:jira-work"), ("read:jira-work", "write:jira-work")] {
        site.change_account(|account| {
            if account.email == SERVICE {
                account.kind = TokenKind::Scoped([has.to_owned()].into());
            }
        });
        let lacks = format!("lacks the scope {lacks}");
        site.finds(json!({ "email": SERVICE }), Row::Scopes, State::Fix, &[&lacks, "make a token"]).await;
    }
    site.stop().await;
}

#[tokio::test]
async fn each_permission_that_is_missing_is_named() {
    let site = Site::start();
    for permission in [Permission::Create, Permission::Edit, Permission::Transition, Permission::Link] {
        site.change_account(|account| {
            account.permissions = Permission::PROJECT.into();
            account.permissions.remove(&permission);
        });
        site.finds(json!({}), Row::Permissions, State::Fix, &[permission.as_str(), "add the account"]).await;
    }
    site.change_account(|account| {
        account.permissions = Permission::PROJECT.into();
        account.permissions.remove(&Permission::Comment);
    });
    site.finds(json!({}), Row::Permissions, State::Ok, &[]).await;
    site.finds(json!({ "comments": "status" }), Row::Permissions, State::Fix, &["ADD_COMMENTS"]).await;
    site.change_account(|account| {
        account.permissions.remove(&Permission::Browse);
    });
    site.finds(json!({}), Row::Project, State::Fix, &["may not see it"]).await;
    site.stop().await;
}

#[tokio::test]
async fn a_project_that_cannot_be_used_says_why() {
    let site = Site::start();
    site.finds(json!({ "project": "NONE" }), Row::Project, State::Fix, &["no project NONE"]).await;
    site.finds(
        json!({ "project": "TEAM", "issue_type": "Task" }),
        Row::Project,
        State::Ok,
        &["team-managed"],
    )
    .await;
    site.change(|platform| platform.find_project_mut("OPS").unwrap().archived = true);
    site.finds(json!({}), Row::Project, State::Fix, &["archived", "restore it"]).await;
    site.change(|platform| {
        let project = platform.find_project_mut("OPS").unwrap();
        project.archived = false;
        project.old_keys.push(std::mem::replace(&mut project.key, "NEW".to_owned()));
    });
    site.finds(json!({}), Row::Project, State::Warn, &["called NEW now", "project = \"NEW\""]).await;
    site.change(|platform| platform.find_project_mut("NEW").unwrap().visible = false);
    site.finds(json!({}), Row::Project, State::Fix, &["may not see it"]).await;
    site.stop().await;
}

#[tokio::test]
async fn types_screens_and_priorities_are_compared_with_what_is_configured() {
    let site = Site::start();
    site.finds(json!({ "issue_type": "Bug" }), Row::IssueType, State::Fix, &["\"Bug\"", "Incident, Task"])
        .await;
    site.finds(json!({ "issue_type": "10002" }), Row::IssueType, State::Ok, &["Task (10002)"]).await;
    site.change_account(|account| {
        account.permissions.remove(&Permission::Create);
    });
    site.finds(json!({}), Row::IssueType, State::Fix, &["may not create"]).await;
    site.change_account(|account| account.permissions = Permission::PROJECT.into());
    let bare = json!({ "project": "BARE", "issue_type": "Task" });
    site.finds(bare, Row::Screen, State::Warn, &["description, labels", "found by its number"]).await;
    let team = json!({ "project": "TEAM", "issue_type": "Task" });
    site.finds(team.clone(), Row::Priorities, State::Ok, &["none is sent"]).await;
    site.finds(team, Row::Components, State::Ok, &["the type has none"]).await;
    site.finds(json!({}), Row::Priorities, State::Ok, &["P1 = Highest"]).await;
    site.finds(json!({}), Row::Components, State::Ok, &["Checkout, Search"]).await;
    let table = json!({ "priority": { "P1": "Blocker" } });
    site.finds(table, Row::Priorities, State::Fix, &["P1 = \"Blocker\"", "Highest, High, Medium"]).await;
    let field = json!({ "fields": { "customfield_1": "x" } });
    site.finds(field.clone(), Row::Screen, State::Warn, &["customfield_1"]).await;
    site.change(|platform| {
        let project = platform.find_project_mut("OPS").unwrap();
        project.types[0].require("customfield_1");
        project.priorities = vec![("1".to_owned(), "Hoch".to_owned())];
    });
    site.finds(json!({}), Row::Screen, State::Fix, &["requires customfield_1", "[jira_issues.fields]"]).await;
    site.finds(field, Row::Screen, State::Ok, &[]).await;
    site.finds(json!({}), Row::Priorities, State::Warn, &["Hoch", "[jira_issues.priority]"]).await;
    site.stop().await;
}

impl Site {
    /// A work item in the project, as a person makes it.
    async fn add_issue(&self) {
        let body = json!({ "fields": {
            "project": { "key": "OPS" }, "issuetype": { "id": "10005" }, "summary": "By hand",
        } });
        let request = reqwest::Client::new().post(format!("{}/rest/api/3/issue", self.simulator.url()));
        let answer = request.basic_auth(EMAIL, Some(TOKEN)).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        self.clock.advance(chrono::TimeDelta::seconds(10));
    }

    fn set_workflow(&self, workflow: Workflow) {
        self.change(|platform| platform.find_project_mut("OPS").unwrap().workflow = workflow);
    }
}

#[tokio::test]
async fn a_workflow_is_judged_by_the_newest_work_item() {
    let site = Site::start();
    site.finds(json!({}), Row::Workflow, State::Ok, &["destinations test"]).await;
    site.add_issue().await;
    site.finds(json!({}), Row::Workflow, State::Ok, &["resolved by Done", "acknowledged by In Progress"])
        .await;
    let wrong = json!({ "transitions": { "resolved": "Ship it" } });
    site.finds(wrong, Row::Workflow, State::Warn, &["no way fits for resolved", "In Progress, Done"]).await;
    site.set_workflow(Workflow::dead_end());
    site.finds(json!({}), Row::Workflow, State::Warn, &["offers no transition"]).await;
    let off = json!({ "transitions": { "resolved": "off", "acknowledged": "off" } });
    site.finds(off, Row::Workflow, State::Ok, &["resolved: off"]).await;
    site.stop().await;
}

#[tokio::test]
async fn a_classic_workflow_has_its_ways() {
    let site = Site::start();
    site.set_workflow(Workflow::classic());
    site.add_issue().await;
    site.finds(json!({}), Row::Workflow, State::Ok, &["resolved by Resolve Issue"]).await;
    site.stop().await;
}

#[test]
fn the_end_of_a_token_is_told_thirty_seven_and_one_days_before() {
    let today = NaiveDate::from_ymd_opt(2026, 4, 3).unwrap();
    let judged = |days: i64| super::expiry::judge(Some(today + chrono::TimeDelta::days(days)), today);
    for (days, state, part) in [
        (31, State::Ok, "in 31 days"),
        (30, State::Warn, "in 30 days"),
        (8, State::Warn, "within a month"),
        (7, State::Warn, "this week"),
        (2, State::Warn, "this week"),
        (1, State::Fix, "tomorrow"),
        (0, State::Fix, "today"),
        (-1, State::Fix, "expired after 2026-04-02"),
    ] {
        let finding = judged(days);
        let said = format!("{} {}", finding.seen, finding.fix.unwrap_or_default());
        assert_eq!(finding.state, state, "{days}");
        assert!(said.contains(part), "{days}: {said}");
    }
    assert_eq!(super::expiry::judge(None, today).state, State::Ok);
}
