//! The database: where it is, whose fault it is that it does not work, and how much room it has.

use sqlx::{Connection as _, SqliteConnection};

use super::{database_of, examine, examine_under, is_private, nobody, rewrite};
use crate::harness::fresh_postgres;
use crate::harness::place::{Place, command};

async fn migrated() -> Place {
    let place = Place::new();
    let said = command(&["migrate"], Some(&place.file)).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    place
}

async fn execute(place: &Place, sql: &'static str) {
    let mut connection = SqliteConnection::connect(&database_of(place)).await.expect("it opens");
    sqlx::raw_sql(sql).execute(&mut connection).await.expect("it works");
    connection.close().await.expect("it closes");
}

fn move_to(place: &Place, url: &str) {
    rewrite(place, &database_of(place), url);
}

#[tokio::test]
async fn a_database_that_is_not_there_is_not_made() {
    let place = Place::new();
    let fix = ["incident-bridge serve", "incident-bridge migrate"];
    let file = place.folder.path().join("bridge.db");
    examine(&place).await.must_fix("database-missing", &[&file.display().to_string()], &fix);
    assert!(!file.exists());
    let folder = place.folder.path().join("gone");
    move_to(&place, &format!("sqlite://{}/bridge.db", folder.display()));
    let (cause, fix) = (format!("the folder {}", folder.display()), format!("mkdir -p {}", folder.display()));
    examine(&place).await.must_fix("database-folder-missing", &[&cause], &[&fix]);
}

#[tokio::test]
async fn migrations_that_are_missing_or_unknown_are_told_without_other_errors() {
    let place = migrated().await;
    examine(&place).await.is_well("database");
    execute(
        &place,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                     VALUES (9999, 'of tomorrow', 1, X'00', 0)",
    )
    .await;
    examine(&place).await.is_well("database");
    execute(&place, "UPDATE generations SET number = 9999 WHERE name = 'oldest_program'").await;
    let newer = examine(&place).await;
    newer.must_fix("database-newer", &["a newer incident-bridge", "9999"], &["that version", "backup"]);
    execute(&place, "UPDATE generations SET number = 0 WHERE name = 'oldest_program'").await;
    execute(
        &place,
        "DELETE FROM _sqlx_migrations WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)",
    )
    .await;
    execute(
        &place,
        "DELETE FROM _sqlx_migrations WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)",
    )
    .await;
    let behind = examine(&place).await;
    behind.must_fix("migrations-missing", &["1 migration(s) missing"], &["incident-bridge migrate"]);
    for examined in [newer, behind] {
        assert!(
            !examined.said.out.contains("no such table") && examined.said.err.is_empty(),
            "{:?}",
            examined.said
        );
        assert_eq!(
            examined
                .checks
                .iter()
                .filter(|check| check["group"] == "database" && check["state"] == "fix")
                .count(),
            1
        );
    }
}

#[tokio::test]
async fn a_disk_that_takes_no_more_is_said_once_and_in_plain_words() {
    let place = migrated().await;
    let full = examine_under("trap '' XFSZ\nulimit -f 8", &place).await;
    let file = place.folder.path().join("bridge.db").display().to_string();
    full.must_fix("disk-full", &[&file, "cannot grow", "limit on the size of files"], &["ulimit -f"]);
    assert!(
        !full.said.out.contains("4874") && full.said.out.matches("cannot grow").count() == 1,
        "{:?}",
        full.said
    );
    let roomy = examine(&place).await;
    let disk = roomy.checks.iter().find(|check| check["what"] == "disk").expect("it looks at the disk");
    assert!(disk["cause"].as_str().is_some_and(|cause| cause.contains("iB are free in")), "{disk}");
}

#[tokio::test]
async fn a_file_that_is_no_database_and_one_that_may_not_be_read_are_told_apart() {
    let place = Place::new();
    let file = place.folder.path().join("bridge.db");
    std::fs::write(&file, "a letter to grandmother ".repeat(100)).expect("the folder is writable");
    examine(&place).await.must_fix("database-damaged", &["not a database"], &["`store.url`", "backup"]);
    std::fs::remove_file(&file).expect("it is ours");
    std::fs::create_dir(&file).expect("the folder is writable");
    examine(&place).await.must_fix("database-not-permitted", &["bridge.db"], &["readable and writable"]);
}

#[tokio::test]
async fn a_postgresql_that_is_down_is_named_by_host_and_never_by_password() {
    let (place, address) = (Place::new(), nobody());
    move_to(&place, &format!("postgres://jane:hush-hush@{address}/bridge"));
    let down = examine(&place).await;
    let cause = format!("PostgreSQL at {address}, database bridge");
    down.must_fix("database-unreachable", &[&cause, "refused"], &["start PostgreSQL", "`store.url`"]);
    is_private(&down.said, "hush-hush");
    let served = command(&["migrate"], Some(&place.file)).await;
    assert!(served.err.contains(&cause), "every command says where: {served:?}");
    is_private(&served, "hush-hush");
}

#[tokio::test]
async fn a_postgresql_that_answers_says_what_it_lacks() {
    let (place, url) = (Place::new(), fresh_postgres().await);
    move_to(&place, &url);
    examine(&place).await.must_fix("migrations-missing", &["missing"], &["incident-bridge migrate"]);
    assert_eq!(command(&["migrate"], Some(&place.file)).await.code, Some(0));
    examine(&place).await.is_well("database");
    let changed = |change: fn(&mut url::Url)| {
        let mut url = url::Url::parse(&url).expect("a URL");
        change(&mut url);
        url.to_string()
    };
    let gone = changed(|url| url.set_path("gone"));
    rewrite(&place, &url, &gone);
    examine(&place).await.must_fix("database-name-unknown", &["\"gone\""], &["createdb"]);
    let stranger = changed(|url| url.set_username("nobody-at-all").expect("it has a host"));
    rewrite(&place, &gone, &stranger);
    examine(&place).await.must_fix("database-login-refused", &["nobody-at-all"], &["user and password"]);
}
