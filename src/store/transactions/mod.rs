//! Transactions that span rooms: each is one method of [`Store`](crate::store::Store), and shows which rooms
//! it writes to.
//!
//! | method | what becomes true at once |
//! |---|---|
//! | `apply` | entities, their deliveries, their timeline, and the end of the webhook or page they came from |
//! | `claim_webhooks` | the same for the new webhooks of a source, which are read in it too |
//! | `install` | a lifecycle call, its site, and everything the site may see queued for delivery |
//! | `confirm` | a new client key of a site in use, the older ones erased, and everything queued for delivery |
//! | `uninstall` | a lifecycle call; a site's secrets, deliveries, links, associations and history are gone |
//! | `set_enabled` | a lifecycle call; a site paused or resumed |
//! | `record_removed` | a destination's deliveries and links of a source are gone |
//! | `enqueue_again` | new versions of a source's entities, queued for delivery |
//! | `erase_entity`, `redact_entity` | an entity without (some of) its content, its history and links, queued for delivery |
//! | `move_workspaces` | new versions of entities whose workspace has changed, queued for delivery |

mod apply;
pub(in crate::store) mod audience;
mod changes;
pub(in crate::store) mod claim;
mod destinations;
mod differences;
mod erase;
pub(in crate::store) mod report;
mod workspaces;
