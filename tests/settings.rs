//! Settings from file, environment and flags, as an operator meets them; and exit codes.

use std::path::Path;
use std::time::Duration;

use assert_cmd::Command;
use nodewarden::config::{Mode, Settings};

fn nodewarden(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nodewarden"));
    command.current_dir(folder).env_clear();
    command
}

/// Exit code and what was said on standard error.
fn said(command: &mut Command) -> (i32, String) {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap_or(-1), text)
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn flags_outrank_the_environment_which_outranks_the_file() {
    let folder = folder();
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, "[database]\nurl = \"sqlite://from-file.db\"\n").unwrap();
    let migrate = |command: &mut Command| {
        command.arg("migrate").assert().success();
    };
    nodewarden(folder.path())
        .arg("--config")
        .arg(&file)
        .arg("migrate")
        .assert()
        .success();
    assert!(folder.path().join("from-file.db").exists());
    migrate(
        nodewarden(folder.path())
            .env("NODEWARDEN_CONFIG", &file)
            .env("NODEWARDEN_DATABASE__URL", "sqlite://from-environment.db"),
    );
    assert!(folder.path().join("from-environment.db").exists());
    migrate(
        nodewarden(folder.path())
            .env("NODEWARDEN_DATABASE__URL", "sqlite://not-this.db")
            .args(["--database-url", "sqlite://from-flag.db"]),
    );
    assert!(folder.path().join("from-flag.db").exists());
    migrate(nodewarden(folder.path()).args(["--set", "database.url=sqlite://from-set.db"]));
    assert!(folder.path().join("from-set.db").exists());
    assert!(!folder.path().join("not-this.db").exists());
}

#[test]
fn unknown_keys_and_bad_values_are_errors_that_name_their_origin() {
    let folder = folder();
    let file = folder.path().join("settings.toml");
    for (text, expected) in [
        ("[amqp]\nurll = \"x\"\n", "urll"),
        ("[amqpp]\n", "amqpp"),
        (
            "[amqp]\nheartbeat = \"ten\"\n",
            "not a duration such as 250ms, 10s or 5m",
        ),
        ("[amqp\n", "settings.toml"),
        (
            "[publish]\nnodes_per_message = 0\n",
            "publish.nodes_per_message must be 1 to 5000",
        ),
        (
            "[decide]\nreconnect_grace = \"3s\"\n",
            "decide.reconnect_grace (3s) must be at least two amqp.heartbeat (10s)",
        ),
        ("[decide]\nmode = \"dry-run\"\n", "dry-run"),
        (
            "[inventory]\nkind = \"irony\"\n",
            "settings.toml: line 2: inventory.kind is \"irony\": it must be native or ironic",
        ),
        (
            "# how\n[decide]\n\nsweep_interval = 5\n",
            "settings.toml: line 4: decide.sweep_interval is 5: it must be a duration in quotes, such as \"10s\"",
        ),
        (
            "[amqp]\nbatch = \"12\"\n",
            "settings.toml: line 2: amqp.batch is the text \"12\": it must be a whole number up to 65535",
        ),
        (
            "[amqp]\nbatch = -1\n",
            "settings.toml: line 2: amqp.batch is -1: it must be a whole number up to 65535",
        ),
        (
            "[amqp]\ndeclare = \"yes\"\n",
            "settings.toml: line 2: amqp.declare is the text \"yes\": it must be true or false",
        ),
        (
            "decide = 3\n",
            "settings.toml: line 1: decide is 3: it must be a table of settings",
        ),
        (
            "[decide]\nmode = 3\n",
            "settings.toml: line 2: decide.mode is 3: it must be one of its words, in quotes",
        ),
        (
            "[security.allowed_publishers]\na = [\"a\"]\nu = \"x\"\n",
            "settings.toml: line 3: security.allowed_publishers.u is the text \"x\": it must be a list in brackets",
        ),
        (
            "[amqp]\nurl = [\"amqp://u:hush@h/\", 7]\n",
            "settings.toml: line 2: amqp.url: it must be one URL or a list of URLs",
        ),
        (
            "[retention]\nevent = \"7d\"\n",
            "settings.toml: line 2: there is no setting retention.event: in [retention] there are events, announced \
             and decisions",
        ),
        (
            "[amqp]\nurl = \"amqp://u:hush@h/\n",
            "settings.toml: line 2, column 24: is not TOML: invalid basic string",
        ),
        (
            "[database]\nurl = \"oracle://user:hush@db/x\"\n",
            "database.url must begin with sqlite://, postgres:// or mysql://",
        ),
        (
            "[database]\nurl = \"postgres://user:hush@h1:5432,/x\"\n",
            "database.url: a host in its list has no name",
        ),
        (
            "[database]\nurl = \"mysql://user:hush@h1:3306,user:hush@h2:3306/x\"\n",
            "database.url: in its list, user and password stand once",
        ),
        (
            "[http]\nlisten = \"8780\"\n",
            "http.listen must be an address and a port",
        ),
        (
            "[bridge]\nlisten = \"::1:8780\"\n",
            "bridge.listen must be an address and a port",
        ),
        (
            "[database]\nurl = \"mysql://user:hu\\u200bsh@h1/x\"\n",
            "database.url holds a character that cannot be seen (U+200B)",
        ),
        (
            "[security.allowed_publishers]\nbridge = [\"a\", \"b\\u0007\"]\n",
            "security.allowed_publishers.bridge holds a character that cannot be seen (U+0007)",
        ),
        (
            "[database]\nurl = \"mysql://u:hush@h/x?ssl_mode=VERIFY_IDENTITY\"\n",
            "database.url: the parameter ssl_mode is unknown: write ssl-mode",
        ),
        (
            "[bridge]\ndatabase_url = \"postgres://u:hush@h/x?sslmod=require&x=hush\"\n",
            "bridge.database_url: the parameter sslmod is unknown; known are sslmode,",
        ),
        (
            "[database]\nurl = \"mysql://u:hush@h:3306/\"\n",
            "database.url names no database",
        ),
        (
            "[database]\nurl = \"postgres://u:p?hush&hush@h/x\"\n",
            "database.url: its query has a parameter that is unknown",
        ),
        (
            "[database]\nurl = \"sqlite://\"\n",
            "database.url names no file",
        ),
        (
            "[database]\nurl = \"sqlite://:memory:\"\n",
            "database.url names no file",
        ),
        (
            "[database]\nurl = \"sqlite://x.db?mode=memory\"\n",
            "database.url names no file",
        ),
        (
            "[bridge]\ninterval = \"100ms\"\n",
            "bridge.interval must be 200ms to 60s",
        ),
        (
            "[bridge]\nheartbeat_timeout = \"5s\"\n",
            "bridge.heartbeat_timeout (5s) must be at least three bridge.interval (2s), and not less than the \
             heartbeat_timeout of Ironic's own",
        ),
        (
            "[bridge]\ndatabase_url = \"oracle://user:hush@db/x\"\n",
            "bridge.database_url must begin with",
        ),
        (
            "[placement]\nsnapshot_urls = [\"http://h\", \"http://127.0.0.1:1/?token=hush\"]\n",
            "placement.snapshot_urls must hold no user, password, query or fragment",
        ),
        (
            "[placement]\nsnapshot_urls = [\"http://u:hu/sh@hush\"]\n",
            "placement.snapshot_urls must hold no user, password, query or fragment",
        ),
        (
            "[placement]\nsnapshot_urls = [\"http://h/#hush\"]\n",
            "placement.snapshot_urls must hold no user, password, query or fragment",
        ),
        (
            "[amqp]\nevents_queue = \"amq.hears\"\n",
            "amqp.events_queue must not begin with amq.",
        ),
        (
            "[amqp]\ndead_letters_queue = \"amq.dead\"\n",
            "amqp.dead_letters_queue must not begin with amq.",
        ),
        (
            "[database]\ntransaction_limit = \"500000000000y\"\n",
            "database.transaction_limit must be 5s to 10m",
        ),
        (
            "[decide]\nreconnect_grace = \"2h\"\n",
            "decide.reconnect_grace must be at most 1h",
        ),
        (
            "[decide]\nforget_after = \"11y\"\n",
            "decide.forget_after must be 1h to 10y",
        ),
        (
            "[decide]\nunknown_driver_grace = \"11y\"\n",
            "decide.unknown_driver_grace must be 1s to 10y",
        ),
        (
            "[retention]\nevents = \"11y\"\n",
            "retention.events must be 1h to 10y",
        ),
        (
            "[retention]\nannounced = \"0s\"\n",
            "retention.announced must be 1s to 10y",
        ),
        (
            "[retention]\ndecisions = \"0s\"\n",
            "retention.decisions must be 1s to 10y",
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        let (code, text) = said(
            nodewarden(folder.path())
                .arg("--config")
                .arg(&file)
                .arg("status"),
        );
        assert_eq!(code, 64, "{text}");
        assert!(text.contains(expected), "{expected:?} is not in {text:?}");
        assert!(!text.contains("hush"), "{text}");
    }
    for url in [
        "amqp://u:hush@127.0.0.1:notaport/%2f",
        "amqp://u:hush@host/",
        "http://u:hush@host/%2f",
        "amqp://u:hu@sh@hush@host/%2f",
        "amqp://u:hush@h1,u:hu,sh@hush/%2f",
        "[]",
        "[\"amqp://u:hush@h1/%2f\", \"amqp://u:hush@h2/\"]",
    ] {
        for command in [&["run"][..], &["emit", "joined", "c1"]] {
            let (code, text) = said(
                nodewarden(folder.path())
                    .args(["--amqp-url", url])
                    .args(command),
            );
            assert_eq!(code, 64, "{text}");
            assert!(text.starts_with("amqp.url"), "{text}");
            assert!(!text.contains("hush"), "{text}");
        }
    }
    let (code, text) = said(
        nodewarden(folder.path())
            .env("NODEWARDEN_AMQP__HEARTBEAT", "soon")
            .arg("status"),
    );
    assert_eq!(code, 64);
    assert!(
        text.contains("environment variable NODEWARDEN_AMQP__HEARTBEAT"),
        "{text}"
    );
    let (code, text) = said(
        nodewarden(folder.path())
            .env("NODEWARDEN_AMQP__NOPE", "1")
            .arg("status"),
    );
    assert_eq!(code, 64);
    assert!(text.contains("NODEWARDEN_AMQP__NOPE"), "{text}");
    let (code, text) = said(
        nodewarden(folder.path())
            // What Kubernetes gives to a pod beside a service of this name.
            .env("NODEWARDEN_DATABASE_PORT", "tcp://10.0.0.1:5432")
            .env("NODEWARDEN_DATABASE_URL", "postgres://u:hush@h/x")
            .arg("status"),
    );
    assert_eq!(
        (code, text.trim()),
        (
            64,
            "environment variable NODEWARDEN_DATABASE_URL: it is no setting: write NODEWARDEN_DATABASE__URL (two \
             underscores)"
        )
    );
    for (value, shown) in [
        ("amqp.heartbeat", "amqp.heartbeat"),
        ("amqp://u:hush@h", "amqp://…@h"),
    ] {
        let (code, text) = said(nodewarden(folder.path()).args(["--set", value, "status"]));
        let expected = format!("--set {shown}: write SECTION.KEY=VALUE");
        assert_eq!((code, text.trim()), (64, expected.as_str()));
    }
}

#[test]
fn a_bad_value_of_the_environment_or_a_flag_is_named_with_what_would_be_right() {
    let folder = folder();
    for (name, value, expected) in [
        (
            "AMQP__BATCH",
            "1.5",
            "amqp.batch is 1.5: it must be a whole number up to 65535",
        ),
        (
            "AMQP__BATCH",
            "70000",
            "amqp.batch is 70000: it must be a whole number up to 65535",
        ),
        (
            "PUBLISH__NODES_PER_MESSAGE",
            "5000000000",
            "publish.nodes_per_message is 5000000000: it must be a whole number up to 4294967295",
        ),
        (
            "PUBLISH__NODES_PER_MESSAGE",
            "-1",
            "publish.nodes_per_message is -1: it must be a whole number up to 4294967295",
        ),
        (
            "AMQP__DECLARE",
            "yes",
            "amqp.declare is the text \"yes\": it must be true or false",
        ),
        (
            "DECIDE__MODE",
            "Enforce",
            "decide.mode is \"Enforce\": it must be enforce or observe",
        ),
        (
            "DECIDE__SWEEP_INTERVAL",
            "5",
            "decide.sweep_interval: \"5\" is not a duration such as 250ms, 10s or 5m",
        ),
        ("AMQP__", "5", "there is no setting of this name"),
        (
            "AMQP",
            "5",
            "it is no setting: write NODEWARDEN_AMQP__KEY, with one of the keys of [amqp]",
        ),
    ] {
        let name = format!("NODEWARDEN_{name}");
        let (code, text) = said(nodewarden(folder.path()).env(&name, value).arg("status"));
        let expected = format!("environment variable {name}: {expected}");
        assert_eq!((code, text.trim()), (64, expected.as_str()));
    }
    for set in ["=3", ".=1", "a b=1"] {
        let (code, text) = said(nodewarden(folder.path()).args(["--set", set, "status"]));
        let name = set.split_once('=').expect("both").0;
        let expected = format!("setting {name:?}: there is no setting of this name");
        assert_eq!((code, text.trim()), (64, expected.as_str()));
    }
}

#[test]
fn a_map_of_a_later_layer_takes_the_place_of_an_earlier_one() {
    let folder = folder();
    let file = folder.path().join("settings.toml");
    let text = "[security.allowed_publishers]\nold = [\"*\"]\n[decide]\nmode = \"observe\"\n";
    std::fs::write(&file, text).unwrap();
    let set = "security.allowed_publishers";
    let map = |overrides: &[(&str, &str)]| {
        let overrides: Vec<_> = overrides
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let settings = Settings::load(Some(&file), &overrides).unwrap();
        assert_eq!(settings.decide.mode, Mode::Observe);
        settings
            .security
            .allowed_publishers
            .map(|map| map.into_keys().collect::<Vec<_>>())
    };
    assert_eq!(map(&[]), Some(vec!["old".to_owned()]));
    assert_eq!(
        map(&[(set, "{ new = [\"c-*\"] }")]),
        Some(vec!["new".to_owned()])
    );
    let both = [(set, "{ a = [\"*\"] }"), (set, "{ b = [\"*\"] }")];
    assert_eq!(map(&both), Some(vec!["b".to_owned()]));
}

#[test]
fn values_that_look_like_other_types_are_taken_as_what_the_setting_is() {
    let folder = folder();
    nodewarden(folder.path())
        .args(["--set", "amqp.batch=17", "--set", "amqp.declare=false"])
        .args(["--set", "amqp.events_queue=17", "--set", "http.listen="])
        .args([
            "--set",
            "security.allowed_publishers={ ironic = [\"cond-*\"] }",
        ])
        .env("NODEWARDEN_DECIDE__SWEEP_INTERVAL", "90s")
        .arg("migrate")
        .assert()
        .success();
}

#[test]
fn no_secret_is_printed_by_any_failure() {
    let folder = folder();
    let misplaced = ["status", "mysql://operator:hush@127.0.0.1/db"];
    let (code, text) = said(nodewarden(folder.path()).args(misplaced));
    assert_eq!(code, 64, "{text}");
    assert!(text.contains("'mysql://…@127.0.0.1/db'"), "{text}");
    assert!(!text.contains("hush"), "{text}");
    let url = "amqp://operator:hush?hush@127.0.0.1:1/%2f";
    for arguments in [
        &["tail"][..],
        &["emit", "joined", "c1"],
        &["dead-letters", "list"],
    ] {
        let (code, text) = said(
            nodewarden(folder.path())
                .args(["--amqp-url", url])
                .args(arguments),
        );
        assert!(code == 69 || code == 64 || code == 1, "{code}: {text}");
        assert!(!text.contains("hush"), "{text}");
    }
}

#[test]
fn the_exit_code_says_what_kind_of_failure_it_was() {
    let folder = folder();
    let dead = ["--amqp-url", "amqp://guest:guest@127.0.0.1:1/%2f"];
    assert_eq!(said(nodewarden(folder.path()).arg("--help")).0, 0);
    assert_eq!(said(nodewarden(folder.path()).arg("--version")).0, 0);
    assert_eq!(said(nodewarden(folder.path()).arg("nonsense")).0, 64);
    assert_eq!(
        said(nodewarden(folder.path()).args(["emit", "left", "c1"])).0,
        64,
        "no incarnation"
    );
    for nothing in [["tail", "--count", "0"], ["tail", "--for", "0s"]] {
        let (code, text) = said(nodewarden(folder.path()).args(dead).args(nothing));
        assert_eq!(code, 64, "{nothing:?}: {text}");
    }
    assert_eq!(
        said(nodewarden(folder.path()).arg("status")).0,
        1,
        "no tables yet: as on a server"
    );
    assert_eq!(
        said(
            nodewarden(folder.path())
                .args(dead)
                .args(["emit", "joined", "c1"])
        )
        .0,
        69
    );
    assert_eq!(said(nodewarden(folder.path()).args(dead).arg("tail")).0, 69);
    nodewarden(folder.path()).arg("migrate").assert().success();
    assert_eq!(said(nodewarden(folder.path()).arg("status")).0, 0);
    assert_eq!(
        said(nodewarden(folder.path()).args(["explain", "node", "nobody"])).0,
        1
    );
}

#[test]
fn a_file_that_is_no_database_or_a_damaged_one_is_said_to_be_that() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("text.db"), "no database\n".repeat(1000)).unwrap();
    let migrated = ["--database-url", "sqlite://damaged.db", "migrate"];
    nodewarden(folder.path()).args(migrated).assert().success();
    let mut whole = std::fs::read(path("damaged.db")).unwrap();
    whole[200..].fill(0x5a);
    std::fs::write(path("damaged.db"), whole).unwrap();
    for (name, hint) in [
        (
            "text.db",
            "and is no database of SQLite: is database.url right?",
        ),
        ("damaged.db", "The file is damaged: end every replica"),
    ] {
        for command in ["status", "migrate"] {
            let url = format!("sqlite://{name}");
            let arguments = ["--database-url", &url, command];
            let (code, text) = said(nodewarden(folder.path()).args(arguments));
            assert_eq!(code, 69, "{text}");
            assert!(text.contains(hint), "{command} of {name}: {text}");
        }
    }
}

#[test]
fn white_space_around_a_value_is_cut_and_what_cannot_be_seen_within_it_is_refused() {
    let folder = folder();
    nodewarden(folder.path())
        .env("NODEWARDEN_DATABASE__URL", "sqlite://from-env.db\n")
        .env("NODEWARDEN_AMQP__HEARTBEAT", "20s\r\n")
        .env("NODEWARDEN_DECIDE__RECONNECT_GRACE", " 60s\t")
        .arg("migrate")
        .assert()
        .success();
    assert!(folder.path().join("from-env.db").exists());
    let file = folder.path().join("trailing.toml");
    std::fs::write(
        &file,
        "[database]\nurl = \"\"\"sqlite://from-file.db\n\"\"\"\n",
    )
    .unwrap();
    nodewarden(folder.path())
        .arg("--config")
        .arg(&file)
        .arg("migrate")
        .assert()
        .success();
    assert!(folder.path().join("from-file.db").exists());
    for (value, sign) in [
        ("amqp://u:hu\nsh@h/%2f", "U+000A"),
        ("amqp://u:hush@h\u{7f}/%2f", "U+007F"),
        ("amqp://u:hush\u{feff}@h/%2f", "U+FEFF"),
    ] {
        let (code, text) = said(
            nodewarden(folder.path())
                .env("NODEWARDEN_AMQP__URL", value)
                .args(["emit", "joined", "c1"]),
        );
        assert_eq!(code, 64, "{text}");
        assert!(
            text.contains("amqp.url holds a character") && text.contains(sign),
            "{text}"
        );
        assert!(!text.contains("hush"), "{text}");
    }
}

#[test]
fn a_url_that_its_driver_cannot_read_is_named_by_the_setting_that_has_it() {
    let folder = folder();
    let bad = "postgres://u:hush@h:99999/ironic";
    let bridge = format!("bridge.database_url={bad}");
    let bridge = ["--set", &bridge, "--set", "bridge.heartbeat_timeout=60s"];
    for (arguments, setting) in [
        (
            [&bridge[..], &["bridge", "ironic", "--once"]].concat(),
            "bridge.database_url",
        ),
        ([&bridge[..], &["migrate"]].concat(), "bridge.database_url"),
        (vec!["--database-url", bad, "migrate"], "database.url"),
    ] {
        let (code, text) = said(nodewarden(folder.path()).args(&arguments));
        assert_eq!(code, 64, "{arguments:?}: {text}");
        let begins = format!("{setting} postgres://h:99999/ironic: ");
        assert!(text.starts_with(&begins), "{arguments:?}: {text}");
    }
}

#[test]
fn emit_refuses_what_a_worker_would_refuse_before_it_dials() {
    let folder = folder();
    for (arguments, expected) in [
        (
            &["emit", "joined", "c1", "--heartbeat-timeout", "1ms"][..],
            "out_of_bounds",
        ),
        (
            &["emit", "joined", "c1", "--driver", ""],
            "--driver is empty",
        ),
        (
            &[
                "emit",
                "heartbeat",
                "c1",
                "--incarnation",
                "1",
                "--every",
                "0s",
            ],
            "it must be at least 100ms",
        ),
        (
            &[
                "emit",
                "heartbeat",
                "c1",
                "--incarnation",
                "9223372036854775808",
            ],
            "--incarnation is above",
        ),
        (
            &[
                "emit",
                "heartbeat",
                "c1",
                "--incarnation",
                "1",
                "--group",
                "g",
            ],
            "give its --driver too",
        ),
        // It repeats, and would otherwise go on warning that the broker is away.
        (
            &[
                "--amqp-url",
                "amqp://guest:guest@127.0.0.1:1/%2f",
                "emit",
                "heartbeat",
                "c1",
                "--incarnation",
                "1",
                "--driver",
                "ipmi",
                "--heartbeat-timeout",
                "2h",
                "--every",
                "1s",
            ],
            "a worker would refuse this event (out_of_bounds)",
        ),
    ] {
        let mut command = nodewarden(folder.path());
        let (code, text) = said(command.args(arguments).timeout(Duration::from_secs(60)));
        assert_eq!(code, 64, "{text}");
        assert!(text.contains(expected), "{expected:?} is not in {text:?}");
    }
}

#[test]
fn a_fault_in_the_file_or_the_environment_of_others_shows_no_password_and_stops_no_command() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.toml");
    std::fs::write(
        &file,
        "[database]\nurl = postgres://u:S3cretPw@h/x\n[amqp]\nurl = \"amqp://u:S3cretPw@h\n",
    )
    .unwrap();
    let (code, text) = said(
        nodewarden(folder.path())
            .arg("--config")
            .arg(&file)
            .arg("status"),
    );
    assert_eq!(code, 64, "{text}");
    assert!(text.contains("bad.toml"), "{text}");
    assert!(!text.contains("S3cretPw"), "{text}");

    use std::os::unix::ffi::OsStrExt;
    let odd = std::ffi::OsStr::from_bytes(b"\xff");
    let (code, text) = said(nodewarden(folder.path()).env("FOO", odd).arg("status"));
    assert_eq!(code, 1, "{text}");
    let (code, text) = said(
        nodewarden(folder.path())
            .env("NODEWARDEN_DECIDE__MODE", odd)
            .arg("status"),
    );
    assert_eq!(code, 64, "{text}");
    assert!(
        text.contains("NODEWARDEN_DECIDE__MODE: its value is not UTF-8"),
        "{text}"
    );

    for (key, expected) in [("password", 69), ("passwort", 64)] {
        let url = format!("postgres://127.0.0.1:1/x?{key}=S3cretPw");
        let (code, text) = said(nodewarden(folder.path()).args(["status", "--database-url", &url]));
        assert_eq!(code, expected, "{text}");
        assert!(!text.contains("S3cretPw"), "{text}");
    }
    let url = "postgres://u:pw@127.0.0.1:notaport/x";
    let (code, text) = said(nodewarden(folder.path()).args(["status", "--database-url", url]));
    assert_eq!(code, 64, "{text}");
}

#[test]
fn wrong_usage_of_pause_and_release_is_refused_before_anything_happens() {
    let folder = tempfile::tempdir().unwrap();
    for words in [
        &["release", "--all", "--group", "g"][..],
        &["release", "--node", "n", "--group", "g"],
        &["pause", "--for", "100000d", "--reason", "r"],
    ] {
        let (code, text) = said(nodewarden(folder.path()).args(words));
        assert_eq!(code, 64, "{words:?}: {text}");
    }
}
