//! `[[jira_issues]]`: destinations under a name of their own.

use secrecy::ExposeSecret;
use serde_json::json;

use super::{MINIMAL, file, load_text, problems};
use crate::config::{Draft, Environment, JiraIssuesConfig, load, show};

const TABLE: &str = "\n[[jira_issues]]\nsite = \"acme.atlassian.net\"\nproject = \"OPS\"\nemail = \"bot@acme.example\"\napi_token = \"hunter2\"\n";

fn with(more: &str) -> String {
    format!("{MINIMAL}{TABLE}{more}")
}

#[test]
fn a_table_is_a_destination_that_is_called_as_its_project() {
    let config = load_text(&with("")).unwrap();
    let destination = &config.destinations[0];
    assert_eq!((destination.id.as_str(), destination.type_name.as_str()), ("ops", "issues"));
    assert_eq!(destination.api_token.as_ref().unwrap().expose_secret(), "hunter2");
    assert_eq!(destination.options["site"], "acme.atlassian.net");
    assert_eq!(destination.options["transitions"]["resolved"], "auto", "defaults come along");
    assert!(destination.options.get("api_token").is_none() && destination.sources.is_none());
    assert!(!format!("{config:?}").contains("hunter2"));
    let named = load_text(&with("id = \"team-a\"\n")).unwrap();
    assert_eq!((named.jira_issues[0].id.as_str(), named.destinations[0].id.as_str()), ("team-a", "team-a"));
    let underscore = load_text(&with("").replace("\"OPS\"", "\"OPS_2\"")).unwrap();
    assert_eq!(underscore.destinations[0].id, "ops-2");
}

#[test]
fn ids_are_unique_among_all_destinations_and_sources_exist() {
    let why = problems(&with("sources = [\"pdd\"]\n[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\n"));
    assert!(
        why.contains("jira_issues \"ops\": sources: \"pdd\" is not the id of a source; did you mean \"pd\"?"),
        "{why}"
    );
    for other in [TABLE, "[[destinations]]\nid = \"ops\"\ntype = \"t\"\n"] {
        let why = problems(&with(other));
        assert!(why.contains("\"ops\": id: is already the id of another destination"), "{why}");
    }
    assert!(problems(&with("").replace("project", "projct")).contains("id: is missing"), "no key, no name");
    assert!(
        problems(&format!("{MINIMAL}jira_issues = 1")).contains("must be a list of tables, [[jira_issues]]")
    );
}

#[test]
fn a_token_may_come_from_a_file_or_a_variable() {
    let (_folder, token) = file("jira.token", "from-a-file\n");
    let text = with("").replace("api_token = \"hunter2\"", &format!("api_token_file = {token:?}"));
    let config = load_text(&text).unwrap();
    assert_eq!(config.destinations[0].api_token.as_ref().unwrap().expose_secret(), "from-a-file");
    let (_folder, path) = file("bridge.toml", &with(""));
    let variable = ("BRIDGE__JIRA_ISSUES__OPS__API_TOKEN".to_owned(), "from-a-variable".to_owned());
    let environment = Environment([variable].into());
    let loaded = load(std::slice::from_ref(&path), &environment).unwrap();
    assert_eq!(loaded.config.destinations[0].api_token.as_ref().unwrap().expose_secret(), "from-a-variable");
    let unknown = Environment([("BRIDGE__JIRA_ISSUES__PS__EMAIL".to_owned(), "x".to_owned())].into());
    let why = load(&[path], &unknown).unwrap_err().problems.join("\n");
    assert!(why.contains("there is no jira_issues with the id \"ps\""), "{why}");
}

#[test]
fn what_is_shown_has_every_value_and_no_token() {
    let text =
        with("[jira_issues.priority]\nP1 = \"Blocker\"\n[jira_issues.fields]\nteam = { value = \"red\" }\n");
    let (_folder, path) = file("bridge.toml", &text);
    let draft = Draft::read(&[path], &Environment::default());
    let shown = show(&draft, &[], true);
    let find = |key: &str| shown.iter().find(|row| row.key == key).map(|row| row.value.as_str());
    assert_eq!(find("jira_issues.0.api_token"), Some("(secret)"));
    assert_eq!(find("jira_issues.0.priority.P1"), Some("Blocker"));
    assert_eq!(find("jira_issues.0.fields.team.value"), Some("red"));
    assert_eq!(find("jira_issues.0.comments"), Some("off"));
    assert_eq!(find("jira_issues.0.id"), Some("ops"));
    let unsure = format!("{:?}", show(&draft, &[], false));
    assert!(!unsure.contains("Blocker") && !unsure.contains("hunter2"), "{unsure}");
    let wrong = with("").replace("api_token", "api_tokn");
    let (_folder, path) = file("bridge.toml", &wrong);
    let shown = format!("{:?}", show(&Draft::read(&[path], &Environment::default()), &[], true));
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn a_change_is_named_by_the_project_and_needs_no_restart() {
    let read = |text: &str| {
        let (_folder, path) = file("bridge.toml", text);
        load(&[path], &Environment::default()).unwrap()
    };
    let before = read(&with(""));
    let (adopted, told) = before.adopt(&read(&with("comments = \"status\"\n")));
    assert_eq!(told.changed.iter().collect::<Vec<_>>(), ["jira_issues.ops.comments"]);
    assert!(told.needs_restart.is_empty());
    assert_eq!(adopted.config.destinations[0].options["comments"], "status");
    let (adopted, told) = before.adopt(&read(MINIMAL));
    assert_eq!(told.changed.iter().collect::<Vec<_>>(), ["jira_issues.ops"]);
    assert!(adopted.config.destinations.is_empty() && adopted.config.jira_issues.is_empty());
}

#[test]
fn only_hosts_that_are_allowed_so_are_asked_without_tls() {
    let local = with("").replace("acme.atlassian.net\"\nproject", "127.0.0.1:8082\"\nproject");
    let allowed = format!("connect.insecure_sites = [\"127.0.0.1:8082\"]\n{local}");
    assert_eq!(load_text(&allowed).unwrap().destinations[0].options["site"], "http://127.0.0.1:8082");
    assert_eq!(load_text(&local).unwrap().destinations[0].options["site"], "127.0.0.1:8082");
    let fault = |site: &str, allowed: &[&str]| {
        let allowed: Vec<String> = allowed.iter().map(|it| (*it).to_owned()).collect();
        let options = json!({ "site": site }).as_object().unwrap().clone();
        let table = JiraIssuesConfig { id: "a".to_owned(), sources: None, api_token: None, options };
        table.find_insecure_site(&allowed)
    };
    assert!(
        fault("http://localhost:1/x", &[]).unwrap().contains("\"localhost:1\" to connect.insecure_sites")
    );
    assert_eq!(fault("http://localhost:1/x", &["localhost:1"]), None);
    assert_eq!(fault("https://localhost:1", &[]), None);
}
