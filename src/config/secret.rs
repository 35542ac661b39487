//! URLs that may hold a password.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A URL that may hold a password: printed only without it.
#[derive(Clone)]
pub struct SecretUrl(SecretString);

impl SecretUrl {
    /// Keeps `url`.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self(SecretString::from(url))
    }

    /// The whole URL, password included: for the client library alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// One URL for each host of a list, in order: `postgres://u:p@h1:5432,h2:5432/db`. All else is
    /// the same for all. A file has no hosts, and may have a comma in its name.
    #[must_use]
    pub fn hosts(&self) -> Vec<Self> {
        let url = self.expose();
        let Some((scheme, rest)) = url.split_once("://") else {
            return vec![self.clone()];
        };
        if scheme == "sqlite" {
            return vec![self.clone()];
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        // A password may hold a comma.
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (format!("{user}@"), hosts),
            None => (String::new(), authority),
        };
        hosts
            .split(',')
            .map(str::trim)
            .map(|host| Self::new(&format!("{scheme}://{user}{host}{rest}")))
            .collect()
    }

    /// The host without its brackets, if it is an IPv6 address.
    #[must_use]
    pub fn ipv6_host(&self) -> Option<&str> {
        let (_, rest) = self.expose().split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let host = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        host.strip_prefix('[')?
            .split_once(']')
            .map(|(address, _)| address)
    }

    /// The URL without its user part and without its query, for people.
    #[must_use]
    pub fn redacted(&self) -> String {
        let url = self.expose();
        let Some((scheme, rest)) = url.split_once("://") else {
            return "(not a URL)".to_owned();
        };
        let path = rest.split(['?', '#']).next().unwrap_or_default();
        if scheme == "sqlite" {
            return format!("{scheme}://{path}");
        }
        match rest.rsplit_once('@') {
            // The last @ may stand in a query, and what is behind it be the end of a password.
            Some((user, _)) if user.contains('?') => match path.rsplit_once('@') {
                Some((_, host)) => format!("{scheme}://{host}"),
                None => format!("{scheme}://…"),
            },
            // The user part first: a password may hold any of the signs that end a path.
            Some((_, host)) => {
                let host = host.split(['?', '#']).next().unwrap_or_default();
                format!("{scheme}://{host}")
            }
            None => format!("{scheme}://{path}"),
        }
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl Serialize for SecretUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for SecretUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|url| Self::new(&url))
    }
}

/// A text about a value that was given for something else, without the user part of a URL in it: it may
/// be one with a password.
#[must_use]
pub fn without_passwords(text: &str) -> String {
    let lines = text.lines().map(|line| without_query(&without_users(line)));
    lines.collect::<Vec<_>>().join("\n")
}

fn without_users(line: &str) -> String {
    // A password may hold any sign, so all from the first scheme on may be one.
    if let Some((before, host)) = line.rsplit_once('@')
        && let Some((before, _)) = before.split_once("://")
    {
        return format!("{before}://…@{host}");
    }
    let ends = |c: char| c.is_whitespace() || "\"'`".contains(c);
    let words = line.split_inclusive(ends);
    let words = words.map(|word| match word.rsplit_once('@') {
        Some((login, host)) if login.contains(':') => format!("…@{host}"),
        _ => word.to_owned(),
    });
    words.collect()
}

/// A URL's query may hold a password, too.
fn without_query(line: &str) -> String {
    let Some((scheme, rest)) = line.split_once("://") else {
        return line.to_owned();
    };
    let Some((host, query)) = rest.split_once('?') else {
        return line.to_owned();
    };
    // To the end of a quoted value, where there is one.
    let behind = query.find(['"', '\'', '`']).map_or("", |end| &query[end..]);
    format!("{scheme}://{host}?…{behind}")
}

#[cfg(test)]
mod tests {
    use super::{SecretUrl, without_passwords};

    #[test]
    fn a_url_that_was_given_for_something_else_is_quoted_without_its_user_part() {
        for (text, shown) in [
            ("no URL", "no URL"),
            (
                "\"amqp://u:hush@h\" is no number",
                "\"amqp://…@h\" is no number",
            ),
            ("a, `u:hush@h1,u:hush@h2`\nb", "a, `…@h2`\nb"),
            ("x://u:hu@ sh@h", "x://…@h"),
            ("x://u:hu?sh@h", "x://…@h"),
            ("\"x:///db?password=hush\" is", "\"x:///db?…\" is"),
            ("x://u@h?password=hush", "x://…@h?…"),
            ("'u:hush@h' and a@b", "'…@h' and a@b"),
            ("ask me@there: 5", "ask me@there: 5"),
        ] {
            assert_eq!(without_passwords(text), shown);
        }
    }

    fn hosts(url: &str) -> Vec<String> {
        let hosts = SecretUrl::new(url).hosts();
        hosts.iter().map(|url| url.expose().to_owned()).collect()
    }

    #[test]
    fn a_list_of_hosts_is_one_url_for_each_with_the_same_user_database_and_parameters() {
        assert_eq!(
            hosts("postgres://u:p,w@h1:5432,h2,[::1]:5433/db?sslmode=require&x=1,2"),
            [
                "postgres://u:p,w@h1:5432/db?sslmode=require&x=1,2",
                "postgres://u:p,w@h2/db?sslmode=require&x=1,2",
                "postgres://u:p,w@[::1]:5433/db?sslmode=require&x=1,2",
            ]
        );
        assert_eq!(hosts("mysql://h1, h2"), ["mysql://h1", "mysql://h2"]);
    }

    #[test]
    fn what_is_no_list_stays_as_it_is() {
        for url in [
            "postgres://u:p@h/db",
            "postgres:///db?host=/run/postgresql",
            "sqlite:///var/lib/one,two.db",
            "nonsense",
        ] {
            assert_eq!(hosts(url), [url]);
        }
    }

    #[test]
    fn a_url_is_printed_without_user_password_and_query() {
        for (url, shown) in [
            (
                "mysql://u:hush@h1:3306,h2:3306/db?x=hush",
                "mysql://h1:3306,h2:3306/db",
            ),
            ("amqp://u:hu?sh@h/v", "amqp://…"),
            ("amqp://u:hu/sh@h/v", "amqp://h/v"),
            ("postgres://u@h/db?password=hu@sh", "postgres://h/db"),
            ("postgres:///db?password=hu@sh", "postgres://…"),
            (
                "sqlite:///srv/ops@site/n.db?mode=rwc",
                "sqlite:///srv/ops@site/n.db",
            ),
        ] {
            assert_eq!(SecretUrl::new(url).redacted(), shown);
        }
    }

    #[test]
    fn an_ipv6_address_is_told_without_its_brackets() {
        for (url, host) in [
            ("mysql://u:p@[::1]:3306/db", Some("::1")),
            ("postgres://[fe80::1%25eth0]/db", Some("fe80::1%25eth0")),
            ("mysql://u:[p]@h/db", None),
        ] {
            let url = SecretUrl::new(url);
            assert_eq!(url.ipv6_host(), host, "{url:?}");
        }
    }
}
