//! The environment, read here and nowhere else.

#![expect(
    clippy::disallowed_methods,
    reason = "the environment is read here and handed on as settings"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::SettingsFault;

/// What the standard library reads the stack size of new threads from.
pub const STACK_VARIABLE: &str = "RUST_MIN_STACK";

/// Whether somebody chose that size already.
#[must_use]
pub fn has_stack_setting() -> bool {
    std::env::var_os(STACK_VARIABLE).is_some()
}

/// The settings file that the environment names, if it does.
#[must_use]
pub fn file_from_environment() -> Option<PathBuf> {
    let file = std::env::var_os("NODEWARDEN_CONFIG");
    file.filter(|name| !name.is_empty()).map(PathBuf::from)
}

/// The user that runs this process, as the environment has it: behind `sudo`, the user that called it.
#[must_use]
pub fn user() -> Option<String> {
    ["SUDO_USER", "LOGNAME", "USER"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok())
        .filter(|user| !user.is_empty())
}

/// The variables that OpenStack's own clients read (`OS_…`), and the folders in which they look for
/// their files.
#[must_use]
pub fn openstack() -> (BTreeMap<String, String>, Vec<PathBuf>) {
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("OS_"))
        .collect();
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config/openstack"));
    let folders = [Some(".".into()), home, Some("/etc/openstack".into())];
    (variables, folders.into_iter().flatten().collect())
}

/// Refuses a variable that would be the setting of one of these paths, had it two underscores, and one that
/// names a section alone.
pub(super) fn check_names(paths: &[String]) -> Result<(), SettingsFault> {
    for (name, _) in std::env::vars_os() {
        let Some(name) = name.to_str().filter(|name| name.starts_with("NODEWARDEN_")) else {
            continue;
        };
        let section = name["NODEWARDEN_".len()..].to_ascii_lowercase();
        let of_section = |path: &String| path.split('.').next() == Some(&section);
        if paths.iter().any(of_section) {
            let why =
                format!("it is no setting: write {name}__KEY, with one of the keys of [{section}]");
            return Err(SettingsFault::of_variable(name, why));
        }
        let variable = |path: &String, between: &str| {
            let path = path.replace('.', between).to_ascii_uppercase();
            format!("NODEWARDEN_{path}")
        };
        if let Some(path) = paths.iter().find(|path| variable(path, "_") == name) {
            let right = variable(path, "__");
            let why = format!("it is no setting: write {right} (two underscores)");
            return Err(SettingsFault::of_variable(name, why));
        }
    }
    Ok(())
}

/// The settings in the environment: variable, `section.key`, value. Variables of others may be
/// anything.
pub(super) fn settings() -> Result<Vec<(String, String, String)>, SettingsFault> {
    let mut settings = Vec::new();
    for (name, value) in std::env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        let path = name
            .strip_prefix("NODEWARDEN_")
            .filter(|rest| rest.contains("__"));
        let Some(path) = path else { continue };
        let value = value
            .into_string()
            .map_err(|_| SettingsFault::of_variable(name, "its value is not UTF-8"))?;
        let path = path.to_ascii_lowercase().replace("__", ".");
        settings.push((name.to_owned(), path, value));
    }
    Ok(settings)
}
