//! A destination for tests: a file of JSON lines, one for each thing that was sent.
//!
//! Knows the trait of destinations and nothing else of the program. Files beside the lines say how it
//! behaves, so that a test can change it, and a restart changes nothing: `down` refuses every request,
//! `poison` names entities that make their whole request fail, `refused` names those that are refused
//! individually, `panic` makes the destination's own code panic at once, `panics` names entities on which
//! sending does, and `panics_reading` those on which reading back does.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use incident_bridge::destinations::{
    Account, Batch, BuildError, Destination, DestinationKind, DestinationType, Facilities, Held, Probe,
    Refusal, Remedy, Sent, SourceProfile,
};
use incident_bridge::domain::{BatchSizes, Entity, EntityId, EntityKind, Outgoing, SourceId, Verdict};
use serde_json::{Value, json};

/// Most incidents in one request.
pub const MOST: usize = 4;

/// Its row in the table of types.
pub const KIND: DestinationKind = DestinationKind {
    name: "lines",
    title: "the file",
    never_shown: "look into the file",
    page: "",
    remembers: None,
    start,
};

fn start(_: &Facilities) -> Arc<dyn DestinationType> {
    Arc::new(Lines)
}

struct Lines;

impl DestinationType for Lines {
    fn build(&self, account: Account) -> Result<Arc<dyn Destination>, BuildError> {
        let folder = account.options.get("folder").and_then(Value::as_str);
        let folder = folder.ok_or_else(|| BuildError("`folder` is missing".to_owned()))?;
        let folder = PathBuf::from(folder);
        assert!(!folder.join("panic").exists(), "the destination breaks down");
        Ok(Arc::new(LinesFile { folder }))
    }

    fn render(&self, _: &SourceProfile, entity: &Entity, version: i64) -> Result<Value, String> {
        match entity {
            Entity::Incident(incident) => Ok(json!({ "title": incident.summary, "version": version })),
            Entity::Component(_) | Entity::Review(_) => Err("only incidents are written here".to_owned()),
        }
    }
}

struct LinesFile {
    folder: PathBuf,
}

impl LinesFile {
    fn says(&self, file: &str, id: &EntityId) -> bool {
        let listed = fs::read_to_string(self.folder.join(file)).unwrap_or_default();
        listed.lines().any(|line| line == id.as_str())
    }

    fn write(&self, line: &Value) -> Result<(), Refusal> {
        let path = self.folder.join("lines.jsonl");
        let mut file =
            OpenOptions::new().append(true).create(true).open(path).map_err(|fault| passing(&fault))?;
        writeln!(file, "{line}").map_err(|fault| passing(&fault))
    }

    fn check_up(&self) -> Result<(), Refusal> {
        if self.folder.join("down").exists() { Err(passing(&"it is down")) } else { Ok(()) }
    }

    fn verdict(&self, outgoing: &Outgoing) -> Result<Verdict, Refusal> {
        if self.says("refused", &outgoing.id) {
            return Ok(Verdict::refused("this file does not like it"));
        }
        let Some(Entity::Incident(incident)) = &outgoing.content else {
            return Ok(Verdict::refused("only incidents are written here"));
        };
        self.write(&json!({ "id": outgoing.id, "version": outgoing.version, "title": incident.summary }))?;
        Ok(Verdict::Accepted)
    }
}

#[async_trait]
impl Destination for LinesFile {
    fn batch_sizes(&self) -> BatchSizes {
        BatchSizes { components: 0, incidents: MOST, reviews: 0 }
    }

    async fn send(&self, batch: Batch<'_>) -> Result<Sent, Refusal> {
        assert!(batch.entities.len() <= MOST, "{} in one request", batch.entities.len());
        for outgoing in batch.entities {
            assert!(!self.says("panics", &outgoing.id), "sending breaks down");
        }
        self.check_up()?;
        if batch.entities.iter().any(|outgoing| self.says("poison", &outgoing.id)) {
            return Err(refusal(Remedy::Split, "one of these spoils the request"));
        }
        let mut outcomes = Vec::new();
        for outgoing in batch.entities {
            outcomes.push(outgoing.outcome(self.verdict(outgoing)?));
        }
        Ok(Sent { outcomes, near_limit: false, stopped: None })
    }

    async fn delete(&self, _: EntityKind, id: &EntityId) -> Result<Verdict, Refusal> {
        self.check_up()?;
        self.write(&json!({ "id": id, "deleted": true }))?;
        Ok(Verdict::Accepted)
    }

    async fn read_back(&self, _: EntityKind, id: &EntityId) -> Result<Option<Held>, Refusal> {
        assert!(!self.says("panics_reading", id), "reading back breaks down");
        self.check_up()?;
        let last = lines(&self.folder).into_iter().rev().find(|line| line["id"] == id.as_str());
        let held = last.filter(|line| line["deleted"] != true);
        Ok(held.and_then(|line| {
            let version = line["version"].as_i64();
            line.as_object().map(|body| Held { version, body: body.clone() })
        }))
    }

    async fn remove(&self, source: &SourceId, _: Option<&EntityId>) -> Result<(), Refusal> {
        self.check_up()?;
        self.write(&json!({ "removed": source }))
    }

    async fn probe(&self) -> Result<Probe, Refusal> {
        self.check_up()?;
        Ok(Probe { seen: "the file can be written".to_owned(), clock_skew: None })
    }
}

/// Every line that was written.
pub fn lines(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("lines.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

fn passing(fault: &dyn std::fmt::Display) -> Refusal {
    refusal(Remedy::Retry { not_before: None }, &fault.to_string())
}

fn refusal(remedy: Remedy, message: &str) -> Refusal {
    Refusal::new(remedy, message.to_owned())
}
