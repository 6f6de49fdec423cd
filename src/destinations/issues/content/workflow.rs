//! Which transition a work item takes when its incident is acknowledged, resolved or reopened.
//!
//! Must never guess between ways that look alike, and must leave a status alone that people have set: only a reopening
//! leads out of `done`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::screen::{Named, ScreenField, is_same_name, text_of};

/// The kind of a status; the same on every site, in every language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    New,
    Indeterminate,
    Done,
}

impl Category {
    /// Jira's own key.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Indeterminate => "indeterminate",
            Self::Done => "done",
        }
    }

    /// The category with this key.
    #[must_use]
    pub fn find(key: &str) -> Option<Self> {
        [Self::New, Self::Indeterminate, Self::Done].into_iter().find(|category| category.as_str() == key)
    }
}

/// What the incident asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wish {
    Acknowledge,
    Resolve,
    Reopen,
}

impl Wish {
    /// The categories that fulfil it, the best first.
    fn categories(self) -> &'static [Category] {
        match self {
            Self::Acknowledge => &[Category::Indeterminate],
            Self::Resolve => &[Category::Done],
            Self::Reopen => &[Category::New, Category::Indeterminate],
        }
    }

    /// Whether a work item of this category needs nothing more.
    #[must_use]
    pub fn is_fulfilled(self, current: Option<Category>) -> bool {
        match self {
            // A work item that people have moved on is not moved back.
            Self::Acknowledge => current != Some(Category::New),
            Self::Resolve => current == Some(Category::Done),
            Self::Reopen => current != Some(Category::Done),
        }
    }
}

/// What the operator configured for a wish.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Choice {
    #[default]
    Auto,
    Off,
    /// Id or name of a transition, or name of the status that it leads to.
    Named(String),
}

/// One way out of the current status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    pub id: String,
    pub name: String,
    /// Id of the status that it leads to.
    pub to: Option<String>,
    /// Names of the status that it leads to: as the site shows it, and untranslated if Jira tells.
    pub target: Vec<String>,
    pub category: Option<Category>,
    pub is_available: bool,
    pub fields: BTreeMap<String, ScreenField>,
}

impl Transition {
    /// One entry of Jira's list; `None` if it has no id.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        let to = value.get("to");
        let name = |key| to?.get(key)?.as_str().map(str::to_owned);
        let fields = value.get("fields").and_then(Value::as_object).into_iter().flatten();
        Some(Self {
            id: text_of(value.get("id")?)?,
            name: value.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
            to: to.and_then(|to| text_of(to.get("id")?)),
            target: ["name", "untranslatedName"].into_iter().filter_map(name).collect(),
            category: to.and_then(|to| Category::find(to.pointer("/statusCategory/key")?.as_str()?)),
            is_available: value.get("isAvailable").and_then(Value::as_bool).unwrap_or(true),
            fields: fields.map(|(id, field)| (id.clone(), ScreenField::read(field))).collect(),
        })
    }

    fn leads_to(&self, status: &str) -> bool {
        self.target.iter().any(|target| is_same_name(target, status))
    }

    /// For a sentence: its name and the status that it leads to.
    fn describe(&self) -> String {
        match self.target.first().filter(|target| !is_same_name(target, &self.name)) {
            Some(target) => format!("{} (to {target})", self.name),
            None => self.name.clone(),
        }
    }
}

/// What to do about the status.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    Take(Way),
    /// It is as wanted, people have moved it on, or the operator turned this off.
    Nothing,
    NoWay(NoWay),
}

/// A transition with all that it needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Way {
    pub id: String,
    /// For sentences.
    pub name: String,
    /// Id of the status that it leads to.
    pub to: Option<String>,
    /// `fields` of the request; mostly empty.
    pub fields: Map<String, Value>,
}

/// Why no transition can be taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoWay {
    /// Every transition that Jira offers; none of them if the account may not change the status.
    pub offered: Vec<String>,
    /// Fields that the fitting transitions ask for and that nothing fills.
    pub missing: Vec<String>,
    /// Names of the ways that fit equally well.
    pub alike: Vec<String>,
}

/// Whether a transition is given a resolution where its screen has one.
#[derive(Debug, Clone, Copy)]
enum Resolution<'a> {
    NotSent,
    Sent { configured: Option<&'a str> },
}

/// Chooses among the transitions that Jira offers from the current status. `resolution` is the configured one.
#[must_use]
pub fn choose(
    offered: &[Transition],
    wish: Wish,
    choice: &Choice,
    resolution: Option<&str>,
    current: Option<Category>,
) -> Step {
    if wish.is_fulfilled(current) {
        return Step::Nothing;
    }
    let mut no_way =
        NoWay { offered: offered.iter().map(Transition::describe).collect(), ..NoWay::default() };
    let available = || offered.iter().filter(|transition| transition.is_available);
    let resolution = match wish {
        Wish::Resolve => Resolution::Sent { configured: resolution },
        Wish::Acknowledge | Wish::Reopen => Resolution::NotSent,
    };
    let found = match choice {
        Choice::Off => return Step::Nothing,
        Choice::Named(text) => {
            let named = find_named(&available().collect::<Vec<_>>(), text);
            pick(named, &[], resolution, &mut no_way)
        }
        Choice::Auto => wish.categories().iter().find_map(|category| {
            let fitting = available().filter(|transition| transition.category == Some(*category));
            pick(fitting.collect(), usual_targets(*category), resolution, &mut no_way)
        }),
    };
    found.map_or(Step::NoWay(no_way), Step::Take)
}

/// Statuses that are preferred among several, the best first.
fn usual_targets(category: Category) -> &'static [&'static str] {
    match category {
        Category::Done => &["Done", "Resolved", "Closed", "Completed"],
        Category::Indeterminate => &["In Progress", "Investigating"],
        Category::New => &["To Do", "Open", "Reopened", "Backlog"],
    }
}

/// The transitions that the operator means: by id, else by name, else by target.
fn find_named<'t>(available: &[&'t Transition], text: &str) -> Vec<&'t Transition> {
    let meant: [&dyn Fn(&Transition) -> bool; 3] =
        [&|t| t.id == text.trim(), &|t| is_same_name(&t.name, text), &|t| t.leads_to(text)];
    let found =
        meant.iter().map(|is_meant| available.iter().copied().filter(|t| is_meant(t)).collect::<Vec<_>>());
    found.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
}

/// The only one that can be filled in, or the first whose target is the first among the `usual`.
fn pick(
    fitting: Vec<&Transition>,
    usual: &[&str],
    resolution: Resolution<'_>,
    no_way: &mut NoWay,
) -> Option<Way> {
    let mut ways: Vec<(&Transition, Way)> = Vec::new();
    for transition in fitting {
        match fill(transition, resolution) {
            Ok(way) => ways.push((transition, way)),
            Err(missing) => no_way.missing.extend(missing),
        }
    }
    let is_usual = |status: &&str| ways.iter().position(|(transition, _)| transition.leads_to(status));
    let found = match ways.len() {
        0 => return None,
        1 => Some(0),
        _ => usual.iter().find_map(is_usual),
    };
    if found.is_none() {
        no_way.alike.extend(ways.iter().map(|(transition, _)| transition.describe()));
    }
    found.map(|at| ways.swap_remove(at).1)
}

/// The transition with its fields, or the names of those that nothing fills. The resolution is sent only where the
/// screen has it, because Jira refuses it elsewhere.
fn fill(transition: &Transition, resolution: Resolution<'_>) -> Result<Way, Vec<String>> {
    let mut fields = Map::new();
    let mut missing = Vec::new();
    for (id, field) in &transition.fields {
        let chosen = match resolution {
            Resolution::Sent { configured } if id == "resolution" => choose_resolution(field, configured),
            _ => None,
        };
        if let Some(name) = chosen {
            fields.insert(id.clone(), json!({ "name": name }));
        } else if field.required && !field.has_default {
            missing.push(if field.name.is_empty() { id.clone() } else { field.name.clone() });
        }
    }
    if missing.is_empty() {
        let (id, to) = (transition.id.clone(), transition.to.clone());
        Ok(Way { id, name: transition.describe(), to, fields })
    } else {
        Err(missing)
    }
}

/// The configured resolution, else `Done`, else the first that the screen offers.
fn choose_resolution(field: &ScreenField, configured: Option<&str>) -> Option<String> {
    if field.allowed.is_empty() {
        return Some(configured.unwrap_or("Done").to_owned());
    }
    let find = |text: &str| field.allowed.iter().find(|resolution| resolution.is_called(text));
    let found = configured.and_then(find).or_else(|| find("Done"));
    let name = |resolution: &Named| resolution.name.clone();
    found.or_else(|| field.allowed.first()).map(name)
}

#[cfg(test)]
#[path = "workflow_tests.rs"]
mod tests;
