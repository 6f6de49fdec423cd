//! The page that looks like Jira's Incidents page, and the JSON that fills it.
//!
//! Must not put anything the app sent into HTML: the page's script sets it as text.

use std::cmp::Reverse;

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, Responder};
use askama::Template;
use serde_json::{Value, json};

use super::descriptor::{OPERATIONS, REVIEW, review_page};
use super::entities::EntityKind;
use super::handle::Simulator;
use super::site::Site;

/// Rows the page shows of each kind; the counts beside them are complete.
const ROWS: usize = 200;

#[derive(Template)]
#[template(path = "simulator_page.html")]
struct Page<'a> {
    site: &'a str,
    rows: usize,
}

/// `GET /`
pub async fn show(simulator: Data<Simulator>) -> HttpResponse {
    match (Page { site: simulator.url(), rows: ROWS }).render() {
        Ok(html) => HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .insert_header((
                "Content-Security-Policy",
                "default-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
            ))
            .insert_header(("Cache-Control", "no-store"))
            .body(html),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}

/// `GET /simulator/incidents.json`
pub async fn list(simulator: Data<Simulator>) -> impl Responder {
    let state = simulator.settled();
    Json(describe(&state.site, state.history.total()))
}

/// What the page shows: counts, and the newest rows of each kind.
pub fn describe(site: &Site, requests: u64) -> Value {
    let incidents = newest(site, EntityKind::Incident);
    let reviews = newest(site, EntityKind::Review);
    let with_status =
        |rows: &[&Value], status: &str| rows.iter().filter(|row| row["status"] == status).count();
    json!({
        "app": site.installation.as_ref().map(|it| json!({ "key": it.app_key, "enabled": it.enabled })),
        "workspaces": site.workspaces().len(),
        "requests": requests,
        "queued": site.queued(),
        "counts": {
            "open": with_status(&incidents, "open"),
            "resolved": with_status(&incidents, "resolved"),
            "incidents": incidents.len(),
            "reviews": reviews.len(),
            "components": site.entities(EntityKind::Component).count(),
        },
        "incidents": incidents.iter().take(ROWS).map(|row| describe_incident(site, row)).collect::<Vec<_>>(),
        "reviews": reviews.iter().take(ROWS).map(|row| describe_review(site, row)).collect::<Vec<_>>(),
    })
}

fn newest(site: &Site, kind: EntityKind) -> Vec<&Value> {
    let mut rows: Vec<&Value> = site.entities(kind).iter().map(|(_, entity)| &entity.json).collect();
    rows.sort_by_cached_key(|row| Reverse(row["createdDate"].as_str().map(str::to_owned)));
    rows
}

fn describe_incident(site: &Site, row: &Value) -> Value {
    let ids = row["affectedComponents"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let ids: Vec<&str> = ids.collect();
    let components: Vec<Value> = ids
        .iter()
        .map(|id| {
            let known = site.entities(EntityKind::Component).find(id);
            json!({ "name": known.map_or(*id, |it| it.json["name"].as_str().unwrap_or(id)), "known": known.is_some() })
        })
        .collect();
    json!({
        "id": row["id"],
        "summary": row["summary"],
        "url": row["url"],
        "severity": row["severity"]["level"].as_str().unwrap_or("unknown"),
        "status": row["status"],
        "components": components,
        "issues": list_issues(site, row),
        "review": find_review_page(site, row, ids.first().copied().unwrap_or_default()),
        "created": row["createdDate"],
        "updated": row["lastUpdated"],
    })
}

/// The app's link for writing a review, for a resolved incident that has none.
fn find_review_page(site: &Site, row: &Value, component: &str) -> Option<String> {
    let template = site.installation.as_ref()?.actions.get(&format!("{OPERATIONS}.{REVIEW}"))?;
    let reviews = site.entities(EntityKind::Review);
    let mut covered = reviews.iter().filter_map(|(_, review)| review.json["reviews"].as_array()).flatten();
    let is_due = row["status"] == "resolved" && !covered.any(|id| *id == row["id"]);
    is_due.then(|| review_page(template, row["id"].as_str().unwrap_or_default(), component))
}

fn describe_review(site: &Site, row: &Value) -> Value {
    json!({
        "id": row["id"],
        "summary": row["summary"],
        "url": row["url"],
        "status": row["status"],
        "covers": row["reviews"],
        "issues": list_issues(site, row),
        "updated": row["lastUpdated"],
    })
}

/// Issues that the app associated, and those that users linked by hand.
fn list_issues(site: &Site, row: &Value) -> Vec<String> {
    let sent = row["associations"].as_array().into_iter().flatten();
    let sent = sent
        .filter(|association| association["associationType"] == "issueIdOrKeys")
        .flat_map(|association| association["values"].as_array().into_iter().flatten())
        .filter_map(|issue| Some(issue.as_str()?.to_owned()));
    let linked = row["id"].as_str().and_then(|id| site.issues.get(id)).into_iter().flatten().cloned();
    sent.chain(linked).collect()
}
