//! The sites' administrators: they install, pause, resume and remove the app, as the story goes.

use anyhow::ensure;
use incident_bridge::domain::ClientKey;
use incident_bridge::store::{CallStanding, LifecycleCall, NewInstallation};

use super::jira::HOSTS;
use super::story::Story;
use super::world::lock;

impl Story {
    /// One of the sites changes its installation.
    pub async fn change_installation(&mut self) -> anyhow::Result<()> {
        let host = HOSTS[self.world.below(HOSTS.len())];
        let (is_installed, is_enabled) = {
            let jira = lock(&self.world.jira);
            jira.sites.get(host).map_or((false, false), |site| (!site.secret.is_empty(), site.enabled))
        };
        match self.world.below(4) {
            0 if is_installed => self.uninstall(host).await,
            1 if is_installed => self.set_enabled(host, !is_enabled).await,
            _ => self.install(host).await,
        }
    }

    /// Installs the app: for the first time, again after it was removed, or once more with a new secret.
    pub async fn install(&mut self, host: &'static str) -> anyhow::Result<()> {
        let (world, refuses) = (self.world.clone(), self.database.refuses);
        let was_installed = lock(&world.jira).sites.get(host).is_some_and(|site| !site.secret.is_empty());
        // A site whose data was moved elsewhere comes with another key.
        let new_key = !was_installed && world.chance(20);
        let secret = format!("secret-{}", world.below(1_000_000_000));
        let before = {
            let mut jira = lock(&world.jira);
            let site = jira.sites.entry(host.to_owned()).or_default();
            if new_key || site.client_key.is_empty() {
                site.client_key = format!("{host}-{}", world.below(1000));
            }
            (site.client_key.clone(), std::mem::replace(&mut site.secret, secret.clone()))
        };
        let installed = NewInstallation {
            client_key: ClientKey(before.0),
            shared_secret: secret.into(),
            base_url: format!("https://{host}"),
            site: host.to_owned(),
            display_url: None,
        };
        let call = self.call(&installed.client_key.0);
        let done = self.process()?.engine.install(&call, &installed).await;
        ensure!(done.as_ref().map_or(true, |it| *it == CallStanding::First), "{host}: a new call is new");
        world.note(format_args!("{host} installs: {}", done.is_ok()));
        ensure!(done.is_ok() || refuses, "{host} cannot install although the database works");
        let mut jira = lock(&world.jira);
        if let Some(site) = jira.sites.get_mut(host) {
            if done.is_ok() {
                site.enabled = true;
            } else {
                // Jira gives up the installation.
                site.secret = before.1;
            }
        }
        Ok(())
    }

    async fn uninstall(&mut self, host: &'static str) -> anyhow::Result<()> {
        let world = self.world.clone();
        let key = lock(&world.jira).sites.get(host).map(|site| site.client_key.clone()).unwrap_or_default();
        if let Some(site) = lock(&world.jira).sites.get_mut(host) {
            site.uninstall();
        }
        let call = self.call(&key);
        if self.process()?.engine.uninstall(&call).await.is_err() {
            ensure!(self.database.refuses, "{host} cannot uninstall although the database works");
            // Jira calls again.
            self.database.accept_writes().await?;
            self.process()?.engine.uninstall(&call).await?;
        }
        world.note(format_args!("{host} uninstalls"));
        Ok(())
    }

    /// A new lifecycle call of the installation.
    fn call(&self, client_key: &str) -> LifecycleCall {
        let clock = &self.world.clock;
        LifecycleCall {
            client_key: ClientKey(client_key.to_owned()),
            token_hash: clock.new_id(),
            body_hash: String::new(),
            issued_at: clock.now(),
        }
    }

    /// Pauses or resumes the app on a site.
    pub async fn set_enabled(&mut self, host: &'static str, enabled: bool) -> anyhow::Result<()> {
        let world = self.world.clone();
        let key = lock(&world.jira).sites.get(host).map(|site| site.client_key.clone()).unwrap_or_default();
        let call = self.call(&key);
        let done = self.process()?.engine.set_enabled(&call, enabled).await;
        world.note(format_args!("{host} is enabled: {enabled} {}", done.is_ok()));
        ensure!(
            done.is_ok() || self.database.refuses,
            "{host} cannot be switched although the database works"
        );
        if done.is_ok()
            && let Some(site) = lock(&world.jira).sites.get_mut(host)
        {
            site.enabled = enabled;
        }
        Ok(())
    }
}
