//! Tests of what mentions change: every order of what was said ends with what was said last.

use proptest::strategy::Strategy as _;

use super::*;
use crate::clock::from_millis;
use crate::domain::SourceId;

const NOW: i64 = 1_000_000_000;

/// A mention of the component at this second.
fn named(name: &str, second: i64) -> Component {
    Component {
        provider_id: "S1".to_owned(),
        name: name.to_owned(),
        description: String::new(),
        url: "https://tool.example.com/".to_owned(),
        avatar_url: None,
        tier: None,
        component_type: None,
        updated_at: from_millis(second * 1000),
        workspaces: Vec::new(),
    }
}

/// The names that are stored when these mentions arrive one after another, in reports of their own.
fn stored(mentions: &[Component]) -> Vec<String> {
    let source = SourceId::parse("pd").expect("valid");
    let scope = SourceScope { source: &source, teams: false, sites: &[] };
    let (mut known, mut names): (HashMap<Key, KnownEntity>, Vec<String>) = Default::default();
    for mention in mentions {
        let now = from_millis(NOW);
        let report = Report { mentioned: std::slice::from_ref(mention), ..Report::new(Origin::Fetch) };
        let changes = compare(&scope, std::slice::from_ref(&report), known.clone(), now);
        for new in &changes.versions {
            let Some(Entity::Component(component)) = new.content.as_deref() else { panic!("{new:?}") };
            names.push(component.name.clone());
            let stored = KnownEntity {
                version: new.version,
                event_time: new.event_time,
                updated_at: now,
                digest: new.digest.clone(),
                mentioned: new.mentioned,
                standing: new.standing.clone(),
            };
            known.insert((new.kind, new.id.clone()), stored);
        }
        for (key, touched) in &changes.touched {
            let it = known.get_mut(key).expect("only what is known is touched");
            (it.event_time, it.mentioned) = (touched.event_time, touched.mentioned);
        }
    }
    names
}

fn last(mentions: &[Component]) -> String {
    stored(mentions).pop().expect("the first is always stored")
}

#[test]
fn a_late_mention_does_not_bring_back_an_old_name() {
    let (old, new) = (named("Old", 1), named("New", 3));
    assert_eq!(stored(&[new.clone(), old.clone()]), ["New"]);
    assert_eq!(stored(&[old.clone(), new.clone(), named("Old", 2)]), ["Old", "New"]);
    // Said again later, it is newer than a mention in between.
    assert_eq!(stored(&[new.clone(), named("New", 5), named("Old", 4)]), ["New"]);
    assert_eq!(stored(&[new, named("Newest", 4)]), ["New", "Newest"]);
}

#[test]
fn an_id_alone_replaces_no_name() {
    assert_eq!(stored(&[named("Checkout", 1), named("S1", 5)]), ["Checkout"]);
    assert_eq!(stored(&[named("S1", 5), named("Checkout", 6)]), ["S1", "Checkout"]);
}

#[test]
fn a_mention_from_the_future_gives_way() {
    assert_eq!(last(&[named("Ahead", NOW / 1000 + 7_200), named("Right", NOW / 1000)]), "Right");
}

proptest::proptest! {
    #[test]
    fn every_order_of_mentions_ends_with_the_newest_name(order in proptest::sample::subsequence((1i64..8).collect::<Vec<_>>(), 1..7).prop_shuffle()) {
        let mentions: Vec<Component> = order.iter().map(|second| named(&format!("At {second}"), *second)).collect();
        let newest = order.iter().max().expect("it is not empty");
        proptest::prop_assert_eq!(last(&mentions), format!("At {newest}"));
    }
}
