//! Files for `nodes import`: what real clouds print is understood, and what is wrong is named with
//! its line and field.

use nodewarden::cli::import::{FAULTS_NAMED, ImportedNode, ReadFault, parse, read};

const A: &str = "406b2f34-0195-4fc2-a6bb-338fb25ccfa4";
const B: &str = "13fa3c0a-a9a2-47fb-90f4-f9e7347750ad";

fn node(line: usize, uuid: &str) -> ImportedNode {
    ImportedNode {
        line,
        uuid: uuid.to_owned(),
        name: None,
        driver: "ipmi".to_owned(),
        conductor_group: None,
        maintenance: None,
    }
}

/// The faults, one a line.
#[track_caller]
fn faults(text: &str, extension: Option<&str>) -> Vec<String> {
    let fault = parse(text.as_bytes(), extension).unwrap_err();
    fault.to_string().lines().map(str::to_owned).collect()
}

#[track_caller]
fn assert_faults(text: &str, extension: Option<&str>, expected: &[&str]) {
    let found = faults(text, extension);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\n{expected}");
    }
}

// ---- what real ones look like ----

#[test]
fn what_ironics_api_prints_is_understood() {
    for fixture in [
        &include_bytes!("fixtures/ironic-api-nodes.json")[..],
        include_bytes!("fixtures/ironic-api-nodes-detail.json"),
    ] {
        let mut fixture = std::str::from_utf8(fixture).unwrap().to_owned();
        // One of them was asked for two nodes, and names the next page.
        if let Some(next) = fixture.find(", \"next\": ") {
            assert_faults(
                &fixture,
                Some("json"),
                &["line 1: is one page of a longer list"],
            );
            fixture.replace_range(next.., "}");
        }
        let fixture = fixture.as_bytes();
        let nodes = parse(fixture, Some("json")).unwrap();
        assert_eq!(
            nodes.len(),
            fixture.windows(10).filter(|w| w == b"\"driver\": ").count()
        );
        assert_eq!(
            nodes[0],
            ImportedNode {
                line: 1,
                uuid: A.to_owned(),
                name: Some(Some("fake-hardware-3".to_owned())),
                driver: "fake-hardware".to_owned(),
                conductor_group: Some(String::new()),
                maintenance: Some(false),
            }
        );
        assert_eq!(parse(fixture, None).unwrap(), nodes);
    }
}

#[test]
fn what_openstacks_client_prints_as_json_is_understood() {
    let text = format!(
        r#"[
  {{
    "UUID": "{A}",
    "Name": "blade-1",
    "Driver": "ipmi",
    "Conductor Group": "Rack-7",
    "Maintenance": true
  }},
  {{
    "UUID": "{B}",
    "Name": null,
    "Driver": "ipmi",
    "Conductor Group": "",
    "Maintenance": false
  }}
]
"#
    );
    let expected = [
        ImportedNode {
            name: Some(Some("blade-1".to_owned())),
            conductor_group: Some("Rack-7".to_owned()),
            maintenance: Some(true),
            ..node(2, A)
        },
        ImportedNode {
            name: Some(None),
            conductor_group: Some(String::new()),
            maintenance: Some(false),
            ..node(9, B)
        },
    ];
    assert_eq!(parse(text.as_bytes(), Some("json")).unwrap(), expected);
}

#[test]
fn what_openstacks_client_prints_as_csv_is_understood() {
    let text = format!(
        "\"UUID\",\"Name\",\"Driver\",\"Conductor Group\",\"Maintenance\"\r\n\
         \"{A}\",\"blade, 1\",\"ipmi\",\"rack-7\",True\r\n\
         \"{B}\",None,\"ipmi\",\"\",False\r\n\
         c,,ipmi,,\r\n"
    );
    let expected = [
        ImportedNode {
            name: Some(Some("blade, 1".to_owned())),
            conductor_group: Some("rack-7".to_owned()),
            maintenance: Some(true),
            ..node(2, A)
        },
        ImportedNode {
            name: Some(None),
            conductor_group: Some(String::new()),
            maintenance: Some(false),
            ..node(3, B)
        },
        ImportedNode {
            name: Some(None),
            conductor_group: Some(String::new()),
            ..node(4, "c")
        },
    ];
    for extension in [Some("csv"), Some("CSV"), None] {
        assert_eq!(parse(text.as_bytes(), extension).unwrap(), expected);
    }
}

#[test]
fn one_object_a_line_is_understood_with_and_without_its_extension() {
    let text = format!(
        "{{\"uuid\": \"{A}\", \"driver\": \"ipmi\", \"extra\": {{\"uuid\": 1}}}}\n\n{{\"uuid\":\"{B}\",\"driver\":\"ipmi\"}}\n"
    );
    for extension in [None, Some("json"), Some("jsonl"), Some("ndjson")] {
        assert_eq!(
            parse(text.as_bytes(), extension).unwrap(),
            [node(1, A), node(3, B)]
        );
    }
    let pretty = text.replace(", ", ",\n ");
    assert_eq!(
        parse(pretty.as_bytes(), None).unwrap(),
        [node(1, A), node(5, B)]
    );
    let single = &text[..text.find('\n').unwrap()];
    assert_eq!(parse(single.as_bytes(), None).unwrap(), [node(1, A)]);
}

#[test]
fn lists_one_after_the_other_are_read_as_one() {
    let list = |uuid: &str| format!("[{{\"uuid\": \"{uuid}\", \"driver\": \"ipmi\"}}]");
    for between in ["", "\n", "\n[]\n"] {
        let text = format!("{}{between}{}\n", list(A), list(B));
        let last = 1 + between.matches('\n').count();
        assert_eq!(
            parse(text.as_bytes(), Some("json")).unwrap(),
            [node(1, A), node(last, B)]
        );
    }
    assert_faults(
        &format!("{}\n{},", list(A), list(B)),
        None,
        &["line 2: column 69: is not JSON: trailing characters"],
    );
}

#[test]
fn empty_lines_and_a_byte_order_mark_do_not_move_the_lines() {
    let text = format!("\u{feff}\nuuid,driver\n\n\n{A},ipmi\n\n{B},ipmi");
    assert_eq!(
        parse(text.as_bytes(), None).unwrap(),
        [node(5, A), node(7, B)]
    );
    let text = format!("\u{feff}\n[\n\n{{\"uuid\":\"{A}\",\"driver\":\"ipmi\"}}]");
    assert_eq!(parse(text.as_bytes(), None).unwrap(), [node(4, A)]);
}

#[test]
fn a_list_without_nodes_is_no_fault() {
    for text in ["[]", "{\"nodes\": []}", "uuid,driver\n"] {
        assert_eq!(parse(text.as_bytes(), None).unwrap(), []);
    }
}

#[test]
fn one_node_has_one_id_however_it_is_spelled() {
    let upper = A.to_uppercase();
    let simple = A.replace('-', "");
    for spelled in [
        format!(" {A}\\n"),
        upper.clone(),
        format!("{{{upper}}}"),
        format!("urn:uuid:{A}"),
        simple,
    ] {
        let text =
            format!("[{{\"uuid\": \"{spelled}\", \"driver\": \" ipmi\\t\", \"name\": null}}]");
        let expected = ImportedNode {
            name: Some(None),
            ..node(1, A)
        };
        assert_eq!(
            parse(text.as_bytes(), None).unwrap(),
            [expected],
            "{spelled}"
        );
    }
    // What is no UUID is compared as it is.
    for other in [
        "Blade-1",
        "406B2F34",
        "406B2F34-0195-4FC2-A6BB338F-B25CCFA4",
    ] {
        let text = format!("uuid,driver\n{other},ipmi\n");
        assert_eq!(parse(text.as_bytes(), None).unwrap()[0].uuid, other);
    }
    assert_faults(
        &format!("uuid,driver\n{A},ipmi\n{upper},ipmi\n"),
        None,
        &[&format!("line 3: uuid \"{A}\" is already on line 2")],
    );
    let text = format!(
        "[{{\"uuid\": \"{A}\", \"driver\": \"x\"}},\n{{\"uuid\": \"{A} \", \"driver\": \"x\"}}]"
    );
    assert_faults(
        &text,
        None,
        &[&format!("line 2: uuid \"{A}\" is already on line 1")],
    );
}

#[test]
fn a_page_of_a_longer_list_is_refused_and_all_pages_together_are_taken() {
    let page = |uuid: &str, rest: &str| {
        format!("{{\"nodes\": [{{\"uuid\": \"{uuid}\", \"driver\": \"ipmi\"}}]{rest}}}\n")
    };
    let next = ", \"next\": \"http://ironic:6385/v1/nodes?limit=1&marker=x\"";
    let links = ", \"nodes_links\": [{\"rel\": \"next\", \"href\": \"x\"}]";
    // Under another name, and as Kubernetes has it.
    for foreign in [
        "{\"results\": [{\"uuid\": \"a\"}], \"next\": \"x\"}",
        "{\"servers\": [{\"id\": \"a\"}], \"servers_links\": [{\"rel\": \"next\"}]}",
        "{\"kind\": \"List\", \"items\": [], \"metadata\": {\"continue\": \"x\"}}",
    ] {
        assert_faults(foreign, None, &["line 1: is one page of a longer list"]);
    }
    let list = format!("[{}]", page(A, next));
    assert_faults(&list, None, &["line 1: is a page of nodes, not a node"]);
    for more in [next, links] {
        assert_faults(
            &page(A, more),
            None,
            &["line 1: is one page of a longer list"],
        );
        let all = page(A, more) + &page(B, ", \"next\": null");
        assert_eq!(
            parse(all.as_bytes(), None).unwrap(),
            [node(1, A), node(2, B)]
        );
        let backwards = page(B, ", \"next\": null") + &page(A, more);
        assert_faults(
            &backwards,
            None,
            &["line 2: a page stands behind the last one"],
        );
        let first_two = page(A, more) + &page(B, more);
        assert_faults(
            &first_two,
            Some("json"),
            &["line 2: is one page of a longer list"],
        );
    }
    assert!(
        faults(&page(A, next), None)[0].contains("--limit 0"),
        "how to ask for all"
    );
    let apart = page(A, "") + &page(B, "");
    assert!(
        faults(&apart, None)[0].ends_with("jq -s '{nodes: map(.nodes[])}'"),
        "how to make one of both"
    );
}

#[test]
fn exactly_a_thousand_nodes_of_a_plain_list_may_be_a_page() {
    let list = |nodes: usize| {
        let rows: Vec<String> = (0..nodes)
            .map(|row| format!("{{\"uuid\": \"node-{row}\", \"driver\": \"ipmi\"}}"))
            .collect();
        format!("[{}]", rows.join(","))
    };
    let may_be = |text: &str| read(text.as_bytes(), None).unwrap().may_be_a_page();
    assert!(may_be(&list(1000)));
    assert!(!may_be(&list(999)));
    assert!(!may_be(&list(1001)));
    // A page that names no next one is the last.
    assert!(!may_be(&format!("{{\"nodes\": {}}}", list(1000))));
}

#[test]
fn csv_is_taken_with_the_separator_that_it_has() {
    for (separator, first) in [
        (";", ""),
        ("\t", ""),
        ("|", ""),
        (";", "sep=;\r\n"),
        ("\t", "SEP=\t\n"),
        (",", "sep=,\n"),
    ] {
        let row = |words: [&str; 3]| words.join(separator);
        let text = format!(
            "{first}{}\n{}\n",
            row(["UUID", "\"Driver\"", "Conductor Group"]),
            row([A, "ipmi", "\"a,b;c\""])
        );
        let line = if first.is_empty() { 2 } else { 3 };
        let expected = ImportedNode {
            conductor_group: Some("a,b;c".to_owned()),
            ..node(line, A)
        };
        for extension in [None, Some("csv"), Some("txt")] {
            assert_eq!(
                parse(text.as_bytes(), extension).unwrap(),
                std::slice::from_ref(&expected),
                "{text}"
            );
        }
    }
    assert_faults(
        "uuid;driver\na;x;y\n",
        None,
        &["line 2: has 3 columns and the header has 2: quote values that hold a ';'"],
    );
}

#[test]
fn what_openstacks_sdk_dumps_is_understood() {
    let expected = ImportedNode {
        maintenance: Some(true),
        ..node(1, A)
    };
    let text = format!("[{{\"id\": \"{A}\", \"driver\": \"ipmi\", \"is_maintenance\": true}}]");
    assert_eq!(
        parse(text.as_bytes(), None).unwrap(),
        std::slice::from_ref(&expected)
    );
    // A row of the database has a number beside its uuid.
    let text =
        format!("[{{\"id\": 7, \"uuid\": \"{A}\", \"driver\": \"ipmi\", \"maintenance\": true}}]");
    assert_eq!(parse(text.as_bytes(), None).unwrap(), [expected]);
    let csv = format!("id,driver\n{A},ipmi\n");
    assert_eq!(parse(csv.as_bytes(), None).unwrap(), [node(2, A)]);
    assert_faults("id,driver\n7,ipmi\n", None, &["line 2: uuid is missing"]);
}

#[test]
fn a_warning_before_the_json_is_passed_by() {
    for warning in [
        "WARNING: certificate expires soon\n",
        "[WARNING] deprecated\n[2026-11-26 10:00:00] {x} again\n",
        "/usr/lib/python3/x.py:12: UserWarning: {\n  warn(\n\n",
    ] {
        let line = 1 + warning.matches('\n').count();
        let list = format!("{warning}[{{\"uuid\": \"{A}\", \"driver\": \"ipmi\"}}]\n");
        assert_eq!(
            parse(list.as_bytes(), None).unwrap(),
            [node(line, A)],
            "{warning}"
        );
        let lines =
            format!("{warning}{{\"nodes\": [\n{{\"uuid\": \"{A}\", \"driver\": \"ipmi\"}}]}}\n");
        assert_eq!(
            parse(lines.as_bytes(), Some("json")).unwrap(),
            [node(line + 1, A)]
        );
    }
    // Within CSV a line may begin with a bracket.
    let text = format!("driver,uuid,extra\nipmi,{A},\"x\n{{\"\n");
    assert_eq!(parse(text.as_bytes(), None).unwrap(), [node(2, A)]);
}

#[test]
fn what_a_foreign_file_seems_to_be_is_named_with_the_way_out() {
    assert_faults(
        "{\"error_message\": \"{\\\"faultstring\\\": \\\"no right\\\"}\"}",
        None,
        &["line 1: the file is an answer about an error, not a list of nodes"],
    );
    for (text, expected) in [
        (
            "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": []}",
            "seems to be a Kubernetes list",
        ),
        (
            "{\"a\": {\"driver\": \"ipmi\"}, \"b\": {\"driver\": \"ipmi\"}}",
            "seems to be a map of nodes",
        ),
        (
            "{\"data\": [{\"uuid\": \"a\", \"driver\": \"ipmi\"}]}",
            "the list is under \"data\"",
        ),
        (
            "+------+--------+\n| UUID | Driver |\n",
            "a table for people",
        ),
        ("<html><body>502</body></html>", "XML or a page"),
        ("---\n- uuid: a\n  driver: ipmi\n", "YAML"),
        ("PK\u{3}\u{4}xl/workbook.xml", "a spreadsheet"),
    ] {
        let found = faults(text, None);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].contains(expected), "{}", found[0]);
    }
}

#[test]
fn what_the_file_does_not_say_stays_unsaid() {
    let text = format!(
        "[{{\"uuid\": \"{A}\", \"driver\": \"ipmi\", \"maintenance\": null, \"conductor_group\": null}}]"
    );
    assert_eq!(parse(text.as_bytes(), None).unwrap(), [node(1, A)]);
    let text = format!("uuid,driver,conductor_group,maintenance\n{A},ipmi,None,None\n");
    assert_eq!(parse(text.as_bytes(), None).unwrap(), [node(2, A)]);
}

/// Gives one byte at a time, as a slow pipe may.
struct Drops<'a>(&'a [u8]);

impl std::io::Read for Drops<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let most = into.len().min(1);
        std::io::Read::read(&mut self.0, &mut into[..most])
    }
}

#[test]
fn a_file_that_comes_byte_by_byte_is_read_as_one_that_is_there() {
    let json = format!("[{{\"uuid\": \"{A}\", \"driver\": \"ipmi\", \"name\": \"é\\\"]\"}}]");
    let csv = format!("uuid,driver\r\n\r\n{A},ipmi\r\n{B},\"ip\nmi\"\r\n");
    for text in [
        json.clone(),
        format!("{{\"next\": null, \"nodes\":\n {json}}}\n"),
        format!("{}\n\n{{\"uuid\": 7}}", &json[1..json.len() - 1]),
        csv.replace("\"ip\nmi\"", "ipmi"),
        csv,
    ] {
        let whole = parse(text.as_bytes(), None);
        let drops = read(Drops(text.as_bytes()), None);
        match (whole, drops) {
            (Ok(whole), Ok(drops)) => {
                assert_eq!(drops.len(), whole.len());
                assert!(whole.iter().all(|node| drops.names(&node.uuid)));
            }
            (Err(whole), Err(ReadFault::Import(drops))) => assert_eq!(whole, drops),
            (whole, drops) => panic!("{text}: {whole:?} {drops:?}"),
        }
    }
}

// ---- what is wrong ----

#[test]
fn a_missing_driver_says_how_to_ask_for_it() {
    let expected = "driver is missing: ask for it with --limit 0 --fields uuid name driver";
    let text = format!("[\n{{\"uuid\": \"{A}\"}},\n{{\"uuid\": \"{B}\",\n\"driver\": null}}]");
    assert_faults(
        &text,
        None,
        &[
            &format!("line 2: {expected}"),
            &format!("line 4: {expected}"),
        ],
    );
    assert_faults("uuid,driver\na,\n", None, &[&format!("line 2: {expected}")]);
    assert_faults(
        "uuid,driver\n,None\n",
        None,
        &["line 2: uuid is missing", "line 2: driver is missing"],
    );
    // A column that is missing is said once.
    assert_faults(
        "\"UUID\",\"Name\"\na,b\nc,d\n",
        None,
        &["line 1: the column driver is missing"],
    );
}

#[test]
fn each_fault_names_the_line_of_its_field() {
    let text = format!(
        "{{\"nodes\": [\n{{\n\"uuid\": \"{A}\",\n\"driver\": 7,\n\"name\": [\"x\"],\n\"maintenance\": \"maybe\",\n\
         \"conductor_group\": \"a\\tb\"\n}},\n{{\"uuid\": true, \"driver\": \"ipmi\", \"maintenance\": 2}}\n]}}"
    );
    assert_faults(
        &text,
        Some("json"),
        &[
            "line 4: driver is a number: it must be text",
            "line 5: name is a list: it must be text",
            "line 6: maintenance is \"maybe\": it must be true or false",
            "line 7: conductor_group holds a control character: \"a\\tb\"",
            "line 9: uuid is a boolean: it must be text",
            "line 9: maintenance is a number: it must be true or false",
        ],
    );
}

#[test]
fn bounds_are_those_of_names() {
    let long = "x".repeat(256);
    for field in ["uuid", "name", "driver", "conductor_group"] {
        let mut columns = vec!["uuid", "driver"];
        if !columns.contains(&field) {
            columns.push(field);
        }
        let row = |value: &str| {
            let values: Vec<&str> = columns
                .iter()
                .map(|column| if *column == field { value } else { "a" })
                .collect();
            format!("{}\n{}\n", columns.join(","), values.join(","))
        };
        assert_faults(
            &row(&long),
            None,
            &[&format!("line 2: {field} is 256 bytes long")],
        );
        assert_faults(
            &row("a\u{7f}"),
            None,
            &[&format!("line 2: {field} holds a control character")],
        );
        assert!(parse(row(&long[1..]).as_bytes(), None).is_ok());
    }
}

#[test]
fn the_same_uuid_twice_names_both_lines() {
    assert_faults(
        &format!("uuid,driver\n{A},ipmi\n{B},ipmi\n{A},redfish\n"),
        None,
        &[&format!(
            "line 4: uuid \"{A}\" is already on line 2: keep one of the two"
        )],
    );
    assert_faults(
        "[{\"uuid\": \"a\", \"driver\": \"x\"},\n{\"driver\": \"x\",\n\"uuid\": \"a\"}]",
        None,
        &["line 3: uuid \"a\" is already on line 1"],
    );
}

#[test]
fn a_field_given_twice_is_a_fault() {
    assert_faults(
        "[{\"uuid\": \"a\", \"driver\": \"x\",\n\"Driver\": \"y\"}]",
        None,
        &["line 2: driver is given twice"],
    );
    assert_faults(
        "uuid,driver,UUID\n",
        None,
        &["line 1: the column uuid is given 2 times"],
    );
}

#[test]
fn broken_json_names_the_line_and_the_column() {
    assert_faults(
        "[\n{\"uuid\": \"a\", \"driver\": \"x\"},\n{\"uuid\" \"b\"}]",
        None,
        &["line 3: column 9: is not JSON: expected `:`"],
    );
    assert_faults(
        "{\"nodes\":\n7}",
        None,
        &["line 2: \"nodes\" is not a list of nodes"],
    );
    assert_faults("7", Some("json"), &["line 1: is not a list of nodes"]);
    assert_faults(
        "[1,\n{\"uuid\": \"a\"}]",
        None,
        &["line 1: is not an object", "line 2: driver"],
    );
    assert_faults(
        "{\"nodes\": [\n{\"uuid\": \"a\", \"driver\": \"x\"}\n{\"uuid\": \"b\"}]}",
        None,
        &["line 3: column 1: is not JSON: expected `,` or `]`"],
    );
    assert_faults(
        "[{\"uuid\": \"a\", \"driver\": \"x\"},]",
        None,
        &["line 1: column 31: is not JSON: a comma with nothing behind it"],
    );
    assert_faults(
        "[{\"uuid\": \"a\",\n \"driver\": \"x\"}] x",
        None,
        &["line 2: column 18: is not JSON: trailing characters"],
    );
    for cut in ["[", "[\n", "[{\"uuid\": \"a\", \"driver\": \"x\"}"] {
        let found = faults(cut, None);
        assert!(
            found[0].ends_with("is not JSON: the list has no end"),
            "{found:?}"
        );
    }
    // In JSON Lines, a broken line hides none of the others.
    assert_faults(
        "{\"uuid\": \"a\", \"driver\": \"x\"}\n{\"uuid\"\n[]\n{\"uuid\": \"b\"}\n",
        None,
        &[
            "line 2: column 7: is not JSON",
            "line 3: is not an object",
            "line 4: driver is missing",
        ],
    );
}

#[test]
fn a_row_of_another_length_than_the_header_is_a_fault() {
    assert_faults(
        "uuid,driver\na,x,y\nb\nc,\"x\ny\",z\nd,\n",
        None,
        &[
            "line 2: has 3 columns and the header has 2",
            "line 3: has 1 columns",
            "line 4: has 3 columns",
            "line 6: driver is missing",
        ],
    );
}

#[test]
fn a_quote_that_is_left_open_swallows_no_node() {
    let open = "a value goes on over several lines: is a quote not closed?";
    for (text, line) in [
        ("uuid,driver,note\na,x,\"n\nb,x,n\nc,y,n\n", 2),
        ("uuid,driver,note\na,x,\"\nb,x,\"\n", 2),
        ("uuid,driver,note\r\na,x,n\r\n\r\nb,x,\"n\r\nc,y,n\r\n", 4),
        ("uuid,driver,\"note\na,x,n\n", 1),
    ] {
        assert_eq!(
            faults(text, None),
            [format!("line {line}: {open}")],
            "{text}"
        );
    }
    // A note of several lines is one.
    let text = format!("note,driver,uuid\n\"of two\nlines, \"\"quoted\"\"\",ipmi,{A}\n");
    assert_eq!(parse(text.as_bytes(), None).unwrap(), [node(2, A)]);
    assert_eq!(
        faults("uuid,driver,note\na,\"x,n\n", None),
        ["line 2: has 2 columns and the header has 3: is a quote not closed?"]
    );
}

#[test]
fn a_group_by_another_name_is_not_lost() {
    for title in [
        "group",
        "conductorGroup",
        "Conductor-Group",
        "conductorgroup",
    ] {
        let what = format!("{title} is unknown: write conductor_group");
        let csv = format!("uuid,driver,{title}\na,x,g\n");
        assert_eq!(faults(&csv, None), [format!("line 1: the column {what}")]);
        let json = format!("[{{\"uuid\": \"a\", \"driver\": \"x\",\n\"{title}\": \"g\"}}]");
        assert_eq!(faults(&json, None), [format!("line 2: {what}")]);
        // Beside the one that counts it is a column as any other.
        let both = format!("uuid,driver,{title},conductor_group\n{A},ipmi,x,g\n");
        let conductor_group = Some("g".to_owned());
        let found = ImportedNode {
            conductor_group,
            ..node(2, A)
        };
        assert_eq!(parse(both.as_bytes(), None).unwrap(), [found]);
    }
}

#[test]
fn a_file_that_is_empty_or_not_utf8_says_so() {
    assert_faults("", None, &["line 1: the file is empty"]);
    assert_faults(" \n\n", Some("json"), &["line 1: the file is empty"]);
    let fault = parse(b"uuid,driver\na,\xff\n", None).unwrap_err();
    assert!(
        fault.to_string().starts_with("line 2: is not UTF-8"),
        "{fault}"
    );
    let fault = parse(b"\xff\xfeu\0", None).unwrap_err();
    assert!(fault.to_string().contains("UTF-16"), "{fault}");
}

#[test]
fn the_first_twenty_faults_are_named_and_the_rest_counted() {
    let rows: String = (0..50).map(|row| format!("{row},\n")).collect();
    let fault = parse(format!("uuid,driver\n{rows}").as_bytes(), None).unwrap_err();
    assert_eq!((fault.faults.len(), fault.more), (FAULTS_NAMED, 30));
    assert_eq!(fault.faults[0].line, 2);
    assert!(fault.to_string().ends_with("\nand 30 more"));
}

#[test]
fn a_quote_that_is_never_closed_is_a_fault_and_not_a_file_in_memory() {
    let rest = format!("{}\n", "x".repeat(99)).repeat(300_000);
    let fault = parse(format!("uuid,driver\na,\"b\n{rest}").as_bytes(), None).unwrap_err();
    let told = fault.to_string();
    assert!(
        told.starts_with("line 2: cannot be read as CSV: ")
            && told.contains("is a quote not closed?"),
        "{told}"
    );
    let fault = parse(format!("[{{\"uuid\": \"{rest}").as_bytes(), None).unwrap_err();
    let told = fault.to_string();
    assert!(told.starts_with("line 1: is longer than"), "{told}");
}

#[test]
fn nesting_of_a_hundred_thousand_does_no_harm() {
    let deep = "[".repeat(100_000);
    let closed = format!("{deep}{}", "]".repeat(100_000));
    for text in [
        deep.clone(),
        closed.clone(),
        format!("[{{\"extra\": {closed}}}]"),
    ] {
        assert!(parse(text.as_bytes(), None).is_err());
    }
    let good = format!("[{{\"uuid\": \"a\", \"driver\": \"ipmi\", \"extra\": {closed}}}]");
    assert_eq!(parse(good.as_bytes(), None).unwrap(), [node(1, "a")]);
}

#[test]
fn a_large_file_is_read_in_time_proportional_to_its_size() {
    // 100,000 nodes on as many lines: a count of lines from the top for each would be 10^10 steps.
    let rows: Vec<String> = (0..100_000)
        .map(|row| format!("{{\"uuid\": \"node-{row}\",\n\"driver\": \"ipmi\"}}"))
        .collect();
    let nodes = parse(format!("[{}]", rows.join(",\n")).as_bytes(), None).unwrap();
    assert_eq!(nodes.len(), 100_000);
    assert_eq!(nodes[99_999].line, 199_999);
}
