//! How long a search over 10,000 services takes: Jira asks with every letter that a user types.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot start can only report to the terminal"
)]

#[path = "support/catalogue.rs"]
mod catalogue;
#[path = "support/config.rs"]
mod config;

use std::hint::black_box;
use std::sync::Arc;

use catalogue::{SERVICES, fill_catalogue, read_config, workspace_ids};
use config::{Site, sqlite_url, webhook_source, write_config};
use criterion::{Criterion, criterion_group, criterion_main};
use incident_bridge::app;
use incident_bridge::clock::Clock;
use incident_bridge::domain::{ClientKey, DestinationId};
use incident_bridge::store::{LifecycleCall, NewInstallation, Vault};
use incident_bridge::sync::Engine;

const JIRA: &str = "http://127.0.0.1:8081";
/// The size of an answer when Jira does not give one.
const LIMIT: usize = 50;

async fn engine(folder: &std::path::Path, client_key: &ClientKey) -> Arc<Engine> {
    let address = "127.0.0.1:8080".parse().expect("an address");
    let sources = &webhook_source("workspaces = \"teams\"");
    let site = Site {
        folder,
        public: address,
        operator: address,
        base_url: "http://127.0.0.1:8080",
        store: &sqlite_url(folder),
        vault_key: &Vault::generate_key(),
        jira: &[JIRA],
        install_keys: JIRA,
        sources,
    };
    let config = read_config(&write_config(&site));
    fill_catalogue(&config).await;
    let engine = app::build_ready_engine(&config, Clock::system()).await.expect("an engine");
    let installation = NewInstallation {
        client_key: client_key.clone(),
        shared_secret: "secret".into(),
        base_url: JIRA.to_owned(),
        site: JIRA.trim_start_matches("http://").to_owned(),
        display_url: None,
    };
    let call = LifecycleCall {
        client_key: client_key.clone(),
        token_hash: "token".to_owned(),
        body_hash: "body".to_owned(),
        issued_at: engine.clock().now(),
    };
    engine.install(&call, &installation).await.expect("an installation");
    engine
}

fn search(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let client_key = ClientKey("bench".to_owned());
    let engine = runtime.block_on(engine(folder.path(), &client_key));
    let snapshot = runtime.block_on(engine.read_directory()).expect("the store works");
    let site = snapshot.find(&DestinationId::from(&client_key)).expect("the site").clone();
    let everything = snapshot.search(&site, "", None, None, usize::MAX - 1).hits.len();
    assert!(everything >= SERVICES, "only {everything} services to search");

    let workspace = workspace_ids().last();
    let second_page = snapshot.search(&site, "api", None, None, LIMIT).next;
    let mut group = criterion.benchmark_group(format!("search {SERVICES} containers"));
    for (name, text, workspace, after) in [
        ("names that start with the query", "checkout", None, None),
        ("names that contain the query", "api", None, None),
        ("second page", "api", None, second_page.as_ref()),
        ("one name", "tax worker us-west-2", None, None),
        ("no name", "kubernetes", None, None),
        ("everything", "", None, None),
        ("within a workspace", "worker", workspace.as_deref(), None),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| snapshot.search(black_box(&site), black_box(text), workspace, after, LIMIT));
        });
    }
    group.finish();
}

criterion_group!(benches, search);
criterion_main!(benches);
