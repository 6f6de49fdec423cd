//! What a report changes, decided in memory. Must not touch the database.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::clock::Timestamp;
use crate::domain::{
    Component, Decision, Entity, EntityId, EntityKind, Known, Observation, Priority, State, Workspace,
    content_digest, decide,
};
use crate::store::deliveries::queue::Wanted;
use crate::store::entities::erasure::ERASED;
use crate::store::entities::versions::{Key, KnownEntity, NewVersion, Touched};
use crate::store::timeline::NewEvent;
use crate::store::timeline::event::TimelineEvent;
use crate::store::transactions::report::{Applied, Origin, Report, SourceScope};

/// Digest of an entity that the tool deleted.
const DELETED: &str = "deleted";
/// Standing of a component with a name other than its id.
const NAMED: &str = "present";

/// Rows to write, each group in the order in which the report named them.
#[derive(Default)]
pub(super) struct Changes<'a> {
    pub versions: Vec<NewVersion<'a>>,
    pub touched: BTreeMap<Key, Touched>,
    /// What destinations are to hold; queued once all reports of a transaction are written.
    pub wanted: Vec<Wanted>,
    pub events: Vec<NewEvent<'a>>,
    pub applied: Applied,
}

impl<'a> Changes<'a> {
    /// A new version, which every destination that may see the source is to hold.
    pub fn store(&mut self, new: NewVersion<'a>, priority: Priority, origin: &Origin<'_>) {
        // It has the later time of the two, or is better than a mention.
        self.touched.remove(&(new.kind, new.id.clone()));
        let (kind, id, version, cause) = (new.kind, new.id.clone(), new.version, origin.cause());
        self.wanted.push(Wanted { kind, id: id.clone(), version, priority });
        let event = if new.content.is_some() {
            TimelineEvent::Stored { cause, version, changes: Vec::new() }
        } else {
            TimelineEvent::Deleted { cause, version }
        };
        self.note(kind, id, event);
        self.versions.push(new);
    }

    fn touch(&mut self, key: Key, event_time: Timestamp, mentioned: bool) {
        let touched = self.touched.entry(key).or_insert(Touched { event_time, mentioned });
        *touched = Touched { event_time: touched.event_time.max(event_time), mentioned };
    }

    fn note(&mut self, kind: EntityKind, entity_id: EntityId, event: TimelineEvent) {
        self.events.push(NewEvent { kind, entity_id, destination: None, event });
    }
}

/// The entities that reports name, each once.
pub(super) fn subjects(scope: &SourceScope<'_>, reports: &[Report<'_>]) -> Vec<Key> {
    let id = |provider_id| EntityId::new(scope.source, provider_id);
    let keys = reports.iter().flat_map(|report| {
        let mentioned = report.mentioned.iter().map(|it| (EntityKind::Component, id(&it.provider_id)));
        let observed = report.observations.iter().map(|it| (it.kind(), id(it.provider_id())));
        mentioned.chain(observed)
    });
    keys.collect::<BTreeSet<_>>().into_iter().collect()
}

/// What reports change, one after the other, compared with what is `known`.
pub(super) fn compare<'a>(
    scope: &'a SourceScope<'a>,
    reports: &'a [Report<'a>],
    known: HashMap<Key, KnownEntity>,
    now: Timestamp,
) -> Changes<'a> {
    let (origin, changes) = (Origin::Configuration, Changes::default());
    let mut comparison = Comparison { scope, origin, known, now, changes };
    for report in reports {
        comparison.origin = report.origin;
        for component in report.mentioned {
            comparison.mention(component);
        }
        for observation in report.observations {
            comparison.observe(observation);
        }
    }
    comparison.changes
}

/// The state while comparing: one statement can follow another about the same entity.
struct Comparison<'a> {
    scope: &'a SourceScope<'a>,
    origin: Origin<'a>,
    known: HashMap<Key, KnownEntity>,
    now: Timestamp,
    changes: Changes<'a>,
}

impl<'a> Comparison<'a> {
    fn mention(&mut self, component: &'a Component) {
        let key = (EntityKind::Component, EntityId::new(self.scope.source, &component.provider_id));
        let entity = Entity::Component(component.clone());
        let (digest, standing) = (content_digest(&entity), standing(Some(&entity)));
        let known = self.known.get(&key);
        // First-hand knowledge is better, and so is a name than an id alone. What was erased stays away.
        if known.is_some_and(|it| {
            !it.mentioned || it.digest == ERASED || it.standing == NAMED && standing != NAMED
        }) {
            return;
        }
        let at = component.updated_at;
        let before = known.map(|known| Known { mentioned: false, ..known.known(self.now) });
        match decide(before.as_ref(), at, at.timestamp_millis(), &digest) {
            Decision::Stale => {}
            Decision::Unchanged => self.touch_mention(key, at),
            Decision::Store { version } => {
                let new = NewVersion {
                    kind: key.0,
                    id: key.1,
                    provider_id: Cow::Borrowed(&component.provider_id),
                    workspace: workspace_of(self.scope, Some(&entity)),
                    version,
                    event_time: at,
                    digest,
                    standing,
                    content: Some(Cow::Owned(entity)),
                    mentioned: true,
                    replaces: before.is_some(),
                };
                self.store(new, Priority::News);
            }
        }
    }

    /// The same mention again: an older one must not count from now on.
    fn touch_mention(&mut self, key: Key, event_time: Timestamp) {
        if let Some(known) = self.known.get_mut(&key)
            && (known.event_time < event_time || known.has_void_time(self.now))
        {
            (known.event_time, known.updated_at) = (event_time, self.now);
            self.changes.touch(key, event_time, true);
        }
    }

    fn observe(&mut self, observation: &'a Observation) {
        let (kind, provider_id) = (observation.kind(), observation.provider_id());
        let key = (kind, EntityId::new(self.scope.source, provider_id));
        let entity = match &observation.state {
            State::Present(entity) => Some(&**entity),
            State::Deleted { .. } => None,
        };
        let digest = entity.map_or_else(|| DELETED.to_owned(), content_digest);
        let known = self.known.get(&key);
        if known.is_some_and(|known| known.digest == ERASED) {
            // An operator erased it; what the tool says of it is not even noted.
            self.changes.applied.stale += 1;
            return;
        }
        let before = known.map(|known| known.known(self.now));
        match decide(before.as_ref(), observation.event_time, observation.sequence, &digest) {
            Decision::Stale => {
                self.changes.applied.stale += 1;
                let (cause, event_time) = (self.origin.cause(), observation.event_time);
                self.changes.note(kind, key.1, TimelineEvent::Stale { cause, event_time });
            }
            Decision::Unchanged => {
                self.changes.applied.unchanged += 1;
                self.touch(key, observation.event_time);
            }
            Decision::Store { version } => {
                self.changes.applied.changed += 1;
                let standing = standing(entity);
                let priority = self.priority(known, &standing);
                let new = NewVersion {
                    kind,
                    id: key.1,
                    provider_id: Cow::Borrowed(provider_id),
                    workspace: workspace_of(self.scope, entity),
                    version,
                    event_time: observation.event_time,
                    digest,
                    standing,
                    content: entity.map(Cow::Borrowed),
                    mentioned: false,
                    replaces: before.is_some(),
                };
                self.store(new, priority);
            }
        }
    }

    fn store(&mut self, new: NewVersion<'a>, priority: Priority) {
        let known = KnownEntity {
            version: new.version,
            event_time: new.event_time,
            updated_at: self.now,
            digest: new.digest.clone(),
            mentioned: new.mentioned,
            standing: new.standing.clone(),
        };
        self.known.insert((new.kind, new.id.clone()), known);
        self.changes.store(new, priority, &self.origin);
    }

    fn touch(&mut self, key: Key, event_time: Timestamp) {
        if let Some(known) = self.known.get_mut(&key)
            && (known.event_time < event_time || known.mentioned || known.has_void_time(self.now))
        {
            (known.event_time, known.updated_at, known.mentioned) = (event_time, self.now, false);
        }
        // A poll repeats what is known every few minutes; only a webhook is worth an entry.
        if self.origin.is_webhook() {
            let event = TimelineEvent::Unchanged { cause: self.origin.cause() };
            self.changes.note(key.0, key.1.clone(), event);
        }
        self.changes.touch(key, event_time, false);
    }

    /// What is new, gone, or changed its status or severity is news; news of a webhook is live.
    fn priority(&self, known: Option<&KnownEntity>, standing: &str) -> Priority {
        if known.is_some_and(|known| known.standing == standing) {
            Priority::Refresh
        } else if matches!(self.origin, Origin::Webhook { .. } | Origin::Fetch) {
            Priority::Live
        } else {
            Priority::News
        }
    }
}

/// The tool's id of the workspace that an entity belongs to: the account, or the first of its teams.
pub(super) fn workspace_of(scope: &SourceScope<'_>, entity: Option<&Entity>) -> String {
    entity
        .filter(|_| scope.teams)
        .and_then(|entity| entity.workspaces().iter().min())
        .map_or_else(|| Workspace::ACCOUNT.to_owned(), String::clone)
}

/// What makes a change news: status and severity as one string; for a component, whether it has a name.
fn standing(entity: Option<&Entity>) -> String {
    match entity {
        Some(Entity::Incident(incident)) => {
            format!("{}/{}", incident.status.as_str(), incident.severity.as_str())
        }
        Some(Entity::Review(review)) => review.status.as_str().to_owned(),
        Some(Entity::Component(component)) => {
            if component.name == component.provider_id { "unnamed" } else { NAMED }.to_owned()
        }
        None => DELETED.to_owned(),
    }
}

#[cfg(test)]
#[path = "changes_tests.rs"]
mod tests;
