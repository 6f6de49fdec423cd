//! The tools' web pages for people: what their links in Jira lead to. Programs use the API of `server`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Query};
use askama::Template;
use serde::Deserialize;

use super::alerts::Alerts;
use super::pager::{Incident, Pager};
use super::status_page::{Report, StatusPage};
use crate::clock::Timestamp;

#[derive(Template, Default)]
#[template(path = "tool_page.html")]
struct Page {
    title: String,
    tool: &'static str,
    facts: Vec<(&'static str, String)>,
    text: &'static str,
    headings: &'static [&'static str],
    rows: Vec<Row>,
}

struct Row {
    link: String,
    cells: Vec<String>,
}

/// `GET /pager`
pub(super) async fn list_incidents(pager: Data<Pager>) -> HttpResponse {
    let row = |incident: Incident| Row {
        link: pager.incident_url(&incident.id),
        cells: vec![
            incident.title.to_owned(),
            state(&incident),
            priority(&incident),
            incident.service.name.to_owned(),
        ],
    };
    render(&Page {
        title: "Incidents".to_owned(),
        tool: "Pager",
        headings: &["Incident", "Status", "Priority", "Service"],
        rows: pager.incidents().into_iter().rev().map(row).collect(),
        ..Page::default()
    })
}

/// `GET /pager/incidents/{id}`
pub(super) async fn show_incident(pager: Data<Pager>, id: Path<String>) -> HttpResponse {
    let Some(incident) = pager.find(&id) else { return not_found("Pager") };
    render(&Page {
        title: incident.title.to_owned(),
        tool: "Pager",
        facts: vec![
            ("Id", incident.id.clone()),
            ("Number", incident.number.to_string()),
            ("Status", state(&incident)),
            ("Priority", priority(&incident)),
            ("Service", incident.service.name.to_owned()),
            ("Team", incident.service.team.to_owned()),
            ("Created", moment(incident.created_at)),
        ],
        ..Page::default()
    })
}

/// `GET /alertmanager`
pub(super) async fn list_alerts(alerts: Data<Alerts>) -> HttpResponse {
    let firing = alerts.episodes().into_iter().filter(super::alerts::Episode::fires);
    let rows = firing.map(|episode| Row {
        link: episode.url.clone(),
        cells: vec![
            episode.rule.name.to_owned(),
            episode.severities().collect::<Vec<_>>().join(", "),
            episode.rule.service.to_owned(),
            moment(episode.started),
        ],
    });
    render(&Page {
        title: "Firing alerts".to_owned(),
        tool: "Alertmanager",
        headings: &["Alert", "Severity", "Service", "Since"],
        rows: rows.collect(),
        ..Page::default()
    })
}

#[derive(Deserialize)]
pub(super) struct Graph {
    #[serde(rename = "g0.expr")]
    expression: String,
}

/// `GET /prometheus/graph`
pub(super) async fn show_rule(graph: Query<Graph>) -> HttpResponse {
    render(&Page {
        title: "Graph".to_owned(),
        tool: "Prometheus",
        facts: vec![("Expression", graph.into_inner().expression)],
        ..Page::default()
    })
}

/// `GET /status`
pub(super) async fn list_reports(page: Data<StatusPage>) -> HttpResponse {
    let row = |report: Report| Row {
        link: page.report_url(&report.id),
        cells: vec![
            report.notice.title.to_owned(),
            report.status().to_owned(),
            report.notice.impact.to_owned(),
            report.notice.component.1.to_owned(),
        ],
    };
    render(&Page {
        title: "System status".to_owned(),
        tool: "Status page",
        headings: &["Incident", "Status", "Impact", "Component"],
        rows: page.reports().into_iter().rev().map(row).collect(),
        ..Page::default()
    })
}

/// `GET /status/incidents/{id}`
pub(super) async fn show_report(page: Data<StatusPage>, id: Path<String>) -> HttpResponse {
    let Some(report) = page.find(&id) else { return not_found("Status page") };
    let ended = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), moment);
    render(&Page {
        title: report.notice.title.to_owned(),
        tool: "Status page",
        facts: vec![
            ("Id", report.id.clone()),
            ("Status", report.status().to_owned()),
            ("Impact", report.notice.impact.to_owned()),
            ("Component", report.notice.component.1.to_owned()),
            ("Created", moment(report.created_at)),
            ("Resolved", ended(report.resolved_at)),
            ("Postmortem published", ended(report.published_at)),
        ],
        text: if report.published_at.is_some() { report.notice.postmortem } else { "" },
        ..Page::default()
    })
}

fn state(incident: &Incident) -> String {
    format!("{:?}", incident.status).to_lowercase()
}

fn priority(incident: &Incident) -> String {
    incident.priority.map_or_else(|| "-".to_owned(), |level| format!("P{level}"))
}

fn moment(at: Timestamp) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn not_found(tool: &'static str) -> HttpResponse {
    let page = Page { title: "There is no such incident".to_owned(), tool, ..Page::default() };
    answer(StatusCode::NOT_FOUND, &page)
}

fn render(page: &Page) -> HttpResponse {
    answer(StatusCode::OK, page)
}

fn answer(status: StatusCode, page: &Page) -> HttpResponse {
    // Writing into a text cannot fail.
    let html = page.render().unwrap_or_default();
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header(("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"))
        .insert_header(("Cache-Control", "no-store"))
        .body(html)
}
