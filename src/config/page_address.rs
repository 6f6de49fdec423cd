//! The address of a tool's page about one incident, with places for ids.
//!
//! Strangers can say what is put into the places: whatever it is, it is one encoded value and changes nothing
//! else of the address. Must not know where addresses come from.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::{Position, Url};

use super::sections::is_loopback;

const INCIDENT: &str = "{incident}";
const COMPONENT: &str = "{component}";
/// All but the characters that RFC 3986 never gives a meaning of their own.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Bytes of an id; Jira's longest has as many.
const LONGEST_ID: usize = 255;

/// An address such as `https://acme.example.com/incidents/{incident}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageAddress(String);

impl PageAddress {
    /// # Errors
    /// What is wrong with the text: another placeholder, one that would change the host, plain `http` to another
    /// machine, a password, or no address at all.
    pub fn parse(text: &str) -> Result<Self, String> {
        let filled = |id: &str| text.replace(INCIDENT, id).replace(COMPONENT, id);
        if filled("").contains(['{', '}']) {
            return Err(format!("{text:?} has a place other than {INCIDENT} and {COMPONENT}"));
        }
        let [Some(one), Some(other)] = ["1", "2"].map(|id| Url::parse(&filled(id)).ok()) else {
            return Err(format!("{text:?} is not an address such as https://example.com/{INCIDENT}"));
        };
        if one[..Position::BeforePath] != other[..Position::BeforePath] {
            return Err(format!("{text:?} has a place before its path; an id must not change the host"));
        }
        let is_safe = match one.scheme() {
            "https" => true,
            "http" => is_loopback(&one),
            _ => false,
        };
        if !is_safe || !one.username().is_empty() || one.password().is_some() {
            return Err(format!(
                "{text:?} must be https (http on this machine alone) and without a password"
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The address for these ids of the tool; `None` without the incident's, if the address has a place for it. A
    /// component that is not known leaves its place empty.
    #[must_use]
    pub fn fill(&self, incident: Option<&str>, component: Option<&str>) -> Option<Url> {
        let incident = incident.filter(|id| is_one_value(id));
        if incident.is_none() && self.0.contains(INCIDENT) {
            return None;
        }
        let encode = |id: Option<&str>| utf8_percent_encode(id.unwrap_or_default(), ENCODED).to_string();
        let component = component.filter(|id| is_one_value(id));
        let filled = self.0.replace(INCIDENT, &encode(incident)).replace(COMPONENT, &encode(component));
        Url::parse(&filled).ok()
    }
}

/// Dots alone would be a way up in a path, and encoding does not help against that.
fn is_one_value(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len()) && id.bytes().any(|byte| byte != b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(address: &str, incident: Option<&str>, component: Option<&str>) -> Option<String> {
        PageAddress::parse(address).expect("it is fit").fill(incident, component).map(String::from)
    }

    #[test]
    fn ids_take_their_places() {
        let wiki = "https://wiki.example.com/new?title=Review+{incident}&about={component}#{incident}";
        assert_eq!(
            filled(wiki, Some("Q1"), Some("P&1")).as_deref(),
            Some("https://wiki.example.com/new?title=Review+Q1&about=P%261#Q1")
        );
        assert_eq!(
            filled(wiki, Some("Q1"), None).as_deref(),
            Some("https://wiki.example.com/new?title=Review+Q1&about=#Q1")
        );
        assert_eq!(filled(wiki, None, Some("P1")), None);
        let form = "http://127.0.0.1:8083/reviews";
        assert_eq!(filled(form, None, None).as_deref(), Some(form));
    }

    #[test]
    fn a_place_that_would_change_more_than_path_query_or_fragment_is_refused() {
        for (address, why) in [
            ("https://{incident}.example.com/", "before its path"),
            ("https://example.com{incident}/", "before its path"),
            ("https://example.com:8{incident}/", "before its path"),
            ("{incident}", "not an address"),
            ("/reviews/{incident}", "not an address"),
            ("https://example.com/{id}", "a place other than"),
            ("https://example.com/{incident", "a place other than"),
            ("http://example.com/{incident}", "must be https"),
            ("javascript:alert('{incident}')", "must be https"),
            ("https://user:password@example.com/{incident}", "without a password"),
        ] {
            let fault = PageAddress::parse(address).expect_err(address);
            assert!(fault.contains(why), "{address}: {fault}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_id_changes_anything_but_its_place(id in "\\PC{1,40}|[./\\\\?#@:%{}a-z]{1,20}") {
            let at = |id: &str| filled("https://example.com/a/{incident}/b?c={component}", Some(id), Some(id));
            if let Some(url) = at(&id) {
                let url = Url::parse(&url).expect("a URL");
                proptest::prop_assert_eq!(url.host_str(), Some("example.com"));
                let path: Vec<_> = url.path_segments().expect("it has a path").collect();
                proptest::prop_assert_eq!((path.len(), path[0], path[2]), (3, "a", "b"));
                proptest::prop_assert_eq!(url.query_pairs().count(), 1);
                proptest::prop_assert_eq!(url.fragment(), None);
            }
        }
    }
}
