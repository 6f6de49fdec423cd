//! The endless play: about one change every two seconds, with a bounded number of open incidents.

use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::scenery::{CHECKOUT, NOTICES, RULES, SERVICES, TITLES};
use super::stage::Stage;
use crate::cli::output;
use crate::clock::Timestamp;
use crate::simulator::tools::{Alerts, Change, Pager, Report, Rule, Status, StatusPage, Tools};

const PACE: Duration = Duration::from_secs(2);
/// At most this many incidents of the pager are open at a time.
const MOST_OPEN: usize = 8;
/// At most this many alert groups fire at a time.
const MOST_FIRING: usize = 4;
/// At most this many incidents of the status page are open at a time.
const MOST_REPORTS: usize = 2;
/// How long a group stays as it is, so that several polls see it so.
const SETTLING: TimeDelta = TimeDelta::seconds(12);

/// Something that could happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    Open,
    Change,
    Reopen,
    Fire,
    Calm,
    Report,
}

/// What is listed twice is twice as likely.
const MOVES: [Move; 12] = [
    Move::Open,
    Move::Open,
    Move::Change,
    Move::Change,
    Move::Change,
    Move::Change,
    Move::Reopen,
    Move::Fire,
    Move::Calm,
    Move::Calm,
    Move::Report,
    Move::Report,
];

/// Plays until `stop`.
pub(super) async fn play(stage: &Stage, stop: &CancellationToken) {
    let first = stage.tools.pager.open(TITLES[0].1, CHECKOUT, Some(2));
    // An incident with its review, so that the page has one from the start.
    let over = stage.tools.status_page.open(NOTICES[1]);
    stage.tools.status_page.resolve(&over);
    stage.tools.status_page.publish(&over);
    let file = stage.file.display();
    output::text(format!(
        "Open Jira's Incidents page and the board and watch; Ctrl-C ends the demo. While it runs, try in another terminal:\n\n  \
         incident-bridge explain {first} --config {file}\n  \
         incident-bridge installations --config {file}\n  \
         incident-bridge doctor --config {file}\n"
    ));
    let mut dice = Dice(stage.clock.now_ms().unsigned_abs());
    let Tools { pager, alerts, status_page, .. } = &stage.tools;
    let mut ticks = tokio::time::interval(PACE);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return,
        }
        let now = stage.clock.now();
        if let Some(happened) = act(pager, alerts, status_page, now, &mut dice) {
            output::line(format!("{}  {happened}", now.format("%H:%M:%S")));
        }
    }
}

/// Makes one move and tells it; `None` when the move drawn is not possible now.
fn act(pager: &Pager, alerts: &Alerts, page: &StatusPage, now: Timestamp, dice: &mut Dice) -> Option<String> {
    match dice.pick(&MOVES)? {
        Move::Open => open(pager, dice),
        Move::Change => change(pager, dice),
        Move::Reopen => reopen(pager, dice),
        Move::Fire => fire(alerts, now, dice),
        Move::Calm => calm(alerts, now, dice),
        Move::Report => report(page, dice),
    }
}

/// An incident of the status page begins, ends, or gets its postmortem.
fn report(page: &StatusPage, dice: &mut Dice) -> Option<String> {
    let reports = page.reports();
    let open: Vec<&Report> = reports.iter().filter(|report| report.resolved_at.is_none()).collect();
    let due = reports.iter().filter(|report| report.resolved_at.is_some() && report.published_at.is_none());
    let next = dice.pick(&due.chain(open.iter().copied()).collect::<Vec<_>>());
    match next {
        Some(report) if report.resolved_at.is_some() => {
            page.publish(&report.id);
            Some(format!("status  postmortem   {}", report.notice.title))
        }
        Some(report) if open.len() >= MOST_REPORTS => {
            page.resolve(&report.id);
            Some(format!("status  resolved     {}", report.notice.title))
        }
        _ => {
            let notice = dice.pick(&NOTICES)?;
            page.open(notice);
            Some(format!("status  reported     {}", notice.title))
        }
    }
}

fn open(pager: &Pager, dice: &mut Dice) -> Option<String> {
    if list(pager, false).len() >= MOST_OPEN {
        return None;
    }
    let (service, title, _) = dice.pick(&TITLES)?;
    let priority = dice.pick(&[Some(1), Some(2), Some(3), Some(4), Some(5), None])?;
    pager.open(title, SERVICES[service], priority);
    Some(format!("pager   opened       {title}"))
}

fn change(pager: &Pager, dice: &mut Dice) -> Option<String> {
    let incident = dice.pick(&list(pager, false))?;
    let known = TITLES.into_iter().find(|(_, title, _)| *title == incident.title);
    let retitle = Change::Escalate { title: known.map_or(incident.title, |(_, _, better)| better) };
    let move_to = Change::MoveTo(dice.pick(&SERVICES)?);
    let prioritise = Change::Prioritise(Some(dice.pick(&[1, 2, 3, 4, 5])?));
    let is_acknowledged = incident.status == Status::Acknowledged;
    let next = if is_acknowledged { Change::Resolve } else { Change::Acknowledge };
    let change = dice.pick(&[next, next, next, retitle, move_to, prioritise])?;
    pager.change(&incident.id, change);
    let (word, detail) = match change {
        Change::Acknowledge => ("acknowledged", String::new()),
        Change::Resolve => ("resolved", String::new()),
        Change::Reopen => ("reopened", String::new()),
        Change::Prioritise(level) => ("severity", level.map_or_else(String::new, |n| format!(" -> P{n}"))),
        Change::MoveTo(service) => ("service", format!(" -> {}", service.name)),
        Change::Escalate { title } => ("escalated", format!(" -> {title}")),
    };
    Some(format!("pager   {word:<12} {}{detail}", incident.title))
}

fn reopen(pager: &Pager, dice: &mut Dice) -> Option<String> {
    if list(pager, false).len() >= MOST_OPEN {
        return None;
    }
    let incident = dice.pick(&list(pager, true))?;
    pager.change(&incident.id, Change::Reopen);
    Some(format!("pager   reopened     {}", incident.title))
}

fn list(pager: &Pager, resolved: bool) -> Vec<crate::simulator::tools::Incident> {
    let mut incidents = pager.incidents();
    incidents.retain(|incident| (incident.status == Status::Resolved) == resolved);
    incidents
}

/// A group begins to fire, or one that fires gets worse.
fn fire(alerts: &Alerts, now: Timestamp, dice: &mut Dice) -> Option<String> {
    let episodes = alerts.episodes();
    let firing = episodes.iter().filter(|episode| episode.fires()).count();
    let rule = dice.pick(&RULES)?;
    let latest = episodes.iter().rfind(|episode| episode.rule == rule);
    if latest.is_some_and(|episode| now - episode.changed_at() < SETTLING) {
        return None;
    }
    match latest.filter(|episode| episode.fires()) {
        Some(episode) if episode.severities().all(|severity| severity != "critical") => {
            alerts.fire(rule, "critical");
            Some(format!("alerts  got worse    {} ({})", rule.name, rule.service))
        }
        None if firing < MOST_FIRING => {
            alerts.fire(rule, dice.pick(&["info", "warning", "warning", "critical"])?);
            Some(format!("alerts  fires        {} ({})", rule.name, rule.service))
        }
        _ => None,
    }
}

fn calm(alerts: &Alerts, now: Timestamp, dice: &mut Dice) -> Option<String> {
    let episodes = alerts.episodes();
    let settled = episodes.iter().filter(|it| it.fires() && now - it.changed_at() >= SETTLING);
    let rules: Vec<Rule> = settled.map(|episode| episode.rule).collect();
    let rule = dice.pick(&rules)?;
    alerts.resolve(rule);
    Some(format!("alerts  stopped      {} ({})", rule.name, rule.service))
}

/// Random enough for a demo: a linear congruential generator (Knuth's MMIX constants).
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let sides = u64::try_from(from.len()).ok()?;
        let nth = (self.0 >> 33).checked_rem(sides)?;
        from.get(usize::try_from(nth).ok()?).cloned()
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::clock::{Clock, from_millis};

    #[test]
    fn the_play_never_stalls_and_keeps_the_number_of_open_incidents_bounded() {
        let clock = Clock::manual(from_millis(1_775_207_700_000));
        let (sender, mut events) = unbounded_channel();
        let pager = Pager::new(clock.clone(), "http://pager.test".to_owned(), sender);
        let (sender, mut notices) = unbounded_channel();
        let page = StatusPage::new(clock.clone(), "http://status.test".to_owned(), sender);
        let alerts = Alerts::new(clock.clone(), "http://prometheus.test".to_owned());
        let mut dice = Dice(7);
        let mut told = Vec::new();
        for _ in 0..2_000 {
            clock.advance(TimeDelta::seconds(2));
            told.extend(act(&pager, &alerts, &page, clock.now(), &mut dice));
            assert!(list(&pager, false).len() <= MOST_OPEN);
            assert!(page.reports().iter().filter(|it| it.resolved_at.is_none()).count() <= MOST_REPORTS);
            assert!(alerts.episodes().iter().filter(|episode| episode.fires()).count() <= MOST_FIRING);
        }
        let seen = |word: &str| told.iter().any(|line| line.contains(word));
        let words = ["opened", "acknowledged", "severity", "service", "escalated", "resolved", "reopened"];
        for word in words.into_iter().chain(["fires", "got worse", "stopped", "reported", "postmortem"]) {
            assert!(seen(word), "{word}");
        }
        assert!(told.len() > 1_000, "{}", told.len());
        assert_eq!(std::iter::from_fn(|| events.try_recv().ok()).count() as u64, pager.changes());
        assert_eq!(std::iter::from_fn(|| notices.try_recv().ok()).count() as u64, page.changes());
    }
}
