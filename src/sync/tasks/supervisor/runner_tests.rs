//! A task that panics continues, and is named and counted.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use tokio::sync::Notify;

use super::*;
use crate::clock::from_millis;
use crate::sync::SyncError;

/// Panics in its first round and says when its second is over.
#[derive(Default)]
struct Clumsy {
    rounds: AtomicUsize,
    recovered: Notify,
}

#[async_trait]
impl Task for Clumsy {
    fn name(&self) -> &'static str {
        "clumsy"
    }

    fn interval(&self) -> Duration {
        Duration::from_millis(1)
    }

    async fn run(&self) -> Result<Next, SyncError> {
        assert_ne!(self.rounds.fetch_add(1, Ordering::SeqCst), 0, "the first round breaks down");
        self.recovered.notify_one();
        Ok(Next::AtInterval)
    }
}

#[tokio::test]
async fn a_panic_is_counted_with_the_tasks_name_and_the_next_round_runs() {
    let (task, stop) = (Arc::new(Clumsy::default()), CancellationToken::new());
    let runner = Runner {
        heartbeats: Heartbeats::default(),
        clock: Clock::manual(from_millis(0)),
        metrics: Arc::default(),
        stop: stop.clone(),
        patience: Patience { first: Duration::from_millis(1), ..Patience::default() },
    };
    let running = tokio::spawn(runner.clone().run(task.clone()));
    task.recovered.notified().await;
    stop.cancel();
    running.await.unwrap().unwrap();
    assert!(runner.metrics.encode().unwrap().contains("task_panics_total{task=\"clumsy\"} 1"));
    assert_eq!(runner.heartbeats.list(&runner.clock)[0].name, "clumsy");
}
