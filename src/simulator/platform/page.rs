//! The board that people see, and what they do there, for a browser and a shell.
//!
//! Must not put anything that a program sent into HTML: the page's script sets it as text.

use actix_web::web::{self, Data, Json, Path};
use actix_web::{HttpResponse, Responder};
use askama::Template;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::handle::Simulator;
use super::account::Account;
use super::issue::Issue;
use super::project::Project;

#[derive(Template)]
#[template(path = "board_page.html")]
struct Page<'a> {
    site: &'a str,
}

/// Routes below the site's root.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/board", web::get().to(show))
        .route("/browse/{key}", web::get().to(show))
        .route("/simulator/accounts", web::post().to(admit))
        .route("/simulator/board.json", web::get().to(list))
        .route("/simulator/issues/{id}", web::get().to(look))
        .route("/simulator/issues/{id}", web::post().to(change));
}

async fn show(simulator: Data<Simulator>) -> HttpResponse {
    match (Page { site: simulator.url() }).render() {
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

async fn list(simulator: Data<Simulator>) -> impl Responder {
    let state = simulator.lock();
    let platform = &state.platform;
    let projects = platform.projects.iter().map(|project| {
        let issues = platform.issues().rev().filter(|it| it.project == project.id);
        json!({
            "key": project.key,
            "name": project.name,
            "statuses": project.workflow.statuses.iter().map(|it| it.name).collect::<Vec<_>>(),
            "issues": issues.map(|it| describe(it, project)).collect::<Vec<_>>(),
        })
    });
    Json(json!({ "projects": projects.collect::<Vec<_>>(), "mails": platform.mails.len() }))
}

async fn look(simulator: Data<Simulator>, id: Path<String>) -> HttpResponse {
    let state = simulator.lock();
    let found = state.platform.find(&id);
    let Some((issue, project)) = found.and_then(|it| Some((it, state.platform.project_of(it)?))) else {
        return HttpResponse::NotFound().finish();
    };
    let mut shown = describe(issue, project);
    shown["description"] = issue.fields.get("description").cloned().unwrap_or_default();
    shown["properties"] = json!(issue.properties);
    shown["remoteLinks"] = issue.remote_links.iter().map(super::RemoteLink::to_json).collect();
    shown["comments"] = json!(issue.comments);
    shown["changelog"] = issue.to_changelog()["histories"].clone();
    HttpResponse::Ok().json(shown)
}

fn describe(issue: &Issue, project: &Project) -> Value {
    json!({
        "id": issue.id.to_string(),
        "key": issue.key,
        "summary": issue.text("summary"),
        "status": project.workflow.find(&issue.status).map(|it| it.name),
        "priority": issue.fields.get("priority").map(|it| &it["name"]),
        "labels": issue.labels(),
    })
}

#[derive(Deserialize)]
struct AccountOrder {
    email: String,
    token: String,
    /// Whether the token has scopes: then the gateway takes it, and the site does not.
    #[serde(default)]
    scoped: bool,
}

/// Lets an account with a token call the API.
async fn admit(simulator: Data<Simulator>, order: Json<AccountOrder>) -> impl Responder {
    let make = if order.scoped { Account::of_service } else { Account::of_user };
    simulator.board().admit(make(&order.email, &order.token));
    HttpResponse::NoContent()
}

/// What a person does with an issue.
#[derive(Deserialize)]
#[serde(tag = "verb", content = "value", rename_all = "snake_case")]
enum Order {
    /// A new summary.
    Edit(String),
    Label(String),
    /// The name of a status.
    Transition(String),
    /// The key of a project.
    Move(String),
    Delete,
}

async fn change(simulator: Data<Simulator>, id: Path<String>, order: Json<Order>) -> impl Responder {
    let board = simulator.board();
    match order.into_inner() {
        Order::Edit(summary) => board.edit(&id, "summary", json!(summary)),
        Order::Label(label) => board.label(&id, &label),
        Order::Transition(status) => board.transition(&id, &status),
        Order::Move(project) => board.move_to(&id, &project),
        Order::Delete => board.delete(&id),
    }
    HttpResponse::NoContent()
}
