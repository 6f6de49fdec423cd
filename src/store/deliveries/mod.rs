//! What each destination should hold and what it has acknowledged. A delivery is the difference: one row for
//! each entity and destination. Every statement on the table `deliveries` is in this room.
//!
//! ```text
//!                  new version of the entity, or everything is wanted again
//!        ┌──────────────────┬─────────────────┬──────────────┬─────────────┐
//!        ▼                  │                 │              │             │
//!     waiting ─ accepted ─▶ accepted ─ seen ─▶ confirmed     │             │
//!      │ ▲ │                │ ▲  │                │          │             │
//!      │ │ │                │ │  └─ never shown ──┼───────▶ refused        │
//!      │ │ │                │ └──── nightly ──────┘          ▲ │            │
//!      │ │ └─ refused ──────┼────────────────────────────────┘ │            │
//!      │ └─ lost, sent again┘                                  │            │
//!      │ ◀──────────────── retry, nightly retry ───────────────┘            │
//!      └─────────────────────── discard (also from refused) ──────────▶ discarded
//! ```
//!
//! `discarded` goes back to `waiting` by a retry as well. `waiting` means `wanted > acknowledged`, or that
//! nothing was acknowledged yet; an answer to an older version than the wanted one leaves it waiting.
//!
//! | change | method |
//! |---|---|
//! | to `waiting` | `enqueue`, `enqueue_source`, `enqueue_missing`, `retry`, `retry_refused_before`, `record_readbacks` |
//! | to `accepted` | `record_outcomes`, `recheck_confirmed` |
//! | to `confirmed` | `record_readbacks` |
//! | to `refused` | `record_outcomes`, `record_readbacks` |
//! | to `discarded` | `discard` |

pub(in crate::store) mod counts;
pub(in crate::store) mod listing;
pub(in crate::store) mod next_batch;
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
