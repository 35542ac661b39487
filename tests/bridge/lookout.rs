//! Looking at a real database with Ironic's tables, made as its migrations make them there.
//! `NODEWARDEN_TEST_STORE` says which database this run is about.

use std::time::Duration;

use nodewarden::bridge::{
    IronicLookout, Judge, LookFault, Remembered, Rules, Sighting, ports::Lookout,
};
use nodewarden::clock::SystemClock;
use nodewarden::config::{Database, InventoryKind, SecretUrl};
use nodewarden::store;
use nodewarden_tests::database::{Kind, Scratch};
use nodewarden_tests::proxy::{Proxy, Wire};

/// 2026-11-22 12:00:00 UTC in ms.
const NOON: i64 = 1_795_348_800_000;

async fn scratch() -> Scratch {
    scratch_of(Kind::chosen()).await
}

async fn scratch_of(kind: Kind) -> Scratch {
    let scratch = Scratch::of(kind).await;
    let time = match scratch.kind {
        Kind::Sqlite => "DATETIME",
        Kind::Postgres => "TIMESTAMP WITHOUT TIME ZONE",
        // Without a fraction, as Ironic has it there.
        Kind::MySql => "DATETIME",
    };
    let tables = format!(
        "CREATE TABLE conductors (
            created_at {time}, updated_at {time}, id INTEGER NOT NULL PRIMARY KEY,
            hostname VARCHAR(255) NOT NULL UNIQUE, drivers TEXT, online BOOLEAN,
            conductor_group VARCHAR(255) NOT NULL DEFAULT '');
        CREATE TABLE conductor_hardware_interfaces (
            created_at {time}, updated_at {time}, id INTEGER NOT NULL PRIMARY KEY,
            conductor_id INTEGER NOT NULL, hardware_type VARCHAR(255) NOT NULL,
            interface_type VARCHAR(16) NOT NULL, interface_name VARCHAR(255) NOT NULL);"
    );
    if scratch.kind == Kind::Sqlite {
        // The file must be there.
        store::migrate(
            &scratch.database,
            InventoryKind::Native,
            &nodewarden::clock::new_id(),
        )
        .await
        .unwrap();
    }
    scratch.run(&tables).await;
    store::make_bridge_tables(&scratch.database).await.unwrap();
    scratch
}

async fn two_conductors(scratch: &Scratch) {
    scratch
        .run(
            "INSERT INTO conductors VALUES
                ('2026-11-22 11:00:00', '2026-11-22 12:00:00', 1, 'c1', '[]', TRUE, 'Rack1'),
                ('2026-11-22 11:00:00', NULL, 2, 'c2', '[]', FALSE, ''),
                ('2026-11-22 11:00:00', '2026-03-29 02:30:00', 3, 'c3', '[]', NULL, '');
            INSERT INTO conductor_hardware_interfaces VALUES
                ('2026-11-22 12:00:01', NULL, 1, 1, 'redfish', 'power', 'redfish'),
                ('2026-11-22 12:00:02', NULL, 2, 1, 'ipmi', 'power', 'ipmitool'),
                ('2026-11-22 12:00:01', NULL, 3, 1, 'ipmi', 'deploy', 'direct');",
        )
        .await;
}

fn lookout(scratch: &Scratch, bridge: &str) -> IronicLookout {
    let interval = Duration::from_secs(2);
    IronicLookout::new(&scratch.database, bridge, SystemClock::start(), interval)
}

async fn sees(lookout: &mut IronicLookout) -> Sighting {
    lookout.look(&[]).await.unwrap()
}

#[tokio::test]
async fn one_look_sees_every_conductor_with_what_it_registered_in_utc_whatever_the_zone() {
    let scratch = scratch().await;
    two_conductors(&scratch).await;
    let mut lookout = lookout(&scratch, "b1");
    for _ in 0..3 {
        let look = sees(&mut lookout).await;
        assert_eq!(look.beats, scratch.kind != Kind::Sqlite);
        assert!(look.ended > look.began);
        let [c1, c2, c3] = &look.rows[..] else {
            panic!("{look:?}");
        };
        assert_eq!((c1.hostname.as_str(), c1.online), ("c1", Some(true)));
        assert_eq!(c1.updated_at_ms, Some(NOON));
        assert_eq!(c1.registered_at_ms, Some(NOON + 2_000));
        assert_eq!(c1.drivers, ["ipmi", "redfish"]);
        assert_eq!(c1.group.as_deref(), Some("Rack1"));
        assert_eq!((c2.online, c2.updated_at_ms), (Some(false), None));
        assert_eq!(c2.drivers, Vec::<String>::new());
        // An hour that summer time skips in Europe is one like any other.
        assert_eq!(
            (c3.online, c3.updated_at_ms),
            (None, Some(1_774_751_400_000))
        );
    }
    lookout.close().await;
    let left = scratch.text("SELECT CAST(COUNT(*) AS CHAR(9)) FROM nodewarden_bridge");
    assert_eq!(left.await.trim(), "0", "it cleans up after itself");
}

#[tokio::test]
async fn a_connection_that_the_server_ended_between_two_looks_costs_no_look() {
    let scratch = scratch().await;
    two_conductors(&scratch).await;
    let mut lookout = lookout(&scratch, "b1");
    for _ in 0..3 {
        assert_eq!(sees(&mut lookout).await.rows.len(), 3);
        scratch.end_sessions().await;
    }
}

#[tokio::test]
async fn of_several_hosts_one_that_says_nothing_keeps_no_look_from_the_next() {
    let scratch = scratch_of(Kind::Postgres).await;
    two_conductors(&scratch).await;
    let url = scratch.database.url.expose();
    let (user, rest) = url.split_once('@').unwrap();
    let (server, name) = rest.split_once('/').unwrap();
    let port = server.rsplit_once(':').unwrap().1.parse().unwrap();
    let silent = Proxy::before(port).await;
    silent.set(Wire::SwallowRequests);
    let hosts = format!("{user}@127.0.0.1:{},{server}/{name}", silent.port);
    let database = Database {
        url: SecretUrl::new(&hosts),
        ..scratch.database.clone()
    };
    // A look may take two seconds, and each host three to answer.
    let interval = Duration::from_secs(1);
    let mut lookout = IronicLookout::new(&database, "one", SystemClock::start(), interval);
    assert_eq!(sees(&mut lookout).await.rows.len(), 3);
}

#[tokio::test]
async fn fractions_of_a_second_are_seen_where_there_are_any() {
    let scratch = scratch().await;
    if scratch.kind == Kind::MySql {
        scratch
            .run("ALTER TABLE conductors MODIFY updated_at DATETIME(6)")
            .await;
    }
    two_conductors(&scratch).await;
    for (time, ms) in [
        ("2026-11-22 12:00:59.999999", NOON + 59_999),
        ("2026-11-22 12:00:59.000999", NOON + 59_000),
        ("2026-11-22 12:01:00.5", NOON + 60_500),
    ] {
        scratch
            .run(&format!(
                "UPDATE conductors SET updated_at = '{time}' WHERE id = 1"
            ))
            .await;
        let look = sees(&mut lookout(&scratch, "b1")).await;
        assert_eq!(look.rows[0].updated_at_ms, Some(ms), "{time}");
    }
}

#[tokio::test]
async fn an_empty_table_is_seen_as_that_and_a_missing_one_is_no_look() {
    let scratch = scratch().await;
    let mut lookout = lookout(&scratch, "b1");
    assert_eq!(sees(&mut lookout).await.rows, []);
    scratch.run("DROP TABLE conductors").await;
    let Err(LookFault::Failed(why)) = lookout.look(&[]).await else {
        panic!("it cannot be seen");
    };
    assert!(why.contains("is this the database of an Ironic?"), "{why}");
    scratch.run("DROP TABLE nodewarden_bridge").await;
    let Err(LookFault::Failed(why)) = lookout.look(&[]).await else {
        panic!("it cannot be seen");
    };
    assert!(why.contains("run `nodewarden migrate`"), "{why}");
}

#[tokio::test]
async fn a_database_that_went_back_in_time_or_is_another_one_is_no_look() {
    let scratch = scratch().await;
    let mut lookout = lookout(&scratch, "b1");
    sees(&mut lookout).await;
    sees(&mut lookout).await;
    scratch
        .run("UPDATE nodewarden_bridge SET looks = looks - 1")
        .await;
    let Err(LookFault::Failed(why)) = lookout.look(&[]).await else {
        panic!("it was not the present");
    };
    assert!(why.contains("went back in time"), "{why}");
    sees(&mut lookout).await;
}

#[tokio::test]
async fn several_bridges_do_not_disturb_each_other_and_old_rows_go() {
    let scratch = scratch().await;
    scratch
        .run("INSERT INTO nodewarden_bridge VALUES ('old', 1, 1)")
        .await;
    let (mut one, mut two) = (lookout(&scratch, "b1"), lookout(&scratch, "b2"));
    for _ in 0..5 {
        sees(&mut one).await;
        sees(&mut two).await;
    }
    let rows = scratch.text("SELECT CAST(COUNT(*) AS CHAR(9)) FROM nodewarden_bridge");
    assert_eq!(rows.await.trim(), "2");
}

#[tokio::test]
async fn a_write_that_somebody_keeps_waiting_makes_the_look_fail_in_time() {
    let scratch = scratch().await;
    let mut lookout = lookout(&scratch, "b1");
    sees(&mut lookout).await;
    let held = scratch
        .hold("UPDATE nodewarden_bridge SET looks = looks")
        .await;
    let began = std::time::Instant::now();
    assert!(lookout.look(&[]).await.is_err());
    assert!(began.elapsed() < Duration::from_secs(5), "{began:?}");
    held.undo().await;
    sees(&mut lookout).await;
}

#[tokio::test]
async fn a_database_that_does_not_write_is_no_look_although_it_can_be_read() {
    let scratch = scratch().await;
    two_conductors(&scratch).await;
    let refuse = match scratch.kind {
        Kind::Sqlite => "CREATE TRIGGER refuse BEFORE INSERT ON nodewarden_bridge
             BEGIN SELECT RAISE(ABORT, 'read only'); END"
            .to_owned(),
        Kind::Postgres => {
            let name = scratch.database.url.expose().rsplit_once('/').unwrap().1;
            format!("ALTER DATABASE {name} SET default_transaction_read_only = on")
        }
        Kind::MySql => "CREATE TRIGGER refuse BEFORE INSERT ON nodewarden_bridge FOR EACH ROW
             SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'read only'"
            .to_owned(),
    };
    scratch.run(&refuse).await;
    let Err(LookFault::Failed(why)) = lookout(&scratch, "b1").look(&[]).await else {
        panic!("it was not proven to be the present");
    };
    assert!(why.contains("write the bridge's own row"), "{why}");
    assert!(why.contains("read"), "{why}");
}

#[tokio::test]
async fn what_is_read_must_be_what_was_written_or_it_is_a_replica_that_lags() {
    let scratch = scratch().await;
    two_conductors(&scratch).await;
    // What is read back is always one write behind.
    let lag = match scratch.kind {
        Kind::Sqlite => {
            "CREATE TRIGGER lag AFTER INSERT ON nodewarden_bridge
             BEGIN UPDATE nodewarden_bridge SET looks = looks - 1 WHERE bridge = NEW.bridge; END"
        }
        Kind::Postgres => {
            "CREATE FUNCTION lag() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN NEW.looks := NEW.looks - 1; RETURN NEW; END';
             CREATE TRIGGER lag BEFORE INSERT ON nodewarden_bridge
             FOR EACH ROW EXECUTE FUNCTION lag()"
        }
        Kind::MySql => {
            "CREATE TRIGGER lag BEFORE INSERT ON nodewarden_bridge FOR EACH ROW
             SET NEW.looks = NEW.looks - 1"
        }
    };
    scratch.run(lag).await;
    let Err(LookFault::Failed(why)) = lookout(&scratch, "b1").look(&[]).await else {
        panic!("it was not the present");
    };
    assert!(why.contains("a replica that lags"), "{why}");
}

fn number(conductor: &str, registered_at_ms: Option<u64>, incarnation: u64) -> Remembered {
    Remembered {
        conductor: conductor.into(),
        registered_at_ms,
        incarnation,
    }
}

#[tokio::test]
async fn of_what_bridges_remember_the_higher_number_wins_and_all_of_them_read_it() {
    let scratch = scratch().await;
    two_conductors(&scratch).await;
    let (mut one, mut two) = (lookout(&scratch, "b1"), lookout(&scratch, "b2"));
    let first = [number("c1", Some(7), 7), number("c2", None, 9)];
    assert_eq!(one.look(&first).await.unwrap().remembered, first);
    // A bridge that was frozen comes late with a lower one.
    let late = [number("c1", Some(6), 6), number("c2", Some(3), 10)];
    let both = [number("c1", Some(7), 7), number("c2", Some(3), 10)];
    assert_eq!(two.look(&late).await.unwrap().remembered, both);
    assert_eq!(sees(&mut one).await.remembered, both);
}

#[tokio::test]
async fn what_is_remembered_of_conductors_that_are_long_gone_is_dropped() {
    let scratch = scratch().await;
    two_conductors(&scratch).await;
    scratch
        .run(
            "INSERT INTO nodewarden_bridge_said VALUES ('c1', 0, 1, 1), ('gone', 0, 1, 1),
            ('untold', 1, 1, 1)",
        )
        .await;
    let mut lookout = lookout(&scratch, "b1");
    sees(&mut lookout).await;
    assert_eq!(
        sees(&mut lookout).await.remembered,
        [number("c1", Some(0), 1), number("untold", Some(1), 1)]
    );
}

#[tokio::test]
async fn a_row_that_was_deleted_while_no_bridge_looked_is_told_once_and_every_bridge_remembers_that()
 {
    let scratch = scratch().await;
    two_conductors(&scratch).await;
    let gone = [number("gone", Some(7), 7)];
    lookout(&scratch, "b1").look(&gone).await.unwrap();
    let (clock, interval) = (SystemClock::start(), Duration::from_secs(2));
    let mut lookout = IronicLookout::new(&scratch.database, "b2", clock, interval);
    let mut judge = Judge::new(Rules::new(Duration::from_secs(60), interval), "b2");
    let deadline = clock.mono().plus(Duration::from_secs(60));
    let left = loop {
        judge.looked(&lookout.look(&judge.to_remember()).await.unwrap());
        let due = judge.due(clock.mono());
        if let Some(left) = due.into_iter().find(|it| it.conductor.as_str() == "gone") {
            break left;
        }
        assert!(clock.mono() < deadline, "it was not told");
    };
    assert_eq!(left.kind.event_type().as_str(), "conductor.left");
    assert_eq!(left.incarnation.get(), 7);
    judge.confirmed(&left, clock.mono());
    lookout.look(&judge.to_remember()).await.unwrap();
    let mut next = Judge::new(Rules::new(Duration::from_secs(60), interval), "b3");
    let seen = sees(&mut lookout).await;
    assert!(seen.remembered.contains(&number("gone", Some(0), 8)));
    next.looked(&seen);
    let names: Vec<String> = next.view().into_iter().map(|it| it.conductor).collect();
    assert_eq!(names, ["c1", "c2", "c3"]);
}
