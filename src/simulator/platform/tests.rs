//! What Atlassian documents, and what people report, of the calls for work items.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::super::exchange::{Answer, Call};
use super::super::handle::Simulator;
use super::super::options::SimulatorOptions;
use super::project::IssueType;
use super::workflow::Workflow;
use super::{Account, Permission, answer, checks, find_host};
use crate::clock::{Clock, from_millis};

mod alertmanager;
mod bounds;

struct Site {
    simulator: Simulator,
    clock: Clock,
    account: Account,
    /// What every path starts with.
    prefix: String,
}

impl Site {
    fn open() -> Self {
        let clock = Clock::manual(from_millis(1_775_207_700_000));
        let simulator = Simulator::new(clock.clone(), SimulatorOptions::default()).unwrap();
        let account = Account::of_user("ada@example.com", "a-token");
        simulator.board().admit(account.clone());
        Self { simulator, clock, account, prefix: String::new() }
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        let text = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.call_with(method, path, &text, Some("application/json"))
    }

    fn call_with(&self, method: &str, path: &str, body: &[u8], content_type: Option<&str>) -> Answer {
        let pair = STANDARD.encode(format!("{}:{}", self.account.email, self.account.token));
        let authorization = format!("Basic {pair}");
        let whole = format!("{}/rest/api/3/{path}", self.prefix);
        let (path, query) = whole.split_once('?').unwrap_or((&whole, ""));
        let call = Call { method, path, query, authorization: Some(&authorization), content_type, body };
        let cloud_id = self.simulator.cloud_id();
        let (host, below) = find_host(path, &cloud_id).expect("a path of the platform");
        answer(&mut self.simulator.lock(), self.clock.now(), "https://acme", host, below, &call)
    }

    fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &Value::Null)
    }

    fn create(&self, fields: Value) -> Answer {
        let mut body = json!({ "fields": {
            "project": { "key": "OPS" }, "issuetype": { "id": "10005" }, "summary": "Checkout is slow",
        } });
        let Value::Object(fields) = fields else { panic!("fields have names") };
        for (name, value) in fields {
            body["fields"][name] = value;
        }
        self.call("POST", "issue", &body)
    }

    fn created(&self) -> String {
        id_of(&self.create(json!({})))
    }

    fn find(&self, jql: &str) -> Vec<String> {
        let answer = self.call("POST", "search/jql", &json!({ "jql": jql }));
        assert_eq!(answer.status, 200, "{answer:?}");
        let issues = answer.body.unwrap()["issues"].as_array().cloned().unwrap();
        issues.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    }
}

fn id_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.body.as_ref().unwrap()["id"].as_str().unwrap().to_owned()
}

fn errors_of(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 400, "{answer:?}");
    answer.body.as_ref().unwrap()["errors"].as_object().unwrap().keys().cloned().collect()
}

fn document(text: &str) -> Value {
    json!({ "type": "doc", "version": 1, "content": [
        { "type": "paragraph", "content": [{ "type": "text", "text": text }] },
    ] })
}

#[test]
fn a_token_is_accepted_on_its_own_host_only() {
    let mut site = Site::open();
    assert_eq!(site.get("myself").status, 200);
    let gateway = format!("/ex/jira/{}", site.simulator.cloud_id());
    site.prefix.clone_from(&gateway);
    assert_eq!(site.get("myself").status, 401);
    site.account = Account::of_service("bridge@serviceaccount.atlassian.com", "scoped");
    site.simulator.board().admit(site.account.clone());
    assert_eq!(site.get("project/OPS").status, 200);
    let refused = site.get("myself");
    assert_eq!(refused.status, 401);
    assert!(refused.body.unwrap()["message"].as_str().unwrap().contains("scope does not match"));
    site.prefix.clear();
    assert_eq!(site.get("project/OPS").status, 401);
}

#[test]
fn an_expired_token_is_refused() {
    let site = Site::open();
    site.simulator.board().change_account("ada@example.com", |it| it.expired = true);
    assert_eq!(site.get("myself").status, 401);
}

#[test]
fn the_bodies_that_are_checked_are_those_of_the_document() {
    let checked = checks::list_checked();
    for operation in
        ["createIssue", "createIssues", "bulkFetchIssues", "editIssue", "doTransition", "addComment"]
    {
        assert!(checked.contains(&operation), "{checked:?}");
    }
    let site = Site::open();
    let answer = site.call("POST", "issue/bulkfetch", &json!({ "issueIdsOrKeys": [] }));
    assert_eq!(answer.status, 400);
    assert_eq!(site.simulator.schema_violations().len(), 1);
}

#[test]
fn an_issue_is_created_with_its_property_and_read_back_by_id_and_key() {
    let site = Site::open();
    let body = json!({
        "fields": { "project": { "key": "OPS" }, "issuetype": { "id": "10005" }, "summary": "s",
            "description": document("d"), "labels": ["a"], "priority": { "id": "1" },
            "components": [{ "id": "10012" }] },
        "properties": [{ "key": "mine", "value": { "v": 1 } }],
    });
    let id = id_of(&site.call("POST", "issue", &body));
    let shown = site.get(&format!("issue/{id}?fields=summary,status,priority&properties=mine")).body.unwrap();
    assert_eq!(shown["key"], "OPS-1");
    assert_eq!(shown["properties"]["mine"], json!({ "v": 1 }));
    assert_eq!(shown["fields"]["status"]["statusCategory"]["key"], "new");
    assert_eq!(shown["fields"]["priority"]["name"], "Highest");
    assert!(shown["fields"].get("labels").is_none());
    assert_eq!(site.get("issue/OPS-1").body.unwrap()["id"], id.as_str());
    assert_eq!(site.get("issue/OPS-2").status, 404);
}

#[test]
fn what_a_screen_lacks_or_requires_is_named_by_field() {
    let site = Site::open();
    let board = site.simulator.board();
    board.change_project("OPS", |it| it.types.iter_mut().for_each(|it| it.hide("priority")));
    assert_eq!(errors_of(&site.create(json!({ "priority": { "id": "1" } }))), ["priority"]);
    board.change_project("OPS", |it| it.types.iter_mut().for_each(|it| it.require("customfield_1")));
    assert_eq!(errors_of(&site.create(json!({}))), ["customfield_1"]);
    for (field, value) in [
        ("summary", json!("x".repeat(256))),
        ("summary", json!("two\nlines")),
        ("labels", json!(["with space"])),
        ("components", json!([{ "id": "1" }])),
        ("description", json!("plain text")),
        ("description", document(&"x".repeat(33_000))),
        ("description", json!({ "type": "doc", "version": 1, "content": [{ "type": "table" }] })),
        ("description", document("")),
    ] {
        let errors = errors_of(&site.create(json!({ field: value, "customfield_1": "x" })));
        assert_eq!(errors, [field]);
    }
}

#[test]
fn a_project_that_is_hidden_archived_or_closed_to_the_caller_takes_nothing() {
    let site = Site::open();
    let board = site.simulator.board();
    let id = site.created();
    board.change_project("OPS", |it| it.archived = true);
    assert_eq!(errors_of(&site.create(json!({}))), ["project"]);
    board.change_project("OPS", |it| (it.archived, it.visible) = (false, false));
    assert_eq!(errors_of(&site.create(json!({}))), ["project"]);
    assert_eq!(site.get(&format!("issue/{id}")).status, 404);
    board.change_project("OPS", |it| it.visible = true);
    board.change_account("ada@example.com", |it| assert!(it.permissions.remove(&Permission::Create)));
    assert_eq!(errors_of(&site.create(json!({}))), ["project"]);
    let types = site.get("issue/createmeta/OPS/issuetypes").body.unwrap();
    assert_eq!(types["issueTypes"], json!([]));
    assert_eq!(site.get("project/ops").status, 404);
}

#[test]
fn an_edit_changes_what_it_names_and_keeps_what_people_added() {
    let site = Site::open();
    let id = id_of(&site.create(json!({ "labels": ["a"], "components": [{ "id": "10012" }] })));
    site.simulator.board().label(&id, "theirs");
    let body = json!({
        "fields": { "summary": "new" },
        "update": { "labels": [{ "add": "b" }],
            "components": [{ "add": { "id": "10013" } }, { "remove": { "id": "10012" } }] },
        "transition": { "id": "31" },
    });
    assert_eq!(site.call("PUT", &format!("issue/{id}"), &body).status, 204);
    let issue = site.simulator.board().issue(&id).unwrap();
    assert_eq!((issue.text("summary"), issue.labels()), ("new", vec!["a", "theirs", "b"]));
    assert_eq!(issue.fields["components"], json!([{ "id": "10013", "name": "Search" }]));
    assert_eq!(site.simulator.board().category(&id), Some("new"));
    let both = json!({ "fields": { "labels": [] }, "update": { "labels": [{ "add": "c" }] } });
    assert_eq!(errors_of(&site.call("PUT", &format!("issue/{id}"), &both)), ["labels"]);
}

#[test]
fn the_edit_screen_may_lack_what_the_create_screen_has_and_a_closed_issue_may_be_locked() {
    let site = Site::open();
    let id = site.created();
    let board = site.simulator.board();
    board.change_project("OPS", |it| {
        it.types.iter_mut().for_each(|it: &mut IssueType| it.hide_on_edit("summary"));
    });
    let edit = json!({ "fields": { "summary": "x" } });
    assert_eq!(errors_of(&site.call("PUT", &format!("issue/{id}"), &edit)), ["summary"]);
    board.change_project("OPS", |it| it.workflow = Workflow::locked());
    board.transition(&id, "Done");
    let refused = site.call("PUT", &format!("issue/{id}"), &json!({ "fields": {} }));
    assert_eq!((refused.status, errors_of(&refused).len()), (400, 0));
}

#[test]
fn transitions_follow_the_workflow_and_its_screens() {
    let site = Site::open();
    let id = site.created();
    let board = site.simulator.board();
    board.change_project("OPS", |it| it.workflow = Workflow::classic());
    board.transition(&id, "Open");
    let path = format!("issue/{id}/transitions");
    let offered = site.get(&format!("{path}?expand=transitions.fields")).body.unwrap();
    let names: Vec<&str> =
        offered["transitions"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Start Progress", "Resolve Issue", "Close Issue"]);
    assert_eq!(offered["transitions"][1]["fields"]["resolution"]["required"], true);
    let go = |id: &str, fields: Value| {
        site.call("POST", &path, &json!({ "transition": { "id": id }, "fields": fields }))
    };
    assert_eq!(errors_of(&go("5", json!({}))), ["resolution"]);
    assert_eq!(errors_of(&go("4", json!({ "resolution": { "name": "Done" } }))), ["resolution"]);
    assert_eq!(go("3", json!({})).status, 400);
    assert_eq!(go("5", json!({ "resolution": { "name": "Done" } })).status, 204);
    assert_eq!(board.category(&id), Some("done"));
    board.change_account("ada@example.com", |it| assert!(it.permissions.remove(&Permission::Transition)));
    assert_eq!(site.get(&path).body.unwrap()["transitions"], json!([]));
    assert_eq!(go("2", json!({ "resolution": { "name": "Done" } })).status, 400);
}

#[test]
fn the_search_lags_and_flickers_but_reading_by_id_does_not() {
    let site = Site::open();
    let id = id_of(&site.create(json!({ "labels": ["Mine"] })));
    let jql = r#"project = "OPS" AND labels = "mine" AND created >= -48h ORDER BY created DESC"#;
    assert_eq!(site.find(jql), Vec::<String>::new());
    let with = json!({ "jql": jql, "reconcileIssues": [id.parse::<u64>().unwrap()] });
    let reconciled = site.call("POST", "search/jql", &with).body.unwrap();
    assert_eq!(
        reconciled["issues"],
        json!([{ "id": id, "key": "OPS-1", "self": format!("https://acme/rest/api/3/issue/{id}") }])
    );
    let fetched = site.call("POST", "issue/bulkfetch", &json!({ "issueIdsOrKeys": ["OPS-1", "OPS-9"] }));
    assert_eq!(fetched.body.unwrap()["issues"].as_array().unwrap().len(), 1);
    site.clock.advance(TimeDelta::seconds(2));
    assert_eq!(site.find(jql), [id.as_str()]);
    site.simulator.board().configure(|it| it.index.flicker = 1.0);
    assert_eq!(site.find(jql), Vec::<String>::new());
}

#[test]
fn a_search_is_paged_sorted_and_strict() {
    let site = Site::open();
    let ids: Vec<String> = (0..3).map(|_| site.created()).collect();
    site.clock.advance(TimeDelta::seconds(2));
    assert_eq!(
        site.find(r#"project = "OPS" ORDER BY key DESC"#),
        ids.iter().rev().cloned().collect::<Vec<_>>()
    );
    let page = json!({ "jql": r#"project = "OPS" ORDER BY created ASC"#, "maxResults": 2 });
    let first = site.call("POST", "search/jql", &page).body.unwrap();
    assert_eq!((first["issues"].as_array().unwrap().len(), &first["isLast"]), (2, &json!(false)));
    let mut next = page;
    next["nextPageToken"] = first["nextPageToken"].clone();
    let last = site.call("POST", "search/jql", &next).body.unwrap();
    assert!(last["isLast"] == true && last.get("nextPageToken").is_none());
    for jql in [
        "",
        "text",
        r#"labels = "a""#,
        "project = OPS",
        r#"project = "OPS" AND x ~ "y""#,
        r#"project = "NONE""#,
    ] {
        assert_eq!(site.call("POST", "search/jql", &json!({ "jql": jql })).status, 400, "{jql}");
    }
    assert_eq!(site.call("POST", "search", &json!({})).status, 410);
}

#[test]
fn a_remote_link_is_replaced_as_a_whole_by_its_global_id() {
    let site = Site::open();
    let id = site.created();
    let path = format!("issue/{id}/remotelink");
    let link = |title: &str| json!({ "globalId": "system=a&id=1", "object": { "url": "https://tool", "title": title } });
    let mut first = link("a");
    first["relationship"] = json!("incident");
    assert_eq!(site.call("POST", &path, &first).status, 201);
    assert_eq!(site.call("POST", &path, &link("b")).status, 200);
    let held = site.get(&format!("{path}?globalId=system%3Da%26id%3D1")).body.unwrap();
    assert_eq!((&held["object"]["title"], &held["relationship"]), (&json!("b"), &Value::Null));
    let without = site.call_with("DELETE", &format!("{path}?globalId=system%3Da%26id%3D1"), b"", None);
    assert_eq!(without.status, 415);
    assert_eq!(
        site.call("DELETE", &format!("{path}?globalId=system%3Da%26id%3D1"), &Value::Null).status,
        204
    );
    assert_eq!(site.get(&path).body.unwrap(), json!([]));
    site.simulator.board().configure(|it| it.settings.linking = false);
    assert_eq!(site.call("POST", &path, &link("c")).status, 403);
}
