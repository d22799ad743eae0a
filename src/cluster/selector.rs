//! Label selectors: the text of `-l` and the `LabelSelector` of an object, as Kubernetes reads them.
//!
//! Pure. The API server selects by itself; this is for manifests, for an ImageUpdater, and to refuse a bad `-l` before
//! anything is asked.

use std::collections::BTreeMap;

use serde_json::Value;

/// Requirements that all have to be met; none means everything matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Operator {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
    GreaterThan(i64),
    LessThan(i64),
}

impl Selector {
    /// Reads the syntax of `kubectl -l`: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`.
    ///
    /// # Errors
    /// Names the part that is not a requirement.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let parts = split_outside_parentheses(text);
        parts.into_iter().map(|part| requirement(part.trim())).collect::<Result<_, _>>().map(Self)
    }

    /// Reads a `LabelSelector` (`matchLabels`, `matchExpressions`); null or absent matches everything.
    ///
    /// `None` if it is not a valid one: it then matches nothing.
    pub(crate) fn of_object(selector: &Value) -> Option<Self> {
        if selector.is_null() {
            return Some(Self::default());
        }
        let fields = selector.as_object()?;
        let labels = fields.get("matchLabels").filter(|labels| !labels.is_null());
        let expressions = fields.get("matchExpressions").filter(|expressions| !expressions.is_null());
        let mut requirements = Vec::new();
        if let Some(labels) = labels {
            for (key, value) in labels.as_object()? {
                requirements.push(valid(key, Operator::In(vec![value.as_str()?.to_owned()]))?);
            }
        }
        if let Some(expressions) = expressions {
            for expression in expressions.as_array()? {
                let key = expression["key"].as_str()?;
                let values = match &expression["values"] {
                    Value::Null => Vec::new(),
                    values => {
                        values.as_array()?.iter().map(|v| v.as_str().map(str::to_owned)).collect::<Option<_>>()?
                    }
                };
                let operator = match expression["operator"].as_str()? {
                    "In" => Operator::In(values),
                    "NotIn" => Operator::NotIn(values),
                    "Exists" if values.is_empty() => Operator::Exists,
                    "DoesNotExist" if values.is_empty() => Operator::DoesNotExist,
                    _ => return None,
                };
                requirements.push(valid(key, operator)?);
            }
        }
        Some(Self(requirements))
    }

    pub(crate) fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|requirement| {
            let value = labels.get(&requirement.key);
            let number = || value.and_then(|value| value.parse::<i64>().ok());
            match &requirement.operator {
                Operator::In(values) => value.is_some_and(|value| values.contains(value)),
                Operator::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
                Operator::Exists => value.is_some(),
                Operator::DoesNotExist => value.is_none(),
                Operator::GreaterThan(limit) => number().is_some_and(|number| number > *limit),
                Operator::LessThan(limit) => number().is_some_and(|number| number < *limit),
            }
        })
    }
}

/// Splits at commas that are not inside `(…)`.
fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    text.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
    .collect()
}

fn requirement(text: &str) -> Result<Requirement, String> {
    let bad = || format!("`{}` is not a label requirement such as `env=prod` or `env in (a, b)`", text.escape_debug());
    let read = || {
        if let Some(key) = text.strip_prefix('!') {
            return valid(key.trim(), Operator::DoesNotExist);
        }
        let end = text.find(['=', '!', '<', '>', '(', ' ', '\t']).unwrap_or(text.len());
        let (key, rest) = text.split_at(end);
        let rest = rest.trim();
        let one = |value: &str| vec![value.trim().to_owned()];
        let number = |value: &str| value.trim().parse().ok();
        let operator = if rest.is_empty() {
            Operator::Exists
        } else if let Some(value) = rest.strip_prefix("==").or_else(|| rest.strip_prefix('=')) {
            Operator::In(one(value))
        } else if let Some(value) = rest.strip_prefix("!=") {
            Operator::NotIn(one(value))
        } else if let Some(value) = rest.strip_prefix('>') {
            Operator::GreaterThan(number(value)?)
        } else if let Some(value) = rest.strip_prefix('<') {
            Operator::LessThan(number(value)?)
        } else if let Some(set) = rest.strip_prefix("notin") {
            Operator::NotIn(values(set)?)
        } else {
            Operator::In(values(rest.strip_prefix("in")?)?)
        };
        valid(key, operator)
    };
    read().ok_or_else(bad)
}

fn values(text: &str) -> Option<Vec<String>> {
    let inside = text.trim().strip_prefix('(')?.strip_suffix(')')?;
    Some(inside.split(',').map(|value| value.trim().to_owned()).collect())
}

/// The checks that Kubernetes makes when it builds a requirement (apimachinery `labels.NewRequirement`).
fn valid(key: &str, operator: Operator) -> Option<Requirement> {
    let values_ok = match &operator {
        Operator::In(values) | Operator::NotIn(values) => {
            !values.is_empty() && values.iter().all(|value| value.is_empty() || is_name(value))
        }
        _ => true,
    };
    let key_ok = match key.split_once('/') {
        Some((prefix, name)) => {
            !prefix.is_empty() && prefix.len() <= 253 && prefix.split('.').all(is_name) && is_name(name)
        }
        None => is_name(key),
    };
    (key_ok && values_ok).then(|| Requirement { key: key.to_owned(), operator })
}

/// At most 63 letters, digits, `-`, `_`, `.`, with a letter or digit at both ends.
fn is_name(text: &str) -> bool {
    let ends = |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric());
    text.len() <= 63
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && ends(text.bytes().next())
        && ends(text.bytes().next_back())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn labels(text: &str) -> BTreeMap<String, String> {
        let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn the_text_of_kubectl_is_read() {
        for (selector, on, expected) in [
            ("", "", true),
            ("env=prod", "env=prod", true),
            ("env==prod", "env=prod", true),
            ("env = prod", "env=prod", true),
            ("env=prod", "env=dev", false),
            ("env=prod", "", false),
            ("env=", "env=", true),
            ("env!=prod", "env=dev", true),
            ("env!=prod", "", true),
            ("env!=prod", "env=prod", false),
            ("env in (prod, staging)", "env=staging", true),
            ("env in (prod,staging),tier=web", "env=staging,tier=web", true),
            ("env in (prod,staging),tier=web", "env=staging", false),
            ("env in(prod)", "env=prod", true),
            ("env notin (prod,staging)", "env=dev", true),
            ("env notin (prod,staging)", "env=prod", false),
            ("env", "env=x", true),
            ("env", "tier=x", false),
            ("!env", "tier=x", true),
            ("! env", "env=x", false),
            ("a.b/c-d=e", "a.b/c-d=e", true),
            ("n>1", "n=2", true),
            ("n>1", "n=1", false),
            ("n<1", "n=x", false),
            ("inside", "inside=1", true),
        ] {
            assert_eq!(Selector::parse(selector).unwrap().matches(&labels(on)), expected, "{selector} on {on}");
        }
        for bad in [
            "a b c", "=x", "a=b,", ",", "a in b", "a in (b", "a=b c", "a>b", "a/b/c", "-a", "a=-b", "a=b=c", "é",
            "a in ()x",
        ] {
            assert!(Selector::parse(bad).unwrap_err().contains("label requirement"), "{bad}");
        }
    }

    #[test]
    fn label_selectors_match_as_image_updater_matches_them() {
        let expression = |operator: &str, values: Value| json!({"matchExpressions": [{"key": "env", "operator": operator, "values": values}]});
        let both = json!({
            "matchLabels": {"env": "prod"},
            "matchExpressions": [{"key": "tier", "operator": "In", "values": ["frontend", "backend"]}]
        });
        for (id, on, selector, expected) in [
            ("lab-01", "env=prod", json!(null), true),
            ("lab-02", "env=prod", json!({}), true),
            ("lab-04", "env=prod,tier=frontend", json!({"matchLabels": {"env": "prod", "tier": "frontend"}}), true),
            ("lab-07", "env=staging", expression("In", json!(["prod", "staging"])), true),
            ("lab-08", "env=dev", expression("In", json!(["prod", "staging"])), false),
            ("lab-09", "env=dev", expression("NotIn", json!(["prod", "staging"])), true),
            ("lab-10", "env=prod", expression("NotIn", json!(["prod", "staging"])), false),
            ("lab-11", "env=prod", expression("Exists", json!(null)), true),
            ("lab-12", "tier=frontend", expression("Exists", json!(null)), false),
            ("lab-13", "tier=frontend", expression("DoesNotExist", json!(null)), true),
            ("lab-14", "env=prod", expression("DoesNotExist", json!(null)), false),
            ("lab-15", "env=prod,tier=frontend", both, true),
            ("lab-17", "env=prod", expression("InvalidOperator", json!(["prod"])), false),
            // Not in the tables: what apimachinery refuses matches nothing.
            ("in-without-values", "env=prod", expression("NotIn", json!([])), false),
            ("exists-with-values", "env=prod", expression("Exists", json!(["prod"])), false),
            (
                "illegal-key",
                "env=prod",
                json!({"matchExpressions": [{"key": "a b", "operator": "DoesNotExist"}]}),
                false,
            ),
            ("odd", "env=prod", json!([1]), false),
            ("odd-labels", "env=prod", json!({"matchLabels": {"env": 1}}), false),
        ] {
            let matched = Selector::of_object(&selector).is_some_and(|selector| selector.matches(&labels(on)));
            assert_eq!(matched, expected, "{id}");
        }
    }
}
