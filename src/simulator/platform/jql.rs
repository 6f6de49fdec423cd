//! The few JQL queries that programs with work items of their own need: the bridge, and Alertmanager's receiver.
//!
//! `project = "OPS" AND labels = "a" AND created >= -48h ORDER BY created DESC`, with alternatives in parentheses.
//! Stricter than Jira on purpose: anything else is an error, where Jira would search for the words.

use chrono::TimeDelta;

/// A parsed query. Each of its terms must be met, and a term is met when one of its clauses is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub terms: Vec<Vec<Clause>>,
    /// By what the answer is sorted, the most important first.
    pub order: Vec<Order>,
}

/// What an issue must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clause {
    /// In the project with this key.
    Project(String),
    Label(String),
    /// No older than this.
    CreatedWithin(TimeDelta),
    /// Resolved, and no longer ago than this.
    ResolvedWithin(TimeDelta),
    Unresolved,
    /// Resolved, and not with the resolution of this name.
    NotResolvedAs(String),
    /// In a status whose category is not done.
    NotDone,
}

/// How the answer is sorted; ascending unless told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub by: SortKey,
    pub descending: bool,
}

/// What an answer can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    Created,
    Key,
    /// In the order of the workflow.
    Status,
    Resolved,
}

impl Query {
    /// The key of the project that the query is bounded to.
    pub fn project(&self) -> Option<&str> {
        self.terms.iter().find_map(|term| match term.as_slice() {
            [Clause::Project(key)] => Some(key.as_str()),
            _ => None,
        })
    }
}

/// The query, or why it is none.
pub fn parse(jql: &str) -> Result<Query, String> {
    let mut tokens = split(jql)?;
    tokens.reverse();
    let mut terms = vec![parse_term(&mut tokens)?];
    while take(&mut tokens, "AND") {
        terms.push(parse_term(&mut tokens)?);
    }
    let order = if take(&mut tokens, "ORDER") { parse_order(&mut tokens)? } else { Vec::new() };
    if let Some(other) = tokens.pop() {
        return Err(format!("AND or ORDER BY was expected, not {other}"));
    }
    let query = Query { terms, order };
    if query.project().is_none() {
        return Err("the query is not bounded".to_owned());
    }
    Ok(query)
}

/// Takes this word, if it is the next one.
fn take(tokens: &mut Vec<String>, word: &str) -> bool {
    tokens.pop_if(|it| it.eq_ignore_ascii_case(word)).is_some()
}

fn parse_term(tokens: &mut Vec<String>) -> Result<Vec<Clause>, String> {
    let is_group = take(tokens, "(");
    let mut clauses = vec![parse_clause(tokens)?];
    while is_group && take(tokens, "OR") {
        clauses.push(parse_clause(tokens)?);
    }
    if is_group && !take(tokens, ")") {
        return Err("OR or a parenthesis was expected".to_owned());
    }
    Ok(clauses)
}

fn parse_clause(tokens: &mut Vec<String>) -> Result<Clause, String> {
    let field = tokens.pop().ok_or("a field is missing")?;
    let operator = tokens.pop().ok_or("an operator is missing")?.to_lowercase();
    let value = tokens.pop().ok_or("a value is missing")?;
    let quoted =
        || value.strip_prefix('"').map(str::to_owned).ok_or(format!("{field}: the value is not quoted"));
    let is = |word: &str| value.eq_ignore_ascii_case(word);
    match (field.as_str(), operator.as_str()) {
        ("project", "=") => quoted().map(Clause::Project),
        ("labels", "=") => quoted().map(Clause::Label),
        ("created", ">=") => parse_age(&value).map(Clause::CreatedWithin),
        ("resolutiondate", ">=") => parse_age(&value).map(Clause::ResolvedWithin),
        ("resolution" | "resolutiondate", "is") if is("EMPTY") => Ok(Clause::Unresolved),
        ("resolution", "!=") => quoted().map(Clause::NotResolvedAs),
        ("statusCategory", "!=") if is("Done") => Ok(Clause::NotDone),
        _ => Err(format!("{field} {operator} is not understood")),
    }
}

fn parse_age(value: &str) -> Result<TimeDelta, String> {
    let number = |unit: char| value.strip_prefix('-')?.strip_suffix(unit)?.parse().ok();
    let hours = number('h').and_then(TimeDelta::try_hours);
    let age = hours.or_else(|| number('m').and_then(TimeDelta::try_minutes));
    age.ok_or_else(|| "an age such as -48h or -30m was expected".to_owned())
}

fn parse_order(tokens: &mut Vec<String>) -> Result<Vec<Order>, String> {
    if !take(tokens, "BY") {
        return Err("BY is missing".to_owned());
    }
    let mut order = Vec::new();
    loop {
        let by = match tokens.pop().as_deref() {
            Some("created") => SortKey::Created,
            Some("key") => SortKey::Key,
            Some("status") => SortKey::Status,
            Some("resolutiondate") => SortKey::Resolved,
            _ => return Err("only created, key, status and resolutiondate can be sorted by".to_owned()),
        };
        let descending = take(tokens, "DESC");
        if !descending {
            take(tokens, "ASC");
        }
        order.push(Order { by, descending });
        if !take(tokens, ",") {
            return Ok(order);
        }
    }
}

/// Words, operators, parentheses and quoted values; a quoted value keeps its first quotation mark.
fn split(jql: &str) -> Result<Vec<String>, String> {
    let (mut tokens, mut chars) = (Vec::new(), jql.chars().peekable());
    while let Some(c) = chars.next() {
        let mut token = String::from(c);
        match c {
            ' ' => continue,
            '(' | ')' | ',' => {}
            '"' => loop {
                match chars.next() {
                    None => return Err("a quotation mark is missing".to_owned()),
                    Some('"') => break,
                    Some('\\') => token.extend(chars.next()),
                    Some(other) => token.push(other),
                }
            },
            _ => {
                let is_operator = |it: char| "=!<>~".contains(it);
                let belongs = |it: &char| is_operator(*it) == is_operator(c) && !" \"(),".contains(*it);
                while let Some(next) = chars.next_if(belongs) {
                    token.push(next);
                }
            }
        }
        tokens.push(token);
    }
    Ok(tokens)
}
