//! A parser that panics costs its own webhook only.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::SecretString;
use url::Url;

use super::*;
use crate::clock::{Clock, from_millis};
use crate::config::SourceConfig;
use crate::destinations::SourceProfile;
use crate::domain::SourceId;
use crate::sources::{Rejection, Source};
use crate::store::{InboxEntry, Store, Vault};
use crate::sync::core::Core;
use crate::sync::registry::Registry;

/// Panics on bodies that say so, and finds nothing in any other.
struct Clumsy;

impl Source for Clumsy {
    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        Ok(VerifiedWebhook::new(webhook, None, "nothing"))
    }

    fn parse(&self, webhook: &VerifiedWebhook, _: &mut Memory) -> Result<Findings, Unmappable> {
        assert_ne!(webhook.body(), b"panic", "the parser breaks down");
        Ok(Findings::ignored("nothing in it"))
    }

    fn home_url(&self) -> String {
        "https://tool.example".to_owned()
    }
}

fn clumsy_source() -> SourceRuntime {
    let config = SourceConfig::new(SourceId::parse("clumsy").unwrap(), "clumsy").unwrap();
    let home = Url::parse("https://tool.example").unwrap();
    SourceRuntime {
        profile: SourceProfile::new(config.id.clone(), home.clone(), &home),
        adapter: Arc::new(Clumsy),
        audience: Vec::new(),
        polling: tokio::sync::Mutex::default(),
        named: tokio::sync::Notify::default(),
        config,
    }
}

fn entry(body: &str) -> InboxEntry {
    InboxEntry {
        source: SourceId::parse("clumsy").unwrap(),
        delivery_key: body.to_owned(),
        delivery_id: None,
        received_at: from_millis(0),
        verified_by: "nothing".to_owned(),
        headers: "[]".to_owned(),
        body: body.as_bytes().to_vec(),
        quarantine: None,
    }
}

#[tokio::test]
async fn a_webhook_whose_parser_panics_is_quarantined_and_no_other_waits() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("bridge.db").display());
    let vault = Vault::new(&Vault::generate_key(), &[]).unwrap();
    let clock = Clock::manual(from_millis(0));
    let store = Store::open(&SecretString::from(url), vault, clock.clone()).await.unwrap();
    store.migrate().await.unwrap();
    store.inbox().record(&["before", "panic", "after"].map(entry)).await.unwrap();

    let source = clumsy_source();
    let id = source.id().clone();
    let registry = Registry(BTreeMap::from([(id.to_string(), Arc::new(source))]));
    let core = Arc::new(Core::new(store.clone(), clock, registry, Vec::new()));
    let inbound = Inbound::new(core, Url::parse("https://bridge.example").unwrap());
    assert!(inbound.process_inbox().await.unwrap());

    let kept = store.inbox().list_quarantined(&id, 10).await.unwrap();
    assert_eq!(kept.iter().map(|row| row.body.as_slice()).collect::<Vec<_>>(), [b"panic"]);
    assert_eq!(kept[0].note.as_deref(), Some(PARSER_PANICKED));
    assert!(store.inbox().list_new(&id, 10).await.unwrap().is_empty(), "the others had their effect");
}
