//! Levels of incidents as priorities of a project.
//!
//! Must use only what the create screen offers: priorities differ from project to project.

use std::collections::BTreeMap;

use super::screen::{Named, is_same_name};
use crate::domain::Severity;

/// The levels that have a priority, from the worst.
pub const LEVELS: [Severity; 5] = [Severity::P1, Severity::P2, Severity::P3, Severity::P4, Severity::P5];

/// Names from P1 to P5 that sites are known to have; the first set whose names are all there is taken.
const SETS: [[&str; 5]; 4] = [
    ["Highest", "High", "Medium", "Low", "Lowest"],
    ["P1", "P2", "P3", "P4", "P5"],
    ["Critical", "High", "Medium", "Low", "Low"],
    ["Blocker", "Critical", "Major", "Minor", "Trivial"],
];

/// Where the names of the priorities come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The operator's table.
    Configured,
    /// The names of a usual set.
    Usual,
    /// No set fits: none is sent.
    NoSetFits,
    /// The field is not on the create screen.
    NotOnScreen,
}

/// Which priority each level gets in one project, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priorities {
    by_level: BTreeMap<Severity, Named>,
    pub origin: Origin,
    /// Rows of the operator's table whose priority the project lacks.
    pub unknown: Vec<(Severity, String)>,
    /// The names that the project offers.
    pub offered: Vec<String>,
}

impl Priorities {
    /// `allowed` are the values of the create screen's field, `None` without that field; `configured` is the operator's
    /// table, empty for the usual sets.
    #[must_use]
    pub fn choose(allowed: Option<&[Named]>, configured: &BTreeMap<Severity, String>) -> Self {
        let offered = allowed.unwrap_or_default();
        let mut chosen = Self {
            by_level: BTreeMap::new(),
            origin: Origin::NotOnScreen,
            unknown: Vec::new(),
            offered: offered.iter().map(|priority| priority.name.clone()).collect(),
        };
        if allowed.is_none() {
            return chosen;
        }
        if !configured.is_empty() {
            chosen.origin = Origin::Configured;
            for (level, name) in configured {
                match offered.iter().find(|priority| priority.is_called(name)) {
                    Some(priority) => {
                        chosen.by_level.insert(*level, priority.clone());
                    }
                    None => chosen.unknown.push((*level, name.clone())),
                }
            }
            return chosen;
        }
        let find = |name: &&str| offered.iter().find(|priority| is_same_name(&priority.name, name)).cloned();
        let set = SETS.iter().find_map(|set| set.iter().map(find).collect::<Option<Vec<Named>>>());
        chosen.origin = if set.is_some() { Origin::Usual } else { Origin::NoSetFits };
        chosen.by_level = LEVELS.into_iter().zip(set.unwrap_or_default()).collect();
        chosen
    }

    /// The priority of a level; `None` if none is to be sent, as for an unknown level.
    #[must_use]
    pub fn of(&self, level: Severity) -> Option<&Named> {
        self.by_level.get(&level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(names: &[&str]) -> Vec<Named> {
        let make = |(at, name): (usize, &&str)| Named { id: (at + 1).to_string(), name: (*name).to_owned() };
        names.iter().enumerate().map(make).collect()
    }

    fn chosen(allowed: &[&str], table: &[(Severity, &str)]) -> (Vec<String>, Priorities) {
        let table = table.iter().map(|(level, name)| (*level, (*name).to_owned())).collect();
        let chosen = Priorities::choose(Some(&offer(allowed)), &table);
        let ids = LEVELS.iter().map(|level| chosen.of(*level).map_or("-", |p| p.id.as_str()).to_owned());
        (ids.collect(), chosen)
    }

    #[test]
    fn the_first_usual_set_whose_names_are_all_there_is_taken() {
        for (allowed, ids) in [
            (&["Lowest", "low", "MEDIUM", "High", "Highest", "P1"][..], ["5", "4", "3", "2", "1"]),
            (&["P1", "P2", "P3", "P4", "P5"], ["1", "2", "3", "4", "5"]),
            (&["Critical", "High", "Medium", "Low"], ["1", "2", "3", "4", "4"]),
            (&["Blocker", "Critical", "Major", "Minor", "Trivial"], ["1", "2", "3", "4", "5"]),
        ] {
            let (found, chosen) = chosen(allowed, &[]);
            assert_eq!((found, chosen.origin), (ids.map(str::to_owned).to_vec(), Origin::Usual));
        }
    }

    #[test]
    fn without_a_set_that_fits_nothing_is_sent_and_the_names_are_told() {
        let (ids, chosen) = chosen(&["Hoch", "Mittel", "Niedrig"], &[]);
        assert_eq!(ids, ["-", "-", "-", "-", "-"]);
        assert_eq!(chosen.origin, Origin::NoSetFits);
        assert_eq!(chosen.offered, ["Hoch", "Mittel", "Niedrig"]);
    }

    #[test]
    fn a_configured_table_is_taken_by_name_or_id_and_its_mistakes_are_told() {
        let table = [(Severity::P1, "hoch"), (Severity::P2, "2"), (Severity::P3, "Medium")];
        let (ids, chosen) = chosen(&["Hoch", "Mittel", "Highest", "High", "Low", "Lowest"], &table);
        assert_eq!(ids, ["1", "2", "-", "-", "-"]);
        assert_eq!(chosen.unknown, [(Severity::P3, "Medium".to_owned())]);
        assert_eq!(chosen.origin, Origin::Configured);
    }

    #[test]
    fn an_unknown_level_and_a_missing_field_send_nothing() {
        let (_, chosen) = chosen(&["P1", "P2", "P3", "P4", "P5"], &[]);
        assert_eq!(chosen.of(Severity::Unknown), None);
        let none = Priorities::choose(None, &BTreeMap::from([(Severity::P1, "High".to_owned())]));
        assert_eq!((none.of(Severity::P1), none.origin), (None, Origin::NotOnScreen));
    }
}
