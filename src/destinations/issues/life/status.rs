//! Lets the status of a work item follow its incident, if there is a way.

use chrono::TimeDelta;

use super::issues::Issues;
use super::job::Job;
use super::stop::{Stop, later};
use crate::destinations::issues::client::{CallError, Endpoint, Fault};
use crate::destinations::issues::content::description::comment;
use crate::destinations::issues::content::issue::Issue;
use crate::destinations::issues::content::workflow::{Choice, NoWay, Step, Wish, choose};
use crate::destinations::issues::options::Comments;
use crate::destinations::issues::record::{Moving, Record};

/// How soon a transition is chosen anew that was refused.
const AFTER_REFUSAL: TimeDelta = TimeDelta::seconds(2);

/// After so many refusals in a row there is no way; somebody else's writes at the same time are met more often.
const MOST_REFUSALS: u32 = 2;
const MOST_CONFLICTS: u32 = 4;

/// What came of a change of status.
pub(super) enum Outcome {
    /// A sentence about it.
    Done(String),
    /// Why it cannot be.
    NoWay(String),
}

impl Issues {
    /// One change of status. Where there is no way, that is remarked, and not tried again before the incident changes.
    pub(super) async fn follow(
        &self,
        job: &Job<'_>,
        record: &mut Record,
        held: &Issue,
        wish: Wish,
    ) -> Result<(), Stop> {
        self.move_noting(&job.note(), record, held, wish).await?;
        record.said.standing = Some(wish.into());
        record.said.resolved_at = (wish == Wish::Resolve).then(|| self.clock.now());
        if self.options.comments == Comments::Status && wish != Wish::Acknowledge {
            record.said.uncommented = Some(wish);
        }
        self.save(&job.note(), record).await
    }

    /// Takes the transition that fits, and remarks what came of it.
    pub(super) async fn move_noting(
        &self,
        note: &str,
        record: &mut Record,
        held: &Issue,
        wish: Wish,
    ) -> Result<(), Stop> {
        let before = record.moving.clone().filter(|it| it.wish == wish && it.refusals == 0);
        let outcome = match before {
            Some(_) if wish.is_fulfilled(held.category()) => Outcome::Done(
                "it is as wanted; the answer to the bridge's own transition was lost".to_owned(),
            ),
            Some(before) if self.was_moved(&held.id, &before).await? => {
                Outcome::Done("it has been moved on since the bridge moved it: that is left".to_owned())
            }
            _ => self.move_on(held, wish, Some((note, record))).await?,
        };
        record.moving = None;
        (record.remarks.status, record.remarks.no_way) = match outcome {
            Outcome::Done(how) => (Some(how), None),
            Outcome::NoWay(why) => (None, Some(why)),
        };
        Ok(())
    }

    /// Whether a transition took place whose answer was lost.
    async fn was_moved(&self, issue: &str, moving: &Moving) -> Result<bool, Stop> {
        let held = self.client.find_issue_with_history(issue).await?.value;
        Ok(held.history().iter().any(|entry| moving.is(entry)))
    }

    /// Takes the transition that fits; where there is a record, it says so before the request leaves, and one that is
    /// refused is chosen anew a moment later.
    pub(super) async fn move_on(
        &self,
        held: &Issue,
        wish: Wish,
        mut noted: Option<(&str, &mut Record)>,
    ) -> Result<Outcome, Stop> {
        if wish.is_fulfilled(held.category()) || *self.choice(wish) == Choice::Off {
            return Ok(Outcome::Done(self.why_nothing(wish).to_owned()));
        }
        if let Some(paused) = self.client.find_held(Endpoint::Transition, Some(&held.id)) {
            return Err(CallError::held(Endpoint::Transition, paused).into());
        }
        let offered = self.client.list_transitions(&held.id).await?.value;
        let resolution = self.options.resolution.as_deref();
        let way = match choose(&offered, wish, self.choice(wish), resolution, held.category()) {
            Step::Nothing => return Ok(Outcome::Done(self.why_nothing(wish).to_owned())),
            Step::NoWay(no_way) => {
                if no_way.offered.is_empty() {
                    self.check_permission("TRANSITION_ISSUES", "Transition Issues").await?;
                }
                return Ok(Outcome::NoWay(describe(&no_way)));
            }
            Step::Take(way) => way,
        };
        let refusals = noted.as_ref().and_then(|(_, record)| Some(record.moving.as_ref()?.refusals));
        let moving = Moving { wish, to: way.to.clone(), after: held.updated(), refusals: 0 };
        self.note_moving(&mut noted, moving.clone()).await?;
        match self.client.transition_issue(&held.id, &way).await {
            Ok(_) => Ok(Outcome::Done(format!("the bridge took the transition {}", way.name))),
            Err(error) if matches!(error.fault, Fault::Rejected(_) | Fault::Conflict) => {
                let refusals = refusals.unwrap_or_default().saturating_add(1);
                let most = if error.fault == Fault::Conflict { MOST_CONFLICTS } else { MOST_REFUSALS };
                if noted.is_none() || refusals >= most {
                    return Ok(Outcome::NoWay(format!("{} was refused: {error}", way.name)));
                }
                self.note_moving(&mut noted, Moving { refusals, ..moving }).await?;
                Err(Stop::Wait { until: later(self.clock.now(), AFTER_REFUSAL), why: error.to_string() })
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn note_moving(&self, noted: &mut Option<(&str, &mut Record)>, moving: Moving) -> Result<(), Stop> {
        let Some((note, record)) = noted else { return Ok(()) };
        record.moving = Some(moving);
        self.save(note, record).await
    }

    fn why_nothing(&self, wish: Wish) -> &'static str {
        if *self.choice(wish) == Choice::Off {
            "left alone, because `transitions` turns it off"
        } else {
            "left alone: people had moved it already"
        }
    }

    fn choice(&self, wish: Wish) -> &Choice {
        let transitions = &self.options.transitions;
        match wish {
            Wish::Acknowledge => &transitions.acknowledged,
            Wish::Resolve => &transitions.resolved,
            Wish::Reopen => &transitions.reopened,
        }
    }

    /// Writes the comment that a change of status left to be written. It cannot be made only once, so it is noted as
    /// written before it leaves, and repeated only if it certainly was not sent.
    pub(super) async fn comment(&self, job: &Job<'_>, record: &mut Record, issue: &str) -> Result<(), Stop> {
        let Some(wish) = record.said.uncommented.take() else { return Ok(()) };
        let text = if wish == Wish::Resolve { "Resolved in the tool." } else { "Reopened in the tool." };
        self.save(&job.note(), record).await?;
        match self.client.add_comment(issue, &comment(text)).await {
            Err(error)
                if matches!(error.fault, Fault::HeldBack(_) | Fault::RateLimited { .. } | Fault::NotSent) =>
            {
                record.said.uncommented = Some(wish);
                self.save(&job.note(), record).await?;
                Err(error.into())
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
