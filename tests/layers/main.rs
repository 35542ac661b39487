//! Which part may know which, read from the sources: the table in `src/lib.rs` as a test.

mod imports;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Layers that may name all.
const MAY_KNOW_ALL: &[&str] = &["app", "cli", "lib", "main"];

/// Each layer and the layers of ours that it may name, which stand above it.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("words", &[]),
    ("message", &[]),
    ("retry", &[]),
    ("failpoints", &[]),
    ("config", &["words"]),
    ("domain", &["words"]),
    ("clock", &["domain"]),
    ("wire", &["domain", "words", "message"]),
    // The reasons for refusing, to bound its labels.
    ("telemetry", &["wire", "domain", "words"]),
    ("store", &["domain", "config", "failpoints", "words"]),
    ("broker", &["domain", "config", "message", "clock", "words"]),
    ("lifecycle", &["store", "config"]),
    (
        "worker",
        &[
            "domain",
            "words",
            "message",
            "clock",
            "wire",
            "store",
            "broker",
            "config",
            "lifecycle",
            "retry",
            "telemetry",
            "failpoints",
        ],
    ),
    (
        "bridge",
        &[
            "domain",
            "words",
            "message",
            "clock",
            "wire",
            "store",
            "broker",
            "config",
            "lifecycle",
            "retry",
            "telemetry",
        ],
    ),
    (
        "placement",
        &[
            "domain",
            "words",
            "message",
            "clock",
            "wire",
            "broker",
            "config",
            "retry",
            "telemetry",
        ],
    ),
    ("answers", &["store", "telemetry", "domain", "words"]),
    (
        "http",
        &[
            "store",
            "worker",
            "bridge",
            "placement",
            "answers",
            "clock",
            "telemetry",
            "domain",
            "words",
        ],
    ),
];

/// A text that only these layers may contain, outside of comments.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("lapin::", &["broker"]),
    ("sqlx::", &["store"]),
    ("axum", &["http"]),
    ("hyper", &["http"]),
    ("reqwest", &["placement"]),
    ("rmp_serde", &["wire"]),
    ("backoff::", &["retry"]),
    ("counter!", &["telemetry"]),
    ("gauge!", &["telemetry"]),
    // The rooms that may call what clippy.toml bans; the crate's root switches the ban on.
    (
        "clippy::disallowed_methods",
        &["clock", "config", "lifecycle", "store", "lib"],
    ),
    // The loops of worker and bridge ask their port, so that a test sets time and ids.
    ("now_ms()", &["clock", "broker", "cli", "http"]),
    ("new_id()", &["clock", "broker", "cli", "app"]),
    ("nodewarden_", &["telemetry", "store"]),
    ("SELECT ", &["store"]),
    ("UPDATE ", &["store"]),
    ("nodewarden.conductor-events", &["config"]),
    ("node.events", &["config"]),
];

/// What the pure core may not touch.
const NOT_IN_DOMAIN: &[&str] = &[
    "async ",
    "tokio",
    "serde",
    "tracing",
    "std::io",
    "std::fs",
    "SystemTime",
    "Instant",
    "rand",
    "println",
    "metrics",
];

/// The judgement of the bridge is as pure as the domain, and knows nothing else of ours.
const PURE_IN_BRIDGE: &[&str] = &[
    "bridge/judge.rs",
    "bridge/rules.rs",
    "bridge/numbers.rs",
    "bridge/rhythm.rs",
    "bridge/look.rs",
    "bridge/events.rs",
    "bridge/watched.rs",
];

struct Source {
    layer: String,
    path: PathBuf,
    /// Without comments, and without the unit tests at the end of a file.
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let inner = path.strip_prefix(&root).unwrap();
            if inner.file_name().is_some_and(|name| name == "tests.rs") {
                continue;
            }
            let layer = inner
                .iter()
                .next()
                .unwrap()
                .to_str()
                .unwrap()
                .trim_end_matches(".rs")
                .to_owned();
            let code = text.split("#[cfg(test)]").next().unwrap();
            let code: Vec<&str> = code
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .map(|line| line.split(" // ").next().unwrap())
                .collect();
            sources.push(Source {
                layer,
                path: inner.to_owned(),
                code: code.join("\n"),
            });
        }
    }
    assert!(sources.len() > 50, "the sources are found");
    sources
}

#[test]
fn no_layer_knows_one_that_it_may_not() {
    let mut broken = Vec::new();
    for source in sources() {
        let Some((_, allowed)) = MAY_KNOW.iter().find(|(layer, _)| *layer == source.layer) else {
            if !MAY_KNOW_ALL.contains(&source.layer.as_str()) {
                broken.push(format!("{} belongs to no layer", source.path.display()));
            }
            continue;
        };
        let known: BTreeSet<&str> = source
            .code
            .split("crate::")
            .skip(1)
            .map(|rest| {
                rest.split(|c: char| !c.is_alphanumeric() && c != '_')
                    .next()
                    .unwrap()
            })
            .filter(|name| *name != source.layer)
            .collect();
        for name in known {
            if !allowed.contains(&name) {
                broken.push(format!("{} knows {name}", source.path.display()));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn no_arrow_runs_back_up() {
    for (place, (layer, known)) in MAY_KNOW.iter().enumerate() {
        for name in *known {
            let lower = MAY_KNOW[..place].iter().any(|(lower, _)| lower == name);
            assert!(lower, "{layer} knows {name}, which stands below it");
        }
    }
}

#[test]
fn no_circle_runs_through_files() {
    let files: Vec<_> = sources()
        .into_iter()
        .map(|source| (source.path, source.code))
        .collect();
    let arrows = imports::arrows(&files);
    assert!(arrows.len() > 1_000, "the imports are found");
    assert_eq!(imports::in_circles(arrows), Vec::<String>::new());
}

#[test]
fn each_library_and_each_kind_of_text_has_one_home() {
    let mut broken = Vec::new();
    for source in sources() {
        for (text, homes) in ONLY_IN {
            if source.code.contains(text) && !homes.contains(&source.layer.as_str()) {
                broken.push(format!("{} holds {text:?}", source.path.display()));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn the_core_is_pure() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| source.layer == "domain") {
        for text in NOT_IN_DOMAIN {
            if source.code.contains(text) {
                broken.push(format!("{} holds {text:?}", source.path.display()));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn the_judgement_of_the_bridge_is_pure() {
    let mut broken = Vec::new();
    let sources = sources();
    let pure: Vec<_> = sources
        .iter()
        .filter(|source| {
            PURE_IN_BRIDGE
                .iter()
                .any(|path| source.path == Path::new(path))
        })
        .collect();
    assert_eq!(pure.len(), PURE_IN_BRIDGE.len());
    for source in pure {
        for text in NOT_IN_DOMAIN {
            if source.code.contains(text) {
                broken.push(format!("{} holds {text:?}", source.path.display()));
            }
        }
        for rest in source.code.split("crate::").skip(1) {
            if !rest.starts_with("domain::") && !rest.starts_with("words::") {
                broken.push(format!("{} knows {rest:.20}", source.path.display()));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn every_file_opens_with_what_it_is_and_no_file_holds_two_subjects() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut broken = Vec::new();
    for source in sources() {
        let text = fs::read_to_string(root.join(&source.path)).unwrap();
        if !text.starts_with("//! ") {
            broken.push(format!("{} does not say what it is", source.path.display()));
        }
        let lines = text.lines().count();
        if lines > 450 {
            broken.push(format!("{} has {lines} lines", source.path.display()));
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}
