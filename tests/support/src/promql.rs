//! Just enough of Prometheus' languages to compare what queries name with what a worker serves.
//! That the queries are right as such, Prometheus itself says.

use std::collections::{BTreeMap, BTreeSet};

/// One metric in a query.
pub struct Use {
    pub name: String,
    /// Labels, with the value where a query asks for exactly one.
    pub matchers: Vec<(String, Option<String>)>,
}

/// Labels of the series of each metric.
pub type Served = BTreeMap<String, Vec<BTreeMap<String, String>>>;

fn part_of_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Everything of ours in a query.
pub fn uses(query: &str) -> Vec<Use> {
    let mut found = Vec::new();
    let mut rest = query;
    while let Some(at) = rest.find("nodewarden_") {
        let begins = !rest[..at].ends_with(part_of_a_name);
        rest = &rest[at..];
        let end = rest.find(|c| !part_of_a_name(c)).unwrap_or(rest.len());
        let name = rest[..end].to_owned();
        rest = &rest[end..];
        let matchers = match rest.strip_prefix('{') {
            Some(inside) => labels(inside.split('}').next().unwrap_or_default()),
            None => Vec::new(),
        };
        assert!(begins, "{query}");
        let exact = |(label, compared, value): (String, String, String)| {
            (label, (compared == "=").then_some(value))
        };
        found.push(Use {
            name,
            matchers: matchers.into_iter().map(exact).collect(),
        });
    }
    found
}

/// The labels that a query groups or joins by.
pub fn grouping(query: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for word in ["by (", "on ("] {
        for after in query.split(word).skip(1) {
            let list = after.split(')').next().unwrap_or_default();
            found.extend(list.split(',').map(|label| label.trim().to_owned()));
        }
    }
    found
}

/// What `/metrics` serves.
pub fn served(text: &str) -> Served {
    let mut served = Served::new();
    for line in text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        let (series, _value) = line.rsplit_once(' ').expect("a value");
        let (name, inside) = series.split_once('{').unwrap_or((series, "}"));
        let labels = labels(inside.trim_end_matches('}')).into_iter();
        let labels = labels.map(|(label, _, value)| (label, value)).collect();
        served.entry(name.to_owned()).or_default().push(labels);
    }
    served
}

/// `a="x", b=~"y"`: label, comparison, value. No value here has quotes of its own.
fn labels(inside: &str) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let mut rest = inside;
    while let Some((left, after)) = rest.split_once('"') {
        let (value, after) = after.split_once('"').expect("a quote ends");
        let left = left.trim_start_matches(',').trim();
        let end = left.find(|c| !part_of_a_name(c)).expect("a comparison");
        found.push((
            left[..end].to_owned(),
            left[end..].trim().to_owned(),
            value.to_owned(),
        ));
        rest = after;
    }
    found
}
