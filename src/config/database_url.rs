//! What a database's URL may say. The client would pass over a parameter that it does not know, TLS among
//! them, and open an SQLite database that has no file.

use super::{SecretUrl, SettingsFault};

pub(super) fn refuse(text: impl Into<String>) -> Result<(), SettingsFault> {
    Err(SettingsFault::Refused(text.into()))
}

/// Parameters of PostgreSQL's URLs; `options[NAME]` are more.
const POSTGRES: &[&str] = &[
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// Parameters of MySQL's and MariaDB's URLs.
const MYSQL: &[&str] = &[
    "sslmode",
    "ssl-mode",
    "sslca",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "charset",
    "collation",
    "statement-cache-capacity",
    "socket",
    "timezone",
    "time-zone",
];

/// Parameters of SQLite's URLs.
const SQLITE: &[&str] = &["mode", "cache", "immutable", "vfs"];

/// Refuses a URL that would not be used as it is meant; `setting` is where it stands.
pub(super) fn check(setting: &str, url: &SecretUrl) -> Result<(), SettingsFault> {
    let (scheme, rest) = url.expose().split_once("://").unwrap_or_default();
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    match scheme {
        "sqlite" => {
            check_parameters(setting, SQLITE, query)?;
            check_file(setting, before, query)
        }
        "postgres" | "postgresql" => {
            check_parameters(setting, POSTGRES, query)?;
            check_hosts(setting, url, before)
        }
        "mysql" | "mariadb" => {
            check_parameters(setting, MYSQL, query)?;
            check_hosts(setting, url, before)?;
            check_name(setting, before)
        }
        _ => refuse(format!(
            "{setting} must begin with sqlite://, postgres:// or mysql://"
        )),
    }
}

fn check_parameters(setting: &str, known: &[&str], query: &str) -> Result<(), SettingsFault> {
    let query = query.split('#').next().unwrap_or_default();
    for parameter in query.split('&').filter(|text| !text.is_empty()) {
        let name = parameter.split('=').next().unwrap_or_default();
        if known.contains(&name) || (name.starts_with("options[") && known.contains(&"options")) {
            continue;
        }
        // What looks like one may be the end of a password with a ? in it.
        if query.contains('@') {
            return refuse(format!(
                "{setting}: its query has a parameter that is unknown; known are {}. In user and password, write ? as %3f",
                known.join(", ")
            ));
        }
        // MySQL's own clients and Python's write ssl_ca, where this one reads ssl-ca.
        let meant = name.to_ascii_lowercase().replace('_', "-");
        return refuse(match known.contains(&meant.as_str()) {
            true => format!("{setting}: the parameter {name} is unknown: write {meant}"),
            false => format!(
                "{setting}: the parameter {name} is unknown; known are {}",
                known.join(", ")
            ),
        });
    }
    Ok(())
}

/// Each connection to a database without a file would have one of its own.
fn check_file(setting: &str, path: &str, query: &str) -> Result<(), SettingsFault> {
    let in_memory = query.split('&').any(|parameter| parameter == "mode=memory");
    if path.is_empty() || path == ":memory:" || in_memory {
        return refuse(format!("{setting} names no file: write sqlite://PATH"));
    }
    Ok(())
}

fn check_name(setting: &str, before: &str) -> Result<(), SettingsFault> {
    // A password may hold a slash.
    let address = before
        .rsplit_once('@')
        .map_or(before, |(_, address)| address);
    match address.split_once('/') {
        Some((_, name)) if !name.is_empty() => Ok(()),
        _ => refuse(format!(
            "{setting} names no database: write its name behind the host, as in HOST/DATABASE"
        )),
    }
}

/// In a list of hosts each must have a name, and user and password stand before the first one.
fn check_hosts(setting: &str, url: &SecretUrl, before: &str) -> Result<(), SettingsFault> {
    let logins = before.split(['/', '#']).next().unwrap_or_default();
    if logins.matches('@').count() > 1 && logins.contains(',') {
        return refuse(format!(
            "{setting}: in its list, user and password stand once, before the first host, and are those of all; a , or @ \
             in a name or password must be written as %2c or %40"
        ));
    }
    let hosts = url.hosts();
    let nameless = |url: &SecretUrl| {
        let url = url.redacted();
        let host = url.split_once("://").map_or("", |(_, rest)| rest);
        host.is_empty() || host.starts_with(['/', ':', ','])
    };
    if hosts.len() > 1 && hosts.iter().any(nameless) {
        return refuse(format!("{setting}: a host in its list has no name"));
    }
    Ok(())
}
