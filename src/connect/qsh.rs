//! The query string hash (`qsh`) that binds a Connect token to one request.
//!
//! Atlassian's own libraries disagree on how to sort what has to be percent-encoded, so a request has one
//! hash for signing and a few acceptable ones for verification. A body never enters the hash: this program
//! uses only JSON, and reading form fields as parameters would let a body replace a query.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Everything but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Which form of a text determines its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortBy {
    Encoded,
    Raw,
}

/// How parameters are sorted by name, and the values of one name among themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    pub names: SortBy,
    pub values: SortBy,
}

impl Order {
    /// The order of Atlassian's Java library, which is what runs on Jira's side.
    pub const REFERENCE: Self = Self { names: SortBy::Encoded, values: SortBy::Raw };

    /// Every order in use: the reference, the JavaScript library's, the published text's, and the remaining
    /// one.
    pub const ALL: [Self; 4] = [
        Self::REFERENCE,
        Self { names: SortBy::Raw, values: SortBy::Raw },
        Self { names: SortBy::Encoded, values: SortBy::Encoded },
        Self { names: SortBy::Raw, values: SortBy::Encoded },
    ];
}

/// The hash to sign a request with: lower-case hex SHA-256 of the canonical request.
///
/// `target` is the absolute URL, or path and query, as it travels; `base_path` is the prefix that does not
/// count (context path of the site, or path of the app's base URL). Use only parameter names and values on
/// which every [`Order`] agrees, that is, without characters that need encoding where two of them differ.
#[must_use]
pub fn hash(method: &str, target: &str, base_path: &str) -> String {
    digest(&canonical(method, target, base_path, Order::REFERENCE))
}

/// Whether `claimed` is an acceptable hash of the request. Tries every [`Order`], that of Jira first, and when the path
/// has a `%`, also the path decoded once, which is what Jira has been seen to sign. Compares in constant time; how many
/// were tried tells nobody more than the request itself does.
#[must_use]
pub fn matches(claimed: &str, method: &str, target: &str, base_path: &str) -> bool {
    let (path, query) = split(target, base_path);
    let decoded = percent_decode_str(&path).decode_utf8().ok().filter(|decoded| *decoded != path);
    let paths = [Some(Cow::Borrowed(&*path)), decoded];
    let mut parameters = Parameters::parse(query);
    let mut tried: Vec<String> = Vec::new();
    let mut fits = |path: &str, order| {
        let candidate = join(method, path, &parameters.canonical(order));
        if tried.contains(&candidate) {
            return false;
        }
        let fits = digest(&candidate).as_bytes().ct_eq(claimed.as_bytes());
        tried.push(candidate);
        fits.into()
    };
    paths.into_iter().flatten().any(|path| Order::ALL.into_iter().any(|order| fits(&path, order)))
}

/// The text that is hashed: `METHOD&path&query`, with parameters in the given order.
#[must_use]
pub fn canonical(method: &str, target: &str, base_path: &str, order: Order) -> String {
    let (path, query) = split(target, base_path);
    join(method, &path, &Parameters::parse(query).canonical(order))
}

fn join(method: &str, path: &str, query: &str) -> String {
    let path = path.trim_end_matches('/').replace('&', "%26");
    let slash = if path.starts_with('/') { "" } else { "/" };
    format!("{}&{slash}{path}&{query}", method.to_ascii_uppercase())
}

fn digest(canonical: &str) -> String {
    hex::encode(Sha256::digest(canonical.as_bytes()))
}

/// Path (with a leading slash, behind the base path, still encoded) and query of a target.
fn split<'a>(target: &'a str, base_path: &str) -> (Cow<'a, str>, &'a str) {
    let target = target.split_once('#').map_or(target, |(before, _)| before);
    let target = without_origin(target);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = if path.starts_with('/') { Cow::Borrowed(path) } else { Cow::Owned(format!("/{path}")) };
    let base = base_path.trim_matches('/');
    let is_below = |rest: &str| rest.is_empty() || rest.starts_with('/');
    let below = path
        .strip_prefix('/')
        .and_then(|path| path.strip_prefix(base))
        .filter(|rest| !base.is_empty() && is_below(rest))
        .map(str::to_owned);
    (below.map_or(path, Cow::Owned), query)
}

/// The part of an absolute `http` URL that follows scheme and authority; other targets as they are.
fn without_origin(target: &str) -> &str {
    let authority = ["https://", "http://"].into_iter().find_map(|scheme| {
        target.get(..scheme.len()).filter(|start| start.eq_ignore_ascii_case(scheme))?;
        target.get(scheme.len()..)
    });
    authority.map_or(target, |rest| rest.find(['/', '?']).and_then(|end| rest.get(end..)).unwrap_or_default())
}

/// A name or a value.
struct Text<'a> {
    raw: Cow<'a, str>,
    encoded: String,
}

impl<'a> Text<'a> {
    fn new(raw: Cow<'a, str>) -> Self {
        // Without `fmt`, which is slow where nothing has to be encoded.
        Self { encoded: Cow::from(utf8_percent_encode(&raw, RESERVED)).into_owned(), raw }
    }

    fn by(&self, form: SortBy) -> &str {
        match form {
            SortBy::Encoded => &self.encoded,
            SortBy::Raw => &self.raw,
        }
    }
}

/// Decoded names and values, without the token itself.
struct Parameters<'a>(Vec<(Text<'a>, Text<'a>)>);

impl<'a> Parameters<'a> {
    fn parse(query: &'a str) -> Self {
        let pairs = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "jwt");
        Self(pairs.map(|(name, value)| (Text::new(name), Text::new(value))).collect())
    }

    /// The values of one name stand together, separated by commas.
    fn canonical(&mut self, order: Order) -> String {
        self.0.sort_by(|(name, value), (other_name, other_value)| {
            let by_name = name.by(order.names).cmp(other_name.by(order.names));
            by_name.then_with(|| value.by(order.values).cmp(other_value.by(order.values)))
        });
        let (mut canonical, mut before) = (String::new(), None);
        for (name, value) in &self.0 {
            if before == Some(&name.encoded) {
                canonical.push(',');
            } else {
                let separator = if before.is_some() { "&" } else { "" };
                canonical.extend([separator, &name.encoded, "="]);
            }
            canonical.push_str(&value.encoded);
            before = Some(&name.encoded);
        }
        canonical
    }
}

#[cfg(test)]
#[path = "qsh_tests.rs"]
mod tests;
