//! The hash against vectors collected from the test suites of Atlassian and others.

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Fixture {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    method: String,
    url: String,
    #[serde(default)]
    base_path: String,
    #[serde(default)]
    form_body_counts: bool,
    canonical: String,
    qsh: String,
    #[serde(default)]
    disputed: bool,
    alternative_canonical: Option<String>,
    alternative_qsh: Option<String>,
}

fn vectors() -> Vec<Vector> {
    let text = include_str!("../../tests/fixtures/connect/qsh-vectors.json");
    serde_json::from_str::<Fixture>(text).unwrap().vectors
}

#[test]
fn every_vector_gives_its_canonical_request_and_hash() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 50);
    for v in vectors {
        assert!(!v.form_body_counts, "{}: bodies never enter the hash here", v.id);
        assert_eq!(canonical(&v.method, &v.url, &v.base_path, Order::REFERENCE), v.canonical, "{}", v.id);
        assert_eq!(hash(&v.method, &v.url, &v.base_path), v.qsh, "{}", v.id);
        assert!(matches(&v.qsh, &v.method, &v.url, &v.base_path), "{}", v.id);
    }
}

#[test]
fn a_disputed_vector_is_accepted_in_either_order() {
    let disputed: Vec<Vector> = vectors().into_iter().filter(|v| v.disputed).collect();
    assert_eq!(disputed.len(), 2);
    for v in disputed {
        let other = v.alternative_canonical.unwrap();
        let forms = Order::ALL.map(|order| canonical(&v.method, &v.url, &v.base_path, order));
        assert!(forms.contains(&v.canonical) && forms.contains(&other), "{}", v.id);
        assert!(matches(&v.alternative_qsh.unwrap(), &v.method, &v.url, &v.base_path), "{}", v.id);
    }
}

#[test]
fn vectors_without_a_dispute_have_one_form_only() {
    for v in vectors().into_iter().filter(|v| !v.disputed) {
        for order in Order::ALL {
            assert_eq!(canonical(&v.method, &v.url, &v.base_path, order), v.canonical, "{}", v.id);
        }
    }
}

#[test]
fn another_method_path_query_or_value_does_not_match() {
    let claimed = hash("GET", "/jira/containers/search?searchQuery=check", "");
    for (method, target) in [
        ("POST", "/jira/containers/search?searchQuery=check"),
        ("GET", "/jira/containers?searchQuery=check"),
        ("GET", "/jira/containers/search?searchQuery=check2"),
        ("GET", "/jira/containers/search?searchQuery=check&limit=1"),
        ("GET", "/jira/containers/search"),
    ] {
        assert!(!matches(&claimed, method, target, ""), "{method} {target}");
    }
    assert!(!matches("", "GET", "/", ""));
    assert!(!matches(&claimed.to_uppercase(), "GET", "/jira/containers/search?searchQuery=check", ""));
}

#[test]
fn a_path_signed_in_decoded_form_matches_once_decoded() {
    let decoded = digest("GET&/a b%26c&");
    assert!(matches(&decoded, "GET", "/a%20b%26c", ""));
    assert!(matches(&hash("GET", "/a%20b", ""), "GET", "/a%20b", ""));
    let twice = digest("GET&/a b&");
    assert!(!matches(&twice, "GET", "/a%2520b", ""));
    assert!(!matches(&decoded, "GET", "/%ff", ""));
}

#[test]
fn plus_and_percent_twenty_are_the_same_space() {
    let plus = hash("GET", "/search?searchQuery=a+b", "");
    assert!(matches(&plus, "GET", "/search?searchQuery=a%20b", ""));
}

#[test]
fn a_base_path_is_removed_only_at_a_segment_border() {
    assert_eq!(canonical("GET", "/basement/x", "/base", Order::REFERENCE), "GET&/basement/x&");
    assert_eq!(canonical("GET", "/base/x", "/base/", Order::REFERENCE), "GET&/x&");
    assert_eq!(canonical("GET", "/x/base", "/base", Order::REFERENCE), "GET&/x/base&");
}

proptest::proptest! {
    #[test]
    fn a_signed_request_always_verifies(method in "[A-Za-z]{3,6}", target in ".*", base in "(/[a-z]{1,5})?") {
        let claimed = hash(&method, &target, &base);
        proptest::prop_assert!(matches(&claimed, &method, &target, &base));
    }

    #[test]
    fn the_order_of_parameters_on_the_wire_does_not_matter(a in "[a-m]{1,4}", b in "[n-z]{1,4}", v in "[a-z%+]{0,6}") {
        let one = hash("GET", &format!("/p?{a}={v}&{b}=1"), "");
        let two = hash("GET", &format!("/p?{b}=1&{a}={v}"), "");
        proptest::prop_assert_eq!(one, two);
    }
}
