//! The settings: a file that is nearly the shipped one, and values as flags and environment give them.

use std::fs;

use nodewarden::config::Settings;

use super::random::Random;
use super::{Target, bytes, corpus};

/// Stands in each password.
const SECRET: &str = "s3cr3t";

#[derive(Debug)]
pub struct Given {
    file: Vec<u8>,
    overrides: Vec<(String, String)>,
}

pub struct SettingsFile {
    folder: tempfile::TempDir,
    /// The shipped file, with each setting in it.
    shipped: String,
    /// Each setting, as `section.key`.
    keys: Vec<String>,
    files: Vec<Vec<u8>>,
}

const VALUES: &[&str] = &[
    "",
    "\"\"",
    "0",
    "-1",
    "1.5",
    "true",
    "\"0s\"",
    "\"1ms\"",
    "\"10s\"",
    "\"postgres:///db?password=s3cr3t\"",
    "\"99999999999999999d\"",
    "\"1h 1h\"",
    "[]",
    "{}",
    "\"[::1]:8780\"",
    "\"amqp://u:s3cr3t@h1:5672,u:s3cr3t@h2/vhost\"",
    "[\"amqps://u:s3cr3t@[::1]:5671/%2f\", \"x\"]",
    "\"amqp://u:s3cr3t@h:99999/\"",
    "\"amqp://u:s3cr3t@h/%2\"",
    "\"postgres://u:s3cr3t@h1:5432,h2/db?sslmode=verify-full\"",
    "\"mysql://u:s3cr3t@:3306/db\"",
    "\"sqlite://\"",
    "\"ftp://u:s3cr3t@h\"",
    "\"u:s3cr3t@h\"",
    "{ c1 = [\"*\"] }",
    "\"enforce\"",
    "\"OBSERVE\"",
    "1979-05-27",
    "\"a\u{200b}b\"",
];

impl SettingsFile {
    pub fn new() -> Self {
        let shipped = include_str!("../../deploy/nodewarden.toml");
        let mut keys = Vec::new();
        let mut section = String::new();
        for line in shipped.lines() {
            let line = line.trim_start_matches('#').trim();
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end_matches(']').to_owned();
            } else if let Some((key, _)) = line.split_once(" = ")
                && key
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            {
                keys.push(format!("{section}.{key}"));
            }
        }
        assert!(keys.len() > 20, "the settings are found: {keys:?}");
        Self {
            folder: tempfile::tempdir().unwrap(),
            shipped: shipped.to_owned(),
            keys,
            files: corpus::kept("settings"),
        }
    }
}

impl Target for SettingsFile {
    type Input = Given;

    fn name(&self) -> &'static str {
        "settings"
    }

    fn input(&self, random: &mut Random) -> Given {
        let mut file = match random.below(4) {
            0 => self.shipped.clone().into_bytes(),
            1 => random.one_of(&self.files).clone(),
            _ => {
                let lines = (0..1 + random.below(3)).map(|_| {
                    let key = random.one_of(&self.keys);
                    format!("{key} = {}\n", random.one_of(VALUES))
                });
                lines.collect::<String>().into_bytes()
            }
        };
        if random.once_in(2) {
            let other = random.one_of(&self.files).clone();
            bytes::mutate(random, &mut file, &other);
        }
        let overrides = (0..random.below(3)).map(|_| {
            let key = random.one_of(&self.keys).clone();
            (key, random.one_of(VALUES).trim_matches('"').to_owned())
        });
        Given {
            overrides: overrides.collect(),
            file,
        }
    }

    fn kept(&self, input: &Given) -> Vec<u8> {
        input.file.clone()
    }

    fn judge(&self, _: &mut Random, input: &Given) -> String {
        let file = self.folder.path().join("nodewarden.toml");
        fs::write(&file, &input.file).unwrap();
        match Settings::load(Some(&file), &input.overrides) {
            Ok(settings) => {
                let Settings {
                    amqp,
                    database,
                    bridge,
                    ..
                } = settings;
                let urls = (amqp.url, database.url, bridge.database_url);
                let shown = format!("{urls:?}");
                assert!(!in_place(input) || !shown.contains(SECRET), "{shown}");
                "good".to_owned()
            }
            Err(fault) => {
                let told = format!("{fault}\n{fault:?}");
                assert!(!fault.to_string().is_empty());
                assert!(!in_place(input) || !told.contains(SECRET), "{told}");
                let told = fault.to_string().replace(&*file.to_string_lossy(), "");
                shape(&told)
            }
        }
    }

    fn must_occur(&self) -> &'static [&'static str] {
        &["good", "settings file", "setting ", "amqp."]
    }
}

/// Whether each password is still where one stands in a URL: what a mutation made of others is none.
fn in_place(input: &Given) -> bool {
    let texts = input.overrides.iter().map(|(_, value)| value.as_bytes());
    texts.chain([&input.file[..]]).all(|text| {
        let text = String::from_utf8_lossy(text);
        text.matches(SECRET).count() == text.matches("u:s3cr3t@h").count()
    })
}

/// The words of a fault, without what it quotes and counts.
fn shape(fault: &str) -> String {
    let line = fault.lines().last().unwrap_or_default();
    let outside = line.split(['"', '`', '\'']).next().unwrap_or_default();
    outside.chars().filter(|c| !c.is_ascii_digit()).collect()
}
