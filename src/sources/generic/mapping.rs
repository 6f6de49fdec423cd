//! The operator's mapping: where in a tool's JSON each part of an incident is.
//!
//! The usual form is a path, a table of values and a default; JMESPath is there for the rest. Everything that
//! can be wrong with a mapping is reported when it is built. A required value that is missing refuses the
//! event as a whole: a half-filled incident never leaves this file.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::expression::{Documents, Expression};
use crate::config::SourceConfig;
use crate::domain::{Incident, IncidentStatus, Severity, Timestamp, ToolWords, parse_timestamp};
use crate::sources::kit::json::{find_web_url, scalar_text};
use crate::sources::kit::options;
use crate::sources::{BuildError, Unmappable};

/// Everything that a mapping can fill; the first five must be mapped.
const TARGETS: [&str; 12] = [
    "id",
    "summary",
    "status",
    "url",
    "createdDate",
    "description",
    "severity",
    "affectedComponents",
    "lastUpdated",
    "updateSequenceNumber",
    "componentNames",
    "workspaces",
];

const REQUIRED: usize = 5;
/// Jira's limit for lists.
const MAX_LIST: usize = 100;

/// An incident and what goes with it.
#[derive(Debug, PartialEq)]
pub(super) struct Mapped {
    pub incident: Incident,
    /// The sender's own version counter.
    pub sequence: Option<i64>,
    /// Names by component id.
    pub component_names: BTreeMap<String, String>,
}

pub(super) struct Mapping {
    config: SourceConfig,
    /// Words of the expressions that read header fields, in small letters.
    header_words: BTreeSet<String>,
    targets: BTreeMap<String, Expression>,
}

/// The words of every expression that mentions the headers: more than the names of header fields, but all of
/// those that are written out.
fn find_header_words(mapping: &Map<String, Value>) -> BTreeSet<String> {
    let texts = mapping.values().map(|expression| expression.to_string().to_lowercase());
    let texts: Vec<String> = texts.filter(|text| text.contains("headers")).collect();
    let is_between = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_');
    texts.iter().flat_map(|text| text.split(is_between)).map(str::to_owned).collect()
}

impl Mapping {
    /// # Errors
    /// Names the target and what is wrong with it.
    pub(super) fn build(config: &SourceConfig, mapping: &Map<String, Value>) -> Result<Self, BuildError> {
        if let Some(missing) = TARGETS[..REQUIRED].iter().find(|target| !mapping.contains_key(**target)) {
            let example =
                format!("`mapping.{missing}` is missing: write where it is, such as \"/{missing}\"");
            return Err(options::refuse(&example));
        }
        let mut targets = BTreeMap::new();
        for (target, expression) in mapping {
            if !TARGETS.contains(&target.as_str()) {
                return Err(options::unknown_name("key of `mapping`", target, &TARGETS).into());
            }
            let expression = Expression::build(expression)
                .map_err(|fault| options::refuse(&format!("`mapping.{target}`: {fault}")))?;
            targets.insert(target.clone(), expression);
        }
        Ok(Self { config: config.clone(), header_words: find_header_words(mapping), targets })
    }

    /// Whether an expression names this header field, given in small letters.
    pub(super) fn reads(&self, header: &str) -> bool {
        self.header_words.contains(header)
    }

    /// The incident of one event; `time` is the envelope's own.
    pub(super) fn apply(
        &self,
        documents: &Documents<'_>,
        time: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Mapped, Unmappable> {
        let provider_id = self.require(documents, "id")?;
        let updated_at = self.time(documents, "lastUpdated")?.or(time).unwrap_or(now);
        let created_at = self.time(documents, "createdDate")?.ok_or_else(|| missing("createdDate"))?;
        let url = self.require(documents, "url")?;
        let url = find_web_url(&url).ok_or_else(|| incomplete("url", "is not a web address"))?.to_owned();
        let (components, component_names) = self.components(documents)?;
        let incident = Incident {
            provider_id,
            summary: self.text(documents, "summary")?.unwrap_or_default(),
            description: self.text(documents, "description")?.unwrap_or_default(),
            url,
            status: self.status(documents)?,
            severity: self.severity(documents)?,
            words: ToolWords::told(&self.told(documents, "status")?, &self.told(documents, "severity")?),
            created_at,
            updated_at,
            components,
            workspaces: sorted(self.texts(documents, "workspaces")?),
            associations: Vec::new(),
        };
        let sequence = self.text(documents, "updateSequenceNumber")?;
        let sequence = sequence.and_then(|text| text.parse().ok());
        Ok(Mapped { incident, sequence, component_names })
    }

    fn status(&self, documents: &Documents<'_>) -> Result<IncidentStatus, Unmappable> {
        let (own, mapped) = self.words(documents, "status")?;
        let overridden = own.iter().chain(&mapped).find_map(|word| self.config.find_status(word));
        Ok(overridden.unwrap_or_else(|| match mapped.unwrap_or_default().to_lowercase().as_str() {
            "open" => IncidentStatus::Open,
            "resolved" => IncidentStatus::Resolved,
            _ => IncidentStatus::Unknown,
        }))
    }

    fn severity(&self, documents: &Documents<'_>) -> Result<Severity, Unmappable> {
        let (own, mapped) = self.words(documents, "severity")?;
        let overridden = own.iter().chain(&mapped).find_map(|word| self.config.find_severity(word));
        Ok(overridden.or_else(|| Severity::find_by_name(&mapped?)).unwrap_or(Severity::Unknown))
    }

    /// The tool's own word, unless the operator's table has it.
    fn told(&self, documents: &Documents<'_>, target: &str) -> Result<String, Unmappable> {
        let own = self.words(documents, target)?.0.unwrap_or_default();
        let translated = self.targets.get(target).and_then(|expression| expression.translate(&own));
        Ok(if translated.is_some_and(|word| word == "unknown") { String::new() } else { own })
    }

    /// The ids, and the names at the same positions.
    fn components(
        &self,
        documents: &Documents<'_>,
    ) -> Result<(Vec<String>, BTreeMap<String, String>), Unmappable> {
        let ids = self.texts(documents, "affectedComponents")?;
        let names = self.texts(documents, "componentNames")?;
        // Names belong to ids by their place, so a list with gaps names nothing.
        let names = if names.len() == ids.len() { names } else { ids.clone() };
        let by_id = ids.iter().cloned().zip(names).collect();
        Ok((sorted(ids), by_id))
    }

    fn require(&self, documents: &Documents<'_>, target: &str) -> Result<String, Unmappable> {
        self.text(documents, target)?.ok_or_else(|| missing(target))
    }

    fn time(&self, documents: &Documents<'_>, target: &str) -> Result<Option<Timestamp>, Unmappable> {
        let Some(text) = self.text(documents, target)? else { return Ok(None) };
        let Ok(number) = text.parse::<i64>() else { return Ok(parse_timestamp(&text)) };
        // Seconds and milliseconds since the epoch differ by their size for every date from 1973 on. What is larger
        // than either is no instant, and not the year 1970.
        let is_in_seconds = number.unsigned_abs() < 100_000_000_000;
        let millis = if is_in_seconds { number.saturating_mul(1000) } else { number };
        Ok(Timestamp::from_timestamp_millis(millis))
    }

    fn text(&self, documents: &Documents<'_>, target: &str) -> Result<Option<String>, Unmappable> {
        Ok(self.words(documents, target)?.1)
    }

    /// The first value as the tool wrote it, and after the table and the default.
    fn words(
        &self,
        documents: &Documents<'_>,
        target: &str,
    ) -> Result<(Option<String>, Option<String>), Unmappable> {
        let Some(expression) = self.targets.get(target) else { return Ok((None, None)) };
        let found = expression.find(documents).map_err(|fault| incomplete(target, &fault))?;
        let own = found.iter().find_map(scalar_text);
        let mapped = own.as_ref().and_then(|word| expression.translate(word));
        Ok((own, mapped.or_else(|| expression.default.as_ref().and_then(scalar_text))))
    }

    fn texts(&self, documents: &Documents<'_>, target: &str) -> Result<Vec<String>, Unmappable> {
        let Some(expression) = self.targets.get(target) else { return Ok(Vec::new()) };
        let found = expression.find(documents).map_err(|fault| incomplete(target, &fault))?;
        let mut texts = found.iter().filter_map(scalar_text).collect::<Vec<_>>();
        texts = texts.iter().filter_map(|word| expression.translate(word)).collect();
        if texts.is_empty() {
            let default = expression.default.iter().flat_map(|default| match default {
                Value::Array(items) => items.as_slice(),
                single => std::slice::from_ref(single),
            });
            texts = default.filter_map(scalar_text).collect();
        }
        Ok(texts)
    }
}

fn sorted(texts: Vec<String>) -> Vec<String> {
    texts.into_iter().collect::<BTreeSet<_>>().into_iter().take(MAX_LIST).collect()
}

fn missing(target: &str) -> Unmappable {
    incomplete(target, "finds nothing usable in this event; correct it or give it a `default`")
}

fn incomplete(target: &str, fault: &str) -> Unmappable {
    Unmappable::Incomplete(format!("`mapping.{target}` {fault}"))
}
