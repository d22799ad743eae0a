//! Label selectors, as the API server reads them: `=`, `==`, `!=`, `in`, `notin`, `key`, `!key`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// A parsed selector: all requirements must hold.
#[derive(Debug)]
pub(crate) struct Selector(Vec<Requirement>);

#[derive(Debug)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Debug)]
enum Operator {
    Exists,
    Missing,
    In(BTreeSet<String>),
    NotIn(BTreeSet<String>),
}

impl Selector {
    /// Parses, or says what is wrong in the server's words.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut tokens = Tokens { rest: text };
        let mut requirements = Vec::new();
        if tokens.peek().is_empty() {
            return Ok(Self(requirements));
        }
        loop {
            let token = tokens.peek();
            if matches!(token, "," | "=" | "==" | "!=" | "(" | ")" | "") {
                let wanted =
                    if requirements.is_empty() { "!, identifier, or 'end of string'" } else { "identifier after ','" };
                return Err(format!("found '{token}', expected: {wanted}"));
            }
            let requirement =
                tokens.requirement().map_err(|problem| format!("unable to parse requirement: {problem}"))?;
            requirements.push(requirement);
            match tokens.next() {
                "" => return Ok(Self(requirements)),
                "," => {}
                other => return Err(format!("found '{other}', expected: ',' or 'end of string'")),
            }
        }
    }

    pub(crate) fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|requirement| {
            let value = labels.get(&requirement.key);
            match &requirement.operator {
                Operator::Exists => value.is_some(),
                Operator::Missing => value.is_none(),
                Operator::In(values) => value.is_some_and(|value| values.contains(value)),
                Operator::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            }
        })
    }
}

struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    fn peek(&self) -> &'a str {
        Tokens { rest: self.rest }.next()
    }

    fn next(&mut self) -> &'a str {
        self.rest = self.rest.trim_start();
        let special = |c: char| matches!(c, '=' | '!' | ',' | '(' | ')') || c.is_whitespace();
        let length = match self.rest {
            rest if rest.starts_with("==") || rest.starts_with("!=") => 2,
            rest if rest.starts_with(special) => 1,
            rest => rest.find(special).unwrap_or(rest.len()),
        };
        let (token, rest) = self.rest.split_at(length);
        self.rest = rest;
        token
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let negated = self.peek() == "!";
        if negated {
            self.next();
        }
        let key = self.next().to_owned();
        if negated {
            return Ok(Requirement { key, operator: Operator::Missing });
        }
        let operator = match self.peek() {
            "" | "," => Operator::Exists,
            "=" | "==" => {
                self.next();
                Operator::In(BTreeSet::from([self.value()]))
            }
            "!=" => {
                self.next();
                Operator::NotIn(BTreeSet::from([self.value()]))
            }
            "in" => {
                self.next();
                Operator::In(self.values()?)
            }
            "notin" => {
                self.next();
                Operator::NotIn(self.values()?)
            }
            other => return Err(format!("found '{other}', expected: '=', '!=', '==', 'in', notin'")),
        };
        Ok(Requirement { key, operator })
    }

    /// A single value; the empty one is legal.
    fn value(&mut self) -> String {
        match self.peek() {
            "," | "" => String::new(),
            _ => self.next().to_owned(),
        }
    }

    fn values(&mut self) -> Result<BTreeSet<String>, String> {
        match self.next() {
            "(" => {}
            other => return Err(format!("found '{other}' expected: '('")),
        }
        let mut values = BTreeSet::new();
        loop {
            match self.peek() {
                "," | ")" => values.insert(String::new()),
                _ => values.insert(self.next().to_owned()),
            };
            match self.next() {
                "," => {}
                ")" => return Ok(values),
                other => return Err(format!("found '{other}', expected: ',' or ')'")),
            }
        }
    }
}
