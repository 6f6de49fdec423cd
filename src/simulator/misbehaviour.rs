//! Configures the site's faults: scripted faults, limits, delays, refusals. Performs none of them.

use std::time::Duration;

use chrono::TimeDelta;

use super::faults::Fault;
use super::handle::Simulator;

/// How the site misbehaves.
impl Simulator {
    /// Adds a fault after those already scripted.
    pub fn fail_next(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    /// Forgets all scripted faults and stops random ones.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Scripted faults that have not been used up yet.
    pub fn waiting_faults(&self) -> usize {
        self.lock().faults.waiting().len()
    }

    /// Returns once that many calls of [held](Fault::held) faults wait.
    pub async fn wait_for_held(&self, count: usize) {
        self.0.gate.wait_for(count).await;
    }

    /// Lets so many of the calls go that wait, those first that have waited longest.
    pub fn release(&self, count: usize) {
        self.0.gate.release(count);
    }

    /// How many have waited at the same time, at most.
    pub fn most_held(&self) -> usize {
        self.0.gate.most()
    }

    /// Share of REST calls, 0 to 1, that get 429 at random.
    pub fn set_rate_limit_share(&self, share: f64) {
        self.lock().faults.set_share(share);
    }

    /// How long every REST call waits for its answer, on top of what a scripted fault adds.
    pub fn set_answer_delay(&self, delay: Duration) {
        self.lock().site.options.answer_delay = delay;
    }

    /// How long writes accepted from now on stay invisible.
    pub fn set_visibility_delay(&self, delay: TimeDelta) {
        self.lock().site.visibility_delay = delay;
    }

    /// Entities per request above which the answer is 413 from now on.
    pub fn set_max_entities(&self, most: usize) {
        self.lock().site.options.max_entities = most;
    }

    /// Refuses an entity, under 202, until [`Simulator::allow`].
    pub fn refuse(&self, id: &str, message: &str) {
        self.lock().site.refusals.insert(id.to_owned(), message.to_owned());
    }

    /// Accepts an entity and never shows it, until [`Simulator::allow`].
    pub fn hide(&self, id: &str) {
        self.lock().site.hidden.insert(id.to_owned());
    }

    /// Undoes [`Simulator::refuse`] and [`Simulator::hide`].
    pub fn allow(&self, id: &str) {
        let site = &mut self.lock().site;
        site.refusals.remove(id);
        site.hidden.remove(id);
    }
}
