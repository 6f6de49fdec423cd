//! `doctor` against deployments with one fault each: it must name the true cause and the exact fix.
//!
//! The real program looks at real files, servers and a simulated site; what it says is read from `--json`.

mod address;
mod database;
mod sites;
mod sources;

use std::path::Path;

use serde_json::Value;

use crate::harness::place::{PROGRAM, Place, Said, command};

/// What `doctor` found.
struct Examined {
    said: Said,
    checks: Vec<Value>,
}

async fn examine(place: &Place) -> Examined {
    Examined::of(command(&["doctor", "--json"], Some(&place.file)).await)
}

/// The same, started by a shell that first runs `first`, such as setting a limit or a variable.
async fn examine_under(first: &str, place: &Place) -> Examined {
    let script = format!("{first}\nexec \"$@\"");
    let mut shell = tokio::process::Command::new("/bin/sh");
    shell.args(["-c", &script, "sh", PROGRAM, "doctor", "--json", "--config"]).arg(&place.file);
    let ended =
        shell.env_clear().stdin(std::process::Stdio::null()).output().await.expect("the shell starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Examined::of(Said { code: ended.status.code(), out: text(&ended.stdout), err: text(&ended.stderr) })
}

impl Examined {
    fn of(said: Said) -> Self {
        let checks = serde_json::from_str(&said.out).unwrap_or_else(|fault| panic!("{fault}: {said:?}"));
        let examined = Self { said, checks };
        let must_fix = examined.checks.iter().any(|check| check["state"] == "fix");
        assert_eq!(examined.said.code, Some(i32::from(must_fix)), "{:?}", examined.said);
        for check in &examined.checks {
            assert_eq!(check["code"].is_null(), check["state"] == "ok", "{check}");
            assert_eq!(check["fix"].is_null(), check["state"] == "ok", "{check}");
        }
        examined
    }

    /// There is one finding of this code, in this state, with these parts in its cause and in its fix.
    fn finds(&self, state: &str, code: &str, causes: &[&str], fixes: &[&str]) {
        let found: Vec<&Value> = self.checks.iter().filter(|check| check["code"] == code).collect();
        let [check] = found[..] else { panic!("{code}: {:?}", self.said) };
        assert_eq!(check["state"], state, "{check}");
        for (field, parts) in [("cause", causes), ("fix", fixes)] {
            let text = check[field].as_str().unwrap_or_default();
            for part in parts {
                assert!(text.contains(part), "{part:?} in {field} of {check}");
            }
        }
    }

    fn must_fix(&self, code: &str, causes: &[&str], fixes: &[&str]) {
        self.finds("fix", code, causes, fixes);
    }

    fn warns(&self, code: &str, causes: &[&str], fixes: &[&str]) {
        self.finds("warn", code, causes, fixes);
    }

    /// Nobody is told to install the app again.
    fn advises_no_install(&self) {
        let mut fixes = self.checks.iter().filter_map(|check| check["fix"].as_str());
        assert!(!fixes.any(|fix| fix.contains("install")), "{:?}", self.said);
    }

    /// All of a group is well.
    fn is_well(&self, group: &str) {
        let mut of_group = self.checks.iter().filter(|check| check["group"] == group).peekable();
        assert!(of_group.peek().is_some() && of_group.all(|check| check["state"] == "ok"), "{:?}", self.said);
    }
}

/// The configuration with one change.
fn rewrite(place: &Place, from: &str, to: &str) {
    let text = std::fs::read_to_string(&place.file).expect("it reads");
    assert!(text.contains(from), "{from} in {text}");
    std::fs::write(&place.file, text.replace(from, to)).expect("the folder is writable");
}

/// The configuration with more sections.
fn append(place: &Place, toml: &str) {
    let text = std::fs::read_to_string(&place.file).expect("it reads");
    std::fs::write(&place.file, format!("{text}\n{toml}\n")).expect("the folder is writable");
}

fn trust(place: &Place, authority: &str) {
    let file = place.folder.path().join("authority.pem");
    std::fs::write(&file, authority).expect("the folder is writable");
    append(place, &format!("[http]\nca_file = \"{}\"", file.display()));
}

/// An address where nobody listens.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").to_string()
}

fn is_private(said: &Said, secret: &str) {
    assert!(!said.out.contains(secret) && !said.err.contains(secret), "{said:?}");
}

fn database_of(place: &Place) -> String {
    let file: &Path = &place.folder.path().join("bridge.db");
    format!("sqlite://{}", file.display())
}

#[tokio::test]
async fn a_code_is_explained_without_any_configuration() {
    let about = command(&["doctor", "--about", "vault-key-unknown"], None).await;
    assert_eq!(about.code, Some(0), "{about:?}");
    assert!(about.out.contains("**Cause.**") && about.out.contains("vault.previous_keys"), "{about:?}");
    let unknown = command(&["doctor", "--about", "vault-key"], None).await;
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.err.contains("vault-key-unknown"), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_read_findings_by_group_with_the_fix_below_and_no_colours_in_a_file() {
    let place = Place::new();
    let _bridge = place.serve().await;
    let said = command(&["doctor"], Some(&place.file)).await;
    assert_eq!(said.code, Some(0), "a warning is no failure: {said:?}");
    let headings =
        ["Configuration", "Database", "Public address", "Sources", "Jira sites", "Work that waits"];
    let printed: Vec<&str> = said.out.lines().filter(|line| headings.contains(line)).collect();
    assert_eq!(printed, headings, "{said:?}");
    let warning =
        "  WARN  installations: no site has installed the app yet  [not-installed]\n        in Jira's";
    assert!(said.out.contains(warning), "{said:?}");
    assert!(said.out.contains("2 warnings; `incident-bridge doctor --about CODE`"), "{said:?}");
    assert!(!said.out.contains('\u{1b}'), "{said:?}");
}

/// What a terminal is sent, which `script` plays.
async fn on_a_terminal(place: &Place, environment: &[(&str, &str)]) -> String {
    let shown = format!("'{PROGRAM}' doctor --config '{}'", place.file.display());
    let mut terminal = tokio::process::Command::new("script");
    terminal.args(["-q", "-c", &shown, "/dev/null"]).env_clear().stdin(std::process::Stdio::null());
    terminal.env("PATH", "/usr/bin:/bin").envs(environment.iter().copied());
    String::from_utf8_lossy(&terminal.output().await.expect("script starts").stdout).into_owned()
}

#[tokio::test]
async fn a_terminal_shows_colours_unless_it_must_not() {
    let place = Place::new();
    let fix = "\u{1b}[1m\u{1b}[31mFIX   \u{1b}[0m";
    assert!(on_a_terminal(&place, &[("TERM", "xterm")]).await.contains(fix));
    for refusal in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let plain = on_a_terminal(&place, &[refusal]).await;
        assert!(plain.contains("FIX   ") && !plain.contains('\u{1b}'), "{plain:?}");
    }
}
