//! Lets the status of a work item follow its incident, if there is a way.

use chrono::TimeDelta;

use super::issues::Issues;
use super::job::Job;
use super::stop::{Stop, later};
use crate::destinations::issues::client::Fault;
use crate::destinations::issues::content::description::comment;
use crate::destinations::issues::content::issue::Issue;
use crate::destinations::issues::content::workflow::{Category, Choice, NoWay, Step, Wish, choose};
use crate::destinations::issues::options::Comments;
use crate::destinations::issues::record::{Record, Standing};

/// How soon a transition is tried again that met somebody else's.
const AFTER_CONFLICT: TimeDelta = TimeDelta::seconds(2);

impl Issues {
    /// One change of status. Where there is no way, that is remarked, and not tried again before the incident changes.
    pub(super) async fn follow(
        &self,
        job: &Job<'_>,
        record: &mut Record,
        held: &Issue,
        wish: Wish,
    ) -> Result<(), Stop> {
        self.follow_of(&job.note(), record, held, wish).await?;
        self.comment_on(job, record, &held.id, wish).await
    }

    /// The same without a comment.
    pub(super) async fn follow_of(
        &self,
        note: &str,
        record: &mut Record,
        held: &Issue,
        wish: Wish,
    ) -> Result<(), Stop> {
        let standing = match wish {
            Wish::Acknowledge => Standing::Acknowledged,
            Wish::Resolve => Standing::Resolved,
            Wish::Reopen => Standing::Open,
        };
        record.said.moving = Some(standing);
        self.save(note, record).await?;
        record.remarks.no_way = self.move_on(&held.id, held.category(), wish).await?;
        record.said.standing = Some(standing);
        record.said.moving = None;
        record.said.resolved_at = (wish == Wish::Resolve).then(|| self.clock.now());
        self.save(note, record).await
    }

    /// Takes the transition that fits. Returns why there is none, if there is none.
    pub(super) async fn move_on(
        &self,
        issue: &str,
        category: Option<Category>,
        wish: Wish,
    ) -> Result<Option<String>, Stop> {
        let mut current = category;
        let mut refused = None;
        for _ in 0..2 {
            let offered = self.client.list_transitions(issue).await?.value;
            let resolution = self.options.resolution.as_deref();
            match choose(&offered, wish, self.choice(wish), resolution, current) {
                Step::Nothing => return Ok(None),
                Step::NoWay(no_way) => {
                    if no_way.offered.is_empty() {
                        self.check_permission("TRANSITION_ISSUES", "Transition Issues").await?;
                    }
                    return Ok(Some(describe(&no_way)));
                }
                Step::Take(way) => match self.client.transition_issue(issue, &way).await {
                    Ok(_) => return Ok(None),
                    Err(error) if error.fault == Fault::Conflict && refused.is_some() => {
                        return Err(Stop::Wait {
                            until: later(self.clock.now(), AFTER_CONFLICT),
                            why: error.to_string(),
                        });
                    }
                    Err(error) if matches!(error.fault, Fault::Rejected(_) | Fault::Conflict) => {
                        refused = Some(format!("{} was refused: {error}", way.name));
                        current = self.client.find_issue(issue).await?.value.category();
                    }
                    Err(error) => return Err(error.into()),
                },
            }
        }
        Ok(refused)
    }

    fn choice(&self, wish: Wish) -> &Choice {
        let transitions = &self.options.transitions;
        match wish {
            Wish::Acknowledge => &transitions.acknowledged,
            Wish::Resolve => &transitions.resolved,
            Wish::Reopen => &transitions.reopened,
        }
    }

    /// A comment cannot be taken back or made only once, so it is noted before it leaves and never repeated.
    async fn comment_on(
        &self,
        job: &Job<'_>,
        record: &mut Record,
        issue: &str,
        wish: Wish,
    ) -> Result<(), Stop> {
        let text = match wish {
            Wish::Resolve => "Resolved in the tool.",
            Wish::Reopen => "Reopened in the tool.",
            Wish::Acknowledge => return Ok(()),
        };
        if self.options.comments == Comments::Off || record.said.commented == Some(job.version) {
            return Ok(());
        }
        record.said.commented = Some(job.version);
        self.save(&job.note(), record).await?;
        match self.client.add_comment(issue, &comment(text)).await {
            Err(error)
                if matches!(error.fault, Fault::HeldBack(_) | Fault::RateLimited { .. } | Fault::NotSent) =>
            {
                record.said.commented = None;
                self.save(&job.note(), record).await
            }
            _ => Ok(()),
        }
    }
}

/// A sentence about ways that cannot be taken.
fn describe(no_way: &NoWay) -> String {
    let list = |names: &[String]| names.join(", ");
    if no_way.offered.is_empty() {
        return "Jira offers no transition: the workflow has no way out of the current status".to_owned();
    }
    if !no_way.alike.is_empty() {
        return format!(
            "several transitions fit equally well: {}; name one in `transitions`",
            list(&no_way.alike)
        );
    }
    let offered = list(&no_way.offered);
    if no_way.missing.is_empty() {
        return format!("no transition leads there; Jira offers {offered}");
    }
    format!("the transition asks for {}; Jira offers {offered}", list(&no_way.missing))
}
