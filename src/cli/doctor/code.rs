//! The stable names of what `doctor` finds. Each is a heading of `docs/TROUBLESHOOTING.md`.
//!
//! Programs and people rely on them: add, and never rename.

use std::fmt;

use serde::Serialize;

/// The manual's page on all codes.
pub const PAGE: &str = include_str!("../../../docs/TROUBLESHOOTING.md");

/// The name of one finding, in kebab case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Code(&'static str);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What the page says of the code of this name.
///
/// # Errors
/// With all codes, if there is none of this name.
pub fn about(name: &str) -> Result<&'static str, String> {
    let mut parts = PAGE.split("\n### ");
    parts
        .find_map(|part| part.strip_prefix(name)?.strip_prefix('\n'))
        .map(|text| text.split_once("\n## ").map_or(text, |(own, _)| own).trim())
        .ok_or_else(|| {
            let known: Vec<&str> = ALL.iter().map(|code| code.0).collect();
            format!("there is no code {name:?}; there are: {}", known.join(", "))
        })
}

macro_rules! codes {
    ($($name:ident = $text:literal,)+) => {
        $(pub const $name: Code = Code($text);)+
        /// All of them.
        pub const ALL: &[Code] = &[$($name,)+];
    };
}

codes! {
    SOURCE_INVALID = "source-invalid",

    DATABASE_MISSING = "database-missing",
    DATABASE_FOLDER_MISSING = "database-folder-missing",
    DATABASE_NOT_PERMITTED = "database-not-permitted",
    DATABASE_DAMAGED = "database-damaged",
    DATABASE_LOCKED = "database-locked",
    DATABASE_UNREACHABLE = "database-unreachable",
    DATABASE_LOGIN_REFUSED = "database-login-refused",
    DATABASE_NAME_UNKNOWN = "database-name-unknown",
    DATABASE_NEWER = "database-newer",
    DATABASE_FAILS = "database-fails",
    DISK_FULL = "disk-full",
    DISK_NEARLY_FULL = "disk-nearly-full",
    FILE_EXPOSED = "file-exposed",
    MIGRATIONS_MISSING = "migrations-missing",

    NAME_NOT_FOUND = "name-not-found",
    CONNECTION_REFUSED = "connection-refused",
    CONNECTION_FAILED = "connection-failed",
    NO_ANSWER_IN_TIME = "no-answer-in-time",
    CERTIFICATE_EXPIRED = "certificate-expired",
    CERTIFICATE_EXPIRES_SOON = "certificate-expires-soon",
    CERTIFICATE_NOT_YET_VALID = "certificate-not-yet-valid",
    CERTIFICATE_NOT_TRUSTED = "certificate-not-trusted",
    CERTIFICATE_OTHER_NAME = "certificate-other-name",
    CERTIFICATE_INVALID = "certificate-invalid",
    PROXY_FAILS = "proxy-fails",
    ADDRESS_OTHER_SERVICE = "address-other-service",
    ADDRESS_WITHOUT_SERVICE = "address-without-service",

    SOURCE_WITHOUT_CREDENTIALS = "source-without-credentials",
    TOOL_REFUSES = "tool-refuses",
    TOOL_UNREADABLE = "tool-unreadable",
    TOOL_FAILS = "tool-fails",
    TOKEN_EXPIRED = "token-expired",
    TOKEN_EXPIRES_SOON = "token-expires-soon",
    WEBHOOK_NEVER_RECEIVED = "webhook-never-received",
    WORD_WITHOUT_MEANING = "word-without-meaning",

    NOT_INSTALLED = "not-installed",
    VAULT_KEY_UNKNOWN = "vault-key-unknown",
    SECRET_DAMAGED = "secret-damaged",
    CLOCK_WRONG = "clock-wrong",
    APP_DISABLED = "app-disabled",
    APP_UNINSTALLED = "app-uninstalled",
    INSTALLATION_UNCONFIRMED = "installation-unconfirmed",
    SECRET_STALE = "secret-stale",
    JIRA_FORBIDS = "jira-forbids",
    JIRA_GONE = "jira-gone",
    SITE_RENAMED = "site-renamed",
    JIRA_FAILS = "jira-fails",
    SITE_PARKED = "site-parked",

    ISSUES_SITE_WRONG = "issues-site-wrong",
    ISSUES_TOKEN_REFUSED = "issues-token-refused",
    ISSUES_SCOPE_MISSING = "issues-scope-missing",
    ISSUES_PERMISSION_MISSING = "issues-permission-missing",
    ISSUES_PROJECT_UNUSABLE = "issues-project-unusable",
    ISSUES_TYPE_MISSING = "issues-type-missing",
    ISSUES_FIELD_MISSING = "issues-field-missing",
    ISSUES_PRIORITY_UNKNOWN = "issues-priority-unknown",
    ISSUES_WAY_MISSING = "issues-way-missing",
    ISSUES_HELD = "issues-held",
    ISSUES_TOKEN_ENDS = "issues-token-ends",
    ISSUES_TOKEN_ENDS_SOON = "issues-token-ends-soon",

    DELIVERIES_WAIT = "deliveries-wait",
    DELIVERIES_REFUSED = "deliveries-refused",
    WEBHOOKS_UNREAD = "webhooks-unread",
    WEBHOOKS_QUARANTINED = "webhooks-quarantined",
    POLL_FAILED = "poll-failed",
    POLL_PAUSED = "poll-paused",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_a_heading_of_the_page_and_every_heading_a_code() {
        let headings: Vec<&str> = PAGE.lines().filter_map(|line| line.strip_prefix("### ")).collect();
        let codes: Vec<&str> = ALL.iter().map(|code| code.0).collect();
        assert_eq!(headings, codes);
        for code in codes {
            assert!(code.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{code}");
            let about = about(code).unwrap();
            for part in ["**Symptom.**", "**Cause.**", "**Fix.**"] {
                assert!(about.contains(part), "{code}: {part}");
            }
            assert!(!about.contains("\n#"), "{code}: {about}");
        }
        assert!(about("disk").unwrap_err().contains("disk-full"));
    }
}
