//! What is said of a site, for every state it can be in.

use super::super::check::State as Verdict;
use super::*;
use crate::clock::Clock;
use crate::config::{Environment, load};
use crate::destinations::Evidence;

/// A context with a configuration that `with` may use.
fn judged(site: &InstallationStatus, answer: Option<&Answer>) -> Check {
    let variables = [("SERVER__BASE_URL", "https://bridge.example.com"), ("VAULT__KEY", "a")];
    let variables = variables.map(|(name, value)| (format!("BRIDGE__{name}"), value.to_owned()));
    let config = load(&[], &Environment(variables.into())).expect("valid").config;
    let clock = Clock::manual(crate::clock::from_millis(1_789_374_067_000));
    judge(&Context { config: &config, now: clock.now(), clock }, site, answer)
}

fn site(state: State, secret: SecretState) -> InstallationStatus {
    InstallationStatus {
        site: "acme.atlassian.net".to_owned(),
        state,
        linked_workspaces: 0,
        deliveries: crate::sync::DeliveryTotals::default(),
        last_contact_at: None,
        compared_at: None,
        drift: 0,
        waits_until: None,
        parked: None,
        client_key: "k".to_owned(),
        secret,
    }
}

fn refused(status: u16, skew: Option<i64>) -> Refusal {
    let remedy = Remedy::Park { advice: "install the app again".to_owned(), may_pass: true };
    let clock_skew = skew.map(TimeDelta::seconds);
    let message = format!("Jira answered {status}");
    let evidence = Box::new(Evidence { status: Some(status), unreachable: None, clock_skew });
    Refusal { evidence, ..Refusal::new(remedy, message) }
}

fn accepted(skew: i64) -> Probe {
    Probe { seen: "accepted".to_owned(), clock_skew: Some(TimeDelta::seconds(skew)) }
}

#[test]
fn key_disabled_clock_and_secret_are_told_apart() {
    use State::{Disabled, Enabled, Uninstalled};
    for (state, secret, answer, code) in [
        (Enabled, SecretState::UnknownKey, None, code::VAULT_KEY_UNKNOWN),
        (Disabled, SecretState::UnknownKey, None, code::VAULT_KEY_UNKNOWN),
        (Disabled, SecretState::Opens, None, code::APP_DISABLED),
        (Uninstalled, SecretState::Missing, None, code::APP_UNINSTALLED),
        (Enabled, SecretState::Damaged, None, code::SECRET_DAMAGED),
        (Enabled, SecretState::Opens, Some(Err(refused(401, Some(-600)))), code::CLOCK_WRONG),
        (Enabled, SecretState::Opens, Some(Err(refused(401, Some(3600)))), code::CLOCK_WRONG),
        (Enabled, SecretState::Opens, Some(Ok(accepted(-45))), code::CLOCK_WRONG),
        (Enabled, SecretState::Opens, Some(Err(refused(401, Some(2)))), code::SECRET_STALE),
        (Enabled, SecretState::Opens, Some(Err(refused(403, Some(2)))), code::JIRA_FORBIDS),
    ] {
        let check = judged(&site(state, secret), answer.as_ref());
        assert_eq!(check.code, Some(code), "{check:?}");
    }
    assert_eq!(judged(&site(Enabled, SecretState::Opens), Some(&Ok(accepted(2)))).state, Verdict::Ok);
}

#[test]
fn nobody_is_told_to_install_again_before_the_rest_is_excluded() {
    let may = [code::APP_UNINSTALLED, code::SECRET_DAMAGED, code::SECRET_STALE, code::NOT_INSTALLED];
    for state in [State::Enabled, State::Disabled, State::Uninstalled, State::Unconfirmed] {
        for secret in
            [SecretState::Opens, SecretState::UnknownKey, SecretState::Damaged, SecretState::Missing]
        {
            for answer in [None, Some(Ok(accepted(600))), Some(Err(refused(401, Some(600))))] {
                let check = judged(&site(state, secret), answer.as_ref());
                let advises = check.fix.as_deref().is_some_and(|fix| fix.contains("atlassian-connect.json"));
                assert!(!advises || check.code.is_some_and(|code| may.contains(&code)), "{check:?}");
                let excluded = secret != SecretState::UnknownKey || state == State::Uninstalled;
                assert!(!advises || excluded, "{check:?}");
            }
        }
    }
}

#[test]
fn a_parked_site_that_answers_again_waits_for_no_person() {
    let mut parked = site(State::Enabled, SecretState::Opens);
    parked.parked = Some("Jira forbids the request".to_owned());
    parked.waits_until = Some(crate::clock::from_millis(1_789_374_067_000 + 14 * 60_000));
    let check = judged(&parked, Some(&Ok(accepted(0))));
    assert_eq!((check.state, check.code), (Verdict::Warn, Some(code::SITE_PARKED)));
    assert!(check.cause.contains("14 min") && check.cause.contains("Jira forbids"), "{check:?}");
}

#[test]
fn a_site_that_was_removed_is_told_unless_it_has_another_installation() {
    let gone = site(State::Uninstalled, SecretState::Missing);
    let used = InstallationStatus { client_key: "l".to_owned(), ..site(State::Enabled, SecretState::Opens) };
    assert_eq!(list_relevant(std::slice::from_ref(&gone)).len(), 1);
    let keys: Vec<String> = list_relevant(&[gone, used]).iter().map(|site| site.client_key.clone()).collect();
    assert_eq!(keys, ["l"]);
}
