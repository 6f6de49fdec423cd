//! Finds the events in a request: CloudEvents 1.0 (binary, structured, batch), the Standard Webhooks
//! envelope, or plain JSON.
//!
//! Sources: the CloudEvents specification, its HTTP binding and JSON format. Pure; must not map anything.

use base64::Engine;
use serde_json::{Map, Value};

use crate::domain::Timestamp;
use crate::sources::kit::encoding::BASE64;
use crate::sources::kit::json::Fields;
use crate::sources::kit::reader::{read_json, without_nul};
use crate::sources::kit::standard_webhooks;
use crate::sources::{Headers, Rejection, Unmappable, VerifiedWebhook};

const REQUIRED: [&str; 4] = ["id", "source", "specversion", "type"];

/// One event: what the sender's tool says, and the attributes around it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    pub data: Value,
    /// CloudEvents attributes and extensions; of a Standard Webhooks envelope `type` and `time`.
    pub attributes: Value,
}

impl Event {
    pub(super) fn kind(&self) -> Option<&str> {
        self.attributes.find_text("/type")
    }

    pub(super) fn time(&self) -> Option<Timestamp> {
        self.attributes.find_time("/time")
    }

    /// A CloudEvent's identity over retries: its source and id.
    pub(super) fn delivery_id(&self) -> Option<String> {
        let (source, id) = (self.attributes.find_text("/source")?, self.attributes.find_text("/id")?);
        Some(format!("{source}\n{id}"))
    }
}

enum Mode {
    Batch,
    Structured,
    Binary,
    Plain,
}

fn find_mode(headers: &Headers) -> (Mode, String) {
    let content_type = headers.get("content-type").unwrap_or_default().to_ascii_lowercase();
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_owned();
    let mode = if media_type.starts_with("application/cloudevents-batch") {
        Mode::Batch
    } else if media_type.starts_with("application/cloudevents") {
        Mode::Structured
    } else if headers.get("ce-specversion").is_some() {
        Mode::Binary
    } else {
        Mode::Plain
    };
    (mode, media_type)
}

/// Refuses event formats other than JSON.
pub(super) fn check_format(headers: &Headers) -> Result<(), Rejection> {
    let (mode, media_type) = find_mode(headers);
    let format = media_type.strip_prefix("application/cloudevents").unwrap_or_default();
    match mode {
        Mode::Batch | Mode::Structured if !format.ends_with("+json") => Err(Rejection::UnsupportedMediaType(
            "of CloudEvents only the JSON format is understood".to_owned(),
        )),
        _ => Ok(()),
    }
}

/// All events of the request. One bad event refuses the whole batch, so that nothing is lost unseen.
pub(super) fn read(webhook: &VerifiedWebhook) -> Result<Vec<Event>, Unmappable> {
    let headers = &webhook.headers;
    match find_mode(headers).0 {
        Mode::Batch => match webhook.json()? {
            Value::Array(events) => events.iter().map(read_structured).collect(),
            _ => Err(malformed("a batch of CloudEvents must be a list")),
        },
        Mode::Structured => Ok(vec![read_structured(webhook.json()?)?]),
        Mode::Binary => {
            let attributes = check_attributes(read_attributes(headers)?)?;
            Ok(vec![Event { data: webhook.json()?.clone(), attributes }])
        }
        Mode::Plain => Ok(vec![read_plain(headers, webhook.json()?)]),
    }
}

fn read_structured(event: &Value) -> Result<Event, Unmappable> {
    let Value::Object(fields) = event else { return Err(malformed("a CloudEvent must be an object")) };
    let data = match (fields.get("data"), fields.get("data_base64")) {
        (Some(_), Some(_)) => return Err(malformed("a CloudEvent has `data` or `data_base64`, never both")),
        (data, None) => data.cloned().unwrap_or_default(),
        (None, Some(encoded)) => {
            let bytes = encoded.as_str().and_then(|text| BASE64.decode(text).ok());
            let bytes = bytes.ok_or_else(|| malformed("`data_base64` is not base64"))?;
            read_json(&bytes).map_err(|_| malformed("`data_base64` holds no JSON"))?
        }
    };
    let is_attribute = |(name, value): &(&String, &Value)| {
        !["data", "data_base64"].contains(&name.as_str())
            && matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_))
    };
    let attributes = fields.iter().filter(is_attribute);
    let attributes = attributes.map(|(name, value)| (name.clone(), value.clone())).collect();
    Ok(Event { data, attributes: check_attributes(attributes)? })
}

/// Whether a header field is a CloudEvents attribute.
pub(super) fn is_attribute(header: &str) -> bool {
    header.starts_with("ce-")
}

fn read_attributes(headers: &Headers) -> Result<Map<String, Value>, Unmappable> {
    let mut attributes = Map::new();
    for (name, value) in headers.iter() {
        let Some(name) = name.strip_prefix("ce-") else { continue };
        if name == "datacontenttype" {
            return Err(malformed("the header ce-datacontenttype must not occur: Content-Type says it"));
        }
        attributes.insert(name.to_owned(), Value::from(decode_header(name, value)?));
    }
    Ok(attributes)
}

/// Undoes double quotes and backslashes, then percent-encoding, each once.
fn decode_header(name: &str, value: &str) -> Result<String, Unmappable> {
    let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let text = quoted.map_or_else(|| value.to_owned(), unescape);
    percent_encoding::percent_decode_str(&text)
        .decode_utf8()
        .map(|text| without_nul(&text))
        .map_err(|_| malformed(&format!("the header ce-{name} is not UTF-8")))
}

fn unescape(text: &str) -> String {
    let mut chars = text.chars();
    std::iter::from_fn(|| match chars.next()? {
        '\\' => chars.next(),
        other => Some(other),
    })
    .collect()
}

fn check_attributes(attributes: Map<String, Value>) -> Result<Value, Unmappable> {
    let attributes = Value::Object(attributes);
    if let Some(missing) = REQUIRED.iter().find(|name| attributes.find_text(&format!("/{name}")).is_none()) {
        return Err(malformed(&format!("the CloudEvent has no `{missing}`")));
    }
    if attributes.text("/specversion") != "1.0" {
        return Err(malformed("of CloudEvents only version 1.0 is understood"));
    }
    Ok(attributes)
}

/// Under Standard Webhooks headers, a body of `type`, `timestamp` and `data` is an envelope around `data`.
fn read_plain(headers: &Headers, body: &Value) -> Event {
    let is_envelope = standard_webhooks::find_id(headers).is_some()
        && body.find_text("/type").is_some()
        && body.get("timestamp").is_some()
        && body.get("data").is_some_and(Value::is_object);
    if !is_envelope {
        return Event { data: body.clone(), attributes: Value::Object(Map::new()) };
    }
    let attributes = serde_json::json!({ "type": body.at("/type"), "time": body.at("/timestamp") });
    Event { data: body.at("/data").clone(), attributes }
}

fn malformed(what: &str) -> Unmappable {
    Unmappable::Malformed(what.to_owned())
}
