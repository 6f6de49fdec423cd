//! Takes an input apart.

/// Splits off the first byte, as one of `end` choices.
pub fn choose(data: &[u8], end: usize) -> Option<(usize, &[u8])> {
    let (first, rest) = data.split_first()?;
    Some((usize::from(*first) % end.max(1), rest))
}

/// Splits off the text before the first newline. Text that is not UTF-8 is replaced.
pub fn line(data: &[u8]) -> (String, &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (line, rest) = data.split_at(end);
    (String::from_utf8_lossy(line).into_owned(), rest.get(1..).unwrap_or_default())
}

/// The parts between lines that are `---`.
pub fn parts(data: &[u8]) -> Vec<&[u8]> {
    const MARK: &[u8] = b"\n---\n";
    let (mut parts, mut rest) = (Vec::new(), data);
    while let Some(end) = rest.windows(MARK.len()).position(|window| window == MARK) {
        parts.push(&rest[..end]);
        rest = &rest[end + MARK.len()..];
    }
    parts.push(rest);
    parts
}
