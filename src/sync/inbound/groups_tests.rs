//! How webhooks form groups, and what a panic or the end of a sender or a thread costs.

use tokio::sync::{Notify, Semaphore, mpsc};

use super::*;
use crate::clock::from_millis;
use crate::domain::SourceId;

fn entry(body: &str) -> InboxEntry {
    InboxEntry {
        source: SourceId::parse("pd").unwrap(),
        delivery_key: body.to_owned(),
        delivery_id: None,
        received_at: from_millis(0),
        verified_by: "nothing".to_owned(),
        headers: "[]".to_owned(),
        body: body.as_bytes().to_vec().into(),
        quarantine: None,
    }
}

/// Writes as many groups as it is allowed to, and tells of each.
#[derive(Clone)]
struct SlowDisk {
    allowed: Arc<Semaphore>,
    asked: Arc<Notify>,
    written: mpsc::UnboundedSender<Vec<String>>,
}

#[async_trait]
impl Disk for SlowDisk {
    async fn wait(&self) -> Result<Box<dyn Turn>, StoreError> {
        self.asked.notify_one();
        self.allowed.acquire().await.unwrap().forget();
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl Turn for SlowDisk {
    async fn record(&mut self, entries: &[InboxEntry]) -> Result<Vec<Recorded>, StoreError> {
        assert!(entries.iter().all(|entry| entry.delivery_key != "panic"), "the writer breaks down");
        self.written.send(entries.iter().map(|entry| entry.delivery_key.clone()).collect()).unwrap();
        Ok(vec![Recorded::New; entries.len()])
    }
}

struct Stage {
    groups: Arc<Groups>,
    disk: SlowDisk,
    written: mpsc::UnboundedReceiver<Vec<String>>,
}

impl Stage {
    /// With a disk that is allowed to write so many groups.
    fn new(allowed: usize) -> Self {
        let (sender, written) = mpsc::unbounded_channel();
        let allowed = Arc::new(Semaphore::new(allowed));
        let disk = SlowDisk { allowed, asked: Arc::default(), written: sender };
        let groups = Groups {
            queue: Mutex::default(),
            most: 4,
            disk: Box::new(disk.clone()),
            metrics: Arc::default(),
            heartbeats: Heartbeats::default(),
            clock: Clock::manual(from_millis(0)),
            log: Dispatch::none(),
        };
        Self { groups: Arc::new(groups), disk, written }
    }

    fn send(&self, body: &str) -> oneshot::Receiver<Answer> {
        self.groups.add(entry(body)).unwrap()
    }
}

#[tokio::test]
async fn what_arrives_before_the_disk_is_free_is_one_group_and_no_more_than_may_wait() {
    let mut stage = Stage::new(1);
    assert_eq!(stage.send("first").await.unwrap(), Ok(Recorded::New));
    assert_eq!(stage.written.recv().await.unwrap(), ["first"], "it waits for no other");
    let answers: Vec<_> = ["a", "b", "c", "d"].iter().map(|body| stage.send(body)).collect();
    stage.disk.asked.notified().await;
    assert_eq!(stage.groups.add(entry("e")).err(), Some(IngestError::Overloaded));
    stage.disk.allowed.add_permits(1);
    for answer in answers {
        assert_eq!(answer.await.unwrap(), Ok(Recorded::New));
    }
    assert_eq!(stage.written.recv().await.unwrap(), ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn a_sender_that_hangs_up_stops_neither_its_own_webhook_nor_those_of_others() {
    let mut stage = Stage::new(0);
    drop(stage.send("hung up"));
    let other = stage.send("other");
    stage.disk.allowed.add_permits(1);
    assert_eq!(other.await.unwrap(), Ok(Recorded::New));
    assert_eq!(stage.written.recv().await.unwrap(), ["hung up", "other"]);
}

#[test]
fn when_the_thread_that_writes_ends_its_senders_hear_at_once_and_another_goes_on() {
    let thread = || tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut stage = Stage::new(0);
    let first = thread();
    let answers = first.block_on(async {
        let answers = [stage.send("a"), stage.send("b")];
        stage.disk.asked.notified().await;
        answers
    });
    drop(first);
    thread().block_on(async {
        for answer in answers {
            assert!(answer.await.is_err());
        }
        stage.disk.allowed.add_permits(1);
        assert_eq!(stage.send("c").await.unwrap(), Ok(Recorded::New));
        assert_eq!(stage.written.recv().await.unwrap(), ["c"]);
    });
}

#[tokio::test]
async fn a_group_on_which_the_writer_panics_is_refused_at_once_and_the_next_one_is_written() {
    let stage = Stage::new(2);
    let Groups { heartbeats, clock, metrics, .. } = &*stage.groups;
    assert!(stage.send("panic").await.is_err(), "its sender hears at once that there is no answer");
    while heartbeats.list(clock).is_empty() {
        tokio::task::yield_now().await;
    }
    let failing = heartbeats.list(clock);
    assert!(failing.len() == 1 && failing[0].name == NAME && !failing[0].alive, "{failing:?}");
    assert_eq!(stage.send("fine").await.unwrap(), Ok(Recorded::New));
    while heartbeats.list(clock).iter().any(|it| !it.alive) {
        tokio::task::yield_now().await;
    }
    assert!(metrics.encode().unwrap().contains("task_panics_total{task=\"ingest\"} 1"));
}
