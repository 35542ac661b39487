//! TLS: the right server is trusted, and each wrong one refused with what to do about it.

use nodewarden_tests::certificates::Authority;
use nodewarden_tests::database::Kind;
use nodewarden_tests::deployment::file;
use nodewarden_tests::own_broker::OwnBroker;
use nodewarden_tests::own_server::OwnServer;

use crate::command::{goes_well, is_refused, nodewarden, trusting};

/// What a command that reaches no broker or database ends with.
const UNREACHABLE: i32 = 69;

#[test]
fn a_broker_is_trusted_by_its_certificate_alone() {
    let authority = Authority::new();
    let served = tempfile::tempdir().unwrap();
    authority.issue("localhost", false).put_into(served.path());
    let folder = served.path().display();
    let broker = OwnBroker::with_plugins("", |free| {
        format!(
            "listeners.ssl.1 = 127.0.0.1:{free}\n\
             ssl_options.cacertfile = {}\n\
             ssl_options.certfile = {folder}/server.pem\n\
             ssl_options.keyfile = {folder}/server.key\n",
            authority.file().display()
        )
    });
    let port = broker.port + 10;
    let definitions = file("deploy/rabbitmq/definitions.json");
    broker.run(
        &["ctl"],
        &["import_definitions", definitions.to_str().unwrap()],
    );
    let emit = |scheme: &str, host: &str, port: u16| {
        let url = format!("amqp.url={scheme}://guest:guest@{host}:{port}/%2f");
        nodewarden(&["emit", "joined", "c1", "--driver", "ipmi"], &[url])
    };
    let ca = authority.file();
    goes_well(trusting(&mut emit("amqps", "localhost", port), &ca));
    let mut wrong_host = emit("amqps", "127.0.0.1", port);
    is_refused(
        trusting(&mut wrong_host, &ca),
        UNREACHABLE,
        &[
            "not valid for name \"127.0.0.1\"",
            "name the host in the URL as its certificate does",
        ],
    );
    is_refused(
        &mut emit("amqps", "localhost", port),
        UNREACHABLE,
        &["SSL_CERT_FILE"],
    );
    // The two ways to mistake the port.
    let mut plain = emit("amqps", "localhost", broker.port);
    is_refused(
        trusting(&mut plain, &ca),
        UNREACHABLE,
        &["does not speak TLS"],
    );
    is_refused(
        &mut emit("amqp", "localhost", port),
        UNREACHABLE,
        &["amqps://"],
    );
    // It is renewed too late.
    authority.issue("localhost", true).put_into(served.path());
    broker.run(&["ctl"], &["eval", "ssl:clear_pem_cache()."]);
    let mut expired = emit("amqps", "localhost", port);
    is_refused(
        trusting(&mut expired, &ca),
        UNREACHABLE,
        &["certificate expired", "renew"],
    );
}

/// Its settings for TLS, and how its URL demands it, with the file of an authority or without.
fn of(kind: Kind) -> (fn(&str) -> String, &'static str, &'static str) {
    match kind {
        Kind::Sqlite => unreachable!("a file has no server"),
        Kind::Postgres => (
            |folder| {
                format!(
                    "ssl = on\nssl_cert_file = '{folder}/server.pem'\nssl_key_file = '{folder}/server.key'\n"
                )
            },
            "sslmode=verify-full",
            "sslrootcert",
        ),
        Kind::MySql => (
            |folder| format!("ssl-cert = {folder}/server.pem\nssl-key = {folder}/server.key\n"),
            "ssl-mode=VERIFY_IDENTITY",
            "ssl-ca",
        ),
    }
}

fn a_database_is_trusted_by_its_certificate_alone(kind: Kind) {
    let authority = Authority::new();
    let (settings, demand, named) = of(kind);
    let server = OwnServer::start(kind, "");
    let looks = |host: &str, parameters: &str| {
        let url = server.url().replace("127.0.0.1", host);
        let url = format!("database.url={url}?{demand}{parameters}");
        nodewarden(&["migrate"], &[url])
    };
    let ca = authority.file();
    is_refused(
        &mut looks("localhost", ""),
        UNREACHABLE,
        &["does not support TLS", "switch TLS on in the server"],
    );
    authority
        .issue("localhost", false)
        .put_into(server.folder());
    server.set_up(&settings(&server.folder().display().to_string()));
    goes_well(trusting(&mut looks("localhost", ""), &ca));
    let by_name = format!("&{named}={}", ca.display());
    goes_well(&mut looks("localhost", &by_name));
    is_refused(
        &mut looks("127.0.0.1", &by_name),
        UNREACHABLE,
        &[
            "not valid for name \"127.0.0.1\"",
            "name the host in the URL as its certificate does",
        ],
    );
    is_refused(
        &mut looks("localhost", ""),
        UNREACHABLE,
        &["its authority is not trusted", named],
    );
    authority.issue("localhost", true).put_into(server.folder());
    server.restart();
    is_refused(
        &mut looks("localhost", &by_name),
        UNREACHABLE,
        &["certificate expired", "renew"],
    );
}

#[test]
fn a_postgresql_is_trusted_by_its_certificate_alone() {
    a_database_is_trusted_by_its_certificate_alone(Kind::Postgres);
}

#[test]
fn a_mariadb_is_trusted_by_its_certificate_alone() {
    a_database_is_trusted_by_its_certificate_alone(Kind::MySql);
}
