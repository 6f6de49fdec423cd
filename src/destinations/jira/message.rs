//! Messages of Jira, and about Jira, as far as they may be shown.

/// Longest text that is kept of one message, in characters.
const MAX_MESSAGE: usize = 500;

/// How a JSON Web Token starts (the base64 of `{"`), and an API token of Atlassian.
const TOKENS: [&str; 2] = ["eyJ", "ATATT"];

/// A message fit for a log line: bounded, on one line, and with tokens that Jira echoes taken out.
pub(in crate::destinations) fn clean(message: &str) -> String {
    let words = message.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let is_token = |word: &str| TOKENS.iter().any(|start| word.contains(start));
    let safe: Vec<&str> = words.map(|word| if is_token(word) { "[token]" } else { word }).collect();
    safe.join(" ").chars().take(MAX_MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_bounded_line_without_tokens() {
        assert_eq!(
            clean(" cannot\nread eyJhbGciOiJIUzI1NiJ9.e30.x,\tnor (ATATT3xFf)"),
            "cannot read [token] nor [token]"
        );
        assert_eq!(clean(&"é".repeat(10_000)).chars().count(), MAX_MESSAGE);
    }
}
