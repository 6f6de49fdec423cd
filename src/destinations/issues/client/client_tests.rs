//! Every call against a real HTTP server: what goes out, and what each answer becomes.

use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use super::site_tests::site;
use super::*;
use crate::destinations::issues::content::body::IssueBody;
use crate::destinations::issues::content::jql;
use crate::destinations::issues::content::workflow::Way;

const READ: &str = concat!(
    "fields=summary%2Cdescription%2Cstatus%2Cpriority%2Clabels%2Ccomponents%2Cproject%2Cissuetype%2Ccreated",
    "%2Cupdated"
);

fn body() -> IssueBody {
    let fields = json!({ "summary": "s", "project": { "key": "OPS" } });
    IssueBody { fields: fields.as_object().unwrap().clone(), ..IssueBody::default() }
}

fn issue(n: u32) -> Value {
    json!({ "id": n.to_string(), "key": format!("OPS-{n}"), "fields": { "summary": "s" } })
}

#[tokio::test]
async fn a_work_item_is_created_and_edited() {
    let site = site().await;
    site.answers(201, json!({ "id": "10007", "key": "OPS-7", "self": "x", "transition": null })).await;
    let created = site.client.create_issue(&body()).await.unwrap().value;
    assert_eq!(created, Created { id: "10007".to_owned(), key: "OPS-7".to_owned() });
    let (line, sent) = site.request_parts().await;
    assert_eq!((line.as_str(), sent), ("POST /rest/api/3/issue", json!({ "fields": body().fields })));

    site.answers_with(ResponseTemplate::new(204)).await;
    site.client.edit_issue("10007", &body()).await.unwrap();
    assert_eq!(site.request_parts().await.0, "PUT /rest/api/3/issue/10007");
}

#[tokio::test]
async fn a_creation_without_its_ids_may_have_worked() {
    let site = site().await;
    for template in [
        ResponseTemplate::new(201),
        ResponseTemplate::new(201).set_body_json(json!({ "id": "1" })),
        ResponseTemplate::new(201).set_body_string("<html>"),
        ResponseTemplate::new(500),
        ResponseTemplate::new(503).set_body_json(json!({})),
    ] {
        site.answers_with(template).await;
        assert!(site.client.create_issue(&body()).await.unwrap_err().may_have_worked());
    }
}

#[tokio::test]
async fn many_work_items_are_created_at_once() {
    let site = site().await;
    let failed =
        json!({ "status": 400, "failedElementNumber": 0, "elementErrors": { "errors": { "labels": "x" } } });
    site.answers(201, json!({ "issues": [issue(1)], "errors": [failed] })).await;
    let outcomes = site.client.create_issues(&[body(), body()]).await.unwrap().value;
    assert!(matches!(&outcomes[..], [BulkOutcome::Rejected(_), BulkOutcome::Created(_)]), "{outcomes:?}");
    let (line, sent) = site.request_parts().await;
    assert_eq!(
        (line.as_str(), sent["issueUpdates"].as_array().unwrap().len()),
        ("POST /rest/api/3/issue/bulk", 2)
    );

    site.answers(400, json!({ "issues": [], "errors": [failed] })).await;
    let outcomes = site.client.create_issues(&[body()]).await.unwrap().value;
    assert!(matches!(&outcomes[..], [BulkOutcome::Rejected(_)]), "{outcomes:?}");

    site.answers(400, json!({ "errorMessages": ["too many"] })).await;
    let error = site.client.create_issues(&[body()]).await.unwrap_err();
    assert!(
        matches!(&error.fault, Fault::Rejected(rejection) if rejection.messages == ["too many"]),
        "{error:?}"
    );

    site.answers(201, json!({ "issues": [issue(1)], "errors": [] })).await;
    assert!(site.client.create_issues(&[body(), body()]).await.unwrap_err().may_have_worked());
}

#[tokio::test]
async fn work_items_are_read_one_by_one_in_bulk_and_by_search() {
    let site = site().await;
    site.answers(200, issue(7)).await;
    assert_eq!(site.client.find_issue("OPS-7").await.unwrap().value.key, "OPS-7");
    assert_eq!(
        site.request_line().await,
        format!("GET /rest/api/3/issue/OPS-7?{READ}&properties=incident-bridge")
    );

    site.answers(200, json!({ "issues": [issue(7), issue(9)], "issueErrors": [] })).await;
    let found = site.client.fetch_issues(&["OPS-7".to_owned(), "OPS-8".to_owned()]).await.unwrap().value;
    assert_eq!(found.iter().map(|issue| issue.key.as_str()).collect::<Vec<_>>(), ["OPS-7", "OPS-9"]);
    let (line, sent) = site.request_parts().await;
    assert_eq!(line, "POST /rest/api/3/issue/bulkfetch");
    assert_eq!(
        (&sent["issueIdsOrKeys"], &sent["properties"]),
        (&json!(["OPS-7", "OPS-8"]), &json!(["incident-bridge"]))
    );

    site.answers(200, json!({ "issues": [issue(7)], "nextPageToken": "t2" })).await;
    let page = site.client.search(&jql::by_label("OPS", "ib-1"), 50, Some("t1")).await.unwrap().value;
    assert_eq!((page.issues.len(), page.next.as_deref()), (1, Some("t2")));
    let (line, sent) = site.request_parts().await;
    assert_eq!(line, "POST /rest/api/3/search/jql");
    assert_eq!((&sent["nextPageToken"], &sent["maxResults"]), (&json!("t1"), &json!(50)));
    assert_eq!(sent["jql"], jql::by_label("OPS", "ib-1"));

    site.answers(200, json!({ "id": "7", "changelog": { "histories": [{ "id": "1" }] } })).await;
    assert_eq!(site.client.find_issue_with_history("7").await.unwrap().value.history().len(), 1);
}

#[tokio::test]
async fn transitions_are_listed_and_taken() {
    let site = site().await;
    site.answers(200, json!({ "transitions": [{ "id": "31", "name": "Done" }, {}] })).await;
    assert_eq!(site.client.list_transitions("7").await.unwrap().value.len(), 1);
    assert_eq!(site.request_line().await, "GET /rest/api/3/issue/7/transitions?expand=transitions.fields");

    let way = |fields: Value| Way {
        id: "31".to_owned(),
        name: "Done".to_owned(),
        to: None,
        fields: fields.as_object().unwrap().clone(),
    };
    site.answers_with(ResponseTemplate::new(204)).await;
    site.client.transition_issue("7", &way(json!({}))).await.unwrap();
    let expected =
        ("POST /rest/api/3/issue/7/transitions".to_owned(), json!({ "transition": { "id": "31" } }));
    assert_eq!(site.request_parts().await, expected);

    site.answers_with(ResponseTemplate::new(204)).await;
    site.client.transition_issue("7", &way(json!({ "resolution": { "name": "Done" } }))).await.unwrap();
    assert_eq!(site.request_parts().await.1["fields"], json!({ "resolution": { "name": "Done" } }));
}

#[tokio::test]
async fn remote_links_are_put_read_and_withdrawn() {
    let site = site().await;
    for (status, is_new) in [(201, true), (200, false)] {
        site.answers(status, json!({ "id": 1 })).await;
        assert_eq!(
            site.client.put_remote_link("7", &json!({ "globalId": "g" })).await.unwrap().value,
            is_new
        );
        let expected = ("POST /rest/api/3/issue/7/remotelink".to_owned(), json!({ "globalId": "g" }));
        assert_eq!(site.request_parts().await, expected);
    }
    let id = "system=incident-bridge&id=1 2";
    let held = json!({ "id": 1, "globalId": id, "object": {} });
    for body in [held.clone(), json!([{ "globalId": "other" }, held])] {
        site.answers(200, body).await;
        assert!(site.client.find_remote_link("7", id).await.unwrap().value.is_some());
        let line = "GET /rest/api/3/issue/7/remotelink?globalId=system%3Dincident-bridge%26id%3D1+2";
        assert_eq!(site.request_line().await, line);
    }
    site.answers(404, json!({})).await;
    assert_eq!(site.client.find_remote_link("7", "g").await.unwrap().value, None);

    for status in [204, 404] {
        site.answers_with(ResponseTemplate::new(status)).await;
        site.client.delete_remote_link("7", "g").await.unwrap();
        assert_eq!(site.request_line().await, "DELETE /rest/api/3/issue/7/remotelink?globalId=g");
    }
}

#[tokio::test]
async fn properties_are_put_read_and_deleted() {
    let site = site().await;
    site.answers_with(ResponseTemplate::new(201)).await;
    assert!(site.client.put_property("7", "incident-bridge", &json!({ "v": 1 })).await.unwrap().value);
    let expected = ("PUT /rest/api/3/issue/7/properties/incident-bridge".to_owned(), json!({ "v": 1 }));
    assert_eq!(site.request_parts().await, expected);

    site.answers(200, json!({ "key": "incident-bridge", "value": { "v": 1 } })).await;
    let found = site.client.find_property("7", "incident-bridge").await.unwrap().value;
    assert_eq!(found, Some(json!({ "v": 1 })));
    site.answers(404, json!({})).await;
    assert_eq!(site.client.find_property("7", "x").await.unwrap().value, None);

    site.answers_with(ResponseTemplate::new(204)).await;
    site.client.delete_property("7", "incident-bridge").await.unwrap();
    assert_eq!(site.request_line().await, "DELETE /rest/api/3/issue/7/properties/incident-bridge");
}

#[tokio::test]
async fn comments_and_links_between_issues_are_added() {
    let site = site().await;
    site.answers(201, json!({ "id": "1" })).await;
    site.client.add_comment("7", &json!({ "type": "doc" })).await.unwrap();
    let expected = ("POST /rest/api/3/issue/7/comment".to_owned(), json!({ "body": { "type": "doc" } }));
    assert_eq!(site.request_parts().await, expected);

    site.answers_with(ResponseTemplate::new(201)).await;
    site.client.link_issues("Duplicate", "OPS-7", "OPS-8").await.unwrap();
    let body = json!({
        "type": { "name": "Duplicate" }, "inwardIssue": { "key": "OPS-7" }, "outwardIssue": { "key": "OPS-8" },
    });
    assert_eq!(site.request_parts().await, ("POST /rest/api/3/issueLink".to_owned(), body));
}

#[tokio::test]
async fn types_and_screens_are_read_page_by_page() {
    let site = site().await;
    site.answers(200, json!({ "issueTypes": [{ "id": "10005", "name": "Incident" }], "total": 1 })).await;
    let types = site.client.list_issue_types("OPS").await.unwrap().value;
    assert_eq!(types, [IssueType { id: "10005".to_owned(), name: "Incident".to_owned(), is_subtask: false }]);
    let line = "GET /rest/api/3/issue/createmeta/OPS/issuetypes?startAt=0&maxResults=200";
    assert_eq!(site.request_line().await, line);

    // A site whose pages are smaller than was asked for.
    site.answers(200, json!({ "fields": [{ "fieldId": "labels" }], "total": 3 })).await;
    let screen = site.client.find_create_screen("OPS", "10005").await.unwrap().value;
    assert!(screen.has("labels"));
    let lines = site.request_lines().await;
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[2], "GET /rest/api/3/issue/createmeta/OPS/issuetypes/10005?startAt=2&maxResults=200");

    for body in [json!({ "results": [{ "fieldId": "labels" }] }), json!({ "fields": [], "total": 9 })] {
        site.answers(200, body).await;
        site.client.find_create_screen("OPS", "10005").await.unwrap();
        assert_eq!(site.request_lines().await.len(), 1);
    }
}

#[tokio::test]
async fn a_site_a_project_and_an_account_are_looked_at() {
    let site = site().await;
    site.answers(200, json!({ "baseUrl": "https://acme.atlassian.net", "deploymentType": "Cloud" })).await;
    assert_eq!(site.client.server_info().await.unwrap().value.deployment.as_deref(), Some("Cloud"));
    site.answers(200, json!({ "accountId": "1", "displayName": "Bot" })).await;
    assert_eq!(site.client.myself().await.unwrap().value.name, "Bot");

    site.answers(200, json!({ "permissions": { "CREATE_ISSUES": { "havePermission": true } } })).await;
    let had = site.client.my_permissions("OPS", &["CREATE_ISSUES", "EDIT_ISSUES"]).await.unwrap().value;
    assert!(had["CREATE_ISSUES"] && !had.contains_key("EDIT_ISSUES"));
    let line = "GET /rest/api/3/mypermissions?projectKey=OPS&permissions=CREATE_ISSUES%2CEDIT_ISSUES";
    assert_eq!(site.request_line().await, line);

    site.answers(
        200,
        json!({ "globalPermissions": [], "projectPermissions": [
        { "permission": "EDIT_ISSUES", "projects": [10000], "issues": [] }] }),
    )
    .await;
    let granted = site.client.check_permissions(&[10000], &["EDIT_ISSUES"]).await.unwrap().value;
    assert_eq!(granted["EDIT_ISSUES"], [10000]);

    site.answers(200, json!({ "id": "10000", "key": "OPS", "name": "Ops", "simplified": true })).await;
    assert!(site.client.find_project("OPS").await.unwrap().value.is_team_managed);
    assert_eq!(site.request_line().await, "GET /rest/api/3/project/OPS");

    site.answers(200, json!([{ "id": "10012", "name": "API" }])).await;
    assert_eq!(site.client.list_components("OPS").await.unwrap().value[0].name, "API");
    assert_eq!(site.request_line().await, "GET /rest/api/3/project/OPS/components");
    assert_eq!(site.client.browse_url("OPS-7"), format!("{}/browse/OPS-7", site.server.uri()));
}
