//! Tells whoever asks for work about each request that is made for it: its endpoint, how it ended, how long it took.
//!
//! The one who asks is found through the task, so that sources and destinations need not be given anything to
//! report to. Outside of [`Observer::watch`] nobody is told. Must not know what is counted.

use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;

use crate::clock::Clock;

tokio::task_local! {
    static OBSERVER: Observer;
}

/// A request that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRequest {
    /// Without ids.
    pub endpoint: String,
    /// `ok`, `rate_limited`, `server_error`, `no_answer`, …
    pub outcome: &'static str,
    pub took: Duration,
    /// Who answered, and what it says is left of its tightest limit.
    pub limit_left: Option<(String, i64)>,
}

/// Is told of requests.
#[derive(Clone)]
pub struct Observer {
    clock: Clock,
    tell: Arc<dyn Fn(SeenRequest) + Send + Sync>,
}

impl Observer {
    #[must_use]
    pub fn new(clock: Clock, tell: impl Fn(SeenRequest) + Send + Sync + 'static) -> Self {
        Self { clock, tell: Arc::new(tell) }
    }

    /// Does the work, and is told of every request that is made for it in the same task.
    pub async fn watch<T>(&self, work: impl Future<Output = T>) -> T {
        OBSERVER.scope(self.clone(), work).await
    }
}

/// A request on its way. Dropped before it has an outcome, it was cut off.
#[must_use]
pub struct ObservedRequest(Option<(Observer, Duration, SeenRequest)>);

impl ObservedRequest {
    /// Begins now; `endpoint` holds no ids.
    pub fn begin(endpoint: impl FnOnce() -> String) -> Self {
        let observer = OBSERVER.try_with(Clone::clone).ok();
        Self(observer.map(|observer| {
            let seen = SeenRequest {
                endpoint: endpoint(),
                outcome: "cut_off",
                took: Duration::ZERO,
                limit_left: None,
            };
            (observer.clone(), observer.clock.elapsed(), seen)
        }))
    }

    /// The head of the answer is here.
    pub fn answered(&mut self, status: StatusCode) {
        self.ended(outcome_of(status));
    }

    /// There is no answer, or only a part of it.
    pub fn failed(&mut self) {
        self.ended("no_answer");
    }

    /// Whoever answered says what is left of its tightest limit.
    pub fn has_left(&mut self, who: &str, left: i64) {
        if let Some((_, _, seen)) = &mut self.0 {
            seen.limit_left = Some((who.to_owned(), left));
        }
    }

    fn ended(&mut self, outcome: &'static str) {
        if let Some((_, _, seen)) = &mut self.0 {
            seen.outcome = outcome;
        }
    }
}

impl Drop for ObservedRequest {
    fn drop(&mut self) {
        if let Some((observer, began, mut seen)) = self.0.take() {
            seen.took = observer.clock.elapsed().saturating_sub(began);
            (observer.tell)(seen);
        }
    }
}

fn outcome_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200..=299 => "ok",
        300..=399 => "redirected",
        401 => "unauthorized",
        403 => "forbidden",
        404 | 410 => "not_found",
        // 420 is how some tools spell 429.
        420 | 429 => "rate_limited",
        408 | 500.. => "server_error",
        _ => "refused",
    }
}

/// The path with `{id}` in place of everything that may be an id: only words and versions such as `v2` stay.
#[must_use]
pub fn endpoint_of(path: &str) -> String {
    let is_version = |part: &str| {
        part.strip_prefix('v')
            .is_some_and(|n| n.len() <= 3 && n.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
    };
    let is_word = |part: &str| {
        part.len() <= 40
            && part.bytes().all(|b| b.is_ascii_alphabetic() || b"-_.".contains(&b))
            && part.bytes().any(|b| b.is_ascii_lowercase())
    };
    let parts = path.trim_matches('/').split('/');
    let parts = parts.map(|part| if is_version(part) || is_word(part) { part } else { "{id}" });
    parts.fold(String::new(), |path, part| path + "/" + part)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use chrono::TimeDelta;

    use super::*;
    use crate::clock::from_millis;

    #[test]
    fn ids_never_get_into_an_endpoint() {
        for (path, endpoint) in [
            ("incidents", "/incidents"),
            ("incidents/Q1A2B3C4D5E6F7", "/incidents/{id}"),
            ("v1/incidents/70005d8b-4dbd-4a4a-8d8a-000000000000/timeline", "/v1/incidents/{id}/timeline"),
            ("api/v2/services/PABCDEF", "/api/v2/services/{id}"),
            ("pages/kctbh9vrtdwd/incidents.json", "/pages/{id}/incidents.json"),
            ("api/v1/IncidentsService.GetIncident", "/api/v1/IncidentsService.GetIncident"),
            ("incidents/42", "/incidents/{id}"),
        ] {
            assert_eq!(endpoint_of(path), endpoint);
        }
    }

    #[tokio::test]
    async fn every_request_is_told_however_it_ends_and_how_long_it_took() {
        let (clock, told) = (Clock::manual(from_millis(0)), Arc::new(Mutex::new(Vec::new())));
        let sink = told.clone();
        let observer = Observer::new(clock.clone(), move |seen| sink.lock().expect("unpoisoned").push(seen));
        observer
            .watch(async {
                let mut answered = ObservedRequest::begin(|| "/a".to_owned());
                clock.advance(TimeDelta::milliseconds(7));
                answered.answered(StatusCode::TOO_MANY_REQUESTS);
                answered.has_left("acme", 3);
                drop(answered);
                drop(ObservedRequest::begin(|| "/b".to_owned()));
            })
            .await;
        drop(ObservedRequest::begin(|| "/nobody".to_owned()));
        let told = told.lock().expect("unpoisoned");
        let outcomes: Vec<_> = told.iter().map(|seen| (seen.endpoint.as_str(), seen.outcome)).collect();
        assert_eq!(outcomes, [("/a", "rate_limited"), ("/b", "cut_off")]);
        assert_eq!(
            (told[0].took, &told[0].limit_left),
            (Duration::from_millis(7), &Some(("acme".to_owned(), 3)))
        );
    }
}
