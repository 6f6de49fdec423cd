//! What single values may be, and what to write instead.
//!
//! Every error is the end of a sentence that begins with the key.

use std::time::Duration;

use chrono::NaiveDate;

use crate::config::parse_duration;
use crate::destinations::issues::content::field::Field;
use crate::destinations::issues::content::priority::LEVELS;
use crate::destinations::issues::content::workflow::Choice;
use crate::domain::Severity;

pub(super) fn parse_filled(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        Err("is blank; give it a value, or remove it".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

pub(super) fn parse_email(text: &str) -> Result<String, String> {
    let text = text.trim();
    let is_address = text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    // A colon would end the name in the header.
    if is_address && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == ':') {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} is not an e-mail address"))
    }
}

pub(super) fn parse_project(text: &str) -> Result<String, String> {
    let text = text.trim();
    let is_key = |text: &str| {
        (2..=20).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_uppercase())
            && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    };
    if is_key(text) {
        return Ok(text.to_owned());
    }
    let upper = text.to_uppercase();
    let instead = if is_key(&upper) { format!("; write {upper:?}") } else { String::new() };
    Err(format!(
        "{text:?} is not the key of a project, which has capitals and digits, such as \"OPS\"{instead}"
    ))
}

pub(super) fn parse_date(text: &str) -> Result<NaiveDate, String> {
    NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d")
        .map_err(|_| format!("{text:?} is not a date; write it as 2027-01-31"))
}

pub(super) fn parse_cloud_id(text: &str) -> Result<String, String> {
    let text = text.trim();
    let is_id =
        (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if is_id {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{text:?} is not a cloud id, such as 11223344-a1b2-3b33-c444-def123456789; remove it to look it up"
        ))
    }
}

pub(super) fn parse_level(text: &str) -> Result<Severity, String> {
    let level = LEVELS.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(text.trim()));
    level.ok_or_else(|| format!("{text:?} is not a level; write P1, P2, P3, P4 or P5"))
}

pub(super) fn parse_choice(text: &str) -> Result<Choice, String> {
    Ok(match parse_filled(text)?.to_lowercase().as_str() {
        "auto" => Choice::Auto,
        "off" => Choice::Off,
        _ => Choice::Named(text.trim().to_owned()),
    })
}

pub(super) fn parse_window(text: &str) -> Result<Option<Duration>, String> {
    if text.trim().eq_ignore_ascii_case("always") {
        return Ok(None);
    }
    parse_duration(text.trim())
        .map(Some)
        .map_err(|_| format!("{text:?} is no time; write \"always\", or \"7d\""))
}

pub(super) fn parse_field(text: &str) -> Result<Field, String> {
    let names = Field::ALL.map(Field::as_str).join(", ");
    Field::find(text.trim())
        .ok_or_else(|| format!("{text:?} is not a field that can be updated; they are {names}"))
}
