//! Reads `amqp.url` ourselves and strictly.
//!
//! The client library's own reading turns an IPv6 address into localhost, takes `amqp://host/` for
//! a virtual host without a name, ignores unknown parameters, and its errors print the password.
//! Complaints made here never quote the URL.

use std::net::Ipv6Addr;

use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};

use super::BrokerError;
use crate::config::Brokers;

/// What OpenStack's services call `amqp`.
const OPENSTACK: &str = "rabbit";

const SCHEMES: &str = "must begin with amqp:// or amqps://";

/// Why `amqp.url` cannot be used, without quoting it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("amqp.url: {0}")]
pub struct UrlFault(String);

impl From<UrlFault> for BrokerError {
    fn from(fault: UrlFault) -> Self {
        Self::Refused(fault.to_string())
    }
}

/// Refuses URLs that cannot be used, and says why, without dialling anybody.
pub fn check_url(brokers: &Brokers) -> Result<(), UrlFault> {
    parse(brokers).map(|_| ())
}

/// Every broker that `amqp.url` names, in order; at least one.
pub(super) fn parse(brokers: &Brokers) -> Result<Vec<AMQPUri>, UrlFault> {
    let mut all = Vec::new();
    for url in brokers.urls() {
        all.append(&mut read(url.expose()).map_err(UrlFault)?);
    }
    if all.is_empty() {
        return Err(UrlFault("the list of brokers is empty".into()));
    }
    Ok(all)
}

/// The hosts of one URL, which share scheme and virtual host.
fn read(url: &str) -> Result<Vec<AMQPUri>, String> {
    let (name, rest) = url.split_once("://").ok_or(SCHEMES)?;
    let name = name.to_ascii_lowercase();
    let scheme = match name.as_str() {
        "amqp" | OPENSTACK => AMQPScheme::AMQP,
        "amqps" => AMQPScheme::AMQPS,
        _ => return Err(SCHEMES.into()),
    };
    if rest.contains('#') {
        return Err("a # must be written as %23".into());
    }
    if let Some((_, query)) = rest.split_once('?') {
        return Err(parameter_complaint(query));
    }
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) => (authority, Some(path)),
        None => (rest, None),
    };
    let path = match path {
        // OpenStack's way to write the default virtual host: by nothing, or by a bare slash.
        Some("") if name == OPENSTACK => None,
        Some("/") => None,
        path => path,
    };
    let vhost = read_vhost(path)?;
    let broker = |(userinfo, address): (AMQPUserInfo, &str)| {
        let (host, port) = read_address(address)?;
        Ok(AMQPUri {
            authority: AMQPAuthority {
                userinfo,
                host,
                port: port.unwrap_or_else(|| scheme.default_port()),
            },
            vhost: vhost.clone(),
            scheme: scheme.clone(),
            query: AMQPQueryString::default(),
        })
    };
    read_hosts(authority)?.into_iter().map(broker).collect()
}

/// Login and address of each host. A single `@` stands before all hosts, and a login before it, which
/// may hold a comma, is that of all; with more, each host has its own.
fn read_hosts(authority: &str) -> Result<Vec<(AMQPUserInfo, &str)>, String> {
    let logins = authority.matches('@').count();
    if logins < 2 {
        let (userinfo, addresses) = match authority.split_once('@') {
            Some((userinfo, addresses)) => (read_login(userinfo)?, addresses),
            None => (AMQPUserInfo::default(), authority),
        };
        return Ok(addresses
            .split(',')
            .map(|address| (userinfo.clone(), address.trim()))
            .collect());
    }
    if !authority.contains(',') {
        return Err("has more than one @: one in a name or password must be written as %40".into());
    }
    // People write a blank behind a comma.
    let hosts = authority.split(',').map(str::trim);
    let login = |host: &'_ str| host.matches('@').count() == 1;
    if !hosts.clone().all(login) {
        return Err(
            "either each host of its list has user:password@ before it, or only the first; a , or @ in a name or \
             password must be written as %2c or %40"
                .into(),
        );
    }
    hosts
        .filter_map(|host| host.split_once('@'))
        .map(|(userinfo, address)| Ok((read_login(userinfo)?, address)))
        .collect()
}

/// Every parameter is refused: what they could say has settings of its own.
fn parameter_complaint(query: &str) -> String {
    let key = query.split(['=', '&']).next().unwrap_or_default();
    match key {
        "heartbeat" => "takes no heartbeat; set amqp.heartbeat".into(),
        "connection_timeout" => "takes no connection_timeout; set amqp.timeout".into(),
        "ssl" => "takes no ssl; begin it with amqps:// for TLS".into(),
        // Not quoted: behind an unescaped ? in a password comes the rest of the password.
        _ => "takes no parameters (a ? in a name or password must be written as %3f)".into(),
    }
}

fn read_login(userinfo: &str) -> Result<AMQPUserInfo, String> {
    let (username, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let username = decode(username, "the user name")?;
    if username.is_empty() {
        return Err("the user name before @ is empty".into());
    }
    Ok(AMQPUserInfo {
        username,
        password: decode(password, "the password")?,
    })
}

fn read_address(address: &str) -> Result<(String, Option<u16>), String> {
    let (host, port) = if let Some(rest) = address.strip_prefix('[') {
        let (literal, rest) = rest.split_once(']').ok_or("the [ of the host has no ]")?;
        literal
            .parse::<Ipv6Addr>()
            .map_err(|_| "what is between [ and ] is not an IPv6 address")?;
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(port),
            None if rest.is_empty() => None,
            None => return Err("only :port may follow the ]".into()),
        };
        (literal, port)
    } else {
        match address.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err("an IPv6 address must stand in brackets: amqp://[::1]:5672/%2f".into());
            }
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        }
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-:".contains(c);
    if host.is_empty() || !host.chars().all(plain) {
        return Err("the host is missing or not a host name; special characters in a name or password must be percent-encoded".into());
    }
    let port = match port {
        None => None,
        Some(port) => Some(
            port.parse::<u16>()
                .ok()
                .filter(|port| *port != 0)
                .ok_or("the port is not a number from 1 to 65535; special characters in a name or password must be percent-encoded")?,
        ),
    };
    Ok((host.to_owned(), port))
}

fn read_vhost(path: Option<&str>) -> Result<String, String> {
    match path {
        None => Ok("/".into()),
        Some("") => Err("ends in / and so names no virtual host; the default one is /%2f".into()),
        Some(path) if path.contains(['/', '@']) => Err(
            "a / or @ in the virtual host must be percent-encoded, as one in a name or password"
                .into(),
        ),
        Some(path) => decode(path, "the virtual host"),
    }
}

/// Undoes percent-encoding.
fn decode(text: &str, what: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match (digit(rest.next()), digit(rest.next())) {
            (Some(high), Some(low)) => bytes.push((high * 16 + low) as u8),
            _ => return Err(format!("a % in {what} must be written as %25")),
        }
    }
    String::from_utf8(bytes).map_err(|_| format!("{what} is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(url: &str) -> String {
        match parse(&Brokers::new(url)) {
            Err(fault) => fault.to_string(),
            Ok(uri) => panic!("{url} gave {uri:?}"),
        }
    }

    fn one(url: &str) -> AMQPUri {
        match parse(&Brokers::new(url)).expect("a good URL").as_slice() {
            [one] => one.clone(),
            more => panic!("{} brokers", more.len()),
        }
    }

    /// User, password, host and port of each broker.
    fn all(url: &str) -> Vec<String> {
        let brokers = parse(&Brokers::new(url)).expect("a good URL");
        let line = |uri: &AMQPUri| {
            let AMQPUserInfo { username, password } = &uri.authority.userinfo;
            let (host, port) = (&uri.authority.host, uri.authority.port);
            format!("{username} {password} {host} {port} {}", uri.vhost)
        };
        brokers.iter().map(line).collect()
    }

    #[test]
    fn a_list_of_brokers_is_read_as_openstack_writes_it() {
        assert_eq!(
            all("rabbit://u:p@h1:5673, v:q%40@h2 ,w@[::1]:5674//"),
            ["u p h1 5673 /", "v q@ h2 5672 /", "w  ::1 5674 /"]
        );
        assert_eq!(all("rabbit://u:p@h1/"), ["u p h1 5672 /"]);
        // User and password once, for all; only there a comma may stand as it is.
        assert_eq!(
            all("amqp://u:p,w@h1,h2:5673/nova"),
            ["u p,w h1 5672 nova", "u p,w h2 5673 nova"]
        );
        assert_eq!(
            all("amqps://h1, h2"),
            ["guest guest h1 5671 /", "guest guest h2 5671 /"]
        );
    }

    #[test]
    fn a_url_is_taken_apart() {
        let uri = one("amqps://us%40er:p%2fw@[2001:db8::1]:5700/a%2fb");
        assert_eq!(uri.scheme, AMQPScheme::AMQPS);
        assert_eq!(uri.authority.userinfo.username, "us@er");
        assert_eq!(uri.authority.userinfo.password, "p/w");
        assert_eq!(uri.authority.host, "2001:db8::1");
        assert_eq!(uri.authority.port, 5700);
        assert_eq!(uri.vhost, "a/b");
        let uri = one("amqp://broker.example");
        assert_eq!(uri.authority.port, 5672);
        assert_eq!(uri.vhost, "/");
        assert_eq!(uri.authority.userinfo.username, "guest");
    }

    #[test]
    fn what_would_be_misread_is_refused_with_a_hint_and_without_the_password() {
        for (url, hint) in [
            ("http://u:hunter2@h/%2f", "amqps://"),
            ("amqp://u:hunter2@h/", "%2f"),
            ("amqp://u:hunter2@h/%2f?hertbeat=10", "no parameters"),
            ("amqp://u:hunter2@h/%2f?heartbeat=10", "amqp.heartbeat"),
            (
                "amqp://u:hunter2@h/%2f?connection_timeout=1",
                "amqp.timeout",
            ),
            ("amqp://u:hunter2@::1:5672/%2f", "brackets"),
            ("amqp://u:hunter2@[::g]/%2f", "IPv6"),
            ("amqp://u:hunter2@h:99999/%2f", "port"),
            ("amqp://u:hun/ter2@h/%2f", "percent-encoded"),
            ("amqp://u:1/hunter2@h/%2f", "percent-encoded"),
            ("amqp://u:x?hunter2@h/%2f", "%3f"),
            ("amqp://u:hunter2@/%2f", "host"),
            ("amqp://u:hun@ter2@h/%2f", "%40"),
            ("amqp://u:hunter2@h1,v@hunter2@h2/%2f", "%40"),
            ("amqp://u:hunter2@h1,u:ter2,hunter2@h2/%2f", "%2c"),
            ("amqp://u:hunter2@h1,,h2/%2f", "host"),
            ("amqp://u:hunter2@h1,u:hunter2@h2/%2f?ssl=1", "amqps"),
            ("amqp://u:hunter2@h1,u:hunter2@h2/", "%2f"),
            ("amqp://u:%zzhunter2@h/%2f", "%25"),
        ] {
            let text = complaint(url);
            assert!(text.contains(hint), "{url}: {text}");
            assert!(
                !text.contains("hunter2") && !text.contains("ter2"),
                "{text}"
            );
        }
    }
}
