//! A panic while a group is written costs that group only, and its senders are told at once.

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
        body: body.as_bytes().to_vec(),
        quarantine: None,
    }
}

#[tokio::test]
async fn a_group_on_which_the_writer_panics_is_refused_at_once_and_the_next_one_is_written() {
    let (metrics, heartbeats, clock) =
        (Metrics::default(), Heartbeats::default(), Clock::manual(from_millis(0)));
    let (queue, waiting) = mpsc::channel(8);
    let record: &Record = &|entries| {
        assert!(entries.iter().all(|entry| entry.body != b"panic"), "the writer breaks down");
        std::future::ready(Ok(vec![Recorded::New; entries.len()])).boxed()
    };
    let send = async |body: &str| {
        let (sender, answer) = oneshot::channel();
        queue.send((entry(body), sender)).await.unwrap();
        answer.await
    };
    let story = async {
        assert!(send("panic").await.is_err(), "its sender hears at once that there is no answer");
        let failing = heartbeats.list(&clock);
        assert!(failing.len() == 1 && failing[0].name == NAME && !failing[0].alive, "{failing:?}");
        assert_eq!(send("fine").await.unwrap(), Ok(Recorded::New));
        assert!(heartbeats.list(&clock).iter().all(|it| it.alive));
    };
    let written = write_groups(&metrics, &heartbeats, &clock, waiting, record);
    tokio::select! {
        () = story => {}
        () = written => panic!("it must not end before its senders"),
    }
    assert!(metrics.encode().unwrap().contains("task_panics_total{task=\"ingest\"} 1"));
}
