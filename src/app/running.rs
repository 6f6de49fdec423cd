//! The background tasks of a running process. The tasks of single sources come and go with the configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::anyhow;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::sync::{GivenUp, Runner, Task};

/// How a task has ended.
enum Ended {
    Stopped,
    /// Its source has left the configuration. The task's name.
    Retired(String),
}

/// The tasks that run. Dropping it ends them at once.
pub(super) struct Running {
    runner: Runner,
    tasks: JoinSet<Result<Ended, GivenUp>>,
    /// What ends a task of a single source, by the task's name.
    retirements: BTreeMap<String, CancellationToken>,
}

impl Running {
    pub fn start(runner: Runner, tasks: Vec<Arc<dyn Task>>) -> Self {
        let mut running = Self { runner, tasks: JoinSet::new(), retirements: BTreeMap::new() };
        for task in tasks {
            running.add(task);
        }
        running
    }

    fn add(&mut self, task: Arc<dyn Task>) {
        let (stop, name) = (self.runner.stop.clone(), task.name().to_owned());
        let retirement = stop.child_token();
        let runner = Runner { stop: retirement.clone(), ..self.runner.clone() };
        if task.source().is_some() {
            self.retirements.insert(name.clone(), retirement.clone());
        }
        self.tasks.spawn(async move {
            runner.run(task).await?;
            let is_retired = retirement.is_cancelled() && !stop.is_cancelled();
            Ok(if is_retired { Ended::Retired(name) } else { Ended::Stopped })
        });
    }

    /// Starts the tasks of sources that are new among `tasks`, and ends those that are no longer there.
    pub fn follow(&mut self, tasks: Vec<Arc<dyn Task>>) {
        let (mut before, single) =
            (std::mem::take(&mut self.retirements), |task: &Arc<dyn Task>| task.source().is_some());
        for task in tasks.into_iter().filter(single) {
            match before.remove(task.name()) {
                Some(goes_on) => drop(self.retirements.insert(task.name().to_owned(), goes_on)),
                None => self.add(task),
            }
        }
        for retirement in before.into_values() {
            retirement.cancel();
        }
    }

    /// Returns when a task has ended that must not.
    pub async fn find_lost(&mut self) -> anyhow::Error {
        loop {
            match self.tasks.join_next().await {
                Some(Ok(Ok(Ended::Retired(name)))) => self.runner.heartbeats.forget(&name),
                Some(Ok(Ok(Ended::Stopped))) => return anyhow!("a task has ended by itself"),
                Some(Ok(Err(given_up))) => return given_up.into(),
                Some(Err(fault)) => {
                    return anyhow::Error::new(fault).context("what runs the tasks has failed");
                }
                None => std::future::pending().await,
            }
        }
    }

    /// Returns when all have ended.
    pub async fn ended(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}
