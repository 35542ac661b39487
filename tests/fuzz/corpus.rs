//! What fuzzing begins with: the messages of `schemas/golden`, the fixtures of other tests, and the
//! inputs in `corpus/` that once led somewhere new.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn below(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The golden messages: name of the file, and what it says.
pub fn golden() -> Vec<(String, Value)> {
    let json = |path: &PathBuf| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    };
    let golden: Vec<_> = files(&below("schemas/golden"))
        .into_iter()
        .filter(json)
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (
                name,
                serde_json::from_slice(&fs::read(path).unwrap()).unwrap(),
            )
        })
        .collect();
    assert!(golden.len() > 5, "the golden messages are found");
    golden
}

pub fn fixtures() -> Vec<Vec<u8>> {
    let folder = below("tests/fixtures");
    let fixtures: Vec<_> = files(&folder)
        .iter()
        .map(|path| fs::read(path).unwrap())
        .collect();
    assert!(!fixtures.is_empty(), "the fixtures are found");
    fixtures
}

/// What is kept for `target`.
pub fn kept(target: &str) -> Vec<Vec<u8>> {
    let folder = below("tests/fuzz/corpus").join(target);
    let kept: Vec<_> = files(&folder)
        .iter()
        .map(|path| fs::read(path).unwrap())
        .collect();
    assert!(!kept.is_empty(), "nothing is in {}", folder.display());
    kept
}

/// Larger ones are not worth their place.
const KEPT_BYTES: usize = 2048;

/// Keeps an input that led to `outcome`.
pub fn keep(target: &str, outcome: &str, input: &[u8]) {
    if input.len() > KEPT_BYTES {
        return;
    }
    let folder = below("tests/fuzz/corpus").join(target);
    fs::create_dir_all(&folder).unwrap();
    let name = outcome
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
    let name: String = name.take(80).collect();
    let words: Vec<&str> = name.split('-').filter(|word| !word.is_empty()).collect();
    let name = format!("led-to-{}", words.join("-"));
    fs::write(folder.join(name), input).unwrap();
}
