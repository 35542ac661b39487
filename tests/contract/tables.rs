//! Making the tables, and filling that of the nodes.

use nodewarden::config::{Database, InventoryKind, SecretUrl};
use nodewarden::store::{self, ImportCount, Ledger, NodeUpsert, Reader, StoreError};
use nodewarden::words::Word;
use nodewarden_tests::database::{Kind, Scratch};
use sqlx::Connection as _;

use crate::harness::{StoreOnDatabase, ledger, node, pair, window};

on_databases!(
    a_migration_that_was_broken_off_is_made_again,
    migrating_again_and_from_many_sides_at_once_keeps_stream_and_rows,
    before_the_tables_are_made_everything_says_to_migrate,
    an_import_adds_and_updates_and_never_writes_a_mark,
    an_import_of_what_is_there_writes_no_row,
    an_import_that_fails_half_way_imports_nothing,
    thousands_of_nodes_are_imported_with_progress,
);

mod l4_a_migration_gives_up_where_another_session_does_not_end {
    on!(l4_a_migration_gives_up_where_another_session_does_not_end: on_mariadb on MySql);
}

async fn migrating_again_and_from_many_sides_at_once_keeps_stream_and_rows(kind: Kind) {
    let scratch = Scratch::of(kind).await;
    let stream = nodewarden::clock::new_id();
    let migrate = || store::migrate(&scratch.database, InventoryKind::Native, &stream);
    let all = tokio::join!(migrate(), migrate(), migrate(), migrate());
    for done in [all.0, all.1, all.2, all.3] {
        done.unwrap();
    }
    let reader = Reader::new(&scratch.database, InventoryKind::Native).unwrap();
    let stream = reader.overview().await.unwrap().stream;
    assert_eq!(stream.len(), 36);
    scratch.run("INSERT INTO nodes (uuid) VALUES ('n1')").await;
    store::migrate(
        &scratch.database,
        InventoryKind::Native,
        &nodewarden::clock::new_id(),
    )
    .await
    .unwrap();
    let now = reader.overview().await.unwrap();
    let nodes = scratch.text("SELECT count(*) FROM nodes").await;
    assert_eq!((now.stream, nodes.as_str()), (stream, "1"));
    store::prepare(
        &scratch.database,
        InventoryKind::Native,
        &nodewarden::clock::new_id(),
    )
    .await
    .unwrap();
}

async fn a_migration_that_was_broken_off_is_made_again(kind: Kind) {
    let scratch = Scratch::migrated_of(kind).await;
    scratch.run("INSERT INTO nodes (uuid) VALUES ('n1')").await;
    let versions = "SELECT max(version) FROM nodewarden_migrations";
    let newest: u64 = scratch.text(versions).await.parse().unwrap();
    // Where tables are made in transactions it leaves nothing; MySQL keeps a note that it began, and what was made.
    for version in 1..=newest {
        let broken_off = match kind {
            Kind::MySql => {
                format!(
                    "UPDATE nodewarden_migrations SET success = FALSE WHERE version = {version}"
                )
            }
            Kind::Sqlite | Kind::Postgres if version < newest => continue,
            Kind::Sqlite | Kind::Postgres => {
                "DELETE FROM nodewarden_migrations WHERE version > 9999".into()
            }
        };
        scratch.run(&broken_off).await;
        migrate(&scratch).await.unwrap();
        let failed = "SELECT count(*) FROM nodewarden_migrations WHERE NOT success";
        assert_eq!(scratch.text(failed).await, "0", "{version}");
    }
    assert_eq!(scratch.text("SELECT count(*) FROM nodes").await, "1");
}

async fn migrate(scratch: &Scratch) -> Result<(), store::StoreError> {
    let stream = nodewarden::clock::new_id();
    store::migrate(&scratch.database, InventoryKind::Native, &stream).await
}

/// While it waits for a table, all others wait behind it.
async fn l4_a_migration_gives_up_where_another_session_does_not_end(kind: Kind) {
    let scratch = Scratch::migrated_of(kind).await;
    scratch
        .run("ALTER TABLE nodewarden_requests DROP COLUMN requested_by")
        .await;
    scratch
        .run("DELETE FROM nodewarden_migrations WHERE version = 90")
        .await;
    let url = scratch.database.url.expose();
    let mut other = sqlx::MySqlConnection::connect(url).await.unwrap();
    for words in [
        "START TRANSACTION",
        "SELECT count(*) FROM nodewarden_requests",
    ] {
        // MySQL does not prepare every statement.
        sqlx::raw_sql(words).execute(&mut other).await.unwrap();
    }
    let fault = migrate(&scratch).await.unwrap_err();
    assert!(fault.is_transient(), "{fault:?}");
    let before = "SELECT count(*) FROM nodewarden_requests";
    assert_eq!(scratch.text(before).await, "0", "nothing waits any more");
    other.close().await.unwrap();
    migrate(&scratch).await.unwrap();
    let after = "SELECT count(requested_by) FROM nodewarden_requests";
    assert_eq!(scratch.text(after).await, "0");
}

async fn before_the_tables_are_made_everything_says_to_migrate(kind: Kind) {
    let scratch = Scratch::of(kind).await;
    if kind == Kind::Sqlite {
        // Without it there is not even a file to look into.
        scratch.create_file().await;
    }
    let reader = Reader::new(&scratch.database, InventoryKind::Native).unwrap();
    let mut ledger = ledger(&scratch.database);
    let nodes = [node("n1", "a", "")];
    for (what, fault) in [
        ("look", reader.overview().await.err()),
        ("prove", ledger.prove().await.err()),
        (
            "take",
            ledger
                .take_epoch("x", nodewarden::config::Mode::Enforce, 1)
                .await
                .err(),
        ),
        (
            "import",
            store::import(&scratch.database, &nodes, |_| {}).await.err(),
        ),
        (
            "request",
            store::request(
                &scratch.database,
                Word::parse("forget").unwrap(),
                "c",
                "kim",
                1,
            )
            .await
            .err(),
        ),
    ] {
        let fault = fault.unwrap_or_else(|| panic!("{what} succeeded"));
        assert!(
            matches!(fault, StoreError::Missing { .. }),
            "{what}: {fault:?}"
        );
        let told = fault.to_string();
        assert!(told.contains("run `nodewarden migrate`"), "{what}: {told}");
    }
}

async fn an_import_adds_and_updates_and_never_writes_a_mark(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let lost = pair("a", "");
    let first = [node("n1", "a", ""), node("n2", "a", "")];
    let count = store::import(db.database(), &first, |_| {}).await.unwrap();
    assert_eq!(
        count,
        ImportCount {
            added: 2,
            ..ImportCount::default()
        }
    );
    db.scratch
        .run("UPDATE nodes SET maintenance = TRUE WHERE uuid = 'n1'")
        .await;
    db.lose(&lost, 1).await;
    db.ledger.take_out(1, &lost, &window("", 10)).await.unwrap();
    let bare = NodeUpsert {
        name: None,
        conductor_group: None,
        ..node("n1", "b", "")
    };
    let cleared = NodeUpsert {
        name: Some(None),
        maintenance: Some(true),
        ..node("n2", "a", "Rack")
    };
    let new = NodeUpsert {
        maintenance: Some(false),
        ..node("n3", "a", "")
    };
    let second = [bare, cleared, new];
    let count = store::import(db.database(), &second, |_| {}).await.unwrap();
    assert_eq!(
        count,
        ImportCount {
            added: 1,
            updated: 2,
            unchanged: 0
        }
    );
    let rows = db
        .scratch
        .list(
            "SELECT concat(uuid, '|', coalesce(name, 'NULL'), '|', driver, '|', conductor_group, '|',
             CASE WHEN maintenance THEN 'm' ELSE '-' END, '|', service_state) FROM nodes ORDER BY uuid",
        )
        .await;
    assert_eq!(
        rows,
        [
            "n1|name of n1|b||m|out_of_service",
            "n2|NULL|a|Rack|m|out_of_service",
            "n3|name of n3|a||-|in_service"
        ]
    );
    let nothing = store::import(db.database(), &[], |_| {}).await.unwrap();
    assert_eq!(nothing, ImportCount::default());
}

async fn an_import_of_what_is_there_writes_no_row(kind: Kind) {
    let db = StoreOnDatabase::new(kind).await;
    let nodes = [
        NodeUpsert {
            maintenance: Some(true),
            ..node("n1", "a", "Rack")
        },
        NodeUpsert {
            name: Some(None),
            conductor_group: None,
            ..node("n2", "a", "")
        },
        node("n3", "a", ""),
    ];
    store::import(db.database(), &nodes, |_| {}).await.unwrap();
    // A write, or a lock, would have to wait for this one.
    let user = db.scratch.hold("UPDATE nodes SET name = name").await;
    let count = store::import(db.database(), &nodes, |_| {}).await.unwrap();
    let none = ImportCount::default();
    let unchanged = ImportCount {
        unchanged: 3,
        ..none
    };
    assert_eq!(count, unchanged);
    drop(user);
    db.scratch
        .run("UPDATE nodes SET name = 'x', driver = 'b' WHERE uuid = 'n1'")
        .await;
    let count = store::import(db.database(), &nodes, |_| {}).await.unwrap();
    assert_eq!((count.updated, count.unchanged), (1, 2));
    let rows = db
        .scratch
        .list("SELECT concat(uuid, '|', coalesce(name, 'NULL'), '|', driver) FROM nodes ORDER BY uuid")
        .await;
    assert_eq!(rows, ["n1|name of n1|a", "n2|NULL|a", "n3|name of n3|a"]);
}

async fn an_import_that_fails_half_way_imports_nothing(kind: Kind) {
    let db = StoreOnDatabase::new(kind).await;
    db.nodes("a", "", &["n1"]).await;
    db.scratch.refuse_update_of("n1").await;
    // Only the mark of n1 is refused, and no import writes a mark.
    db.nodes("b", "", &["n1"]).await;
    db.scratch.allow_updates().await;
    db.scratch.refuse_insert_of("n2").await;
    let nodes = [
        node("n0", "a", ""),
        NodeUpsert {
            name: None,
            ..node("n2", "a", "")
        },
    ];
    let fault = store::import(db.database(), &nodes, |_| {}).await;
    assert!(
        matches!(fault, Err(StoreError::Permanent { .. })),
        "{fault:?}"
    );
    assert_eq!(db.marks().await, ["n1 in_service"]);
}

async fn thousands_of_nodes_are_imported_with_progress(kind: Kind) {
    let db = StoreOnDatabase::new(kind).await;
    let nodes: Vec<NodeUpsert> = (0..2500)
        .map(|n| node(&format!("n{n:05}"), "a", ""))
        .collect();
    let mut told = Vec::new();
    let progress = |done| told.push(done);
    let count = store::import(db.database(), &nodes, progress)
        .await
        .unwrap();
    assert_eq!(
        count,
        ImportCount {
            added: 2500,
            ..ImportCount::default()
        }
    );
    assert!(told.is_sorted() && told.len() >= 3, "{told:?}");
    assert_eq!(told.last(), Some(&2500));
    let rows = db.scratch.list("SELECT uuid FROM nodes").await;
    assert_eq!(rows.len(), 2500);
}

#[tokio::test]
async fn a_database_of_postgresql_that_cannot_hold_every_name_is_refused_at_the_start() {
    let scratch = Scratch::of(Kind::Postgres).await;
    let url = scratch.database.url.expose();
    let name = format!("{}_l", url.rsplit_once('/').unwrap().1);
    scratch
        .run(&format!(
            "CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
        ))
        .await;
    let database = Database {
        url: SecretUrl::new(&format!("{url}_l")),
        ..Database::default()
    };
    let stream = nodewarden::clock::new_id();
    let migrated = store::migrate(&database, InventoryKind::Native, &stream).await;
    let prepared = store::prepare(&database, InventoryKind::Native, &stream).await;
    scratch.run(&format!("DROP DATABASE {name}")).await;
    for refused in [migrated, prepared] {
        let Err(StoreError::Schema(told)) = refused else {
            panic!("{refused:?}");
        };
        assert!(told.contains("encoding is LATIN1"), "{told}");
        assert!(told.contains("ENCODING 'UTF8'"), "{told}");
    }
}
