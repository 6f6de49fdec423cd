//! Reads JSON as tools really send it: the one reader of webhooks and of an API's answers.
//!
//! Takes what `serde_json` refuses although its meaning is plain, replaces what no database holds, keeps the digits of
//! numbers that no machine word holds, and bounds the memory that values may take. Must not know any tool.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

/// Most memory that the values of one document may take, in bytes, as [`Rewrite::cost`] estimates it.
const MOST_MEMORY: usize = 32 * 1024 * 1024;
/// A node of the map of an object, which has room for eleven fields.
const OBJECT: usize = 640;
/// An entry of a list or a further field, with the growth of what holds it.
const ENTRY: usize = 64;
/// What an allocation takes besides the text in it.
const TEXT: usize = 32;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// U+FFFD, as long as the escape that it replaces, so that the places of faults stay right.
const REPLACEMENT: &[u8] = br"\ufffd";

/// Why a document cannot be read. Never repeats its content.
#[derive(Debug, thiserror::Error)]
pub(in crate::sources) enum ReadFault {
    #[error("is not JSON")]
    Json(#[from] serde_json::Error),
    #[error("has more values than this bridge keeps in memory")]
    TooManyValues,
}

/// The value of a document. A byte order mark is skipped. Halves of surrogate pairs and U+0000 become U+FFFD.
/// A number beyond 64 bits becomes a text of its digits, so that two ids never become one.
///
/// # Errors
/// What is not JSON apart from that, is nested deeper than 127 levels, or would take too much memory.
pub(in crate::sources) fn read_json(document: &[u8]) -> Result<Value, ReadFault> {
    let document = document.strip_prefix(BYTE_ORDER_MARK).unwrap_or(document);
    let mut rewrite = Rewrite { document, copied: 0, rewritten: Vec::new(), cost: document.len() };
    rewrite.walk();
    if rewrite.cost > MOST_MEMORY {
        return Err(ReadFault::TooManyValues);
    }
    Ok(serde_json::from_slice(&rewrite.finish())?)
}

/// The text without U+0000, for text that does not come from JSON.
pub(in crate::sources) fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// A walk through a document. What is not JSON passes unchanged, for `serde_json` to refuse.
struct Rewrite<'a> {
    document: &'a [u8],
    /// How much of the document is in `rewritten`.
    copied: usize,
    /// Empty until something is replaced.
    rewritten: Vec<u8>,
    cost: usize,
}

impl<'a> Rewrite<'a> {
    fn walk(&mut self) {
        let mut rest = self.document;
        while let Some((&byte, after)) = rest.split_first() {
            rest = match byte {
                b'"' => self.pass_text(after),
                b'-' | b'0'..=b'9' => self.pass_number(rest),
                _ => {
                    let cost = match byte {
                        b'{' => OBJECT,
                        b'[' | b',' => ENTRY,
                        _ => 0,
                    };
                    self.cost = self.cost.saturating_add(cost);
                    after
                }
            };
        }
    }

    /// What follows the text that `rest` begins with, which follows its opening quotation mark.
    fn pass_text(&mut self, mut rest: &'a [u8]) -> &'a [u8] {
        self.cost = self.cost.saturating_add(TEXT);
        loop {
            let stop = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'));
            rest = stop.and_then(|stop| rest.get(stop..)).unwrap_or_default();
            rest = match rest {
                [b'"', after @ ..] => return after,
                [b'\\', b'u', ..] => self.pass_unit(rest),
                [b'\\', _, after @ ..] => after,
                _ => return &[],
            }
        }
    }

    /// What follows the escaped UTF-16 unit that `rest` begins with, or the pair of them.
    fn pass_unit(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let Some((unit, after)) = find_unit(rest) else { return rest.get(2..).unwrap_or_default() };
        match unit {
            0xd800..=0xdbff => match find_unit(after) {
                Some((0xdc00..=0xdfff, after)) => return after,
                _ => self.replace(rest, after, REPLACEMENT),
            },
            0 | 0xdc00..=0xdfff => self.replace(rest, after, REPLACEMENT),
            _ => {}
        }
        after
    }

    fn pass_number(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        let (number, after) = rest.split_at(length);
        if loses_digits(number) {
            let text = [b"\"", number, b"\""].concat();
            self.replace(rest, after, &text);
        }
        after
    }

    /// Puts `with` in place of what lies between `from` and `to`, which are ends of the document.
    fn replace(&mut self, from: &[u8], to: &[u8], with: &[u8]) {
        let start = self.document.len().saturating_sub(from.len());
        self.rewritten.extend_from_slice(self.document.get(self.copied..start).unwrap_or_default());
        self.rewritten.extend_from_slice(with);
        self.copied = self.document.len().saturating_sub(to.len());
    }

    fn finish(mut self) -> Cow<'a, [u8]> {
        let rest = self.document.get(self.copied..).unwrap_or_default();
        if self.copied == 0 {
            return Cow::Borrowed(rest);
        }
        self.rewritten.extend_from_slice(rest);
        Cow::Owned(self.rewritten)
    }
}

/// The UTF-16 unit whose escape (`\u` and four digits) `rest` begins with, and what follows it.
fn find_unit(rest: &[u8]) -> Option<(u16, &[u8])> {
    let [b'\\', b'u', a, b, c, d, after @ ..] = rest else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u16::try_from(digit).ok());
    let digits = [digit(a)?, digit(b)?, digit(c)?, digit(d)?];
    Some((digits.into_iter().fold(0, |unit, digit| unit << 4 | digit), after))
}

/// Whether `serde_json` would make something else of this number, or refuse its size.
fn loses_digits(number: &[u8]) -> bool {
    let is_whole = number.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'-'));
    if is_whole && number.len() < 19 {
        return false;
    }
    let read = serde_json::from_slice::<serde_json::Number>(number);
    let is_exact = read.is_ok_and(|read| !(is_whole && read.is_f64()));
    !is_exact && serde_json::from_slice::<&RawValue>(number).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Value {
        read_json(text.as_bytes()).unwrap_or_else(|fault| panic!("{text}: {fault}"))
    }

    #[test]
    fn half_a_surrogate_pair_and_a_nul_are_replaced_and_the_rest_is_kept() {
        for (text, value) in [
            (r#""Cut \ud83d""#, "Cut \u{fffd}"),
            (r#""\ude00 and \uD83D\u0041""#, "\u{fffd} and \u{fffd}A"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""whole \ud83d\ude00 \"\\ud83d""#, "whole 😀 \"\\ud83d"),
            (r#""a\u0000b""#, "a\u{fffd}b"),
        ] {
            assert_eq!(read(text), json!(value), "{text}");
            assert_eq!(read(&format!("{{{text}: 1}}")), json!({ value: 1 }), "{text}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(read("\u{feff}{\"a\": 1}"), json!({"a": 1}));
        assert!(read_json("\u{feff}\u{feff}{}".as_bytes()).is_err());
    }

    #[test]
    fn a_number_keeps_all_its_digits() {
        for kept in ["18446744073709551616", "-9223372036854775809", "1e999", "99999999999999999999999"] {
            assert_eq!(read(kept), json!(kept));
        }
        assert_eq!(read("[18446744073709551615]"), json!([u64::MAX]));
        assert_eq!(read("[-9223372036854775808, 1.5, 1e3]"), json!([i64::MIN, 1.5, 1e3]));
    }

    #[test]
    fn what_is_not_json_stays_refused() {
        for text in [
            r#""\ud83""#,
            r#""\u+000""#,
            r#""\"#,
            r#""\u"#,
            "\"",
            "1-234567890123456789012",
            "0012345678901234567890",
            "{\"a\": oops}",
            "",
            "\u{feff}",
            "\"raw\u{0}\"",
        ] {
            assert!(matches!(read_json(text.as_bytes()), Err(ReadFault::Json(_))), "{text:?}");
        }
        assert!(read_json(&[b'"', 0xff, b'"']).is_err(), "it is not UTF-8");
        assert!(read_json("[".repeat(200).as_bytes()).is_err(), "it is nested too deeply");
    }

    #[test]
    fn a_document_of_many_small_values_is_refused_before_they_are_made() {
        for small in ["{\"a\":1},", "[],", "\"\",", "1,"] {
            let long = format!("[{}1]", small.repeat(8 * 1024 * 1024 / small.len()));
            assert!(matches!(read_json(long.as_bytes()), Err(ReadFault::TooManyValues)), "{small}");
        }
        assert!(read_json(&[b"\"".as_slice(), &vec![b'x'; 8 * 1024 * 1024], b"\""].concat()).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn what_serde_json_reads_is_read_the_same(value in values()) {
            let text = value.to_string();
            proptest::prop_assert_eq!(read(&text), value);
        }

        #[test]
        fn no_bytes_panic_the_reader(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _read = read_json(&bytes);
        }

        #[test]
        fn no_text_of_escapes_panics_the_reader(text in r#"["\\u0-9a-fdD{}\[\],:.eE+-]{0,60}"#) {
            let _read = read_json(text.as_bytes());
        }
    }

    fn values() -> impl proptest::strategy::Strategy<Value = Value> {
        use proptest::prelude::*;
        let leaf = prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            "[^\u{0}]{0,8}".prop_map(Value::from),
            Just(Value::Null),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("[^\u{0}]{0,8}", inner, 0..6)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }
}
