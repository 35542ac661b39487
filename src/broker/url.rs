//! Reads `amqp.url` ourselves and strictly.
//!
//! The client library's own reading turns an IPv6 address into localhost, takes `amqp://host/` for
//! a virtual host without a name, ignores unknown parameters, and its errors print the password.
//! Complaints made here never quote the URL.

use std::net::Ipv6Addr;

use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};

use super::BrokerError;
use crate::config::SecretUrl;

/// Why `amqp.url` cannot be used, without quoting it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("amqp.url: {0}")]
pub struct UrlFault(String);

impl From<UrlFault> for BrokerError {
    fn from(fault: UrlFault) -> Self {
        Self::Refused(fault.to_string())
    }
}

/// Refuses a URL that cannot be used, and says why, without dialling anybody.
///
/// # Errors
/// [`UrlFault`].
pub fn check_url(url: &SecretUrl) -> Result<(), UrlFault> {
    parse(url).map(|_| ())
}

/// The parts of `url`.
pub(super) fn parse(url: &SecretUrl) -> Result<AMQPUri, UrlFault> {
    read(url.expose()).map_err(UrlFault)
}

fn read(url: &str) -> Result<AMQPUri, String> {
    let (scheme, rest) = url
        .split_once("://")
        .ok_or("must begin with amqp:// or amqps://")?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "amqp" => AMQPScheme::AMQP,
        "amqps" => AMQPScheme::AMQPS,
        _ => return Err("must begin with amqp:// or amqps://".into()),
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
    let (userinfo, address) = match authority.rsplit_once('@') {
        Some((userinfo, address)) => (read_login(userinfo)?, address),
        None => (AMQPUserInfo::default(), authority),
    };
    let (host, port) = read_address(address)?;
    Ok(AMQPUri {
        authority: AMQPAuthority {
            userinfo,
            host,
            port: port.unwrap_or_else(|| scheme.default_port()),
        },
        vhost: read_vhost(path)?,
        scheme,
        query: AMQPQueryString::default(),
    })
}

/// Every parameter is refused: what they could say has settings of its own.
fn parameter_complaint(query: &str) -> String {
    let key = query.split(['=', '&']).next().unwrap_or_default();
    match key {
        "heartbeat" => "takes no heartbeat; set amqp.heartbeat".into(),
        "connection_timeout" => "takes no connection_timeout; set amqp.timeout".into(),
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
        match parse(&SecretUrl::new(url)) {
            Err(fault) => fault.to_string(),
            Ok(uri) => panic!("{url} gave {uri:?}"),
        }
    }

    #[test]
    fn a_url_is_taken_apart() {
        let uri = parse(&SecretUrl::new(
            "amqps://us%40er:p%2fw@[2001:db8::1]:5700/a%2fb",
        ))
        .expect("a good URL");
        assert_eq!(uri.scheme, AMQPScheme::AMQPS);
        assert_eq!(uri.authority.userinfo.username, "us@er");
        assert_eq!(uri.authority.userinfo.password, "p/w");
        assert_eq!(uri.authority.host, "2001:db8::1");
        assert_eq!(uri.authority.port, 5700);
        assert_eq!(uri.vhost, "a/b");
        let uri = parse(&SecretUrl::new("amqp://broker.example")).expect("a short URL");
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
