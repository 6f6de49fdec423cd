//! The sources of the simulation: the real generic source, which may also panic, name an incident without
//! its content, and be polled.

use std::sync::Arc;

use async_trait::async_trait;
use incident_bridge::clock::Timestamp;
use incident_bridge::sources::{
    Catalogue, Cursor, Findings, InboundWebhook, Memory, Page, PollError, PollRequest, Poller, Rejection,
    Source, Unmappable, VerifiedWebhook,
};

use super::world::{World, lock};

/// Changes in one page.
const PAGE: usize = 3;

/// A source around the generic one.
pub struct Adapter {
    pub id: String,
    pub inner: Arc<dyn Source>,
    pub polled: bool,
    pub world: Arc<World>,
}

impl Source for Adapter {
    fn challenges(&self) -> Vec<String> {
        Vec::new()
    }

    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        self.inner.verify(webhook)
    }

    fn inspect(&self, webhook: &VerifiedWebhook) -> Result<(), Unmappable> {
        let body = webhook.json()?;
        if body.get("poison").is_some() || body.get("named").is_some() {
            return Ok(());
        }
        self.inner.inspect(webhook)
    }

    fn parse(&self, webhook: &VerifiedWebhook, memory: &mut Memory) -> Result<Findings, Unmappable> {
        let body = webhook.json()?;
        if body.get("poison").is_some() {
            // Without the panic hook, which would print it.
            std::panic::resume_unwind(Box::new("the parser panics"));
        }
        match body.get("named").and_then(|id| id.as_str()) {
            Some(id) => Ok(Findings { refetch: vec![id.to_owned()], ..Findings::default() }),
            None => self.inner.parse(webhook, memory),
        }
    }

    fn poller(&self) -> Option<&dyn Poller> {
        self.polled.then_some(self)
    }

    fn home_url(&self) -> String {
        self.inner.home_url()
    }
}

impl Adapter {
    /// A request of the bridge to the tool, and what it answers: computed when it arrives, so that a late
    /// answer is an old one.
    async fn ask<T>(&self, what: String, answer: impl FnOnce() -> T) -> Result<T, PollError> {
        let world = &self.world;
        let answered = answer();
        let fate = if world.is_trouble() { self.fail() } else { Ok(answered) };
        let problem = fate.as_ref().err().map(ToString::to_string);
        world.note(format_args!("{} is asked {what}: {problem:?}", self.id));
        if !world.is_calm() && world.chance(40) {
            world.pause(format!("{} is asked {what}", self.id)).await;
        }
        fate
    }

    fn fail<T>(&self) -> Result<T, PollError> {
        let world = &self.world;
        Err(match world.below(6) {
            0 => PollError::Refused { message: "the key is wrong".to_owned() },
            1 => PollError::CursorExpired { message: "the cursor is old".to_owned() },
            2 => PollError::Unreadable { message: "this is not JSON".to_owned() },
            _ => {
                let after = world.chance(40).then(|| world.seconds_below(90).to_std().unwrap_or_default());
                PollError::Retry { message: "busy".to_owned(), after }
            }
        })
    }
}

#[async_trait]
impl Poller for Adapter {
    async fn poll(&self, request: PollRequest<'_>) -> Result<Page, PollError> {
        let since = request.cursor.and_then(|cursor| cursor.0.as_i64());
        let since = since.unwrap_or_else(|| request.backfill_from.timestamp_millis());
        let list = || {
            let tools = lock(&self.world.tools);
            tools.by_source.get(self.id.as_str()).map(|tool| tool.list_changes(since, PAGE))
        };
        let changes = self.ask(format!("what changed since {since}"), list).await?.unwrap_or_default();
        let done = changes.len() < PAGE;
        let next = Cursor(changes.last().map_or(since, |(at, _)| *at).into());
        let observations = changes.into_iter().map(|(_, observation)| observation).collect();
        let findings = Findings { observations, ..Findings::default() };
        Ok(Page { findings, next, done, total: None })
    }

    async fn catalogue(&self, now: Timestamp) -> Result<Catalogue, PollError> {
        let list = || {
            let tools = lock(&self.world.tools);
            tools.by_source.get(self.id.as_str()).map(|tool| tool.components(now)).unwrap_or_default()
        };
        let components = self.ask("for its services".to_owned(), list).await?;
        Ok(Catalogue { components, workspaces: Vec::new() })
    }

    async fn fetch_incident(&self, id: &str, _: Timestamp) -> Result<Option<Findings>, PollError> {
        let find = || {
            let tools = lock(&self.world.tools);
            tools.by_source.get(self.id.as_str()).and_then(|tool| tool.observe(id))
        };
        let observation = self.ask(format!("for {id}"), find).await?;
        Ok(observation.map(|it| Findings { observations: vec![it], ..Findings::default() }))
    }
}
