//! What hangs on an issue, limits, mails, and issues that move.

use chrono::TimeDelta;
use serde_json::json;

use super::super::Permission;
use super::{Site, document};

#[test]
fn what_hangs_on_an_issue_is_limited() {
    let site = Site::open();
    let (id, other) = (site.created(), site.created());
    site.simulator.board().configure(|it| {
        it.settings.most_comments = 1;
        it.settings.most_remote_links = 0;
    });
    let comment = json!({ "body": document("hello") });
    assert_eq!(site.call("POST", &format!("issue/{id}/comment"), &comment).status, 201);
    assert_eq!(site.call("POST", &format!("issue/{id}/comment"), &comment).status, 413);
    let link = json!({ "object": { "url": "https://tool", "title": "t" } });
    assert_eq!(site.call("POST", &format!("issue/{id}/remotelink"), &link).status, 413);
    let pair = json!({ "type": { "name": "Duplicate" }, "inwardIssue": { "id": id }, "outwardIssue": { "id": other } });
    assert_eq!(site.call("POST", "issueLink", &pair).status, 201);
    assert_eq!(site.call("POST", "issueLink", &pair).status, 201);
    assert_eq!(site.simulator.board().issue(&id).unwrap().links.len(), 1);
}

#[test]
fn a_moved_issue_and_a_renamed_project_are_found_under_their_old_keys() {
    let site = Site::open();
    let id = site.created();
    let board = site.simulator.board();
    board.move_to(&id, "TEAM");
    let shown = site.get("issue/OPS-1").body.unwrap();
    assert_eq!(
        (&shown["id"], &shown["key"], &shown["fields"]["issuetype"]["name"]),
        (&json!(id), &json!("TEAM-1"), &json!("Task"))
    );
    board.rename_project("TEAM", "CREW");
    assert_eq!(site.get("issue/TEAM-1").body.unwrap()["key"], "CREW-1");
    assert_eq!(site.get("project/TEAM").body.unwrap()["key"], "CREW");
    board.delete(&id);
    assert_eq!(site.get(&format!("issue/{id}")).status, 404);
}

#[test]
fn a_bulk_create_names_what_it_refused_by_its_place() {
    let site = Site::open();
    let good =
        json!({ "fields": { "project": { "key": "OPS" }, "issuetype": { "id": "10005" }, "summary": "s" } });
    let bad = json!({ "fields": { "project": { "key": "OPS" }, "issuetype": { "id": "10005" } } });
    let answer = site.call("POST", "issue/bulk", &json!({ "issueUpdates": [good, bad, good] }));
    assert_eq!(answer.status, 201);
    let body = answer.body.unwrap();
    assert_eq!(body["issues"].as_array().unwrap().len(), 2);
    assert_eq!(body["errors"][0]["failedElementNumber"], 1);
    assert_eq!(body["errors"][0]["elementErrors"]["errors"]["summary"], "summary is required.");
    assert_eq!(site.call("POST", "issue/bulk", &json!({ "issueUpdates": [bad] })).status, 400);
    let many = json!({ "issueUpdates": vec![good; 51] });
    assert_eq!(site.call("POST", "issue/bulk", &many).status, 400);
}

#[test]
fn limits_pause_the_operation_or_the_issue() {
    let site = Site::open();
    let id = site.created();
    site.simulator.board().configure(|it| it.limits.enabled = true);
    let edit = json!({ "fields": { "summary": "x" } });
    for _ in 0..20 {
        assert_eq!(site.call("PUT", &format!("issue/{id}"), &edit).status, 204);
    }
    let refused = site.call("PUT", &format!("issue/{id}"), &edit);
    assert_eq!(refused.status, 429);
    assert!(refused.headers.contains(&("RateLimit-Reason", "jira-per-issue-on-write".to_owned())));
    assert!(refused.headers.contains(&("Retry-After", "2".to_owned())));
    site.clock.advance(TimeDelta::seconds(2));
    assert_eq!(site.call("PUT", &format!("issue/{id}"), &edit).status, 204);
    for _ in 0..150 {
        assert_eq!(site.get(&format!("issue/{id}")).status, 200);
    }
    let refused = site.get(&format!("issue/{id}"));
    assert!(refused.headers.contains(&("RateLimit-Reason", "jira-burst-based".to_owned())));
}

#[test]
fn every_change_that_people_see_is_a_mail_unless_an_administrator_says_no() {
    let site = Site::open();
    let id = site.created();
    let path = format!("issue/{id}?notifyUsers=false");
    assert_eq!(site.call("PUT", &path, &json!({ "fields": { "summary": "x" } })).status, 204);
    assert_eq!(site.call("PUT", &path, &json!({ "fields": { "summary": "x" } })).status, 204);
    let causes: Vec<&str> = site.simulator.board().mails().iter().map(|it| it.cause).collect();
    assert_eq!(causes, ["createIssue", "editIssue"]);
    site.simulator
        .board()
        .change_account("ada@example.com", |it| assert!(it.permissions.insert(Permission::Administer)));
    assert_eq!(site.call("PUT", &path, &json!({ "fields": { "summary": "y" } })).status, 204);
    assert_eq!(site.simulator.board().mails().len(), 2);
}

#[test]
fn permissions_are_told_for_exactly_the_keys_asked() {
    let site = Site::open();
    let told = site.get("mypermissions?projectKey=OPS&permissions=CREATE_ISSUES,ADMINISTER").body.unwrap();
    let held = |key: &str| told["permissions"][key]["havePermission"].clone();
    assert_eq!((held("CREATE_ISSUES"), held("ADMINISTER")), (json!(true), json!(false)));
    assert_eq!(told["permissions"].as_object().unwrap().len(), 2);
    assert_eq!(site.get("mypermissions?permissions=FLY").status, 400);
    assert_eq!(site.get("mypermissions").status, 400);
    let granted = site.call("POST", "permissions/check", &json!({ "globalPermissions": ["ADMINISTER"] }));
    assert_eq!(granted.body.unwrap()["globalPermissions"], json!([]));
}
