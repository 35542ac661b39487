//! What is wrong with a setting, in words that need no knowledge of this program: which setting, on which line
//! of the file, what is there and what would be right.

use figment::error::{Actual, Error, Kind};

/// A fault of the settings, with the line of the file whose text is given.
pub(super) fn said(fault: &Error, file: Option<&str>) -> String {
    let path = fault.path.join(".");
    let line = file.and_then(|text| line_of(text, &fault.path));
    let line = line.map_or_else(String::new, |line| format!("line {line}: "));
    let what = match &fault.kind {
        Kind::Message(text) if fault.path.is_empty() => return unparsed(text),
        Kind::Message(text) => format!("{path}: {text}"),
        Kind::InvalidType(actual, expected) | Kind::InvalidValue(actual, expected) => {
            format!(
                "{path} is {}: it must be {}",
                given(actual),
                wanted(expected)
            )
        }
        Kind::UnknownVariant(word, words) => {
            format!("{path} is {word:?}: it must be {}", listed(words, "or"))
        }
        Kind::UnknownField(_, known) => match path.split_once('.') {
            None => format!(
                "there is no section {path}: there are {}",
                listed(known, "and")
            ),
            Some((section, _)) => format!(
                "there is no setting {path}: in [{section}] there are {}",
                listed(known, "and")
            ),
        },
        Kind::InvalidLength(..)
        | Kind::MissingField(_)
        | Kind::DuplicateField(_)
        | Kind::ISizeOutOfRange(_)
        | Kind::USizeOutOfRange(_)
        | Kind::Unsupported(_)
        | Kind::UnsupportedKey(..) => format!("{path}: {}", fault.kind),
    };
    format!("{line}{what}")
}

/// What the parser of TOML complains about, in one line and without the lines that it quotes: one may hold a
/// password.
fn unparsed(text: &str) -> String {
    let quotes = |line: &&str| {
        let (number, rest) = line.trim_start().split_once('|').unwrap_or(("x", ""));
        let number = number.trim();
        !rest.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) || line.trim() == "|"
    };
    let mut said = text.lines().filter(|line| !quotes(line)).map(str::trim);
    let place = said.next().unwrap_or_default();
    let place = place.strip_prefix("TOML parse error at ").unwrap_or(place);
    let why: Vec<&str> = said.filter(|line| !line.is_empty()).collect();
    format!("{place}: is not TOML: {}", why.join(", "))
}

/// What was given.
fn given(actual: &Actual) -> String {
    match actual {
        Actual::Str(text) => format!("the text {text:?}"),
        Actual::Bool(value) => value.to_string(),
        Actual::Unsigned(number) => number.to_string(),
        Actual::Signed(number) => number.to_string(),
        Actual::Float(number) => number.to_string(),
        Actual::Seq => "a list".to_owned(),
        Actual::Map => "a table".to_owned(),
        Actual::Char(_)
        | Actual::Bytes(_)
        | Actual::Unit
        | Actual::Option
        | Actual::NewtypeStruct
        | Actual::Enum
        | Actual::UnitVariant
        | Actual::NewtypeVariant
        | Actual::TupleVariant
        | Actual::StructVariant
        | Actual::Other(_) => "something else".to_owned(),
    }
}

/// What the setting takes, by what its type is called.
fn wanted(expected: &str) -> String {
    match expected {
        "u16" => "a whole number up to 65535".to_owned(),
        "u32" => "a whole number up to 4294967295".to_owned(),
        "u64" | "usize" => "a whole number, 0 or more".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" | "string or table" => "a text in quotes".to_owned(),
        "a sequence" => "a list in brackets".to_owned(),
        "a map" => "a table".to_owned(),
        expected if expected.starts_with("struct ") => "a table of settings".to_owned(),
        expected if expected.starts_with("enum ") => "one of its words, in quotes".to_owned(),
        expected => expected.to_owned(),
    }
}

fn listed(words: &[&str], last: &str) -> String {
    match words {
        [] => "none".to_owned(),
        [one] => (*one).to_owned(),
        [most @ .., end] => format!("{} {last} {end}", most.join(", ")),
    }
}

/// The line that gives the setting at `path`, or its section.
fn line_of(text: &str, path: &[String]) -> Option<usize> {
    let mut section: Vec<&str> = Vec::new();
    let mut found = None;
    for (line, number) in text.lines().map(str::trim).zip(1..) {
        let header = line.strip_prefix('[').and_then(|line| line.split_once(']'));
        let key = line.split_once('=').map(|(key, _)| names(key));
        match (header, key) {
            (Some((header, _)), _) => section = names(header),
            (None, Some(key)) if !line.starts_with('#') => {
                let key = [section.as_slice(), &key].concat();
                if leads(path, &key) {
                    return Some(number);
                }
                continue;
            }
            (None, _) => continue,
        }
        if leads(path, &section) {
            found = Some(number);
        }
    }
    found
}

/// The names of a dotted key.
fn names(key: &str) -> Vec<&str> {
    let parts = key
        .split('.')
        .map(|part| part.trim().trim_matches(['"', '\'']));
    parts.filter(|part| !part.is_empty()).collect()
}

/// Whether the path leads through a key.
fn leads(path: &[String], key: &[&str]) -> bool {
    !key.is_empty() && key.len() <= path.len() && path.iter().zip(key).all(|(a, b)| a == b)
}

#[cfg(test)]
mod tests {
    use super::line_of;

    #[test]
    fn a_setting_is_found_on_its_line_however_it_is_written() {
        let text = "# [amqp]\n[amqp] # the broker\n  batch = 1\n\n[security.allowed_publishers]\n\"u\" = 3\n\
                    [decide]\nmode=\"x\"\n#mode = 3\n";
        for (path, line) in [
            ("amqp.batch", Some(3)),
            ("amqp.url", Some(2)),
            ("security.allowed_publishers.u", Some(6)),
            ("decide.mode", Some(8)),
            ("http", None),
        ] {
            let path: Vec<String> = path.split('.').map(str::to_owned).collect();
            assert_eq!(line_of(text, &path), line, "{path:?}");
        }
        let dotted = "amqp.batch = 1\ndecide = 3\n";
        let path = |path: &str| path.split('.').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(line_of(dotted, &path("amqp.batch")), Some(1));
        assert_eq!(line_of(dotted, &path("decide")), Some(2));
    }
}
