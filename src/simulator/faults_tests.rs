//! Which scripted fault applies to which call, and how often random ones occur.

use super::*;

#[test]
fn a_fault_meets_only_its_calls_and_only_as_often_as_ordered() {
    let mut faults = Faults::new(0.0, 1);
    faults.push(
        Fault::rate_limited("jira-quota-global-based", Some(7)).on("POST", "/rest/operations").times(2),
    );
    assert_eq!(faults.take("GET", "/rest/operations/1.0/linkedWorkspaces"), None);
    assert_eq!(faults.take("POST", "/rest/devopscomponents/1.0/bulk"), None);
    let met = faults.take("POST", "/rest/operations/1.0/bulk").unwrap();
    assert_eq!(
        met.headers,
        [("RateLimit-Reason", "jira-quota-global-based"), ("Retry-After", "7")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert!(faults.take("POST", "/rest/operations/1.0/bulk").is_some());
    assert_eq!(faults.take("POST", "/rest/operations/1.0/bulk"), None);
    assert!(faults.waiting().is_empty());
}

#[test]
fn random_refusals_come_in_the_ordered_share_and_repeat_with_the_seed() {
    let run = |seed| {
        let mut faults = Faults::new(0.25, seed);
        (0..4000).map(|_| faults.take("GET", "/rest/").is_some()).collect::<Vec<_>>()
    };
    let refused = run(7).iter().filter(|met| **met).count();
    assert!((900..1100).contains(&refused), "{refused} of 4000");
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn a_fault_is_written_in_json_as_the_control_api_takes_it() {
    let fault: Fault =
        serde_json::from_str(r#"{"effect":"answer","status":503,"method":"POST","times":3}"#).unwrap();
    assert_eq!(fault, Fault { method: Some("POST".to_owned()), ..Fault::status(503) }.times(3));
}
