//! What each destination should hold and what it has acknowledged. A delivery is the difference: one row for
//! each entity and destination. Every statement on the table `deliveries` is in this room.
//!
//! ```text
//!       new version of the entity, or everything is wanted again: from any state
//!              │
//!              ▼                                          discard
//!  ┌──────▶ waiting ──────────┬─────────────────────┬─────────────────┐
//!  │           │ accepted     │ refused             │ not taken       │
//!  │           ▼              ▼                     │                 ▼
//!  │◀─ lost ─ accepted ─────▶ refused ──────────────┴───────────▶ discarded
//!  │           │  ▲  never    │             discard                   │
//!  │      seen │  │  shown    │                                       │
//!  │           ▼  │ nightly   │                                       │
//!  │        confirmed         │                                       │
//!  └──────────────────────────┴───────────────────────────────────────┘
//!                 retry, of what was refused also nightly
//! ```
//!
//! A destination can put a delivery off: it goes on waiting, and nothing looks at it before its time (`later`).
//!
//! An answer to an older version than the wanted one changes nothing but `acknowledged`: the delivery keeps
//! waiting.
//!
//! | to | by |
//! |---|---|
//! | `waiting` | `enqueue`, `enqueue_source`, `enqueue_missing`, `retry`, `retry_refused_before`, `record_readbacks` |
//! | `accepted` | `record_outcomes`, `recheck_confirmed` |
//! | `confirmed` | `record_readbacks` |
//! | `refused` | `record_outcomes`, `record_readbacks` |
//! | `discarded` | `record_outcomes`, `discard` |

pub(in crate::store) mod batch_rules;
pub(in crate::store) mod counts;
pub(in crate::store) mod erasure;
mod later;
pub(in crate::store) mod listing;
mod missing;
pub(in crate::store) mod next_batch;
mod next_group;
mod outcomes;
pub(in crate::store) mod queue;
pub(in crate::store) mod readback;

use crate::clock::Clock;
use crate::store::db::Database;
use crate::store::sites::Sites;
use crate::store::timeline::Timeline;

/// The room of the deliveries.
#[derive(Debug, Clone, Copy)]
pub struct Deliveries<'a> {
    db: &'a Database,
    clock: &'a Clock,
    sites: Sites<'a>,
    timeline: Timeline<'a>,
}

impl<'a> Deliveries<'a> {
    pub(in crate::store) fn new(
        db: &'a Database,
        clock: &'a Clock,
        sites: Sites<'a>,
        timeline: Timeline<'a>,
    ) -> Self {
        Self { db, clock, sites, timeline }
    }
}
