//! The two REST APIs as an app sees them, without HTTP in between.

use chrono::TimeDelta;

use super::super::entities::EntityKind;
use super::super::fixtures::{component, incident, review};
use super::super::options::SimulatorOptions;
use super::super::site::Installation;
use super::*;
use crate::clock::from_millis;
use crate::connect::jwt::{Claims, sign_hs256};
use crate::connect::qsh;

const BULK: &str = "/rest/operations/1.0/bulk";
const SECRET: &str = "a shared secret of the tests";

/// A site with an installed app, and that app.
struct Bench {
    clock: Clock,
    schemas: Schemas,
    state: State,
}

impl Bench {
    fn new(options: SimulatorOptions) -> Self {
        let clock = Clock::manual(from_millis(1_775_207_700_000));
        let mut state = State::new(options, &clock);
        state.site.installation = Some(Installation {
            client_key: state.site.client_key.clone(),
            shared_secret: SECRET.to_owned(),
            app_key: "app".to_owned(),
            app_base_url: String::new(),
            enabled: true,
            scopes: ["READ", "WRITE", "DELETE"].map(str::to_owned).into(),
            modules: [Api::Operations.module(), Api::Components.module()].map(str::to_owned).into(),
            actions: std::collections::BTreeMap::new(),
            lifecycle: std::collections::BTreeMap::new(),
        });
        Self { clock, schemas: Schemas::load().unwrap(), state }
    }

    fn claims(&self, method: &str, target: &str) -> Claims {
        let iat = self.clock.now().timestamp();
        let qsh = Some(qsh::hash(method, target, ""));
        Claims { iss: "app".to_owned(), iat, exp: iat + 180, qsh, aud: Vec::new(), sub: None }
    }

    fn call_with(&mut self, claims: &Claims, secret: &str, method: &str, target: &str, body: &str) -> Answer {
        let authorization = format!("JWT {}", sign_hs256(claims, secret.as_bytes()).unwrap());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let body = body.as_bytes();
        let call =
            Call { method, path, query, authorization: Some(&authorization), content_type: None, body };
        answer(&mut self.state, &self.schemas, &self.clock, &call)
    }

    fn call(&mut self, method: &str, target: &str, body: &Value) -> Answer {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.call_with(&self.claims(method, target), SECRET, method, target, &text)
    }

    fn get(&mut self, target: &str) -> Answer {
        self.call("GET", target, &Value::Null)
    }

    fn submit(&mut self, body: &Value) -> Value {
        let answer = self.call("POST", BULK, body);
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.body.unwrap()
    }

    fn violations(&self) -> usize {
        self.state.history.violations().len()
    }
}

fn bench() -> Bench {
    Bench::new(SimulatorOptions::default())
}

#[test]
fn a_submitted_incident_is_read_back_exactly_as_sent() {
    let mut bench = bench();
    let answer = bench.submit(&json!({ "incidents": [incident("pd:a", 1)] }));
    assert_eq!(
        answer,
        json!({ "acceptedIncidents": ["pd:a"], "failedIncidents": {}, "unknownProjectKeys": [] })
    );
    assert_eq!(bench.get("/rest/operations/1.0/incidents/pd:a").body, Some(incident("pd:a", 1)));
    assert_eq!(bench.get("/rest/operations/1.0/incidents/pd:b").status, 404);
    assert_eq!(bench.get("/rest/operations/1.0/post-incident-reviews/pd:a").status, 404);
    assert_eq!(bench.violations(), 0);
}

#[test]
fn components_live_under_their_own_path_and_body_key() {
    let mut bench = bench();
    let path = "/rest/devopscomponents/1.0/bulk";
    let answer = bench.call("POST", path, &json!({ "devopsComponents": [component("svc", 1)] }));
    assert_eq!(
        answer.body,
        Some(json!({ "acceptedComponents": ["svc"], "failedComponents": {}, "unknownProjectKeys": [] }))
    );
    assert_eq!(bench.get("/rest/devopscomponents/1.0/svc").body, Some(component("svc", 1)));
    let old_key = bench.call("POST", path, &json!({ "components": [component("svc", 2)] }));
    assert_eq!(old_key.status, 400);
    assert_eq!(bench.violations(), 1);
}

#[test]
fn only_a_larger_sequence_number_replaces_and_a_lower_one_is_no_failure() {
    let mut bench = bench();
    for sequence in [5, 4, 5, 7] {
        let mut sent = incident("a", sequence);
        sent["summary"] = json!(format!("version {sequence}, call {}", bench.violations()));
        let answer = bench.submit(&json!({ "incidents": [sent] }));
        assert_eq!(answer["acceptedIncidents"], json!(["a"]));
        assert_eq!(answer["failedIncidents"], json!({}));
    }
    let incidents = bench.state.site.entities(EntityKind::Incident);
    assert_eq!(incidents.stored_versions("a"), [5, 7]);
    let submissions = bench.state.history.submissions(EntityKind::Incident, "a");
    assert_eq!(submissions.iter().map(|it| it.sequence).collect::<Vec<_>>(), [5, 4, 5, 7]);
    assert!(submissions.iter().all(|it| it.at == bench.clock.now()));
}

#[test]
fn a_write_and_a_delete_become_visible_after_the_delay() {
    let mut bench = bench();
    bench.state.site.visibility_delay = TimeDelta::seconds(30);
    let path = "/rest/operations/1.0/incidents/a";
    bench.submit(&json!({ "incidents": [incident("a", 1)] }));
    assert_eq!(bench.get(path).status, 404);
    bench.clock.advance(TimeDelta::seconds(29));
    assert_eq!(bench.get(path).status, 404);
    bench.clock.advance(TimeDelta::seconds(1));
    assert_eq!(bench.get(path).status, 200);

    assert_eq!(bench.call("DELETE", path, &Value::Null).status, 202);
    assert_eq!(bench.get(path).status, 200);
    bench.clock.advance(TimeDelta::seconds(30));
    assert_eq!(bench.get(path).status, 404);
    assert_eq!(bench.call("DELETE", path, &Value::Null).status, 202, "an unknown id is no failure");
}

#[test]
fn each_entity_is_judged_on_its_own() {
    let mut bench = bench();
    bench.state.site.refusals.insert("c".to_owned(), "no room".to_owned());
    let mut bad = incident("b", 1);
    bad["affectedComponents"] = json!([]);
    let body = json!({ "incidents": [incident("a", 1), bad, incident("c", 1)], "reviews": [review("r", 1)] });
    let answer = bench.submit(&body);
    assert_eq!(answer["acceptedIncidents"], json!(["a", "r"]));
    let failed = answer["failedIncidents"].as_object().unwrap();
    assert_eq!(failed.keys().collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!(failed["c"][0]["message"], "no room");
    assert!(failed["b"][0]["message"].as_str().unwrap().starts_with("/affectedComponents"));
    assert!(failed["b"][0]["errorTraceId"].is_string());
    assert_eq!(bench.state.site.entities(EntityKind::Incident).count(), 1);
    let violations = bench.state.history.violations();
    assert_eq!(violations.len(), 1, "an ordered refusal breaks no rule");
    assert_eq!(violations[0].entity.as_deref(), Some("b"));
}

#[test]
fn a_site_may_leave_reviews_out_of_its_answer() {
    let mut bench = Bench::new(SimulatorOptions { reviews_in_answer: false, ..SimulatorOptions::default() });
    let answer = bench.submit(&json!({ "reviews": [review("r", 1)] }));
    assert_eq!(answer["acceptedIncidents"], json!([]));
    assert_eq!(bench.get("/rest/operations/1.0/post-incident-reviews/r").status, 200);
}

#[test]
fn an_accepted_entity_may_stay_invisible_for_ever() {
    let mut bench = bench();
    bench.state.site.hidden.insert("a".to_owned());
    let answer = bench.submit(&json!({ "incidents": [incident("a", 1)] }));
    assert_eq!(answer["acceptedIncidents"], json!(["a"]));
    assert_eq!(bench.get("/rest/operations/1.0/incidents/a").status, 404);
}

#[test]
fn an_incident_tied_to_unknown_projects_alone_vanishes_without_a_word() {
    let keys = Some(["PAY".to_owned()].into());
    let mut bench = Bench::new(SimulatorOptions { project_keys: keys, ..SimulatorOptions::default() });
    let tied = |id: &str, issues: &[&str]| {
        let mut incident = incident(id, 1);
        incident["associations"] = json!([{ "associationType": "issueIdOrKeys", "values": issues }]);
        incident
    };
    let body = json!({ "incidents": [
        tied("none", &["UTF-8"]), tied("some", &["UTF-8", "PAY-1"]), tied("all", &["PAY-1"]), tied("number", &["10001"])
    ] });
    let answer = bench.submit(&body);
    assert_eq!(answer["acceptedIncidents"], json!(["some", "all", "number"]));
    assert_eq!(answer["failedIncidents"], json!({}));
    assert_eq!(answer["unknownProjectKeys"], json!(["UTF"]));
}

#[test]
fn a_delete_by_properties_needs_all_of_them_to_match_and_spares_components() {
    let mut bench = bench();
    for (id, source, workspace) in [("a", "pd", "w1"), ("b", "pd", "w2"), ("c", "am", "w1")] {
        let properties = json!({ "source": source, "workspace": workspace });
        bench.submit(&json!({
            "properties": properties, "incidents": [incident(id, 1)], "reviews": [review(id, 1)]
        }));
        let body = json!({ "properties": properties, "devopsComponents": [component(id, 1)] });
        assert_eq!(bench.call("POST", "/rest/devopscomponents/1.0/bulk", &body).status, 202);
    }
    let path = "/rest/operations/1.0/bulkByProperties";
    assert_eq!(bench.call("DELETE", &format!("{path}?source=pd&workspace=w1"), &Value::Null).status, 202);
    let left = |bench: &Bench, kind| {
        bench.state.site.entities(kind).iter().map(|(id, _)| id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(left(&bench, EntityKind::Incident), ["b", "c"]);
    assert_eq!(left(&bench, EntityKind::Review), ["b", "c"]);
    assert_eq!(left(&bench, EntityKind::Component), ["a", "b", "c"]);
    let refused = bench.call("DELETE", path, &Value::Null);
    assert_eq!(refused.status, 400);
    assert!(refused.body.unwrap()[0]["message"].is_string(), "errors are a bare array");
}

#[test]
fn workspaces_are_linked_listed_and_unlinked() {
    let mut bench = bench();
    let (bulk, list) =
        ("/rest/operations/1.0/linkedWorkspaces/bulk", "/rest/operations/1.0/linkedWorkspaces");
    assert_eq!(bench.get(list).status, 404);
    let linked = bench.call("POST", bulk, &json!({ "workspaceIds": ["a", "b", "c"] }));
    assert_eq!((linked.status, linked.body), (202, Some(json!({ "acceptedWorkspaceIds": ["a", "b", "c"] }))));
    assert_eq!(bench.get(&format!("{list}?workspaceId=b")).body, Some(json!({ "workspaceIds": ["b"] })));
    assert_eq!(bench.get(&format!("{list}?workspaceId=z")).status, 404);
    assert_eq!(bench.call("DELETE", &format!("{bulk}?workspaceIds=a,b"), &Value::Null).status, 202);
    assert_eq!(bench.get(list).body, Some(json!({ "workspaceIds": ["c"] })));
    assert_eq!(bench.call("DELETE", bulk, &Value::Null).status, 400);
    assert_eq!(bench.call("POST", bulk, &json!({ "workspaceIds": [] })).status, 400);
    let many: Vec<String> = (0..101).map(|n| n.to_string()).collect();
    assert_eq!(bench.call("POST", bulk, &json!({ "workspaceIds": many })).status, 413);
}

#[test]
fn too_much_at_once_is_413_and_stores_nothing() {
    let mut bench =
        Bench::new(SimulatorOptions { max_entities: 2, max_body: 4000, ..SimulatorOptions::default() });
    let three: Vec<Value> = (0..3).map(|n| incident(&n.to_string(), 1)).collect();
    let answer = bench.call("POST", BULK, &json!({ "incidents": three }));
    assert_eq!((answer.status, answer.entities), (413, 3));
    let mut long = incident("a", 1);
    long["description"] = json!("x".repeat(4000));
    assert_eq!(bench.call("POST", BULK, &json!({ "incidents": [long] })).status, 413);
    assert_eq!(bench.state.site.entities(EntityKind::Incident).count(), 0);
    assert_eq!(bench.violations(), 0, "where a site's limit lies is not a published rule");
}

#[test]
fn a_body_that_is_no_submission_is_400_and_noted() {
    let mut bench = bench();
    for body in
        [json!({}), json!({ "incidents": [] }), json!({ "incidents": [{}], "properties": { "a:b": "" } })]
    {
        let before = bench.violations();
        let answer = bench.call("POST", BULK, &body);
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.body.unwrap().as_array().is_some_and(|errors| !errors.is_empty()));
        assert!(bench.violations() > before);
    }
    let claims = bench.claims("POST", BULK);
    assert_eq!(bench.call_with(&claims, SECRET, "POST", BULK, "{").status, 400);
}

#[test]
fn a_token_has_to_be_genuine_current_and_made_for_this_request() {
    let mut bench = bench();
    let target = "/rest/operations/1.0/linkedWorkspaces?workspaceId=a";
    let good = bench.claims("GET", target);
    let ago = |seconds: i64| Claims {
        iat: good.iat - seconds - 180,
        exp: good.exp - seconds - 180,
        ..good.clone()
    };
    let mut status =
        |claims: &Claims, secret: &str| bench.call_with(claims, secret, "GET", target, "").status;
    assert_eq!(status(&good, SECRET), 404, "the token is good, and there is nothing");
    assert_eq!(status(&good, "another secret"), 401);
    assert_eq!(status(&Claims { iss: "another app".to_owned(), ..good.clone() }, SECRET), 401);
    assert_eq!(status(&Claims { qsh: Some("context-qsh".to_owned()), ..good.clone() }, SECRET), 401);
    assert_eq!(status(&Claims { qsh: None, ..good.clone() }, SECRET), 401);
    assert_eq!(status(&ago(60), SECRET), 401);
    let other = bench.claims("GET", "/rest/operations/1.0/linkedWorkspaces?workspaceId=b");
    assert_eq!(bench.call_with(&other, SECRET, "GET", target, "").status, 401);
    let path = "/rest/operations/1.0/linkedWorkspaces";
    let call = Call {
        method: "GET",
        path,
        query: "workspaceId=a",
        authorization: None,
        content_type: None,
        body: b"",
    };
    assert_eq!(answer(&mut bench.state, &bench.schemas, &bench.clock, &call).status, 401);
}

#[test]
fn scopes_modules_and_a_suspended_app_are_respected() {
    let mut bench = bench();
    let list = "/rest/operations/1.0/linkedWorkspaces";
    assert_eq!(bench.call("GET", list, &json!({})).status, 403, "a gateway refuses a body on GET");
    bench.state.site.installation.as_mut().unwrap().scopes.remove("WRITE");
    assert_eq!(bench.call("POST", BULK, &json!({ "incidents": [incident("a", 1)] })).status, 403);
    assert_eq!(bench.get(list).status, 404);
    bench.state.site.installation.as_mut().unwrap().modules.remove(Api::Components.module());
    assert_eq!(bench.get("/rest/devopscomponents/1.0/svc").status, 403);
    bench.state.site.installation.as_mut().unwrap().enabled = false;
    assert_eq!(bench.get(list).status, 401);
}

#[test]
fn uninstalling_leaves_nothing_not_even_what_was_queued() {
    let mut bench = bench();
    bench.submit(&json!({ "incidents": [incident("a", 1)] }));
    bench.state.site.visibility_delay = TimeDelta::seconds(30);
    bench.submit(&json!({ "incidents": [incident("b", 1)] }));
    let installation = bench.state.site.uninstall();
    assert_eq!(bench.get("/rest/operations/1.0/incidents/a").status, 401);
    bench.state.site.installation = installation;
    bench.clock.advance(TimeDelta::seconds(31));
    assert_eq!(bench.get("/rest/operations/1.0/incidents/a").status, 404);
    assert_eq!(bench.get("/rest/operations/1.0/incidents/b").status, 404);
}
