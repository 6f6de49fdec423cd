//! Answers of polled tools and of Jira, read by the program's own client: what is read can be sent, and a
//! verdict concerns only what was sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use incident_bridge::clock::Clock;
use incident_bridge::destinations::ledger::{Ledger, LedgerFault, Note, NoteFilter};
use incident_bridge::destinations::{
    Account, Batch, Destination, DestinationTypes, Facilities, Quotas, SourceProfile, TYPES,
};
use incident_bridge::domain::{Component, DestinationId, Entity, EntityId, EntityKind, Outgoing, SourceId};
use incident_bridge::sources::{Findings, Memory, PollRequest, Poller, Source};

use super::loopback::Loopback;
use super::tools::{HTTP, backfill_from, build_all, now};
use super::{entities, input};

/// Pages that are read of one input.
const PAGES: usize = 3;

struct Stage {
    server: Loopback,
    sources: Vec<Arc<dyn Source>>,
}

thread_local! {
    static STAGE: Stage = {
        let server = Loopback::start();
        let sources = build_all(&server.url);
        Stage { server, sources }
    };
}

/// One byte for who answers (Jira in place of a tool that is not polled), one for what is asked, one for the status; a line for how long to wait; then the
/// bodies, with `---` lines between them.
pub fn check(data: &[u8]) {
    STAGE.with(|stage| {
        let Some((who, rest)) = input::choose(data, stage.sources.len()) else { return };
        let Some((what, rest)) = input::choose(rest, 5) else { return };
        let Some((status, rest)) = input::choose(rest, 256) else { return };
        let (wait, rest) = input::line(rest);
        let bodies = input::parts(rest);
        let poller = stage.sources.get(who).and_then(|source| source.poller());
        match poller {
            Some(poller) => stage.server.answer_with(status, wait, &bodies, poll(poller, what)),
            None => stage.server.answer_with(status, wait, &bodies, ask_jira(&stage.server.url, what)),
        }
    });
}

async fn poll(poller: &dyn Poller, what: usize) {
    match what {
        0 => {
            if let Ok(Some(findings)) = poller.fetch_incident("Q1", now()).await {
                entities::check(&findings);
            }
        }
        1 => {
            if let Ok(catalogue) = poller.catalogue(now()).await {
                let (mentioned, workspaces) = (catalogue.components, catalogue.workspaces);
                entities::check(&Findings { mentioned, workspaces, ..Findings::default() });
            }
        }
        _ => read_pages(poller).await,
    }
}

async fn read_pages(poller: &dyn Poller) {
    let (mut cursor, mut memory) = (None, Memory::default());
    for _ in 0..PAGES {
        let request = PollRequest {
            cursor: cursor.as_ref(),
            backfill_from: backfill_from(),
            now: now(),
            memory: &mut memory,
        };
        let Ok(page) = poller.poll(request).await else { return };
        entities::check(&page.findings);
        if page.done {
            return;
        }
        cursor = Some(page.next);
    }
}

/// The Operations API needs no memory of a destination.
#[derive(Debug)]
struct Forgetful;

#[async_trait]
impl Ledger for Forgetful {
    async fn installation(&self) -> Result<String, LedgerFault> {
        Ok("fuzzing".to_owned())
    }

    async fn find(&self, _: &str) -> Result<Option<Note>, LedgerFault> {
        Ok(None)
    }

    async fn write(&self, _: &[Note]) -> Result<(), LedgerFault> {
        Ok(())
    }

    async fn list(&self, _: NoteFilter<'_>, _: usize) -> Result<Vec<Note>, LedgerFault> {
        Ok(Vec::new())
    }

    async fn find_last(&self) -> Result<Option<Note>, LedgerFault> {
        Ok(None)
    }
}

fn connect(url: &str) -> Arc<dyn Destination> {
    let facilities = Facilities {
        http: HTTP.clone(),
        clock: Clock::manual(now()),
        app_key: "incident-bridge".to_owned(),
        quotas: Quotas::default(),
        points: None,
    };
    let types = DestinationTypes::start(TYPES, &facilities);
    let account = Account {
        id: DestinationId("site".to_owned()),
        name: "site".to_owned(),
        base_url: url.to_owned(),
        secret: Some("a-secret-that-is-long-enough".into()),
        options: serde_json::Map::new(),
        ledger: Arc::new(Forgetful),
    };
    types.find("operations").expect("it is in the table").build(account).expect("it needs no network")
}

async fn ask_jira(url: &str, what: usize) {
    let jira = connect(url);
    let id = EntityId::from_text("test:1");
    match what {
        0 => drop(jira.read_back(EntityKind::Incident, &id).await),
        1 => drop(jira.list_links().await),
        2 => drop(jira.link(&[id]).await),
        3 => drop(jira.delete(EntityKind::Component, &id).await),
        _ => send(&*jira).await,
    }
}

async fn send(jira: &dyn Destination) {
    let source = SourceId::parse("test").expect("valid");
    let url = |text: &str| text.parse().expect("an address");
    let profile =
        SourceProfile::new(source.clone(), url("https://tool.example"), &url("https://bridge.example"));
    let outgoing = |provider_id: &str| {
        let component = Component::fallback("Service", "https://tool.example", now());
        let component = Component { provider_id: provider_id.to_owned(), ..component };
        let (id, content) = (EntityId::new(&source, provider_id), Some(Entity::Component(component)));
        Outgoing { id, version: 7, content, waiting_since: now() }
    };
    let entities = ["1", "2", "3"].map(outgoing);
    let workspace = EntityId::new(&source, "account");
    let component_names = BTreeMap::new();
    let batch = Batch {
        kind: EntityKind::Component,
        source: &profile,
        workspace: &workspace,
        entities: &entities,
        component_names: &component_names,
        hold: None,
    };
    let Ok(sent) = jira.send(batch).await else { return };
    let judged: BTreeSet<&EntityId> = sent.outcomes.iter().map(|outcome| &outcome.id).collect();
    assert_eq!(judged.len(), sent.outcomes.len(), "two verdicts on one entity");
    let sent: BTreeSet<&EntityId> = entities.iter().map(|entity| &entity.id).collect();
    assert_eq!(judged, sent, "verdicts on something else than was sent");
}
