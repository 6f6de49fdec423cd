//! Patterns and addresses as operators and attackers write them.

use super::*;

fn list(sites: &[&str]) -> SiteAllowList {
    SiteAllowList::parse(sites, &["127.0.0.1:2990", "localhost:2990"]).unwrap()
}

fn refusal(list: &SiteAllowList, url: &str) -> SiteRefused {
    list.check(url).unwrap_err()
}

#[test]
fn an_exact_entry_admits_that_host_only() {
    let list = list(&["Acme.atlassian.net"]);
    assert_eq!(list.check("https://acme.atlassian.net").unwrap().as_str(), "https://acme.atlassian.net");
    assert_eq!(list.check("https://ACME.atlassian.net/").unwrap().to_string(), "https://acme.atlassian.net");
    for other in [
        "https://other.atlassian.net",
        "https://a.acme.atlassian.net",
        "https://acme.atlassian.net.evil.example",
    ] {
        assert!(matches!(refusal(&list, other), SiteRefused::NotAllowed { .. }), "{other}");
    }
    assert!(!list.has_glob());
}

#[test]
fn an_entry_without_a_port_admits_the_usual_port_only() {
    for sites in [&["acme.atlassian.net"], &["*.atlassian.net"]] {
        let list = list(sites);
        assert!(list.check("https://acme.atlassian.net:443").is_ok());
        assert!(list.check("https://acme.atlassian.net:8443").is_err());
    }
    assert!(host_matches("acme.atlassian.net", "acme.atlassian.net"));
    assert!(!host_matches("*.atlassian.net", "acme.atlassian.net:8443"));
}

#[test]
fn a_glob_admits_every_host_below_and_not_the_domain_itself() {
    let list = list(&["*.atlassian.net"]);
    assert!(list.has_glob());
    assert!(list.check("https://acme.atlassian.net").is_ok());
    assert!(list.check("https://eu.acme.atlassian.net").is_ok());
    for other in [
        "https://atlassian.net",
        "https://evilatlassian.net",
        "https://.atlassian.net",
        "https://atlassian.net.evil.example",
    ] {
        assert!(list.check(other).is_err(), "{other}");
    }
}

#[test]
fn an_entry_with_a_port_admits_that_port_only() {
    let list = list(&["acme.example:8443", "other.example:443"]);
    assert_eq!(list.check("https://acme.example:8443").unwrap().host_and_port(), "acme.example:8443");
    assert!(list.check("https://acme.example").is_err());
    assert!(list.check("https://acme.example:8444").is_err());
    assert_eq!(list.check("https://other.example").unwrap().host_and_port(), "other.example");
}

#[test]
fn an_empty_list_refuses_everything_and_names_the_key() {
    let refusal = refusal(&list(&[]), "https://acme.atlassian.net");
    assert_eq!(refusal, SiteRefused::NoneAllowed { host: "acme.atlassian.net".into() });
    assert!(refusal.to_string().contains("connect.sites"));
}

#[test]
fn plain_http_is_for_listed_loopback_hosts_that_are_admitted_too() {
    let list = list(&["127.0.0.1:2990", "127.0.0.1:3000", "acme.example:80"]);
    assert!(list.check("http://127.0.0.1:2990").is_ok());
    assert!(matches!(refusal(&list, "http://127.0.0.1:3000"), SiteRefused::Insecure { .. }));
    assert!(matches!(refusal(&list, "http://acme.example"), SiteRefused::Insecure { .. }));
    assert!(matches!(refusal(&list, "http://localhost:2990"), SiteRefused::NotAllowed { .. }));
}

#[test]
fn only_loopback_hosts_with_a_port_may_be_insecure() {
    for entry in [
        "acme.example:80",
        "127.0.0.1",
        "localhost",
        "*.localhost:80",
        "10.0.0.1:80",
        "localhost.evil.example:80",
    ] {
        assert!(SiteAllowList::parse(&[], &[entry]).is_err(), "{entry}");
    }
    assert!(SiteAllowList::parse(&[], &["[::1]:2990"]).is_ok());
}

#[test]
fn an_address_with_anything_but_a_host_is_refused() {
    let list = list(&["acme.example", "*.acme.example"]);
    for url in [
        "https://user@acme.example",
        "https://user:pw@acme.example",
        "https://acme.example@evil.example",
        "https://acme.example?x=1",
        "https://acme.example/#x",
        "https://acme.example/jira",
        "ftp://acme.example",
        "file:///etc/passwd",
        "//acme.example",
        "acme.example",
        "",
    ] {
        assert!(list.check(url).is_err(), "{url}");
    }
    assert!(matches!(refusal(&list, "https://acme.example@evil.example"), SiteRefused::NotABareUrl(_)));
}

#[test]
fn an_address_in_another_spelling_of_the_host_is_recognised() {
    let list = list(&["127.0.0.1:2990", "bücher.example"]);
    assert!(list.check("http://0x7f.1:2990").is_ok());
    assert!(list.check("https://xn--bcher-kva.example").is_ok());
}

#[test]
fn what_is_no_host_is_no_pattern() {
    for text in [
        "",
        "*",
        "*.",
        "*.net",
        "a.*.net",
        "**.acme.net",
        "https://acme.net",
        "acme.net/",
        "acme.net:",
        "acme.net:x",
        "acme.net:+8",
        "acme.net:99999",
        "user@acme.net",
        "acme net",
        "::1",
    ] {
        assert!(HostPattern::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_sources_sites_are_matched_by_the_same_rules() {
    assert!(host_matches("*.atlassian.net", "acme.atlassian.net"));
    assert!(!host_matches("acme.atlassian.net", "acme.atlassian.net:8443"));
    assert!(host_matches("127.0.0.1:2990", "127.0.0.1:2990"));
    assert!(host_matches("[::1]", "[::1]") && !host_matches("[::1]", "[::1]:2990"));
    assert!(!host_matches("127.0.0.1:2990", "127.0.0.1:2991"));
    assert!(!host_matches("*.atlassian.net", "atlassian.net"));
    assert!(!host_matches("*", "acme.atlassian.net"));
    assert!(!host_matches("acme.atlassian.net", ""));
}

#[test]
fn patterns_overlap_when_a_site_may_be_covered_by_both() {
    for (one, other) in [
        ("acme.atlassian.net", "acme.atlassian.net"),
        ("acme.atlassian.net", "*.atlassian.net"),
        ("*.atlassian.net", "*.atlassian.net"),
        ("*.eu.atlassian.net", "*.atlassian.net"),
        ("acme.atlassian.net", "acme.atlassian.net:443"),
        ("127.0.0.1:2990", "127.0.0.1:2990"),
    ] {
        assert!(overlaps(one, other) && overlaps(other, one), "{one} {other}");
    }
    for (one, other) in [
        ("acme.atlassian.net", "acme.atlassian.com"),
        ("atlassian.net", "*.atlassian.net"),
        ("*.jira.com", "*.atlassian.net"),
        ("notatlassian.net", "*.atlassian.net"),
        ("acme.atlassian.net:8443", "acme.atlassian.net"),
        ("https://acme.atlassian.net", "acme.atlassian.net"),
    ] {
        assert!(!overlaps(one, other) && !overlaps(other, one), "{one} {other}");
    }
}
