//! Words and lines for people: ages, numbers with their nouns, lines that fit a terminal. Must not print.

use chrono::{SecondsFormat, TimeDelta};

use crate::domain::Timestamp;

/// Columns of a terminal that nobody has made wider.
const WIDTH: usize = 80;

/// `1 page`, `2 pages`.
pub fn count(n: impl TryInto<u64>, one: &str, many: &str) -> String {
    match n.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {one}"),
        n => format!("{n} {many}"),
    }
}

/// An instant by the second.
pub fn moment(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// An instant with its age, or a dash.
pub fn moment_and_age(at: Option<Timestamp>, now: Timestamp) -> String {
    at.map_or_else(|| "-".to_owned(), |at| format!("{} ({})", moment(at), ago(at, now)))
}

/// `3 min ago`, `in 2 h`, `just now`.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    let age = now - at;
    match span(age) {
        None => "just now".to_owned(),
        Some(span) if age < TimeDelta::zero() => format!("in {span}"),
        Some(span) => format!("{span} ago"),
    }
}

/// How long something has lasted, in its largest unit.
pub fn age(since: Timestamp, now: Timestamp) -> String {
    span(now - since).unwrap_or_else(|| "0 s".to_owned())
}

fn span(time: TimeDelta) -> Option<String> {
    let time = time.abs();
    match (time.num_days(), time.num_hours(), time.num_minutes(), time.num_seconds()) {
        (1, ..) => Some("1 day".to_owned()),
        (2.., ..) => Some(format!("{} days", time.num_days())),
        (_, 1.., ..) => Some(format!("{} h", time.num_hours())),
        (_, _, 1.., _) => Some(format!("{} min", time.num_minutes())),
        (_, _, _, 1..) => Some(format!("{} s", time.num_seconds())),
        _ => None,
    }
}

/// The text in at most `most` characters; what is left out shows as `…`.
pub fn clip(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// The text behind `first`, in lines that fit a terminal; those after the first are indented by `hang`. What
/// stands between backquotes is a command to be copied and stays in one piece, as does every word.
pub fn wrap(first: &str, text: &str, hang: usize) -> Vec<String> {
    let (mut lines, mut line) = (Vec::new(), first.to_owned());
    let mut is_empty = true;
    for word in split_words(text) {
        let wide = line.chars().count() + 1 + word.chars().count() > WIDTH;
        if wide && !is_empty {
            lines.push(std::mem::replace(&mut line, " ".repeat(hang)));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(&word);
        is_empty = false;
    }
    lines.push(line);
    lines
}

/// The words, with what stands between backquotes as one.
fn split_words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut is_quoted = false;
    for part in text.split(' ') {
        match words.last_mut() {
            Some(word) if is_quoted => {
                word.push(' ');
                word.push_str(part);
            }
            _ => words.push(part.to_owned()),
        }
        is_quoted ^= part.matches('`').count() % 2 == 1;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        let now = from_millis(1_700_000_000_000);
        for (seconds, said) in [
            (0, "just now"),
            (59, "59 s ago"),
            (60, "1 min ago"),
            (7_199, "1 h ago"),
            (86_400, "1 day ago"),
            (200_000, "2 days ago"),
            (-7_300, "in 2 h"),
        ] {
            assert_eq!(ago(now - TimeDelta::seconds(seconds), now), said);
        }
    }

    #[test]
    fn numbers_have_the_noun_that_fits() {
        assert_eq!([0, 1, 2].map(|n| count(n, "page", "pages")), ["0 pages", "1 page", "2 pages"]);
    }

    #[test]
    fn lines_fit_and_commands_stay_whole() {
        let text =
            format!("{} then `incident-bridge deliveries retry pd:Q1A2B3` and go on", "word ".repeat(14));
        let lines = wrap("  at: ", text.trim(), 4);
        assert!(lines.len() > 1 && lines.iter().all(|line| line.chars().count() <= WIDTH), "{lines:?}");
        assert!(lines.iter().any(|line| line.contains("`incident-bridge deliveries retry pd:Q1A2B3`")));
        assert!(lines[1..].iter().all(|line| line.starts_with("    ")), "{lines:?}");
        assert_eq!(wrap("", &"x".repeat(200), 4).len(), 1, "a word is never broken");
    }

    #[test]
    fn a_long_text_is_clipped() {
        assert_eq!((clip("short", 5), clip("too long", 5)), ("short".to_owned(), "too…".to_owned()));
    }
}
