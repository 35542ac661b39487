//! The pages for people say what is so: code on them is that of the tested examples, every setting
//! is there with its default, every metric, log line and command is explained, every link leads
//! somewhere, and what the README names in the sources exists.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use nodewarden::config::Settings;
use serde_json::Value;

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    let path = project().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

/// Every page that is shipped, by its path in the project.
fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned()];
    let mut folders = vec![PathBuf::from("deploy"), PathBuf::from("tests")];
    while let Some(folder) = folders.pop() {
        for entry in project().join(&folder).read_dir().expect("a folder") {
            let entry = entry.expect("an entry");
            let path = folder.join(entry.file_name());
            if entry.file_type().expect("a type").is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path.to_str().expect("text").to_owned());
            }
        }
    }
    pages.sort();
    pages
}

/// A page without its blocks of code.
fn prose(page: &str) -> String {
    let mut code = false;
    let mut prose = String::new();
    for line in page.lines() {
        if line.starts_with("```") {
            code = !code;
        } else if !code {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    assert!(!code, "a block of code does not end");
    prose
}

#[test]
fn code_for_authors_is_literally_that_of_the_examples() {
    const MARK: &str = "<!-- literally from ";
    let page = read("deploy/AUTHORS.md");
    let mut shown = BTreeSet::new();
    for after in page.split(MARK).skip(1) {
        let (file, rest) = after.split_once(" -->\n```").expect("code follows");
        let (_, rest) = rest.split_once('\n').expect("a language");
        let (code, _) = rest.split_once("\n```").expect("an end");
        assert!(
            read(file).contains(&format!("\n{code}\n")),
            "{file} does not contain this any more:\n{code}"
        );
        shown.insert(file);
    }
    let all = [
        "deploy/examples/python/conductor.py",
        "deploy/examples/python/scheduler.py",
        "examples/conductor.rs",
        "examples/scheduler.rs",
    ];
    assert_eq!(shown, BTreeSet::from(all));
    assert_eq!(
        page.matches("```python\n").count() + page.matches("```rust\n").count(),
        page.matches(MARK).count(),
        "code that no example contains"
    );
}

/// The cells of a table's rows, without the quotes of code.
fn rows<'a>(page: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let (_, section) = page.split_once(heading).expect("the section is there");
    let section = section.split("\n## ").next().unwrap_or_default();
    let table = section.lines().filter(|line| line.starts_with("| `"));
    table
        .map(|line| {
            let cells = line.trim_matches('|').split(" | ");
            cells.map(|cell| cell.trim().trim_matches('`')).collect()
        })
        .collect()
}

#[test]
fn every_setting_is_listed_with_its_default() {
    let page = read("deploy/REFERENCE.md");
    let told: BTreeMap<String, String> = rows(&page, "\n## Settings\n")
        .iter()
        .map(|row| {
            assert_eq!(row.len(), 3, "{row:?}");
            (row[0].to_owned(), row[1].to_owned())
        })
        .collect();
    let duration = |text: &str| humantime::parse_duration(text).ok();
    let defaults = serde_json::to_value(Settings::default()).expect("settings serialize");
    let mut expected = BTreeMap::new();
    for (section, keys) in defaults.as_object().expect("sections") {
        for (key, default) in keys.as_object().expect("keys") {
            let key = format!("{section}.{key}");
            let default = match default {
                Value::Null => "not set".to_owned(),
                Value::String(text) => text.clone(),
                other
                @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                    other.to_string()
                }
            };
            // 60s and 1m are the same.
            let as_told = told.get(&key).cloned().unwrap_or_default();
            let same = duration(&default).is_some() && duration(&default) == duration(&as_told);
            expected.insert(key, if same { as_told } else { default });
        }
    }
    assert_eq!(told, expected);
}

#[test]
fn every_metric_is_explained() {
    let metrics = nodewarden::telemetry::METRICS;
    let names: BTreeSet<String> = metrics.iter().map(|each| each.name.to_owned()).collect();
    let page = read("deploy/REFERENCE.md");
    let rows = rows(&page, "\n## Metrics\n");
    let explained: BTreeSet<String> = rows
        .iter()
        .map(|row| {
            assert_eq!(row.len(), 3, "{row:?}");
            row[0].split('{').next().unwrap_or_default().to_owned()
        })
        .collect();
    assert_eq!(explained, names);
}

#[test]
fn every_reason_for_a_refusal_is_explained() {
    let page = read("deploy/REFERENCE.md");
    let told: BTreeSet<&str> = rows(&page, "\n## Refusal reasons\n")
        .iter()
        .map(|row| row[0])
        .collect();
    let all = nodewarden::wire::Reason::ALL;
    assert_eq!(told, all.iter().map(|reason| reason.as_str()).collect());
}

/// The sources in one text; a string that goes on in the next line is whole in it.
fn sources(folder: &Path, text: &mut String) {
    for entry in folder.read_dir().expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path).expect("it can be read");
            let mut parts = source.split("\\\n");
            text.push_str(parts.next().unwrap_or_default());
            parts.for_each(|part| text.push_str(part.trim_start()));
        }
    }
}

#[test]
fn every_log_line_that_is_explained_is_one_that_is_written() {
    let page = read("deploy/REFERENCE.md");
    let mut written = String::new();
    sources(&project().join("src"), &mut written);
    let rows = rows(&page, "\n## Log lines\n");
    assert!(rows.len() > 10, "{rows:?}");
    for row in rows {
        assert_eq!(row.len(), 3, "{row:?}");
        for line in row[0].split("`, `") {
            let begin = line.trim_end_matches(['…', ' ']);
            assert!(written.contains(&format!("\"{begin}")), "{line}");
        }
    }
}

/// What a page has between single quotes of code.
fn quoted(prose: &str) -> impl Iterator<Item = &str> {
    prose.split('`').skip(1).step_by(2)
}

/// Whether a source defines something of this name.
fn defines(source: &str, name: &str) -> bool {
    ["fn", "struct", "enum", "trait", "const", "type"]
        .iter()
        .any(|word| {
            source
                .match_indices(&format!("{word} {name}"))
                .any(|(at, found)| {
                    let next = source[at + found.len()..].chars().next();
                    next.is_none_or(|c| !c.is_alphanumeric() && c != '_')
                })
        })
}

#[test]
fn what_the_readme_names_in_the_sources_exists() {
    let page = prose(&read("README.md"));
    let mut missing = Vec::new();
    for name in quoted(&page) {
        let word = name.split_whitespace().next().unwrap_or_default();
        let (path, item) = match word.split_once("::") {
            Some((path, item)) => (path, Some(item)),
            None => (word, None),
        };
        let is_a_path = path.contains('/') || path.ends_with(".rs") || item.is_some();
        let there = project().join(path);
        let fine = match item {
            Some(item) => std::fs::read_to_string(&there).is_ok_and(|text| defines(&text, item)),
            None => there.exists(),
        };
        if is_a_path && !fine {
            missing.push(name.to_owned());
        }
    }
    assert_eq!(missing, Vec::<String>::new());
    let (_, walk) = page
        .split_once("\n### One event, from bytes to announcement\n")
        .expect("the walk is there");
    let walk = walk.split("\n#").next().unwrap_or_default();
    for step in 1..=8 {
        let (_, text) = walk.split_once(&format!("\n{step}. ")).expect("a step");
        let text = text.split(&format!("\n{}. ", step + 1)).next();
        assert!(
            quoted(text.unwrap_or_default()).any(|name| name.contains(".rs::")),
            "step {step} names no code"
        );
    }
}

#[test]
fn the_readme_gives_the_commands_that_show_test_and_prove_everything() {
    use std::os::unix::fs::PermissionsExt;
    let page = read("README.md");
    for command in ["deploy/demo --yes ", "tests/run ", "tests/prove "] {
        assert!(page.contains(&format!("\n{command}")), "{command}");
        let file = command.split_whitespace().next().expect("a word");
        let mode = std::fs::metadata(project().join(file))
            .expect(file)
            .permissions();
        assert!(mode.mode() & 0o111 != 0, "{file} can be run");
    }
}

/// The commands that a command's help lists.
fn commands(of: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_nodewarden"))
        .args(of)
        .arg("-h")
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{of:?}");
    let help = String::from_utf8(output.stdout).expect("text");
    let (_, list) = help.split_once("Commands:\n").unwrap_or_default();
    let list = list.split("\n\n").next().unwrap_or_default();
    list.lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_is_mentioned() {
    let text: String = pages().iter().map(|page| read(page)).collect();
    let top = commands(&[]);
    assert!(top.len() > 5, "{top:?}");
    for command in top {
        let below = commands(&[&command]);
        assert!(
            text.contains(&format!("nodewarden {command}")),
            "nodewarden {command}"
        );
        for part in below {
            let whole = format!("nodewarden {command} {part}");
            assert!(text.contains(&whole), "{whole}");
        }
    }
}

/// What a heading is called in a link, as code hosts do it.
fn anchors(page: &str) -> BTreeSet<String> {
    prose(page)
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = |c: char| c.is_alphanumeric() || c == '-' || c == '_' || c == ' ';
            title.chars().filter(|c| kept(*c)).collect::<String>()
        })
        .map(|title| title.replace(' ', "-"))
        .collect()
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = read(&page);
        let folder = project().join(&page);
        let folder = folder.parent().expect("a folder");
        for after in prose(&text).split("](").skip(1) {
            let link = after.split(')').next().unwrap_or_default();
            if link.contains("://") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => project().join(&page),
                path => folder.join(path),
            };
            let fine = if anchor.is_empty() {
                target.exists()
            } else {
                std::fs::read_to_string(&target)
                    .is_ok_and(|target| anchors(&target).contains(anchor))
            };
            if !fine {
                broken.push(format!("{page}: {link}"));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn completions_and_manual_pages_are_those_of_the_command_line() {
    let files = nodewarden::cli::pages::files(nodewarden::cli::command()).expect("made");
    for (path, content) in &files {
        let shipped = std::fs::read(project().join(path)).unwrap_or_default();
        assert!(
            shipped == *content,
            "{} is old: `cargo run --example pages` writes it",
            path.display()
        );
    }
    let mut shipped = 0;
    for folder in ["deploy/man", "deploy/completions"] {
        shipped += project().join(folder).read_dir().expect("a folder").count();
    }
    assert_eq!(shipped, files.len(), "a file of a command that is gone");
}
