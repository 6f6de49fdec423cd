//! Whether a reader sees anything of a text.

/// Whether the text shows nothing: it is empty, or has only blanks, control characters and characters that Unicode
/// lets no font draw (`Default_Ignorable_Code_Point`), such as U+200B. A title like that is no title.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || c.is_control() || is_never_drawn(c))
}

fn is_never_drawn(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            // An empty Braille cell.
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_blank_if_nothing_of_it_is_drawn() {
        for text in ["", " \t\n", "\u{200b}\u{200d}\u{feff}", "\u{2800} \u{3164}", "\u{0}\u{7f}", "\u{e0020}"]
        {
            assert!(is_blank(text), "{text:?}");
        }
        for text in ["a", "\u{200b}a", "…", "👨\u{200d}👩", "\u{fffd}"] {
            assert!(!is_blank(text), "{text:?}");
        }
    }
}
