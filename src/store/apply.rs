//! Applies what a source said: new versions of entities, and what each means for the sites.
//!
//! All statements of a webhook, a page or a batch are one transaction with the end of what they came from.

use serde_json::json;

use crate::clock::{Timestamp, from_millis};
use crate::connect::sites::host_matches;
use crate::domain::content_digest;
use crate::domain::{
    ClientKey, Component, Decision, Entity, EntityId, EntityKind, Known, Observation, SourceId, State,
    Workspace, decide,
};
use crate::store::db::{Tx, args};
use crate::store::entities::timeline::About;
use crate::store::polls::refetches;
use crate::store::polls::state::write_memory;
use crate::store::report::{Applied, Origin, SourceScope, Told};
use crate::store::sites::installations::{bump_directory, lock_sites};
use crate::store::{Store, StoreError, to_json};

/// Digest of an entity that the tool deleted.
const DELETED: &str = "deleted";

#[derive(sqlx::FromRow)]
struct KnownRow {
    version: i64,
    event_time: i64,
    updated_at: i64,
    digest: String,
    mentioned: i64,
    standing: String,
}

impl KnownRow {
    /// Tools that tell no time are ordered by the time of arrival. One that a clock gave which was set back since
    /// would make everything stale until that time is reached again, so it counts as older than anything.
    fn known(&self, now: i64) -> Known {
        let is_void = self.event_time > now && self.updated_at > now;
        Known {
            version: self.version,
            event_time: from_millis(if is_void { 0 } else { self.event_time }),
            digest: self.digest.clone(),
            mentioned: self.mentioned != 0,
        }
    }
}

impl Store {
    /// Applies what a source said, in order and all in one transaction with the end of the webhooks or the
    /// move of the cursor it came from: entities get new versions, and every site that may see them a
    /// delivery.
    ///
    /// # Errors
    /// When the database fails; then nothing has happened.
    pub async fn apply(
        &self,
        scope: &SourceScope<'_>,
        told: &[(Told<'_>, Origin<'_>)],
    ) -> Result<Applied, StoreError> {
        let mut tx = self.db.begin().await?;
        lock_sites(&mut tx).await?;
        let sites = visible_sites(&mut tx, scope).await?;
        let mut applied = Applied::default();
        for (told, origin) in told {
            let mut writer = Writer { store: self, tx: &mut tx, scope, sites: &sites, origin };
            writer.tell(told, &mut applied).await?;
            self.finish_origin(&mut tx, scope.source, origin, told.observations.len()).await?;
        }
        if told.iter().any(|(_, origin)| matches!(origin, Origin::Webhook { .. })) {
            self.hear_webhook(&mut tx, scope.source).await?;
        }
        tx.commit().await?;
        Ok(applied)
    }

    async fn finish_origin(
        &self,
        tx: &mut Tx,
        source: &SourceId,
        origin: &Origin<'_>,
        count: usize,
    ) -> Result<(), StoreError> {
        match origin {
            Origin::Webhook { inbox_id, note, .. } => self.finish_inbox(tx, inbox_id, *note).await,
            Origin::Poll { cursor, caught_up, total } => {
                self.move_cursor(tx, source, *cursor, *caught_up, count, *total).await
            }
            Origin::Catalogue => self.finish_catalogue(tx, source).await,
            Origin::Fetch | Origin::Window | Origin::Configuration => Ok(()),
        }
    }
}

pub(in crate::store) async fn visible_sites(
    tx: &mut Tx,
    scope: &SourceScope<'_>,
) -> Result<Vec<ClientKey>, StoreError> {
    let sites: Vec<(String, String)> = tx
        .list("SELECT client_key, site FROM installations WHERE state IN ('enabled', 'disabled')", &args![])
        .await?;
    let is_visible = |site: &str| scope.sites.iter().any(|pattern| host_matches(pattern, site));
    Ok(sites.into_iter().filter(|(_, site)| is_visible(site)).map(|(key, _)| ClientKey(key)).collect())
}

/// One transaction's worth of statements about one source.
pub(in crate::store) struct Writer<'a> {
    pub store: &'a Store,
    pub tx: &'a mut Tx,
    pub scope: &'a SourceScope<'a>,
    pub sites: &'a [ClientKey],
    pub origin: &'a Origin<'a>,
}

/// A statement that is to be stored.
pub(in crate::store) struct NewVersion<'a> {
    pub kind: EntityKind,
    pub id: &'a EntityId,
    pub provider_id: &'a str,
    pub version: i64,
    pub event_time: Timestamp,
    pub digest: &'a str,
    pub entity: Option<&'a Entity>,
    pub mentioned: bool,
    pub priority: i64,
}

impl NewVersion<'_> {
    const LIVE: i64 = 2;
    const NEWS: i64 = 1;
    pub const REFRESH: i64 = 0;
}

impl Writer<'_> {
    async fn tell(&mut self, told: &Told<'_>, applied: &mut Applied) -> Result<(), StoreError> {
        if self.scope.teams {
            self.store.upsert_workspaces(self.tx, self.scope.source, told.workspaces).await?;
        }
        for component in told.mentioned {
            self.mention(component).await?;
        }
        for observation in told.observations {
            self.observe(observation, applied).await?;
        }
        for id in told.refetch {
            refetches::name(self.tx, self.scope.source, id).await?;
        }
        if let Some(words) = told.unknown_words {
            self.store.note_words(self.tx, self.scope.source, words).await?;
        }
        match told.memory {
            Some(memory) => write_memory(self.tx, self.scope.source, memory).await,
            None => Ok(()),
        }
    }

    async fn mention(&mut self, component: &Component) -> Result<(), StoreError> {
        let id = EntityId::new(self.scope.source, &component.provider_id);
        let entity = Entity::Component(component.clone());
        let digest = content_digest(&entity);
        let row = self.find_known(EntityKind::Component, &id).await?;
        if row.as_ref().is_some_and(|row| row.mentioned == 0 || row.digest == digest) {
            return Ok(());
        }
        let sequence = component.updated_at.timestamp_millis();
        let version = row.map_or(sequence, |row| sequence.max(row.version + 1));
        self.store_version(&NewVersion {
            kind: EntityKind::Component,
            id: &id,
            provider_id: &component.provider_id,
            version,
            event_time: component.updated_at,
            digest: &digest,
            entity: Some(&entity),
            mentioned: true,
            priority: NewVersion::NEWS,
        })
        .await
    }

    async fn observe(&mut self, observation: &Observation, applied: &mut Applied) -> Result<(), StoreError> {
        let (kind, provider_id) = (observation.kind(), observation.provider_id());
        let id = EntityId::new(self.scope.source, provider_id);
        let entity = match &observation.state {
            State::Present(entity) => Some(&**entity),
            State::Deleted { .. } => None,
        };
        let digest = entity.map_or_else(|| DELETED.to_owned(), content_digest);
        let row = self.find_known(kind, &id).await?;
        match decide(
            row.as_ref().map(|row| row.known(self.store.clock.now_ms())).as_ref(),
            observation.event_time,
            observation.sequence,
            &digest,
        ) {
            Decision::Stale => {
                applied.stale += 1;
                self.note(kind, &id, "stale", &json!({ "event_time": observation.event_time })).await
            }
            Decision::Unchanged => {
                applied.unchanged += 1;
                self.touch(kind, &id, observation.event_time).await
            }
            Decision::Store { version } => {
                applied.changed += 1;
                let event_time = observation.event_time;
                let new = NewVersion {
                    kind,
                    id: &id,
                    provider_id,
                    version,
                    event_time,
                    digest: &digest,
                    entity,
                    mentioned: false,
                    priority: self.priority(row.as_ref(), entity),
                };
                self.store_version(&new).await
            }
        }
    }

    async fn find_known(&mut self, kind: EntityKind, id: &EntityId) -> Result<Option<KnownRow>, StoreError> {
        self.tx
            .find(
                "SELECT version, event_time, updated_at, digest, mentioned, standing FROM entities WHERE kind = $1 AND jira_id = $2",
                &args![kind.as_str(), id.as_str()],
            )
            .await
    }

    /// What is new, gone, or changed its status or severity is news; news of a webhook is live.
    fn priority(&self, known: Option<&KnownRow>, entity: Option<&Entity>) -> i64 {
        if known.is_some_and(|row| row.standing == standing(entity)) {
            NewVersion::REFRESH
        } else if matches!(self.origin, Origin::Webhook { .. } | Origin::Fetch) {
            NewVersion::LIVE
        } else {
            NewVersion::NEWS
        }
    }

    /// Equal content with a newer time: remember the time, so that what is older than it stays out.
    async fn touch(
        &mut self,
        kind: EntityKind,
        id: &EntityId,
        event_time: Timestamp,
    ) -> Result<(), StoreError> {
        self.tx
            .execute(
                "UPDATE entities SET event_time = $3, updated_at = $4, mentioned = 0 WHERE kind = $1 AND jira_id = $2 \
                 AND (event_time < $3 OR mentioned = 1 OR (event_time > $4 AND updated_at > $4))",
                &args![kind.as_str(), id.as_str(), event_time.timestamp_millis(), self.store.clock.now_ms()],
            )
            .await?;
        // A poll repeats what is known every few minutes; only a delivery of its own is worth a line.
        if matches!(self.origin, Origin::Webhook { .. }) {
            self.note(kind, id, "unchanged", &json!({})).await?;
        }
        Ok(())
    }

    pub(in crate::store) async fn store_version(&mut self, new: &NewVersion<'_>) -> Result<(), StoreError> {
        let now = self.store.clock.now_ms();
        let content = new.entity.map(|entity| to_json("an entity", entity)).transpose()?;
        self.tx
            .execute(
                "INSERT INTO entities (kind, jira_id, source, provider_id, workspace, version, event_time, digest, content, \
                   mentioned, created_at, updated_at, standing) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12) \
                 ON CONFLICT (kind, jira_id) DO UPDATE SET workspace = excluded.workspace, version = excluded.version, \
                   event_time = excluded.event_time, digest = excluded.digest, content = excluded.content, \
                   mentioned = excluded.mentioned, updated_at = excluded.updated_at, standing = excluded.standing",
                &args![
                    new.kind.as_str(),
                    new.id.as_str(),
                    self.scope.source.as_str(),
                    new.provider_id,
                    home(self.scope, new.entity),
                    new.version,
                    new.event_time.timestamp_millis(),
                    new.digest,
                    content,
                    new.mentioned,
                    now,
                    standing(new.entity),
                ],
            )
            .await?;
        if new.kind == EntityKind::Component {
            bump_directory(self.tx).await?;
        }
        for site in self.sites {
            self.tx
                .execute(
                    WANT,
                    &args![site.as_str(), new.kind.as_str(), new.id.as_str(), new.version, now, new.priority],
                )
                .await?;
        }
        let event = if new.entity.is_some() { "stored" } else { "deleted" };
        self.note(new.kind, new.id, event, &json!({ "version": new.version })).await
    }

    async fn note(
        &mut self,
        kind: EntityKind,
        id: &EntityId,
        event: &'static str,
        detail: &serde_json::Value,
    ) -> Result<(), StoreError> {
        let mut detail = detail.clone();
        detail["by"] = self.origin.label().into();
        if let Origin::Webhook { inbox_id, verified_by, .. } = self.origin {
            detail["delivery"] = (*inbox_id).into();
            detail["verified_by"] = (*verified_by).into();
        }
        self.store.record_event(self.tx, About { kind, id, site: None }, event, &detail).await
    }
}

/// The tool's id of the workspace that an entity stands in: the account, or the first of its teams.
pub(in crate::store) fn home(scope: &SourceScope<'_>, entity: Option<&Entity>) -> String {
    entity
        .filter(|_| scope.teams)
        .and_then(|entity| entity.workspaces().iter().min())
        .map_or_else(|| Workspace::ACCOUNT.to_owned(), String::clone)
}

/// Status and severity in one word.
fn standing(entity: Option<&Entity>) -> String {
    match entity {
        Some(Entity::Incident(incident)) => {
            format!("{}/{}", incident.status.as_str(), incident.severity.as_str())
        }
        Some(Entity::Review(review)) => review.status.as_str().to_owned(),
        Some(Entity::Component(_)) => "present".to_owned(),
        None => DELETED.to_owned(),
    }
}

const WANT: &str = "\
    INSERT INTO deliveries (client_key, kind, jira_id, wanted, state, priority, queued_at, waiting_since, updated_at) \
    VALUES ($1, $2, $3, $4, 'waiting', $6, $5, $5, $5) \
    ON CONFLICT (client_key, kind, jira_id) DO UPDATE SET wanted = excluded.wanted, state = 'waiting', \
      priority = CASE WHEN deliveries.state = 'waiting' AND deliveries.priority > excluded.priority \
        THEN deliveries.priority ELSE excluded.priority END, \
      queued_at = excluded.queued_at, attempts = 0, resends = 0, reason = NULL, trace_id = NULL, batch = NULL, confirm_at = NULL, \
      waiting_since = CASE WHEN deliveries.state = 'waiting' THEN deliveries.waiting_since ELSE excluded.waiting_since END, \
      updated_at = excluded.updated_at";
