//! One-line texts within Jira's limits, first of all a work item's summary.
//!
//! Must hold no status and no level, because each change of the summary costs everybody who watches a mail.

use unicode_segmentation::UnicodeSegmentation;

use crate::domain::is_blank;

/// Longest one-line text that Jira takes, in UTF-16 units, the strictest of the ways to count.
pub const MAX_LINE: usize = 255;

/// The summary of an incident: its title, or its id if the title shows nothing.
#[must_use]
pub fn summary(title: &str, id: &str) -> String {
    one_line(title).or_else(|| one_line(&format!("Incident {id}"))).unwrap_or_else(|| "Incident".to_owned())
}

/// The text on one line of at most [`MAX_LINE`] units: every run of white space and control characters becomes one
/// space. `None` when nothing visible is left.
#[must_use]
pub fn one_line(text: &str) -> Option<String> {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    // A line that is longer than the limit needs no more than the limit's worth of words, and one more.
    let words: Vec<&str> = words.take(MAX_LINE).collect();
    let line = words.join(" ");
    (!is_blank(&line)).then(|| cut(&line, MAX_LINE))
}

/// The text within `limit` UTF-16 units, with `…` where something was cut off. No visible character is divided, unless
/// it alone is longer than the limit.
#[must_use]
pub fn cut(text: &str, limit: usize) -> String {
    if utf16_len(text) <= limit {
        return text.to_owned();
    }
    let room = limit.saturating_sub(1);
    let whole = take(text.graphemes(true), room);
    let kept = if whole.trim().is_empty() { take(text.split(""), room) } else { whole };
    format!("{}…", kept.trim_end())
}

/// As many of the parts as fit.
fn take<'t>(parts: impl Iterator<Item = &'t str>, mut room: usize) -> String {
    let fits = |part: &&str| {
        let rest = room.checked_sub(utf16_len(part));
        rest.inspect(|rest| room = *rest).is_some()
    };
    parts.take_while(fits).collect()
}

/// Length as Java and JavaScript count.
#[must_use]
pub fn utf16_len(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_title_is_one_line_without_control_characters() {
        assert_eq!(
            summary("  Checkout\r\n\tis\u{0}\u{7} slow\u{2028}now\u{a0} ", "1"),
            "Checkout is slow now"
        );
    }

    #[test]
    fn a_title_that_shows_nothing_gives_way_to_the_id() {
        for title in ["", " \n", "\u{200b}\u{feff}"] {
            assert_eq!(summary(title, "PT4KHLK"), "Incident PT4KHLK");
        }
        assert_eq!(summary("", "a\nb"), "Incident a b");
        assert_eq!(utf16_len(&summary("", &"x".repeat(1000))), MAX_LINE);
    }

    #[test]
    fn a_summary_at_the_limit_is_kept_and_one_beyond_gets_an_ellipsis() {
        let fits = "x".repeat(255);
        assert_eq!(summary(&fits, "1"), fits);
        assert_eq!(summary(&"x".repeat(256), "1"), format!("{}…", "x".repeat(254)));
        assert_eq!(
            summary(&format!("{} {}", "x".repeat(253), "y".repeat(9)), "1"),
            format!("{}…", "x".repeat(253))
        );
    }

    #[test]
    fn no_visible_character_is_divided() {
        for whole in ["😀", "👩\u{200d}👩\u{200d}👧\u{200d}👦", "❤\u{fe0f}", "🇩🇪", "e\u{301}", "👍🏽", "각"]
        {
            let size = utf16_len(whole);
            for before in 0..size {
                let text = format!("{}{}", "x".repeat(before + 1), whole.repeat(300));
                let cut = summary(&text, "1");
                let rest = cut.strip_suffix('…').unwrap().trim_start_matches('x');
                assert_eq!(rest, whole.repeat((254 - before - 1) / size), "{whole}");
            }
        }
    }

    #[test]
    fn a_character_that_alone_is_too_long_is_divided() {
        let zalgo = format!("a{}", "\u{301}".repeat(400));
        assert_eq!(summary(&zalgo, "1"), format!("a{}…", "\u{301}".repeat(253)));
    }

    proptest! {
        #[test]
        fn every_summary_is_one_visible_line_within_the_limit(title in any::<String>(), id in "\\PC{0,300}") {
            let line = summary(&title.repeat(3), &id);
            prop_assert!(utf16_len(&line) <= MAX_LINE);
            prop_assert!(!is_blank(&line));
            prop_assert!(!line.chars().any(char::is_control));
            prop_assert_eq!(line.trim(), &line);
            prop_assert!(!line.contains("  "));
        }
    }
}
