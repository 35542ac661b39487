//! What a run says of itself: for people, and a line of the table of `tests/prove`.

use std::io::Write as _;

use crate::evidence::Evidence;
use crate::faults::Fault;
use crate::judge::Findings;
use crate::scenario::Scenario;

/// Findings of one kind that are written out.
const SHOWN: usize = 8;

pub fn say(
    scenario: &Scenario,
    seed: u64,
    faults: &[Fault],
    evidence: &Evidence,
    findings: &Findings,
) {
    let timed = evidence.timed.iter().flat_map(|timed| &timed.said);
    let events = timed.chain(evidence.lanes.iter().flatten()).count();
    let tables = &evidence.tables;
    let ends = evidence.ends.iter().filter(|end| !end.asked);
    let ends: Vec<String> = ends
        .filter_map(|end| Some(end.status?.to_string()))
        .collect();
    for (kind, found) in findings.kinds() {
        for words in found.iter().take(SHOWN) {
            println!("{kind}: {words}");
        }
        if found.len() > SHOWN {
            println!("{kind}: and {} more", found.len() - SHOWN);
        }
    }
    println!(
        "{}, seed {seed}: {faults:?}; replicas that ended: {ends:?}; {} decisions, {} epochs seen",
        scenario.name,
        tables.decisions.len(),
        evidence.takeovers.len()
    );
    let mut fields = vec![
        scenario.name.to_owned(),
        scenario.engine.to_owned(),
        seed.to_string(),
        faults.len().to_string(),
        events.to_string(),
        evidence.heard.len().to_string(),
        tables.decisions.len().to_string(),
        format!("{:.1}", tables.longest_wait_ms as f64 / 1_000.0),
    ];
    fields.extend(
        findings
            .kinds()
            .iter()
            .map(|(_, found)| found.len().to_string()),
    );
    let line = fields.join("\t");
    println!("{line}");
    if let Some(path) = std::env::var_os("NODEWARDEN_CHAOS_REPORT") {
        let file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(path);
        writeln!(file.expect("a file"), "{line}").expect("written");
    }
}
