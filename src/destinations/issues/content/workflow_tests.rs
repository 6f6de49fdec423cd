//! Choices in the workflows that sites have.

use serde_json::json;

use super::*;

fn way(id: &str, name: &str, target: &str, category: &str) -> Transition {
    Transition::read(&json!({
        "id": id, "name": name, "hasScreen": false, "isAvailable": true, "new": 1,
        "to": { "id": "1", "name": target, "statusCategory": { "key": category, "name": "?" } },
    }))
    .unwrap()
}

fn with_field(transition: Transition, field: &str, value: &Value) -> Transition {
    let mut transition = transition;
    transition.fields.insert(field.to_owned(), ScreenField::read(value));
    transition
}

fn simple() -> Vec<Transition> {
    vec![
        way("11", "To Do", "To Do", "new"),
        way("21", "In Progress", "In Progress", "indeterminate"),
        way("31", "Done", "Done", "done"),
    ]
}

fn choose_auto(offered: &[Transition], wish: Wish, current: Category) -> Step {
    choose(offered, wish, &Choice::Auto, None, Some(current))
}

fn taken(step: &Step) -> &str {
    match step {
        Step::Take(way) => &way.id,
        other => panic!("{other:?}"),
    }
}

fn refused(step: Step) -> NoWay {
    match step {
        Step::NoWay(no_way) => no_way,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_wish_finds_its_way_in_the_simple_workflow() {
    for (wish, current, id) in [
        (Wish::Acknowledge, Category::New, "21"),
        (Wish::Resolve, Category::New, "31"),
        (Wish::Resolve, Category::Indeterminate, "31"),
        (Wish::Reopen, Category::Done, "11"),
    ] {
        assert_eq!(taken(&choose_auto(&simple(), wish, current)), id, "{wish:?}");
    }
}

#[test]
fn what_is_as_wanted_or_was_moved_on_by_people_is_left_alone() {
    for (wish, current) in [
        (Wish::Acknowledge, Some(Category::Indeterminate)),
        (Wish::Acknowledge, Some(Category::Done)),
        (Wish::Acknowledge, None),
        (Wish::Resolve, Some(Category::Done)),
        (Wish::Reopen, Some(Category::New)),
        (Wish::Reopen, Some(Category::Indeterminate)),
        (Wish::Reopen, None),
    ] {
        for choice in [Choice::Auto, Choice::Named("31".to_owned())] {
            assert_eq!(
                choose(&simple(), wish, &choice, None, current),
                Step::Nothing,
                "{wish:?} {current:?}"
            );
        }
    }
    assert_eq!(taken(&choose(&simple(), Wish::Resolve, &Choice::Auto, None, None)), "31");
}

#[test]
fn off_does_nothing() {
    assert_eq!(choose(&simple(), Wish::Resolve, &Choice::Off, None, Some(Category::New)), Step::Nothing);
}

#[test]
fn a_configured_way_is_found_by_id_name_or_target() {
    let mut offered = simple();
    offered.push(way("41", "Give up", "Won't do", "done"));
    let mut translated = way("51", "Schließen", "Geschlossen", "done");
    translated.target.push("Closed".to_owned());
    offered.push(translated);
    for (named, id) in
        [("41", "41"), ("give UP", "41"), (" won't do ", "41"), ("Geschlossen", "51"), ("closed", "51")]
    {
        let choice = Choice::Named(named.to_owned());
        assert_eq!(
            taken(&choose(&offered, Wish::Resolve, &choice, None, Some(Category::New))),
            id,
            "{named}"
        );
    }
    let no_way = refused(choose(&offered, Wish::Resolve, &Choice::Named("Fixed".to_owned()), None, None));
    assert_eq!(
        no_way.offered,
        ["To Do", "In Progress", "Done", "Give up (to Won't do)", "Schließen (to Geschlossen)"]
    );
}

#[test]
fn of_several_ways_the_usual_status_is_taken_and_otherwise_none() {
    let offered = [way("1", "Close", "Closed", "done"), way("2", "Resolve", "Resolved", "done")];
    assert_eq!(taken(&choose_auto(&offered, Wish::Resolve, Category::New)), "2");
    let strange = [way("1", "A", "Archived", "done"), way("2", "B", "Binned", "done")];
    let no_way = refused(choose_auto(&strange, Wish::Resolve, Category::New));
    assert_eq!(no_way.alike, ["A (to Archived)", "B (to Binned)"]);
    assert_eq!(no_way.offered.len(), 2);
}

#[test]
fn two_ways_to_one_status_are_a_choice_only_if_the_status_is_usual() {
    let ways = |status: &str| [way("1", "Finish", status, "done"), way("2", "Skip review", status, "done")];
    assert_eq!(taken(&choose_auto(&ways("Done"), Wish::Resolve, Category::New)), "1");
    assert_eq!(refused(choose_auto(&ways("Shipped"), Wish::Resolve, Category::New)).alike.len(), 2);
}

#[test]
fn an_untranslated_name_counts_as_usual() {
    let mut translated = way("2", "Erledigen", "Erledigt", "done");
    translated.target.push("Resolved".to_owned());
    let offered = [way("1", "Ablegen", "Abgelegt", "done"), translated];
    assert_eq!(taken(&choose_auto(&offered, Wish::Resolve, Category::New)), "2");
}

#[test]
fn a_reopening_goes_on_where_nothing_is_new() {
    let offered = [way("4", "Reopen", "Reopened", "indeterminate")];
    assert_eq!(taken(&choose_auto(&offered, Wish::Reopen, Category::Done)), "4");
    let offered = [way("4", "Reopen", "Reopened", "indeterminate"), way("5", "Backlog", "Backlog", "new")];
    assert_eq!(taken(&choose_auto(&offered, Wish::Reopen, Category::Done)), "5");
}

#[test]
fn what_is_not_available_or_of_another_category_is_no_way() {
    let mut offered = simple();
    offered[2].is_available = false;
    let no_way = refused(choose_auto(&offered, Wish::Resolve, Category::New));
    assert_eq!((no_way.offered.len(), no_way.missing.len()), (3, 0));
    let odd = [way("1", "Done", "Done", "undefined")];
    assert_eq!(refused(choose_auto(&odd, Wish::Resolve, Category::New)).offered, ["Done"]);
    assert_eq!(refused(choose_auto(&[], Wish::Resolve, Category::New)), NoWay::default());
}

fn resolution(names: &[&str], required: bool) -> Value {
    let allowed: Vec<Value> = names.iter().map(|name| json!({ "id": "1", "name": name })).collect();
    json!({ "required": required, "name": "Resolution", "allowedValues": allowed })
}

#[test]
fn the_resolution_is_sent_only_where_the_screen_has_it() {
    let sent = |names: &[&str], required, configured: Option<&str>| {
        let done = with_field(way("31", "Done", "Done", "done"), "resolution", &resolution(names, required));
        match choose(&[done], Wish::Resolve, &Choice::Auto, configured, Some(Category::New)) {
            Step::Take(way) => json!(way.fields),
            other => panic!("{other:?}"),
        }
    };
    let name = |name: &str| json!({ "resolution": { "name": name } });
    assert_eq!(sent(&["Won't Do", "Done"], true, None), name("Done"));
    assert_eq!(sent(&["Won't Do", "Done"], false, Some("won't do")), name("Won't Do"));
    assert_eq!(sent(&["Fixed", "Won't Do"], true, None), name("Fixed"));
    assert_eq!(sent(&["Fixed"], true, Some("Gone")), name("Fixed"));
    assert_eq!(sent(&[], true, Some("Fixed")), name("Fixed"));
    match choose_auto(&simple(), Wish::Resolve, Category::New) {
        Step::Take(way) => assert!(way.fields.is_empty()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_field_that_nothing_fills_closes_the_way_and_is_named() {
    let root_cause = json!({ "required": true, "name": "Root cause", "hasDefaultValue": false });
    let closed = with_field(way("1", "Close", "Closed", "done"), "customfield_1", &root_cause);
    let no_way = refused(choose_auto(std::slice::from_ref(&closed), Wish::Resolve, Category::New));
    assert_eq!(no_way.missing, ["Root cause"]);
    let offered = [closed, way("2", "Bin", "Binned", "done")];
    assert_eq!(taken(&choose_auto(&offered, Wish::Resolve, Category::New)), "2", "the only one left");
    let filled = json!({ "required": true, "hasDefaultValue": true });
    let defaulted = with_field(way("1", "Close", "Closed", "done"), "customfield_1", &filled);
    match choose_auto(&[defaulted], Wish::Resolve, Category::New) {
        Step::Take(way) => assert!(way.fields.is_empty(), "Jira fills it in"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_reopening_sends_no_resolution() {
    let reopen = with_field(way("4", "Reopen", "Open", "new"), "resolution", &resolution(&["Done"], false));
    match choose_auto(&[reopen], Wish::Reopen, Category::Done) {
        Step::Take(way) => assert!(way.fields.is_empty()),
        other => panic!("{other:?}"),
    }
    let asks = with_field(way("4", "Reopen", "Open", "new"), "resolution", &resolution(&["Done"], true));
    assert_eq!(refused(choose_auto(&[asks], Wish::Reopen, Category::Done)).missing, ["Resolution"]);
}
