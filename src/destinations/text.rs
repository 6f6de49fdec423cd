//! Jira's limits on texts, addresses and instants, for everything that Jira shows.
//!
//! Must not lose more of a tool's text than the limits require.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike};
use url::{Position, Url};

use crate::domain::{EntityId, SourceId, Timestamp, format_timestamp, is_blank};

const MAX_LINE: usize = 255;
const MAX_TEXT: usize = 5000;
const MAX_URL: usize = 2000;
pub const MAX_LIST: usize = 100;

/// One line of at most 255 UTF-16 units; `None` when nothing visible is left.
pub fn find_line(text: &str) -> Option<String> {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    cut(line.trim(), MAX_LINE)
}

/// Markdown of at most 5000 UTF-16 units with line breaks and tabs kept; `None` when nothing visible is left.
pub fn find_text(text: &str) -> Option<String> {
    let clean: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    cut(clean.trim(), MAX_TEXT)
}

/// The text within `limit` UTF-16 units, with an ellipsis where something was cut off. Counts UTF-16 units
/// because Jira counts as Java does; whole characters only, so no surrogate pair is ever halved.
fn cut(text: &str, limit: usize) -> Option<String> {
    if is_blank(text) {
        return None;
    }
    if text.encode_utf16().count() <= limit {
        return Some(text.to_owned());
    }
    // One unit is the ellipsis.
    let mut left = limit.saturating_sub(1);
    let fits = |c: &char| {
        let rest = left.checked_sub(c.len_utf16());
        rest.inspect(|rest| left = *rest).is_some()
    };
    let kept: String = text.chars().take_while(fits).collect();
    Some(format!("{}…", kept.trim_end()))
}

/// The address as an RFC 3986 URI of at most 2000 characters; `None` unless it is absolute, http or https,
/// and free of user names and passwords, which Jira's users must not see.
pub fn find_url(text: &str) -> Option<String> {
    let url = Url::parse(text.trim()).ok()?;
    let fit =
        matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    fit.then(|| uri(&url)).filter(|uri| uri.len() <= MAX_URL)
}

/// The URI of a parsed address. Browsers' rules, which `Url` follows, leave characters such as `|` and `{`
/// alone that a strict reader refuses.
pub fn uri(url: &Url) -> String {
    let mut out = url[..Position::BeforePath].to_owned();
    push_encoded(&mut out, url.path());
    for (mark, part) in [('?', url.query()), ('#', url.fragment())] {
        if let Some(part) = part {
            out.push(mark);
            push_encoded(&mut out, part);
        }
    }
    out
}

fn push_encoded(out: &mut String, part: &str) {
    let mut rest = part.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let escape = byte == b'%'
            && after.first_chunk::<2>().is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        if escape || byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(percent_encoding::percent_encode_byte(byte));
        }
    }
}

/// `createdDate` and `lastUpdated`. The latter is never before the former, and both are within the years that
/// RFC 3339 can express.
pub fn dates(created: Timestamp, updated: Timestamp) -> (String, String) {
    (timestamp(created), timestamp(updated.max(created)))
}

pub fn timestamp(instant: Timestamp) -> String {
    let writable = if instant.year() < 0 {
        DateTime::UNIX_EPOCH
    } else if instant.year() > 9999 {
        DateTime::from_timestamp(253_402_300_799, 0).unwrap_or(instant)
    } else {
        instant
    };
    format_timestamp(writable)
}

/// The ids of at most 100 of the tool's ids, sorted and each once, so that the same set gives the same list.
pub fn id_list(source: &SourceId, provider_ids: &[String]) -> Vec<EntityId> {
    let distinct: BTreeSet<&String> = provider_ids.iter().filter(|id| !id.trim().is_empty()).collect();
    distinct.into_iter().take(MAX_LIST).map(|id| EntityId::new(source, id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_at_the_limit_is_kept_and_one_beyond_gets_an_ellipsis() {
        let fits = "x".repeat(255);
        assert_eq!(find_line(&fits).unwrap(), fits);
        assert_eq!(find_line(&"x".repeat(256)).unwrap(), format!("{}…", "x".repeat(254)));
    }

    #[test]
    fn the_limit_counts_utf16_units_and_never_halves_a_pair() {
        let line = find_line(&"😀".repeat(200)).unwrap();
        assert_eq!(line, format!("{}…", "😀".repeat(127)));
        assert_eq!(line.encode_utf16().count(), 255);
        let odd = find_line(&format!("x{}", "😀".repeat(200))).unwrap();
        assert_eq!(odd.encode_utf16().count(), 254);
    }

    #[test]
    fn no_space_stands_before_the_ellipsis() {
        let line = find_line(&format!("{} {}", "x".repeat(253), "y".repeat(50))).unwrap();
        assert_eq!(line, format!("{}…", "x".repeat(253)));
    }

    #[test]
    fn control_characters_go_but_the_description_keeps_its_lines() {
        assert_eq!(find_line(" a\tb\nc\u{0} ").as_deref(), Some("a b c"));
        assert_eq!(find_text("a\r\n\tb\u{7}").as_deref(), Some("a\n\tb"));
        assert_eq!(find_line(" \u{0}\n"), None);
        assert_eq!(find_text(""), None);
    }

    #[test]
    fn only_absolute_web_addresses_without_credentials_pass() {
        assert_eq!(find_url(" https://tool.example/i/1 ").as_deref(), Some("https://tool.example/i/1"));
        for bad in
            ["", "/i/1", "tool.example/i", "javascript:alert(1)", "ftp://x/y", "https://u:p@x/", "https://"]
        {
            assert_eq!(find_url(bad), None, "{bad}");
        }
        let long = format!("https://x/{}", "a".repeat(2000));
        assert_eq!(find_url(&long), None);
    }

    #[test]
    fn characters_that_a_uri_forbids_are_encoded_and_escapes_are_kept() {
        assert_eq!(
            find_url("https://x/a b|c%20%zz[1]?q={a}|b#é#f").as_deref(),
            Some("https://x/a%20b%7Cc%20%25zz%5B1%5D?q=%7Ba%7D%7Cb#%C3%A9%23f")
        );
        assert_eq!(find_url("https://[::1]:8443/a").as_deref(), Some("https://[::1]:8443/a"));
    }

    #[test]
    fn an_update_before_the_creation_is_dated_at_the_creation() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        assert_eq!(
            dates(at(100), at(50)),
            ("1970-01-01T00:01:40.000Z".to_owned(), "1970-01-01T00:01:40.000Z".to_owned())
        );
    }

    #[test]
    fn years_that_rfc_3339_cannot_write_are_clamped() {
        assert_eq!(timestamp(Timestamp::MAX_UTC), "9999-12-31T23:59:59.000Z");
        assert_eq!(timestamp(Timestamp::MIN_UTC), "1970-01-01T00:00:00.000Z");
    }
}
