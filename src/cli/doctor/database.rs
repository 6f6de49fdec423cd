//! Whether the database can be reached, has the right schema, takes writes, and has room to grow.

use indicatif::BinaryBytes;

use super::check::{Check, Group};
use super::code;
use super::context::Context;
use crate::app::{find_database, find_database_trouble, open_any_operator};
use crate::sync::{DatabasePlace, DatabaseTrouble as Trouble, Operator};

/// With less, the next hour may fill it.
const NEARLY_FULL: u64 = 200 << 20;
/// With less, SQLite's write-ahead log may not grow to its usual size any more.
const FULL: u64 = 16 << 20;
const GROUP: Group = Group::Database;
const OPEN: &str = "database";

/// Also gives the database, if it can be worked with. Neither makes nor migrates one.
pub async fn examine(context: &Context<'_>) -> (Vec<Check>, Option<Operator>) {
    let place = match find_database(context.config) {
        Ok(place) => place,
        Err(fault) => {
            let fix = "correct `store.url`: sqlite://FILE or postgres://USER:PASSWORD@HOST/DATABASE";
            return (vec![Check::fix(GROUP, code::DATABASE_FAILS, OPEN, format!("{fault:#}"), fix)], None);
        }
    };
    if let Some(check) = judge_absence(&place) {
        return (vec![check], None);
    }
    let free = place.free_space().ok().flatten();
    let operator = match open_any_operator(context.config, context.clock.clone()).await {
        Ok(operator) => operator,
        Err(fault) => {
            let trouble = find_database_trouble(&fault);
            let trouble = trouble.unwrap_or_else(|| Trouble::Other { words: format!("{fault:#}") });
            return (vec![judge_trouble(&place, free, &trouble)], None);
        }
    };
    let mut checks = vec![Check::ok(GROUP, OPEN, place.to_string())];
    checks.extend(examine_files(&operator));
    let (schema, is_ready) = examine_schema(&operator, &place, free).await;
    checks.push(schema);
    let has_room = free.map(|free| judge_space(&place, free));
    if is_ready {
        checks.extend(examine_writing(&operator, &place, free, has_room).await);
        (checks, Some(operator))
    } else {
        checks.extend(has_room);
        (checks, None)
    }
}

fn examine_files(operator: &Operator) -> Vec<Check> {
    let exposed = operator.list_exposed_files().into_iter().map(|file| {
        let path = file.path.display();
        let cause = format!("others than its owner can read it (permissions {:o})", file.mode);
        let fix = format!("run `chmod 600 {path}`");
        Check::fix(GROUP, code::FILE_EXPOSED, format!("file {path}"), cause, fix)
    });
    exposed.collect()
}

async fn examine_schema(operator: &Operator, place: &DatabasePlace, free: Option<u64>) -> (Check, bool) {
    let what = "schema";
    match operator.count_pending_migrations().await {
        Ok(0) => (Check::ok(GROUP, what, "up to date"), true),
        Ok(n) => {
            let cause = format!("{n} migration(s) missing");
            let fix = "run `incident-bridge migrate`, or start `incident-bridge serve`";
            (Check::fix(GROUP, code::MIGRATIONS_MISSING, what, cause, fix), false)
        }
        Err(fault) => {
            let trouble = fault.trouble().unwrap_or_else(|| Trouble::Other { words: fault.to_string() });
            (judge_trouble(place, free, &trouble), false)
        }
    }
}

/// A full disk is said once.
async fn examine_writing(
    operator: &Operator,
    place: &DatabasePlace,
    free: Option<u64>,
    has_room: Option<Check>,
) -> Vec<Check> {
    let Err(fault) = operator.check_writable().await else {
        let writes = Check::ok(GROUP, "writing", "the database takes writes");
        return std::iter::once(writes).chain(has_room).collect();
    };
    let trouble = fault.trouble().unwrap_or_else(|| Trouble::Other { words: fault.to_string() });
    let check = judge_trouble(place, free, &trouble);
    let has_room = has_room.filter(|_| check.code != Some(code::DISK_FULL));
    std::iter::once(check).chain(has_room).collect()
}

fn judge_absence(place: &DatabasePlace) -> Option<Check> {
    if !place.is_missing() {
        return None;
    }
    let folder = place.folder()?;
    Some(if folder.is_dir() {
        let cause = format!("{place} does not exist yet");
        let fix = "start `incident-bridge serve`, or run `incident-bridge migrate`; if there was one, correct \
                   `store.url` or restore the backup";
        Check::fix(GROUP, code::DATABASE_MISSING, OPEN, cause, fix)
    } else {
        let cause =
            format!("the folder {} of {place} does not exist, or may not be entered", folder.display());
        let fix = format!("run `mkdir -p {}`, or correct `store.url`", folder.display());
        Check::fix(GROUP, code::DATABASE_FOLDER_MISSING, OPEN, cause, fix)
    })
}

fn judge_space(place: &DatabasePlace, free: u64) -> Check {
    let folder = place.folder().map(|folder| folder.display().to_string()).unwrap_or_default();
    let cause = format!("{} are free in {folder}", BinaryBytes(free));
    let fix = "free disk space: the database grows with each webhook, and a full disk refuses all of them";
    match free {
        ..FULL => Check::fix(GROUP, code::DISK_FULL, "disk", cause, fix),
        FULL..NEARLY_FULL => Check::warn(GROUP, code::DISK_NEARLY_FULL, "disk", cause, fix),
        _ => Check::ok(GROUP, "disk", cause),
    }
}

fn judge_trouble(place: &DatabasePlace, free: Option<u64>, trouble: &Trouble) -> Check {
    let fix = |code, cause: String, fix: &str| Check::fix(GROUP, code, OPEN, cause, fix);
    let in_words = |words: &str| format!("{place} cannot be used: {words}");
    match trouble {
        Trouble::DiskFull | Trouble::DiskFails { .. } => judge_full_disk(place, free),
        Trouble::NotPermitted { words } => fix(
            code::DATABASE_NOT_PERMITTED,
            in_words(words),
            "give the user that runs incident-bridge the file and its folder, readable and writable",
        ),
        Trouble::NotADatabase { words } => fix(
            code::DATABASE_DAMAGED,
            in_words(words),
            "correct `store.url` if it names another file; else restore the backup",
        ),
        Trouble::Locked => fix(
            code::DATABASE_LOCKED,
            format!("another process keeps {place} locked"),
            "end what else works with it, such as a backup or a `sqlite3` that was left open",
        ),
        Trouble::Unreachable { words } => fix(
            code::DATABASE_UNREACHABLE,
            format!("{place} cannot be reached: {words}"),
            "start PostgreSQL, or correct host and port in `store.url`",
        ),
        Trouble::LoginRefused { words } => fix(
            code::DATABASE_LOGIN_REFUSED,
            format!("{place} refuses the login: {words}"),
            "correct user and password in `store.url`, or what pg_hba.conf allows them",
        ),
        Trouble::NoSuchDatabase { words } => fix(
            code::DATABASE_NAME_UNKNOWN,
            format!("{place} does not exist: {words}"),
            "create it with `createdb`, or correct its name in `store.url`",
        ),
        Trouble::Newer { migration } => fix(
            code::DATABASE_NEWER,
            format!(
                "a newer incident-bridge has migrated {place}: this one does not know migration {migration}"
            ),
            "install that version again, or restore the backup from before the upgrade",
        ),
        Trouble::Other { words } => fix(
            code::DATABASE_FAILS,
            in_words(words),
            "see what the log of the database says, and report what is not explained by it",
        ),
    }
}

fn judge_full_disk(place: &DatabasePlace, free: Option<u64>) -> Check {
    let (room, fix) = match free {
        Some(free @ NEARLY_FULL..) => (
            format!(
                ", although {} are free: a limit on the size of files, or a disk that fails",
                BinaryBytes(free)
            ),
            "raise the limit (`ulimit -f`, systemd's LimitFSIZE), or see the system's log about the disk",
        ),
        Some(free) => (format!(": its disk is full, {} are free", BinaryBytes(free)), "free disk space"),
        None => (": the disk of the server is full or fails".to_owned(), "free disk space on the server"),
    };
    Check::fix(GROUP, code::DISK_FULL, "disk", format!("{place} cannot grow{room}"), fix)
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    fn place() -> DatabasePlace {
        DatabasePlace::File("/var/lib/bridge/bridge.db".into())
    }

    #[test]
    fn a_disk_is_worth_a_warning_before_it_is_full() {
        for (free, state, said) in [
            (0, State::Fix, "0 B are free"),
            (64 << 10, State::Fix, "64.00 KiB are free"),
            (17 << 20, State::Warn, "17.00 MiB are free"),
            (200 << 20, State::Ok, "200.00 MiB are free"),
        ] {
            let check = judge_space(&place(), free);
            assert_eq!(check.state, state, "{check:?}");
            assert_eq!(check.cause, format!("{said} in /var/lib/bridge"));
        }
    }

    #[test]
    fn a_write_that_fails_is_a_full_disk_only_if_the_disk_is_full() {
        let full = judge_trouble(&place(), Some(4096), &Trouble::DiskFull);
        assert!(full.cause.contains("its disk is full, 4.00 KiB are free"), "{full:?}");
        let limit = judge_trouble(&place(), Some(1 << 40), &Trouble::DiskFails { words: "I/O".to_owned() });
        assert!(limit.cause.contains("although 1.00 TiB are free"), "{limit:?}");
        assert_eq!((full.code, limit.code), (Some(code::DISK_FULL), Some(code::DISK_FULL)));
    }
}
