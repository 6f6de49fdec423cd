//! The destination that stands for a Jira site: the real payloads go to a site in memory, and the seed decides
//! what becomes of each request.
//!
//! Nothing here waits in real time: an answer that is late is one that the story lets go on later.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use incident_bridge::clock::Timestamp;
use incident_bridge::destinations::{
    Account, Batch, BuildError, Destination, DestinationKind, DestinationType, Facilities, Held, Probe,
    Refusal, Remedy, Scope, Sent, SourceProfile, operations,
};
use incident_bridge::domain::{
    BatchSizes, DestinationId, Entity, EntityId, EntityKind, EntityOutcome, SourceId, Verdict,
};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::jira::{Ask, HOSTS, Site};
use super::world::{Sabotage, World, lock};

/// Stands in the table of types where the real one does.
pub const KIND: DestinationKind = DestinationKind { start, ..operations::KIND };

fn start(facilities: &Facilities) -> Arc<dyn DestinationType> {
    Arc::new(VirtualSites((operations::KIND.start)(facilities)))
}

/// Renders as the real type does.
struct VirtualSites(Arc<dyn DestinationType>);

impl DestinationType for VirtualSites {
    fn build(&self, account: Account) -> Result<Arc<dyn Destination>, BuildError> {
        let secret = account.secret.map(|secret| secret.expose_secret().to_owned()).unwrap_or_default();
        let (world, real) = (World::here(), self.0.clone());
        let is_misled = world.sabotage == Sabotage::ForeignSource;
        let host = if is_misled { HOSTS[0].to_owned() } else { account.name };
        Ok(Arc::new(VirtualSite { id: account.id, host, secret, real, world }))
    }

    fn render(&self, source: &SourceProfile, entity: &Entity, version: i64) -> Result<Value, String> {
        self.0.render(source, entity, version)
    }
}

struct VirtualSite {
    id: DestinationId,
    host: String,
    secret: String,
    real: Arc<dyn DestinationType>,
    world: Arc<World>,
}

/// A request while it is under way; ends with its answer or with its process.
struct InFlight<'a>(&'a VirtualSite);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        lock(&self.0.world.jira).leave(&self.0.id);
    }
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Answered,
    /// It arrives, but its answer does not.
    AnswerLost,
    Unavailable,
    Refused(usize),
    /// The process dies before it arrives, or before the answer does.
    Crash {
        arrives: bool,
    },
}

fn refusal(remedy: Remedy, message: &str) -> Refusal {
    Refusal::new(remedy, message.to_owned())
}

impl VirtualSite {
    fn choose_fate(&self, ask: &Ask) -> Fate {
        let world = &self.world;
        if !world.is_trouble() {
            return Fate::Answered;
        }
        let splits = matches!(ask, Ask::Send { .. });
        match world.below(12) {
            0..=2 => Fate::Unavailable,
            3..=5 => Fate::AnswerLost,
            6 => Fate::Crash { arrives: false },
            7 => Fate::Crash { arrives: true },
            _ => Fate::Refused(world.below(if splits { 7 } else { 5 })),
        }
    }

    fn refuse(&self, nth: usize) -> Refusal {
        let until = self.world.clock.now() + self.world.seconds_below(90);
        let wait = |scope| refusal(Remedy::WaitUntil { until, scope }, "wait");
        match nth {
            0 => refusal(Remedy::SlowDown, "too many requests"),
            1 => wait(Scope::Request),
            2 => wait(Scope::Destination),
            3 => wait(Scope::AllOfType),
            4 => {
                let may_pass = self.world.chance(70);
                refusal(Remedy::Park { advice: "act".to_owned(), may_pass }, "forbidden")
            }
            5 => refusal(Remedy::Split, "too large"),
            _ => refusal(Remedy::GiveUp, "not acceptable"),
        }
    }

    /// Asks the site. `answer` changes it and is called at most once, when the request arrives.
    async fn ask<T>(&self, ask: Ask, answer: impl FnOnce(&Self) -> T) -> Result<T, Refusal> {
        let world = &self.world;
        world.wait_for_own_turn().await;
        self.arrive(&ask);
        let _in_flight = InFlight(self);
        if world.sabotage == Sabotage::TwoAtOnce && world.chance(5) {
            self.arrive(&Ask::ListLinks);
        }
        let (fate, what) = (self.choose_fate(&ask), format!("{} {}", self.host, ask.summary()));
        world.note(format_args!("{what}: {fate:?}"));
        let pauses = !world.is_calm() && world.chance(35);
        if pauses && world.chance(50) {
            world.pause(format!("before {what}")).await;
        }
        if let Fate::Crash { arrives: false } = fate {
            world.crash().await;
        }
        self.check_credentials()?;
        let answered = match fate {
            Fate::Answered => Ok(answer(self)),
            Fate::Refused(nth) => Err(self.refuse(nth)),
            Fate::AnswerLost => {
                answer(self);
                Err(refusal(Remedy::Retry { not_before: None }, "no answer"))
            }
            Fate::Unavailable => Err(refusal(Remedy::Retry { not_before: self.hint() }, "unavailable")),
            Fate::Crash { .. } => {
                answer(self);
                world.crash().await;
                Err(refusal(Remedy::Retry { not_before: None }, "dead"))
            }
        };
        if pauses {
            world.pause(format!("after {what}")).await;
        }
        answered
    }

    fn arrive(&self, ask: &Ask) {
        let broken = lock(&self.world.jira).arrive(&self.host, &self.id, ask);
        for violation in broken {
            self.world.report(violation);
        }
    }

    fn hint(&self) -> Option<Timestamp> {
        self.world.chance(30).then(|| self.world.clock.now() + self.world.seconds_below(60))
    }

    /// A site that has removed or paused the app, or installed it again, refuses the old secret.
    fn check_credentials(&self) -> Result<(), Refusal> {
        let jira = lock(&self.world.jira);
        let site = jira.sites.get(&self.host);
        let knows = |site: &Site| {
            site.secret == self.secret && site.client_key == self.id.0 && !self.secret.is_empty()
        };
        if site.is_some_and(|site| knows(site) && site.enabled) {
            return Ok(());
        }
        let advice = "install the app again".to_owned();
        Err(refusal(Remedy::Park { advice, may_pass: true }, "unauthorized"))
    }

    /// The verdict on one entity, which is taken if that is positive.
    fn take(&self, kind: EntityKind, id: &EntityId, version: i64, body: Value) -> Verdict {
        let world = &self.world;
        if world.sabotage == Sabotage::JiraForgets && kind == EntityKind::Incident && world.chance(20) {
            return Verdict::Accepted;
        }
        let trouble = world.is_trouble();
        if trouble && world.chance(15) {
            return Verdict::refused("Jira does not like it");
        }
        if !(trouble && world.chance(20)) {
            let late = if trouble { world.seconds_below(120) } else { TimeDelta::zero() };
            let mut jira = lock(&world.jira);
            let now = world.clock.now();
            if let Some(site) = jira.sites.get_mut(&self.host) {
                site.take((kind, id.clone()), version, body, now + late);
                site.settle(now);
            }
        }
        if trouble && world.chance(20) { Verdict::Unmentioned } else { Verdict::Accepted }
    }

    /// What a batch looks like on the wire, and the verdicts on what cannot be rendered.
    fn render(&self, batch: Batch<'_>) -> (Vec<(EntityId, i64, Value)>, Vec<EntityOutcome>) {
        let (mut rendered, mut refused) = (Vec::new(), Vec::new());
        for outgoing in batch.entities {
            let back = i64::from(self.world.sabotage == Sabotage::VersionsGoBack && self.world.chance(20));
            let version = outgoing.version - back * 1_000_000;
            let body = match &outgoing.content {
                Some(entity) => self.real.render(batch.source, entity, version),
                None => Err("it was deleted".to_owned()),
            };
            match body {
                Ok(body) => rendered.push((outgoing.id.clone(), version, body)),
                Err(why) => refused.push(outgoing.outcome(Verdict::refused(why))),
            }
        }
        (rendered, refused)
    }

    fn change(&self, change: impl FnOnce(&mut Site)) {
        let now = self.world.clock.now();
        if let Some(site) = lock(&self.world.jira).sites.get_mut(&self.host) {
            site.settle(now);
            change(site);
        }
    }
}

#[async_trait]
impl Destination for VirtualSite {
    fn batch_sizes(&self) -> BatchSizes {
        BatchSizes::all(7)
    }

    async fn send(&self, batch: Batch<'_>) -> Result<Sent, Refusal> {
        let (kind, workspace) = (batch.kind, batch.workspace.clone());
        let (rendered, mut outcomes) = self.render(batch);
        let ask = Ask::Send { kind, workspace, entities: rendered.clone() };
        let verdicts = self
            .ask(ask, move |site| {
                let taken = rendered.into_iter();
                taken.map(|(id, version, body)| (site.take(kind, &id, version, body), id)).collect::<Vec<_>>()
            })
            .await?;
        for (verdict, id) in verdicts {
            outcomes.extend(batch.entities.iter().find(|it| it.id == id).map(|it| it.outcome(verdict)));
        }
        Ok(Sent { outcomes, near_limit: self.world.is_trouble() && self.world.chance(20), stopped: None })
    }

    async fn delete(&self, kind: EntityKind, id: &EntityId) -> Result<Verdict, Refusal> {
        let key = (kind, id.clone());
        self.ask(Ask::Delete(key.clone()), move |it| it.change(|site| site.delete(&key))).await?;
        Ok(Verdict::Accepted)
    }

    async fn read_back(&self, kind: EntityKind, id: &EntityId) -> Result<Option<Held>, Refusal> {
        let key = (kind, id.clone());
        let mut held = None;
        self.ask(Ask::Read(key.clone()), |it| it.change(|site| held = site.read(&key))).await?;
        if self.world.sabotage == Sabotage::JiraForgets {
            return Ok(Some(Held { version: Some(i64::MAX), body: serde_json::Map::new() }));
        }
        Ok(held)
    }

    async fn remove(&self, source: &SourceId, workspace: Option<&EntityId>) -> Result<(), Refusal> {
        let name = source.to_string();
        let ask = Ask::Remove { source: name.clone(), workspace: workspace.cloned() };
        self.ask(ask, move |it| it.change(|site| site.remove(&name))).await
    }

    fn links_per_request(&self) -> Option<usize> {
        Some(2)
    }

    async fn link(&self, workspaces: &[EntityId]) -> Result<(), Refusal> {
        let new = workspaces.to_vec();
        self.ask(Ask::Link(new.clone()), move |it| it.change(|site| site.links.extend(new))).await
    }

    async fn unlink(&self, workspaces: &[EntityId]) -> Result<(), Refusal> {
        let gone = workspaces.to_vec();
        let ask = Ask::Unlink(gone.clone());
        self.ask(ask, move |it| it.change(|site| site.links.retain(|link| !gone.contains(link)))).await
    }

    async fn list_links(&self) -> Result<Option<Vec<EntityId>>, Refusal> {
        let mut links = Vec::new();
        self.ask(Ask::ListLinks, |it| it.change(|site| links.extend(site.links.iter().cloned()))).await?;
        Ok(Some(links))
    }

    async fn probe(&self) -> Result<Probe, Refusal> {
        Ok(Probe { seen: "it answers".to_owned(), clock_skew: None })
    }
}
