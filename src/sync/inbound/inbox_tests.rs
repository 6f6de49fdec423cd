//! A parser that panics costs its own webhook only, and a poll that panics its own source.

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use url::Url;

use super::*;
use crate::clock::{Clock, from_millis};
use crate::config::SourceConfig;
use crate::destinations::SourceProfile;
use crate::domain::{SourceId, Timestamp};
use crate::sources::tests::pages::deploy;
use crate::sources::{Catalogue, KINDS, Page, PollError, PollRequest, Poller, Rejection, Source};
use crate::store::{InboxEntry, Store, Vault};
use crate::sync::core::Core;
use crate::sync::registry::Registry;

/// Panics on bodies that say so, and finds nothing in any other.
struct Clumsy;

impl Source for Clumsy {
    fn challenges(&self) -> Vec<String> {
        Vec::new()
    }

    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        Ok(VerifiedWebhook::new(webhook, None, "nothing"))
    }

    fn parse(&self, webhook: &VerifiedWebhook, _: &mut Memory) -> Result<Findings, Unmappable> {
        assert_ne!(webhook.body(), b"panic", "the parser breaks down");
        Ok(Findings::ignored("nothing in it"))
    }

    fn poller(&self) -> Option<&dyn Poller> {
        Some(self)
    }

    fn home_url(&self) -> String {
        "https://tool.example".to_owned()
    }
}

/// One of the program's own parsers, which panics on every webhook.
struct Broken(Arc<dyn Source>);

impl Source for Broken {
    fn challenges(&self) -> Vec<String> {
        self.0.challenges()
    }

    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        self.0.verify(webhook)
    }

    fn parse(&self, webhook: &VerifiedWebhook, memory: &mut Memory) -> Result<Findings, Unmappable> {
        panic!("the parser breaks down: {:?}", self.0.parse(webhook, memory))
    }

    fn home_url(&self) -> String {
        self.0.home_url()
    }
}

fn runtime(id: &str, adapter: Arc<dyn Source>) -> Arc<SourceRuntime> {
    let config = SourceConfig::new(SourceId::parse(id).unwrap(), "clumsy").unwrap();
    let home = Url::parse("https://tool.example").unwrap();
    Arc::new(SourceRuntime {
        profile: SourceProfile::new(config.id.clone(), home.clone(), &home),
        adapter,
        audience: Vec::new(),
        signals: Arc::default(),
        config,
    })
}

/// The way in, with these sources and an empty database.
async fn inbound(sources: Vec<Arc<SourceRuntime>>) -> (Store, Inbound, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("bridge.db").display());
    let vault = Vault::new(&Vault::generate_key(), &[]).unwrap();
    let clock = Clock::manual(from_millis(0));
    let store = Store::open(&SecretString::from(url), vault, clock.clone()).await.unwrap();
    store.migrate().await.unwrap();
    let registry = sources.into_iter().map(|source| (source.id().to_string(), source)).collect();
    let core = Arc::new(Core::new(store.clone(), clock, Registry(registry), Vec::new()));
    (store, Inbound::new(core, Url::parse("https://bridge.example").unwrap()), folder)
}

fn entry(source: &str, body: &str) -> InboxEntry {
    InboxEntry {
        source: SourceId::parse(source).unwrap(),
        delivery_key: body.to_owned(),
        delivery_id: None,
        received_at: from_millis(0),
        verified_by: "nothing".to_owned(),
        headers: "[]".to_owned(),
        body: body.as_bytes().to_vec().into(),
        quarantine: None,
    }
}

#[tokio::test]
async fn a_webhook_whose_parser_panics_is_quarantined_and_no_other_waits() {
    let source = runtime("clumsy", Arc::new(Clumsy));
    let (store, inbound, _folder) = inbound(vec![source.clone()]).await;
    let id = source.id();
    let entries = ["before", "panic", "after"].map(|body| entry("clumsy", body));
    store.inbox().record(&entries).await.unwrap();
    assert!(inbound.process_inbox().await.unwrap());

    let kept = store.inbox().list_quarantined(id, 10).await.unwrap();
    assert_eq!(kept.iter().map(|row| row.body.open().unwrap()).collect::<Vec<_>>(), [b"panic"]);
    assert_eq!(kept[0].note.as_deref(), Some(PARSER_PANICKED));
    assert!(store.inbox().list_new(id, 10).await.unwrap().is_empty(), "the others had their effect");
}

#[tokio::test]
async fn a_panic_in_the_parser_of_any_type_is_quarantined_and_no_other_source_waits() {
    let mut sources = vec![runtime("healthy", Arc::new(Clumsy))];
    for kind in KINDS {
        let adapter = deploy(kind.example()).unwrap();
        sources.push(runtime(kind.example_id().unwrap(), Arc::new(Broken(adapter))));
    }
    let (store, inbound, _folder) = inbound(sources.clone()).await;
    for source in &sources {
        store.inbox().record(&[entry(source.id().as_str(), "{}")]).await.unwrap();
    }
    assert!(inbound.process_inbox().await.unwrap());
    for source in &sources {
        let kept = store.inbox().list_quarantined(source.id(), 10).await.unwrap();
        assert_eq!(kept.len(), usize::from(source.id().as_str() != "healthy"), "{}", source.id());
        assert!(kept.iter().all(|row| row.note.as_deref() == Some(PARSER_PANICKED)), "{}", source.id());
        assert!(store.inbox().list_new(source.id(), 10).await.unwrap().is_empty());
    }
}

#[test]
fn webhooks_that_arrive_go_first_until_an_effect_is_late() {
    let goes_on = |turn: Turn| [false, true].map(|others_wait| turn.goes_on(others_wait));
    assert_eq!(goes_on(Turn::Part { is_late: false }), [true, false]);
    assert_eq!(goes_on(Turn::Part { is_late: true }), [true, true]);
    for turn in [Turn::All, Turn::Nothing] {
        assert_eq!(goes_on(turn), [false, false], "{turn:?}");
    }
}

/// A tool whose every answer makes the source's code panic.
#[async_trait]
impl Poller for Clumsy {
    async fn poll(&self, _: PollRequest<'_>) -> Result<Page, PollError> {
        panic!("reading a page breaks down")
    }

    async fn fetch_incident(&self, _: &str, _: Timestamp) -> Result<Option<Findings>, PollError> {
        panic!("reading an incident breaks down")
    }

    async fn catalogue(&self, _: Timestamp) -> Result<Catalogue, PollError> {
        panic!("reading the catalogue breaks down")
    }
}

#[tokio::test]
async fn a_poll_on_which_the_code_panics_is_a_failure_of_its_source_and_is_repeated() {
    let source = runtime("clumsy", Arc::new(Clumsy));
    let (store, inbound, _folder) = inbound(vec![source.clone()]).await;
    for failures in 1..=2 {
        inbound.core.clock.advance(chrono::TimeDelta::hours(2));
        let outcome = inbound.poll(&source, |_, _| {}).await.unwrap();
        assert!(!outcome.done && outcome.pages == 0, "{outcome:?}");
        let state = store.polls().find(source.id()).await.unwrap().unwrap();
        assert_eq!(state.failures, failures);
        assert!(state.wait_until > inbound.core.clock.now(), "it is asked again later");
    }
    let metrics = inbound.core.metrics.encode().unwrap();
    // The list of services and a page, and then one request for each try.
    assert!(metrics.contains("task_panics_total{task=\"poll clumsy\"} 3"), "{metrics}");
}
