//! A catalogue of 10,000 services to search in, stored the way the catalogue of a tool is.

use std::path::Path;

use incident_bridge::app;
use incident_bridge::clock::{Clock, from_millis};
use incident_bridge::config::{Config, Environment, load};
use incident_bridge::domain::{Component, Entity, Observation, SourceId, Workspace};
use incident_bridge::store::{Origin, Report, SourceScope};

use crate::config::SOURCE;

/// Services in the catalogue: every area with every part in every place.
pub const SERVICES: usize = AREAS.len() * PARTS.len() * PLACES.len();
const AREAS: [&str; 25] = [
    "Account",
    "Audit",
    "Billing",
    "Cart",
    "Catalogue",
    "Checkout",
    "Consent",
    "Customer",
    "Delivery",
    "Discount",
    "Email",
    "Fraud",
    "Identity",
    "Inventory",
    "Invoice",
    "Ledger",
    "Loyalty",
    "Media",
    "Order",
    "Payments",
    "Pricing",
    "Returns",
    "Search",
    "Shipping",
    "Tax",
];
const PARTS: [&str; 20] = [
    "API",
    "admin",
    "archive",
    "batch",
    "cache",
    "consumer",
    "database",
    "events",
    "exporter",
    "frontend",
    "gateway",
    "importer",
    "index",
    "jobs",
    "metrics",
    "proxy",
    "queue",
    "scheduler",
    "storage",
    "worker",
];
const PLACES: [&str; 20] = [
    "ap-east-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-south-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "me-south-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-1",
    "us-west-1",
    "us-west-2",
];

pub fn read_config(file: &Path) -> Config {
    load(&[file.to_path_buf()], &Environment::default()).expect("a valid configuration").config
}

/// Stores the catalogue the way the catalogue of a tool is stored.
pub async fn fill_catalogue(config: &Config) {
    let engine = app::build_ready_engine(config, Clock::system()).await.expect("an engine");
    app::prepare_store(config, engine.store()).await.expect("a schema");
    let source = SourceId::parse(SOURCE).expect("valid");
    let scope = SourceScope { source: &source, teams: true, sites: &config.sources[0].sites };
    let workspaces: Vec<Workspace> = AREAS.iter().map(|area| workspace(area)).collect();
    let observations: Vec<Observation> = services().collect();
    assert_eq!(observations.len(), SERVICES);
    let report =
        Report { observations: &observations, workspaces: &workspaces, ..Report::new(Origin::Catalogue) };
    engine.store().apply(&scope, &[report]).await.expect("a stored catalogue");
    engine.store().close().await;
}

/// Ids of the workspaces, one per area.
pub fn workspace_ids() -> impl Iterator<Item = String> {
    AREAS.iter().map(|area| format!("{SOURCE}:{}", team(area)))
}

fn team(area: &str) -> String {
    format!("T{}", area.to_uppercase())
}

fn workspace(area: &str) -> Workspace {
    let provider_id = team(area);
    let url = format!("https://acme.pagerduty.com/teams/{provider_id}");
    Workspace { name: format!("Team {area}"), url, provider_id }
}

fn services() -> impl Iterator<Item = Observation> {
    let names = AREAS.iter().flat_map(|area| PARTS.iter().map(move |part| (area, part)));
    let names = names.flat_map(|(area, part)| PLACES.iter().map(move |place| (area, part, place)));
    let seen = from_millis(1_790_000_000_000);
    names.enumerate().map(move |(n, (area, part, place))| {
        let provider_id = format!("P{n:06}");
        let component = Component {
            name: format!("{area} {part} {place}"),
            description: format!("The {part} of {area} in {place}."),
            url: format!("https://acme.pagerduty.com/services/{provider_id}"),
            avatar_url: None,
            tier: None,
            component_type: None,
            updated_at: seen,
            workspaces: vec![team(area)],
            provider_id,
        };
        Observation::present(Entity::Component(component), seen)
    })
}
