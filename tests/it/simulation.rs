//! A hundred seeds of the simulation break no rule, a seed replays exactly, and a broken rule is noticed.

use std::time::Duration;

use crate::simulate::run::{play_many, play_one};
use crate::simulate::story::{Outcome, Plan};
use crate::simulate::world::Sabotage;

fn play(plan: Plan) -> Outcome {
    play_one(plan).expect("a runtime starts")
}

/// The first seed in which this sabotage is noticed in these words, with what was broken.
fn find_broken(sabotage: Sabotage, words: &str) -> (u64, String) {
    let broken = |seed| {
        let why = play(Plan { sabotage, ..Plan::of(seed) }).broken?;
        why.contains(words).then_some((seed, why))
    };
    (1..=20).find_map(broken).unwrap_or_else(|| panic!("{sabotage:?} goes unnoticed"))
}

#[test]
fn a_hundred_seeds_break_no_rule() {
    let totals = play_many(1..101, 2, Duration::MAX).expect("the simulation runs");
    assert!(totals.broken.is_empty(), "cargo run --release --example simulate -- --seed N: {totals:#?}");
    assert_eq!(totals.seeds, 100);
    assert!(totals.crashes > 100 && totals.requests > 5_000 && totals.webhooks > 1_000, "{totals:?}");
}

#[test]
fn a_seed_takes_the_same_steps_whenever_it_is_played() {
    for seed in 1..=4 {
        let plan = Plan { keep_trace: true, ..Plan::of(seed) };
        let (first, second) = (play(plan), play(plan));
        assert_eq!(first.trace, second.trace);
        assert_eq!(first.trace_hash, second.trace_hash);
        assert_ne!(first.trace_hash, play(Plan::of(seed + 4)).trace_hash);
    }
}

#[test]
fn a_seed_that_breaks_a_rule_breaks_it_again() {
    let (seed, why) = find_broken(Sabotage::VersionsGoBack, "");
    let again = play(Plan { sabotage: Sabotage::VersionsGoBack, ..Plan::of(seed) });
    assert_eq!(again.broken, Some(why));
}

#[test]
fn each_broken_rule_is_noticed() {
    for (sabotage, words) in [
        (Sabotage::JiraForgets, "lost:"),
        (Sabotage::VersionsGoBack, " after "),
        (Sabotage::TwoAtOnce, "while it is asked"),
        (Sabotage::ForeignSource, "may not see"),
        (Sabotage::WebhookVanishes, "gone before it had an effect"),
    ] {
        find_broken(sabotage, words);
    }
}
