//! The end of a seed: nothing goes wrong any more, everything is repeated that senders and operators repeat,
//! and then each site must hold exactly what is true in the tools that it may see.

use anyhow::{bail, ensure};
use chrono::TimeDelta;
use incident_bridge::domain::{EntityId, SourceId};
use incident_bridge::sync::Engine;

use super::jira::HOSTS;
use super::process::Job;
use super::story::Story;
use super::tool::is_visible;
use super::world::lock;

/// Waits in which everything must have happened, in seconds: read-backs, a parked site, refused tools, and
/// twice a night.
const WAITS: [i64; 12] = [0, 5, 20, 70, 400, 1000, 1000, 43_200, 1000, 1000, 43_200, 1000];

impl Story {
    /// Lets everything arrive, and compares.
    pub async fn calm_down(&mut self) -> anyhow::Result<()> {
        self.world.calm_down();
        self.world.note(format_args!("it calms down"));
        self.database.accept_writes().await?;
        while self.world.count_waiting() > 0 {
            self.answer_any().await?;
        }
        for host in HOSTS {
            let paused = lock(&self.world.jira).sites.get(host).is_some_and(|site| !site.enabled);
            if paused && lock(&self.world.jira).sites.get(host).is_some_and(|site| !site.secret.is_empty()) {
                self.set_enabled(host, true).await?;
            }
        }
        let pending = std::mem::take(&mut lock(&self.world.tools).pending);
        for webhook in pending {
            self.post(webhook).await?;
        }
        ensure!(lock(&self.world.tools).pending.is_empty(), "a webhook is refused although everything works");
        for wait in WAITS {
            self.world.clock.advance(TimeDelta::seconds(wait));
            self.settle(wait > 10_000).await?;
            self.check().await?;
        }
        self.compare().await?;
        self.check_idle().await
    }

    /// Everything that is due now.
    async fn settle(&mut self, night: bool) -> anyhow::Result<()> {
        let engine = self.process()?.engine.clone();
        if night {
            engine.operator().retry_deliveries(None).await?;
            read_again_what_was_set_aside(&engine).await?;
            engine.operator().replay_quarantined(None).await?;
            self.begin(Job::Nightly).await?;
        }
        self.begin(Job::Poll("polled")).await?;
        engine.run_until_idle().await?;
        self.begin(Job::Fetch("polled")).await?;
        engine.run_until_idle().await?;
        let now = self.world.clock.now();
        lock(&self.world.jira).sites.values_mut().for_each(|site| site.settle(now));
        Ok(())
    }

    async fn compare(&mut self) -> anyhow::Result<()> {
        let left = self.process()?.engine.store().deliveries().list(None, 1000).await?;
        ensure!(left.is_empty(), "left over: {left:?}");
        let quarantined = self.process()?.engine.operator().list_quarantine(10_000).await?;
        let tools = lock(&self.world.tools);
        for row in quarantined {
            let genuine = tools.answered.iter().find(|it| Some(&it.delivery) == row.delivery_id.as_ref());
            ensure!(genuine.is_none_or(|it| it.is_poison), "in quarantine for no reason: {row:?}");
        }
        drop(tools);
        HOSTS.iter().try_for_each(|host| self.compare_site(host))
    }

    fn compare_site(&self, host: &str) -> anyhow::Result<()> {
        let (jira, tools) = (lock(&self.world.jira), lock(&self.world.tools));
        let Some(site) = jira.sites.get(host).filter(|site| !site.secret.is_empty()) else { return Ok(()) };
        let mut shown = site.incidents();
        for (source, tool) in &tools.by_source {
            if !is_visible(source, host) {
                continue;
            }
            for (incident, truth) in tool.incidents.iter().filter(|(_, truth)| !truth.is_deleted) {
                let id = EntityId::new(&SourceId::parse(source)?, incident);
                let Some(body) = shown.remove(&id) else { bail!("lost: {host} does not show {id}") };
                let is_true = body["summary"] == truth.title && body["status"] == truth.status();
                ensure!(is_true, "stale: {host} shows {body}, but true is {truth:?}");
            }
        }
        ensure!(shown.is_empty(), "invented: {host} shows {shown:?}");
        Ok(())
    }

    /// Nothing is asked again and again.
    async fn check_idle(&mut self) -> anyhow::Result<()> {
        let before = lock(&self.world.jira).requests;
        self.world.clock.advance(TimeDelta::minutes(5));
        self.settle(false).await?;
        let asked = lock(&self.world.jira).requests - before;
        ensure!(asked == 0, "{asked} requests although nothing is to be done");
        Ok(())
    }
}

/// An entry of a listing that the database refused is set aside, and its reason names the command that reads the tool
/// again: an operator runs it.
async fn read_again_what_was_set_aside(engine: &Engine) -> anyhow::Result<()> {
    let kept = engine.operator().list_quarantine(10_000).await?;
    let polled: Vec<String> =
        kept.into_iter().filter(|row| row.verified_by == "polling").map(|row| row.id).collect();
    if !polled.is_empty() {
        let before_all = engine.clock().now() - TimeDelta::days(30);
        engine.operator().rewind_polls(&SourceId::parse("polled")?, before_all).await?;
        engine.operator().discard_quarantined(&polled).await?;
    }
    Ok(())
}
