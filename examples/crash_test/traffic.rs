//! PagerDuty between its events and the bridge: webhooks in flight, those that it repeats, and those that come late.

use std::time::{Duration, Instant};

use tokio::process::Child;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::model::{Event, Sender};

/// How much is posted.
#[derive(Clone, Copy)]
pub struct Pace {
    /// Webhooks in flight at once.
    pub parallel: usize,
    /// Longest time between two answers and the next webhooks, in milliseconds.
    pub pause: u64,
}

/// What was posted.
#[derive(Debug, Default, Clone, Copy)]
pub struct Posted {
    pub webhooks: usize,
    pub duplicates: usize,
    pub late: usize,
    pub unanswered: usize,
}

/// A tool that posts its events to one address.
pub struct Traffic {
    pub sender: Sender,
    pub posted: Posted,
    pace: Pace,
    http: reqwest::Client,
    base_url: String,
    /// Not answered yet: posted again after the next start, as PagerDuty does.
    pending: Vec<Event>,
    /// Held back, so that it arrives after later events.
    held: Vec<Event>,
}

impl Traffic {
    pub fn new(sender: Sender, pace: Pace, http: reqwest::Client, base_url: String) -> Self {
        let (posted, pending, held) = Default::default();
        Self { sender, posted, pace, http, base_url, pending, held }
    }

    /// Posts webhooks until then, and kills the bridge in between, with webhooks at every stage.
    pub async fn post_until_killed(&mut self, bridge: &mut Child, end: Instant) -> anyhow::Result<()> {
        let mut posts = JoinSet::new();
        let mut waiting = std::mem::take(&mut self.pending);
        while Instant::now() < end {
            self.keep_posting(&mut posts, &mut waiting);
            let left = end.saturating_duration_since(Instant::now());
            if let Ok(Some(done)) = tokio::time::timeout(left, posts.join_next()).await {
                self.note(done?);
            }
            sleep(Duration::from_millis(self.sender.random.below(self.pace.pause))).await;
        }
        // Answered webhooks make room for others, so that the kill finds webhooks at every stage.
        while let Some(done) = posts.try_join_next() {
            self.note(done?);
        }
        self.keep_posting(&mut posts, &mut waiting);
        sleep(Duration::from_micros(self.sender.random.below(8000))).await;
        bridge.kill().await?;
        while let Some(done) = posts.join_next().await {
            self.note(done?);
        }
        self.pending.append(&mut waiting);
        Ok(())
    }

    fn keep_posting(&mut self, posts: &mut JoinSet<(Event, bool)>, waiting: &mut Vec<Event>) {
        while posts.len() < self.pace.parallel {
            if let Some(event) = waiting.pop().or_else(|| self.next_event()) {
                posts.spawn(post(self.http.clone(), self.base_url.clone(), event));
            }
        }
    }

    /// Usually a new event; now and then a repetition, or one that was held back. `None` holds this
    /// event back.
    fn next_event(&mut self) -> Option<Event> {
        match self.sender.random.below(100) {
            0..10 => self.sender.repeat().inspect(|_| self.posted.duplicates += 1),
            10..15 => {
                let event = self.sender.next_event();
                self.held.push(event);
                None
            }
            15..25 if !self.held.is_empty() => {
                self.posted.late += 1;
                Some(self.held.remove(0))
            }
            _ => Some(self.sender.next_event()),
        }
    }

    fn note(&mut self, (event, answered): (Event, bool)) {
        self.posted.webhooks += 1;
        if answered {
            self.sender.acknowledge(event);
        } else {
            self.posted.unanswered += 1;
            self.pending.push(event);
        }
    }

    /// Posts one event, as often as it takes until then.
    pub async fn post_now(&mut self, event: Event, end: Instant) {
        self.pending.push(event);
        self.post_rest(end).await;
    }

    /// Repeats what was not answered, and posts what was held back. Returns the events without an answer.
    pub async fn post_rest(&mut self, end: Instant) -> Vec<String> {
        self.pending.append(&mut self.held);
        while !self.pending.is_empty() && Instant::now() < end {
            for event in std::mem::take(&mut self.pending) {
                let done = post(self.http.clone(), self.base_url.clone(), event).await;
                self.note(done);
            }
        }
        self.pending.iter().map(|event| event.id.clone()).collect()
    }
}

/// Posts one webhook. Says whether it was answered with 2xx.
async fn post(http: reqwest::Client, base_url: String, event: Event) -> (Event, bool) {
    let request = http.post(format!("{base_url}/webhooks/{}", event.account));
    let request = request.header("X-PagerDuty-Signature", event.signature()).body(event.body.clone());
    let answered = request.send().await.is_ok_and(|answer| answer.status().is_success());
    (event, answered)
}
