//! PagerDuty's REST API with a long history, as far as the first sync needs it: services, the log, and
//! incidents in pages of at most 100 up to offset 10,000.

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::web::{self, Data, Query};
use actix_web::{App, HttpResponse, HttpServer};
use chrono::{SecondsFormat, SubsecRound, TimeDelta};
use incident_bridge::clock::{Clock, Timestamp};
use incident_bridge::domain::parse_timestamp;
use serde_json::{Value, json};

const FIXTURE: &str = include_str!("../../tests/fixtures/providers/pagerduty/rest-incidents-page1.json");
const MAX_LIMIT: usize = 100;
const MAX_OFFSET: usize = 10_000;
pub const SERVICES: usize = 50;
const OPEN_EVERY: usize = 100;
/// A hundred thousand of these steps fill eighty days.
const STEP: TimeDelta = TimeDelta::seconds(69);
const DURATION: TimeDelta = TimeDelta::hours(1);

/// The account: its incidents follow from their numbers.
pub struct Account {
    pub incidents: usize,
    /// One in this many is still open.
    open_every: usize,
    first: Timestamp,
    template: Value,
}

/// A running tool, with one incident in a hundred still open; it stops with the process.
pub fn start(incidents: usize) -> (SocketAddr, Arc<Account>) {
    serve(incidents, OPEN_EVERY)
}

/// The same with all incidents open.
pub fn start_open(incidents: usize) -> (SocketAddr, Arc<Account>) {
    serve(incidents, 1)
}

fn serve(incidents: usize, open_every: usize) -> (SocketAddr, Arc<Account>) {
    let page: Value = serde_json::from_str(FIXTURE).expect("JSON");
    let past = STEP * i32::try_from(incidents).expect("not too many") + DURATION * 2;
    let first = Clock::system().now().trunc_subsecs(0) - past;
    let account = Arc::new(Account { incidents, open_every, first, template: page["incidents"][0].clone() });
    let shared = Data::from(account.clone());
    let make = move || {
        App::new()
            .app_data(shared.clone())
            .route("/incidents", web::get().to(list_incidents))
            .route("/log_entries", web::get().to(list_log))
            .route("/services", web::get().to(list_services))
            .route("/teams", web::get().to(async || HttpResponse::PaymentRequired().finish()))
            .route(
                "/priorities",
                web::get().to(async || HttpResponse::Ok().json(json!({ "priorities": [] }))),
            )
    };
    let server = HttpServer::new(make).workers(1).disable_signals().bind("127.0.0.1:0").expect("a port");
    let address = server.addrs()[0];
    tokio::spawn(server.run());
    (address, account)
}

impl Account {
    pub fn id(number: usize) -> String {
        format!("QBENCH{number:08}")
    }

    pub fn title(number: usize) -> String {
        format!("Checkout 5xx rate above 4%, number {number}")
    }

    pub fn is_open(&self, number: usize) -> bool {
        number.is_multiple_of(self.open_every)
    }

    pub fn service(number: usize) -> String {
        format!("PSVC{:04}", number % SERVICES)
    }

    fn created_at(&self, number: usize) -> Timestamp {
        self.first + STEP * i32::try_from(number).expect("not too many")
    }

    pub fn updated_at(&self, number: usize) -> Timestamp {
        self.created_at(number) + if self.is_open(number) { TimeDelta::zero() } else { DURATION }
    }

    fn incident(&self, number: usize) -> Value {
        let mut incident = self.template.clone();
        let updated_at = self.updated_at(number);
        let is_open = self.is_open(number);
        incident["id"] = Self::id(number).into();
        incident["title"] = Self::title(number).into();
        incident["incident_number"] = number.into();
        incident["created_at"] = seconds(self.created_at(number)).into();
        incident["updated_at"] = seconds(updated_at).into();
        incident["status"] = if is_open { "triggered" } else { "resolved" }.into();
        incident["resolved_at"] = if is_open { Value::Null } else { seconds(updated_at).into() };
        incident["service"] = service(number);
        incident
    }

    /// The numbers of a list's incidents, in its order.
    fn select(&self, asked: &Asked) -> Vec<usize> {
        let all = 0..self.incidents;
        if asked.find("sort_by") == Some("resolved_at:desc") {
            return all.rev().filter(|number| !self.is_open(*number)).collect();
        }
        if asked.find("date_range") == Some("all") {
            return all.step_by(self.open_every).collect();
        }
        let instant = |name| asked.find(name).and_then(parse_timestamp).expect("an instant");
        let (since, until) = (instant("since"), instant("until"));
        all.filter(|number| (since..=until).contains(&self.created_at(*number))).collect()
    }
}

/// PagerDuty's REST API gives whole seconds.
fn seconds(instant: Timestamp) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Query parameters in order.
struct Asked(Vec<(String, String)>);

impl Asked {
    fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn number(&self, name: &str) -> usize {
        self.find(name).and_then(|text| text.parse().ok()).expect("a number")
    }
}

async fn list_incidents(account: Data<Account>, query: Query<Vec<(String, String)>>) -> HttpResponse {
    let asked = Asked(query.into_inner());
    let (limit, offset) = (asked.number("limit"), asked.number("offset"));
    if limit > MAX_LIMIT || offset + limit > MAX_OFFSET {
        return HttpResponse::BadRequest()
            .json(json!({ "error": { "message": "Offset must be within limits" } }));
    }
    let numbers = account.select(&asked);
    let page: Vec<Value> =
        numbers.iter().skip(offset).take(limit).map(|number| account.incident(*number)).collect();
    let more = offset + page.len() < numbers.len();
    HttpResponse::Ok().json(
        json!({ "incidents": page, "limit": limit, "offset": offset, "more": more, "total": numbers.len() }),
    )
}

/// Entries of the log: resolved incidents, the latest first.
async fn list_log(account: Data<Account>, query: Query<Vec<(String, String)>>) -> HttpResponse {
    let asked = Asked(query.into_inner());
    let (limit, offset) = (asked.number("limit"), asked.number("offset"));
    let since = asked.find("since").and_then(parse_timestamp).expect("an instant");
    let told = (0..account.incidents).rev().filter(|number| !account.is_open(*number));
    let told: Vec<usize> = told.take_while(|number| account.updated_at(*number) >= since).collect();
    let entry = |number: &usize| {
        let at = seconds(account.updated_at(*number));
        json!({ "type": "resolve_log_entry", "created_at": at, "incident": account.incident(*number) })
    };
    let page: Vec<Value> = told.iter().skip(offset).take(limit).map(entry).collect();
    let more = offset + page.len() < told.len();
    HttpResponse::Ok().json(json!({ "log_entries": page, "more": more }))
}

async fn list_services() -> HttpResponse {
    let services: Vec<Value> = (0..SERVICES).map(service).collect();
    HttpResponse::Ok().json(json!({ "services": services, "more": false }))
}

fn service(number: usize) -> Value {
    let id = Account::service(number);
    json!({
        "id": id,
        "type": "service_reference",
        "summary": format!("Service {id}"),
        "html_url": format!("https://acme.pagerduty.com/services/{id}"),
    })
}
