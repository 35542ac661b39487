//! Reading the settings in layers: defaults, file, environment, flags.

use std::path::Path;

use figment::Figment;
use figment::error::Kind;
use figment::providers::{Format, Serialized, Toml};
use figment::value::Value;

use super::secret::without_passwords;
use super::{Settings, SettingsFault, environment, fault};

impl Settings {
    /// Reads file, environment and `overrides` (`section.key`, value); later ones win.
    /// Errors: [`SettingsFault`], without a password that any of them holds.
    pub fn load(
        file: Option<&Path>,
        overrides: &[(String, String)],
    ) -> Result<Self, SettingsFault> {
        Self::load_all(file, overrides).map_err(|fault| match fault {
            SettingsFault::Malformed { origin, why } => {
                SettingsFault::malformed(origin, without_passwords(&why))
            }
            SettingsFault::Refused(why) => SettingsFault::Refused(without_passwords(&why)),
            SettingsFault::Unreadable { .. } => fault,
        })
    }

    fn load_all(
        file: Option<&Path>,
        overrides: &[(String, String)],
    ) -> Result<Self, SettingsFault> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(file) = file {
            let text =
                std::fs::read_to_string(file).map_err(|source| SettingsFault::Unreadable {
                    file: file.to_owned(),
                    source,
                })?;
            // Parsed alone first, so that a fault names the file.
            Figment::from(Serialized::defaults(Self::default()))
                .merge(Toml::string(&text))
                .extract::<Self>()
                .map_err(|fault| {
                    let origin = format!("settings file {}", file.display());
                    SettingsFault::malformed(origin, fault::said(&fault, Some(&text)))
                })?;
            figment = figment.merge(Toml::string(&text));
        }
        environment::check_names(&known())?;
        for (name, path, value) in environment::settings()? {
            let origin = format!("environment variable {name}");
            figment = Self::set(figment, &path, &value, &origin)?;
        }
        for (path, value) in overrides {
            figment = Self::set(figment, path, value, &format!("setting {path:?}"))?;
        }
        let malformed = |fault| SettingsFault::malformed("settings", fault::said(&fault, None));
        let mut whole: Value = figment.extract().map_err(malformed)?;
        trim("", &mut whole)?;
        let figment = Figment::from(Serialized::defaults(whole));
        let settings: Self = figment.extract().map_err(malformed)?;
        settings.check()?;
        Ok(settings)
    }

    /// Merges one value: a TOML value where the text parses as one, else a text.
    fn set(
        figment: Figment,
        path: &str,
        value: &str,
        origin: &str,
    ) -> Result<Figment, SettingsFault> {
        if !is_path(path) {
            let why = "there is no setting of this name";
            return Err(SettingsFault::malformed(origin, why));
        }
        let value = value.trim();
        let figment = match MAPS.contains(&path) {
            true => without(figment, path),
            false => figment,
        };
        let as_text = figment.clone().merge(Serialized::default(path, value));
        let as_toml = figment.merge(Toml::string(&format!("{path} = {value}")));
        // A list is one wherever the setting takes one; `[::1]:8780` is no TOML and stays a text.
        let candidates = match value.starts_with('[') {
            true => [&as_toml, &as_text],
            false => [&as_text, &as_toml],
        };
        for candidate in candidates {
            if candidate.extract::<Self>().is_ok() {
                return Ok(candidate.clone());
            }
        }
        // Where a text is not what it takes, what is wrong with the value itself, if it is one.
        let fault = |candidate: &Figment| candidate.extract::<Self>().err();
        let plain = fault(&as_toml).filter(|fault| !fault.path.is_empty());
        let fault = match fault(&as_text) {
            Some(fault) if matches!(fault.kind, Kind::InvalidType(..)) => plain.or(Some(fault)),
            fault => fault,
        };
        let why = fault.map_or_else(String::new, |fault| fault::said(&fault, None));
        Err(SettingsFault::malformed(origin, why))
    }
}

/// Whether it can be the name of a setting.
fn is_path(path: &str) -> bool {
    let name = |name: &str| {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        !name.is_empty() && name.bytes().all(letter)
    };
    path.split('.').all(name)
}

/// Settings that are maps: a later layer takes the place of an earlier one, as with every setting; merged,
/// nothing could take an entry away.
const MAPS: [&str; 1] = ["security.allowed_publishers"];

fn without(figment: Figment, path: &str) -> Figment {
    let Some((section, key)) = path.split_once('.') else {
        return figment;
    };
    match figment.extract::<Value>() {
        Ok(Value::Dict(tag, mut sections)) => {
            if let Some(Value::Dict(_, keys)) = sections.get_mut(section) {
                keys.remove(key);
            }
            Figment::from(Serialized::defaults(Value::Dict(tag, sections)))
        }
        Ok(_) | Err(_) => figment,
    }
}

/// The path of every setting.
fn known() -> Vec<String> {
    let settings = Value::serialize(Settings::default()).ok();
    let sections = settings.as_ref().and_then(Value::as_dict);
    let mut paths = Vec::new();
    for (section, settings) in sections.into_iter().flatten() {
        let keys = settings.as_dict().into_iter().flat_map(|keys| keys.keys());
        paths.extend(keys.map(|key| format!("{section}.{key}")));
    }
    paths
}

/// Cuts white space around texts, as secrets that are mounted or piped have a line break at their end, and
/// refuses what cannot be seen within them.
fn trim(path: &str, value: &mut Value) -> Result<(), SettingsFault> {
    match value {
        Value::String(_, text) => {
            *text = text.trim().to_owned();
            let unseen = |c: &char| c.is_control() || INVISIBLE.contains(c);
            match text.chars().find(unseen) {
                None => Ok(()),
                Some(c) => Err(SettingsFault::Refused(format!(
                    "{path} holds a character that cannot be seen (U+{:04X})",
                    u32::from(c)
                ))),
            }
        }
        Value::Dict(_, entries) => entries.iter_mut().try_for_each(|(key, value)| match path {
            "" => trim(key, value),
            path => trim(&format!("{path}.{key}"), value),
        }),
        Value::Array(_, values) => values.iter_mut().try_for_each(|value| trim(path, value)),
        Value::Char(..) | Value::Bool(..) | Value::Num(..) | Value::Empty(..) => Ok(()),
    }
}

/// Signs without width, as they come along when text is copied from a page.
const INVISIBLE: [char; 6] = [
    '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}', '\u{ad}',
];
