//! Ironic's API over plain HTTP: one request, one connection.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// Longer than Ironic waits for a conductor that does not answer (60 s).
const PATIENCE: Duration = Duration::from_secs(90);

/// The version of the API that is asked for; all that Ironic 39 tells of nodes and conductors.
const VERSION: &str = "1.95";

/// Where an API listens.
pub struct Api {
    pub port: u16,
}

impl Api {
    /// The status, and the body: JSON, text as a string, or null without one.
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let what = format!("{method} {path}");
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))
            .unwrap_or_else(|fault| panic!("{what}: {fault}"));
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: test\r\nAccept: application/json\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\
             X-OpenStack-Ironic-API-Version: {VERSION}\r\n\r\n{body}",
            body.len()
        );
        stream
            .write_all(request.as_bytes())
            .unwrap_or_else(|fault| panic!("{what}: {fault}"));
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .unwrap_or_else(|fault| panic!("{what}: {fault}"));
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let body = match body {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        };
        (status.expect("a status"), body)
    }

    /// The body of an answer that says yes.
    pub fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, None);
        assert_eq!(status, 200, "GET {path}: {body}");
        body
    }

    /// Something new; what it became.
    pub fn create(&self, path: &str, what: &Value) -> Value {
        let (status, body) = self.ask("POST", path, Some(what));
        assert_eq!(status, 201, "POST {path}: {body}");
        body
    }

    /// Says to a node what it shall become; one that is busy with the step before is asked again.
    pub fn order(&self, path: &str, order: &Value) {
        crate::eventually(&format!("PUT {path} {order} is taken"), || {
            let (status, body) = self.ask("PUT", path, Some(order));
            assert!(matches!(status, 202 | 409), "PUT {path}: {status} {body}");
            (status == 202).then_some(())
        });
    }
}
