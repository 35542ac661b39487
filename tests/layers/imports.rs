//! Which file names which, read from `use` and from paths within the code. A name that a folder's face
//! hands on (`pub use`) counts for the file that defines it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A path of names below the crate's root.
type Name = Vec<String>;

/// From a file to one that it names.
type Arrow = (PathBuf, PathBuf);

/// All files by name, and what their faces hand on.
struct Names {
    files: BTreeMap<Name, PathBuf>,
    handed_on: BTreeMap<Name, Name>,
}

/// The arrows between `files`, each with its code.
pub fn arrows(files: &[(PathBuf, String)]) -> BTreeSet<Arrow> {
    let mut names = Names {
        files: BTreeMap::new(),
        handed_on: BTreeMap::new(),
    };
    for (path, _) in files {
        names.files.insert(name_of(path), path.clone());
    }
    for (path, code) in files {
        let module = name_of(path);
        for import in uses(code).filter(|import| import.handed_on) {
            for (full, known_as) in expanded(&import.tree) {
                if let Some(target) = names.absolute(&module, &full) {
                    let mut here = module.clone();
                    here.push(known_as);
                    names.handed_on.insert(here, target);
                }
            }
        }
    }
    let mut arrows = BTreeSet::new();
    for (path, code) in files {
        let module = name_of(path);
        let imports: Vec<Import> = uses(code).collect();
        let mut rest = code.clone();
        for import in &imports {
            rest = rest.replace(&import.text, "");
        }
        let own = imports.iter().filter(|import| !import.handed_on);
        let imported = own.flat_map(|import| expanded(&import.tree));
        let named = imported.map(|(full, _)| full).chain(inline(&rest));
        for full in named {
            let target = names.absolute(&module, &full);
            let Some(file) = target.and_then(|target| names.file(target)) else {
                continue;
            };
            if file != path {
                arrows.insert((path.clone(), file.clone()));
            }
        }
    }
    arrows
}

/// The arrows that are part of a circle, or lead from one to another.
pub fn in_circles(mut arrows: BTreeSet<Arrow>) -> Vec<String> {
    loop {
        let from: BTreeSet<PathBuf> = arrows.iter().map(|(from, _)| from.clone()).collect();
        let to: BTreeSet<PathBuf> = arrows.iter().map(|(_, to)| to.clone()).collect();
        let before = arrows.len();
        arrows.retain(|(one, other)| to.contains(one) && from.contains(other));
        if arrows.len() == before {
            let shown = |(from, to): &Arrow| format!("{} -> {}", from.display(), to.display());
            return arrows.iter().map(shown).collect();
        }
    }
}

fn name_of(path: &Path) -> Name {
    let mut name: Name = path
        .with_extension("")
        .iter()
        .map(|part| part.to_str().unwrap().to_owned())
        .collect();
    if matches!(
        name.last().map(String::as_str),
        Some("mod" | "lib" | "main")
    ) {
        name.pop();
    }
    name
}

impl Names {
    /// A path as it is written in `module`, from the root; nothing for those of libraries.
    fn absolute(&self, module: &Name, path: &str) -> Option<Name> {
        let mut parts: Vec<&str> = path.split("::").map(str::trim).collect();
        let mut base = match parts[0] {
            "crate" => Name::new(),
            "self" | "super" => module.clone(),
            child => {
                let mut name = module.clone();
                name.push(child.to_owned());
                if !self.files.contains_key(&name) {
                    return None;
                }
                parts.insert(0, "self");
                module.clone()
            }
        };
        while parts.first() == Some(&"super") {
            base.pop();
            parts.remove(0);
        }
        if matches!(parts.first(), Some(&"crate" | &"self")) {
            parts.remove(0);
        }
        base.extend(parts.into_iter().map(str::to_owned));
        Some(base)
    }

    /// The file that defines what has this name; nothing for what stands in the root.
    fn file(&self, mut name: Name) -> Option<&PathBuf> {
        let parts = |length: usize, name: &Name| name[..length].to_vec();
        while let Some((length, target)) = (1..=name.len()).rev().find_map(|length| {
            let part = parts(length, &name);
            // What is named as its file is that file.
            let target = self.handed_on.get(&part)?;
            (!self.files.contains_key(&part)).then(|| (length, target.clone()))
        }) {
            name = target.into_iter().chain(name.split_off(length)).collect();
        }
        (1..=name.len())
            .rev()
            .find_map(|length| self.files.get(&parts(length, &name)))
    }
}

struct Import {
    /// The whole of it.
    text: String,
    /// What stands behind `use`.
    tree: String,
    handed_on: bool,
}

fn uses(code: &str) -> impl Iterator<Item = Import> {
    let mut imports = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find("use ") {
        let line = rest[..at].rfind('\n').map_or(0, |end| end + 1);
        let before = rest[line..at].trim();
        let Some(end) = rest[at..].find(';') else {
            break;
        };
        if before.is_empty() || before.starts_with("pub") {
            imports.push(Import {
                text: rest[line..=at + end].to_owned(),
                tree: rest[at + "use ".len()..at + end].to_owned(),
                handed_on: !before.is_empty(),
            });
            rest = &rest[at + end..];
        } else {
            rest = &rest[at + "use ".len()..];
        }
    }
    imports.into_iter()
}

/// The single paths of an import, each with the name that it is known by from there on.
fn expanded(tree: &str) -> Vec<(String, String)> {
    let tree = tree.trim();
    let Some((before, inner)) = tree.split_once('{') else {
        let (path, known_as) = tree.split_once(" as ").unwrap_or((tree, tree));
        let known_as = known_as.rsplit("::").next().unwrap_or_default();
        return vec![(path.to_owned(), known_as.trim().to_owned())];
    };
    let inner = inner.trim_end().trim_end_matches('}');
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for letter in inner.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        match (letter, depth) {
            (',', 0) => parts.push(String::new()),
            _ => parts.last_mut().unwrap().push(letter),
        }
    }
    // A group that ends the list was cut off its last brace.
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts
        .flat_map(|part| expanded(&format!("{before}{}", part.trim())))
        .collect()
}

/// Paths of several names in the code.
fn inline(code: &str) -> impl Iterator<Item = String> {
    code.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != ':')
        .filter(|word| word.contains("::") && !word.starts_with(':'))
        .map(|word| word.trim_end_matches(':').to_owned())
}
