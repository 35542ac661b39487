//! What a file seems to be that is none for us, and the command that makes the right one.

use serde_json::Value;

use super::csv;
use super::record::client_option;

/// What is wrong with a file that begins so and is no text of nodes at all.
pub(super) fn no_text(head: &[u8]) -> Option<&'static str> {
    let begins = |sign: &[u8]| head.trim_ascii_start().starts_with(sign);
    if begins(b"PK\x03\x04") {
        Some("the file is a spreadsheet or an archive: save it as CSV, or unpack it")
    } else if begins(b"\x1f\x8b") {
        Some("the file is compressed: unpack it with gunzip")
    } else if begins(b"+-") {
        Some("the file is a table for people: print it with -f json")
    } else if begins(b"<") {
        Some("the file is XML or a page of a web server: print the list with -f json")
    } else if begins(b"---") || begins(b"- ") {
        Some("the file is YAML: print the list with -f json")
    } else {
        None
    }
}

/// How many bytes of other lines, such as warnings, stand before JSON; 0 where there is none below them.
pub(super) fn before_json(head: &[u8], extension: &str) -> usize {
    if extension == "csv" || may_be_json(head.trim_ascii_start()) || csv::has_header(head) {
        return 0;
    }
    let mut from = 0;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let rest = head[from..].trim_ascii_start();
        let begins =
            line.trim_ascii_start().starts_with(b"{") || line.trim_ascii_start().starts_with(b"[");
        if begins && may_be_json(rest) {
            return from;
        }
        from += line.len();
    }
    0
}

/// Whether a text with a bracket goes on as JSON does; `[WARNING]` and `[2026-01-01 …]` do not.
fn may_be_json(text: &[u8]) -> bool {
    let Some((b'{' | b'[', rest)) = text.split_first() else {
        return false;
    };
    let rest = rest.trim_ascii_start();
    let words = [&b"true"[..], b"false", b"null"];
    match rest.first() {
        None => true,
        Some(b'0'..=b'9' | b'-') => {
            let number = |byte: &u8| byte.is_ascii_digit() || b"-+.eE".contains(byte);
            let end = rest
                .iter()
                .position(|byte| !number(byte))
                .unwrap_or(rest.len());
            matches!(
                rest[end..].trim_ascii_start().first(),
                None | Some(b',' | b']')
            ) && !rest[1..end.max(1)].contains(&b'-')
        }
        Some(byte) if byte.is_ascii_alphabetic() => words.iter().any(|word| rest.starts_with(word)),
        Some(_) => true,
    }
}

/// What OpenStack's services answer with where something went wrong.
const ERRORS: [&str; 4] = ["error", "error_message", "faultstring", "computeFault"];

/// What an object seems to be that is neither a node nor has a list `nodes`.
pub(super) fn seems(object: &str) -> Option<String> {
    let object = serde_json::from_str(object).ok()?;
    let next = names_next(&object);
    let Value::Object(entries) = object else {
        return None;
    };
    if entries.contains_key("driver") || entries.contains_key("Driver") {
        return None;
    }
    if next {
        return Some(page());
    }
    if entries.keys().any(|key| ERRORS.contains(&key.as_str())) {
        return Some(
            "the file is an answer about an error, not a list of nodes: look what it says, and ask again".to_owned(),
        );
    }
    if entries.contains_key("items")
        && (entries.contains_key("kind") || entries.contains_key("apiVersion"))
    {
        return Some(
            "the file seems to be a Kubernetes list: make a list of nodes of it with jq '[.items[] | {uuid: \
             .metadata.uid, name: .metadata.name, driver: \"…\"}]'"
                .to_owned(),
        );
    }
    let is_list = |value: &Value| {
        value
            .as_array()
            .is_some_and(|list| !list.is_empty() && list.iter().all(Value::is_object))
    };
    let lists: Vec<&String> = entries
        .iter()
        .filter(|(_, value)| is_list(value))
        .map(|(key, _)| key)
        .collect();
    if let [key] = lists[..] {
        let key = super::fault::quoted(key);
        return Some(format!(
            "the list is under {key} instead of \"nodes\": take it out with jq '.[{key}]'"
        ));
    }
    if !entries.is_empty() && entries.values().all(Value::is_object) {
        return Some(
            "the file seems to be a map of nodes: make a list of it with jq '[to_entries[] | {uuid: .key} + .value]'"
                .to_owned(),
        );
    }
    None
}

/// What is said of a page that stands where a node is expected.
pub(super) const PAGE_AMONG_NODES: &str = "is a page of nodes, not a node: put the pages into one file, one after the other, with no list around them";

/// Whether an object names the next page: as Ironic does, as other services of OpenStack do, or as
/// Kubernetes does.
pub(super) fn names_next(page: &Value) -> bool {
    let mut links = page.as_object().into_iter().flatten();
    let next = |link: &Value| link["rel"] == "next";
    let linked = links.any(|(key, value)| {
        (key == "links" || key.ends_with("_links"))
            && value.as_array().is_some_and(|links| links.iter().any(next))
    });
    let more = |token: &Value| token.as_str().is_some_and(|text| !text.is_empty());
    linked || !page["next"].is_null() || more(&page["metadata"]["continue"])
}

/// What to do about a page of a longer list.
pub(super) fn page() -> String {
    format!(
        "is one page of a longer list: it names the next one. Ask for all nodes with `openstack baremetal node list \
         {} -f json`, or put all pages into one file, one after the other",
        client_option()
    )
}
