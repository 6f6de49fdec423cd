//! The few JQL queries that a program with work items of its own needs.
//!
//! `project = "OPS" AND labels = "a" AND created >= -48h ORDER BY created DESC`. Stricter than Jira on purpose:
//! anything else is an error, where Jira would search for the words.

use chrono::TimeDelta;

/// A parsed query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub project: Option<String>,
    pub label: Option<String>,
    /// No older than this.
    pub created_within: Option<TimeDelta>,
    /// `created` or `key`; ascending unless told.
    pub order: Option<Order>,
}

/// How the answer is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub by_key: bool,
    pub descending: bool,
}

/// The query, or why it is none.
pub fn parse(jql: &str) -> Result<Query, String> {
    let mut tokens = split(jql)?;
    tokens.reverse();
    let mut query = Query { project: None, label: None, created_within: None, order: None };
    loop {
        parse_clause(&mut tokens, &mut query)?;
        match tokens.pop().map(|it| it.to_uppercase()).as_deref() {
            None => break,
            Some("AND") => {}
            Some("ORDER") => {
                query.order = Some(parse_order(&mut tokens)?);
                break;
            }
            Some(other) => return Err(format!("AND or ORDER BY was expected, not {other}")),
        }
    }
    if query.project.is_none() {
        return Err("the query is not bounded".to_owned());
    }
    Ok(query)
}

fn parse_clause(tokens: &mut Vec<String>, query: &mut Query) -> Result<(), String> {
    let field = tokens.pop().ok_or("a field is missing")?;
    let operator = tokens.pop().ok_or("an operator is missing")?;
    let value = tokens.pop().ok_or("a value is missing")?;
    let quoted =
        || value.strip_prefix('"').map(str::to_owned).ok_or(format!("{field}: the value is not quoted"));
    match (field.as_str(), operator.as_str()) {
        ("project", "=") => query.project = Some(quoted()?),
        ("labels", "=") => query.label = Some(quoted()?),
        ("created", ">=") => query.created_within = Some(parse_age(&value)?),
        _ => return Err(format!("{field} {operator} is not understood")),
    }
    Ok(())
}

fn parse_age(value: &str) -> Result<TimeDelta, String> {
    let hours = value.strip_prefix('-').and_then(|it| it.strip_suffix('h')).and_then(|it| it.parse().ok());
    hours.and_then(TimeDelta::try_hours).ok_or_else(|| "created: an age such as -48h was expected".to_owned())
}

fn parse_order(tokens: &mut Vec<String>) -> Result<Order, String> {
    if tokens.pop().is_none_or(|it| !it.eq_ignore_ascii_case("BY")) {
        return Err("BY is missing".to_owned());
    }
    let by_key = match tokens.pop().as_deref() {
        Some("created") => false,
        Some("key") => true,
        _ => return Err("only created and key can be sorted by".to_owned()),
    };
    let descending = match tokens.pop().map(|it| it.to_uppercase()).as_deref() {
        None | Some("ASC") => false,
        Some("DESC") => true,
        Some(_) => return Err("ASC or DESC was expected".to_owned()),
    };
    if tokens.is_empty() { Ok(Order { by_key, descending }) } else { Err("words after the order".to_owned()) }
}

/// Words, operators and quoted values; a quoted value keeps its first quotation mark.
fn split(jql: &str) -> Result<Vec<String>, String> {
    let (mut tokens, mut chars) = (Vec::new(), jql.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            ' ' => {}
            '"' => {
                let mut value = String::from('"');
                loop {
                    match chars.next() {
                        None => return Err("a quotation mark is missing".to_owned()),
                        Some('"') => break,
                        Some('\\') => value.extend(chars.next()),
                        Some(other) => value.push(other),
                    }
                }
                tokens.push(value);
            }
            _ => {
                let mut word = String::from(c);
                while let Some(next) = chars.next_if(|it| !" \"".contains(*it)) {
                    word.push(next);
                }
                tokens.push(word);
            }
        }
    }
    Ok(tokens)
}
