//! One request to the simulated site and its answer, without any HTTP library.

use serde_json::Value;

/// A request as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    pub method: &'a str,
    /// Raw, percent-encoding kept.
    pub path: &'a str,
    /// Raw, without the question mark.
    pub query: &'a str,
    pub authorization: Option<&'a str>,
    pub content_type: Option<&'a str>,
    pub body: &'a [u8],
}

/// The site's answer.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub body: Option<Value>,
    /// Entities found in the request's body.
    pub entities: usize,
    /// Added to the usual ones.
    pub headers: Vec<(&'static str, String)>,
}

impl Answer {
    pub(super) fn bare(status: u16) -> Self {
        Self { status, body: None, entities: 0, headers: Vec::new() }
    }

    pub(super) fn json(status: u16, body: Value) -> Self {
        Self { status, body: Some(body), entities: 0, headers: Vec::new() }
    }
}
