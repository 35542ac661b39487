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
    let single = &text[..text.find('\n').unwrap()];
    assert_eq!(parse(single.as_bytes(), None).unwrap(), [node(1, A)]);
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
    let expected = "driver is missing: ask for it with --fields uuid name driver";
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
         \"conductor_group\": \"a\\tb\"\n}},\n{{\"uuid\": true, \"driver\": \"ipmi\", \"maintenance\": 1}}\n]}}"
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
