//! The calls of Alertmanager's own receiver `jira_configs`, as version 0.33 makes them.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{Site, document, errors_of};

const LABEL: &str = "ALERT{6b2f}";
const FIRING: &str = r#"(resolution is EMPTY or resolution != "Won't Do") and (resolutiondate is EMPTY OR resolutiondate >= -10m) and project="OPS" and labels="ALERT{6b2f}" order by status ASC,resolutiondate DESC"#;
const OPEN: &str = r#"statusCategory != Done and project="OPS" and labels="ALERT{6b2f}" order by status ASC,resolutiondate DESC"#;

fn fields(summary: &str) -> Value {
    json!({
        "project": { "key": "OPS" }, "issuetype": { "name": "Incident" }, "summary": summary,
        "description": document("firing"), "labels": [LABEL], "priority": { "name": "High" },
    })
}

#[test]
fn its_searches_find_what_is_open_or_was_resolved_of_late() {
    let site = Site::open();
    let [older, newer] = ["a", "b"].map(|summary| super::id_of(&site.create(fields(summary))));
    site.clock.advance(TimeDelta::seconds(2));
    assert_eq!(site.find(FIRING), [older.as_str(), &newer]);
    let done = json!({ "transition": { "id": "31" } });
    for id in [&older, &newer] {
        assert_eq!(site.call("POST", &format!("issue/{id}/transitions"), &done).status, 204);
        site.clock.advance(TimeDelta::minutes(1));
    }
    assert_eq!(site.find(OPEN), Vec::<String>::new());
    assert_eq!(site.find(FIRING), [newer.as_str(), &older], "the last one resolved comes first");
    site.clock.advance(TimeDelta::minutes(9));
    assert_eq!(site.find(FIRING), [newer.as_str()], "only one was resolved in the last ten minutes");
    let open = json!({ "transition": { "id": "11" } });
    assert_eq!(site.call("POST", &format!("issue/{older}/transitions"), &open).status, 204);
    assert_eq!(site.find(OPEN), [older.as_str()]);
    assert_eq!(site.find(FIRING), [older.as_str(), &newer], "what is open comes first");
}

#[test]
fn what_was_resolved_as_not_to_be_fixed_is_not_found() {
    let site = Site::open();
    let id = super::id_of(&site.create(fields("a")));
    site.clock.advance(TimeDelta::seconds(2));
    site.call("POST", &format!("issue/{id}/transitions"), &json!({ "transition": { "id": "31" } }));
    assert_eq!(site.find(FIRING), [id.as_str()]);
    site.simulator.board().edit(&id, "resolution", json!({ "name": "Won't Do" }));
    assert_eq!(site.find(FIRING), Vec::<String>::new());
}

#[test]
fn its_edit_names_the_project_and_the_type_again() {
    let site = Site::open();
    let id = super::id_of(&site.create(fields("a")));
    let path = format!("issue/{id}");
    assert_eq!(site.call("PUT", &path, &json!({ "fields": fields("b") })).status, 204);
    assert_eq!(site.simulator.board().issue(&id).unwrap().text("summary"), "b");
    for (field, value) in [("project", json!({ "key": "TEAM" })), ("issuetype", json!({ "name": "Task" }))] {
        let refused = site.call("PUT", &path, &json!({ "fields": { field: value } }));
        assert_eq!(errors_of(&refused), [field]);
    }
    assert_eq!(site.simulator.schema_violations().len(), 0);
}

#[test]
fn a_search_that_is_put_together_wrongly_is_refused() {
    let site = Site::open();
    for jql in [
        r#"(project = "OPS""#,
        r#"(project = "OPS" OR labels = "a")"#,
        r#"project = "OPS" OR labels = "a""#,
        r#"project = "OPS" AND resolutiondate >= 5"#,
        r#"project = "OPS" AND statusCategory != "To Do""#,
        r#"project = "OPS" ORDER BY labels"#,
        r#"project = "OPS" ORDER BY key ASC created"#,
    ] {
        assert_eq!(site.call("POST", "search/jql", &json!({ "jql": jql })).status, 400, "{jql}");
    }
}
