//! The tables of an OpenStack Ironic that nodewarden uses, without an Ironic, and the shipped user.

use crate::database::{Kind, Scratch};

/// Ironic's tables, as far as they matter. On MySQL with the collation of most deployments, which
/// ignores case and trailing spaces.
pub fn tables(kind: Kind, revision: &str) -> String {
    let (key, text, options, time) = match kind {
        Kind::MySql => (
            "VARCHAR(36)",
            "VARCHAR(255)",
            "DEFAULT CHARSET = utf8mb3 COLLATE = utf8mb3_general_ci",
            "DATETIME",
        ),
        Kind::Postgres => ("VARCHAR(36)", "VARCHAR(255)", "", "TIMESTAMP"),
        Kind::Sqlite => ("VARCHAR(36)", "VARCHAR(255)", "", "DATETIME"),
    };
    format!(
        "CREATE TABLE nodes (uuid {key} UNIQUE, name {text} UNIQUE, driver {text},
            conductor_group {text} NOT NULL DEFAULT '', provision_state VARCHAR(15), instance_uuid {key},
            reservation {text}, maintenance BOOLEAN, maintenance_reason TEXT, fault {text}, version VARCHAR(15),
            updated_at {time}) {options};
         CREATE INDEX driver_idx ON nodes (driver);
         CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL);
         INSERT INTO alembic_version VALUES ('{revision}')"
    )
}

/// A user with the shipped grants, by a name of this test's own: the URL that it comes by.
pub async fn least_rights(scratch: &Scratch) -> String {
    let user = format!("u_{}", &uuid::Uuid::new_v4().simple().to_string()[..12]);
    let grants = match scratch.kind {
        Kind::MySql => include_str!("../../../deploy/ironic/grants-mysql.sql")
            .replace("'nodewarden'@", &format!("'{user}'@")),
        Kind::Postgres => include_str!("../../../deploy/ironic/grants-postgres.sql")
            .replace("ROLE nodewarden ", &format!("ROLE {user} "))
            .replace("TO nodewarden;", &format!("TO {user};")),
        Kind::Sqlite => unreachable!("a file has no users"),
    };
    scratch.run(&grants).await;
    let url = scratch.database.url.expose().to_owned();
    let (scheme, rest) = url.split_once("://").expect("a scheme");
    let (_, server) = rest.split_once('@').expect("a user");
    format!("{scheme}://{user}:change%20me@{server}")
}
