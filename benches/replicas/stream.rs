//! Webhooks without end at a steady pace, also to processes that do not answer.
//!
//! Each is about a new incident and has a connection of its own, so that none waits for another.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use incident_bridge::clock::{Clock, Timestamp};
use tokio::task::{JoinHandle, JoinSet};

use crate::client::Connection;
use crate::sender::{event_time, incident_id};
use crate::webhook::{Event, Template};

/// Between two webhooks.
const PAUSE: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(5);

/// A webhook that was answered with 2xx.
#[derive(Clone, Copy)]
pub struct Answer {
    pub by: SocketAddr,
    pub at: Timestamp,
}

/// The webhooks; dropping this ends them.
pub struct Stream {
    targets: Arc<Mutex<Vec<SocketAddr>>>,
    answers: Arc<Mutex<Vec<Answer>>>,
    task: JoinHandle<()>,
}

impl Stream {
    /// To all of `targets` in turn.
    pub fn start(targets: Vec<SocketAddr>) -> Self {
        let (targets, answers) = (Arc::new(Mutex::new(targets)), Arc::default());
        let task = tokio::spawn(post_all(Arc::clone(&targets), Arc::clone(&answers)));
        Self { targets, answers, task }
    }

    /// From now on to these.
    pub fn turn_to(&self, targets: Vec<SocketAddr>) {
        *self.targets.lock().unwrap_or_else(PoisonError::into_inner) = targets;
    }

    /// What has been answered until now, in this order.
    pub fn answers(&self) -> Vec<Answer> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn post_all(targets: Arc<Mutex<Vec<SocketAddr>>>, answers: Arc<Mutex<Vec<Answer>>>) {
    let (mut posts, mut ticks) = (JoinSet::new(), tokio::time::interval(PAUSE));
    for number in 0.. {
        ticks.tick().await;
        while posts.try_join_next().is_some() {}
        let target = {
            let targets = targets.lock().unwrap_or_else(PoisonError::into_inner);
            targets.get(number % targets.len()).copied().expect("a target")
        };
        let answers = answers.clone();
        posts.spawn(async move {
            let posted = tokio::time::timeout(PATIENCE, post(target, number)).await;
            if matches!(posted, Ok(Ok(200..300))) {
                let answer = Answer { by: target, at: Clock::system().now() };
                answers.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
            }
        });
    }
}

async fn post(target: SocketAddr, number: usize) -> io::Result<u16> {
    let (incident, title) = (incident_id(number), "Checkout is slow");
    let event = Event { number, at: event_time(number), incident: &incident, title };
    let request = Template::new(&target.to_string()).request(&event);
    Ok(Connection::open(target).await?.call(&request).await?.0)
}
