//! Transactions that span rooms: each is one method of [`Store`](crate::store::Store), and shows which rooms
//! it writes to.
//!
//! | method | what becomes true at once |
//! |---|---|
//! | `apply` | entities, their deliveries, their timeline, and the end of the webhook or page they came from |
//! | `install` | a site, its older keys erased, and everything it may see queued for delivery |
//! | `uninstall` | a site's secrets, deliveries, links, associations and history are gone |
//! | `record_removed` | a destination's deliveries and links of a source are gone |
//! | `enqueue_again` | new versions of a source's entities, queued for delivery |
//! | `move_workspaces` | new versions of entities whose workspace has changed, queued for delivery |

mod apply;
mod changes;
mod destinations;
pub(in crate::store) mod report;
mod workspaces;
