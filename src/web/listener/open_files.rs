//! How many connections the process's limit of open files has room for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that others need: the operator's listener, the database, requests to Jira and the tools.
const RESERVE: u64 = 160;
/// Fewer would be no service.
const FEWEST: usize = 16;

/// At most `wanted`: as many connections as there can be files, after raising the limit if that is allowed.
pub(super) fn fit_connections(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let needed = u64::try_from(wanted).unwrap_or(u64::MAX).saturating_add(RESERVE);
    let raised = limit.maximum.unwrap_or(u64::MAX).min(needed);
    let files = match limit.current {
        None => return wanted,
        Some(files) if files >= raised => files,
        Some(files) => {
            let asked = Rlimit { current: Some(raised), maximum: limit.maximum };
            setrlimit(Resource::Nofile, asked).map_or(files, |()| raised)
        }
    };
    let room = usize::try_from(files.saturating_sub(RESERVE)).unwrap_or(usize::MAX).max(FEWEST);
    if room < wanted {
        tracing::warn!(
            files,
            connections = room,
            "the limit of open files allows fewer connections than server.max_connections; raise it (ulimit -n, LimitNOFILE)"
        );
    }
    room.min(wanted)
}
