//! Short words for the tables of cases beside the rules.

use std::time::Duration;

use super::conductor::{Conductor, Life};
use super::ids::{ConductorName, Driver, Group, Incarnation, Pair};
use super::time::Mono;

/// `seconds` after the monotonic clock began.
pub fn at(seconds: u64) -> Mono {
    Mono(Duration::from_secs(seconds))
}

pub fn name(text: &str) -> ConductorName {
    ConductorName::parse(text).unwrap()
}

/// The pair of `driver` in the group without a name.
pub fn pair(driver: &str) -> Pair {
    Pair {
        group: Group::parse("").unwrap(),
        driver: Driver::parse(driver).unwrap(),
    }
}

/// An active conductor with a time-out of ten seconds, last heard at the beginning.
pub fn conductor(text: &str, drivers: &[&str]) -> Conductor {
    Conductor {
        name: name(text),
        incarnation: Incarnation::new(1).unwrap(),
        group: Group::parse("").unwrap(),
        drivers: drivers.iter().map(|d| Driver::parse(d).unwrap()).collect(),
        heartbeat_timeout: Some(Duration::from_secs(10)),
        life: Life::Active,
        last_sent_at_ms: None,
        last_sign_at_ms: 0,
        since_ms: 0,
        heard: Mono::default(),
    }
}

/// The same in another life.
pub fn living(life: Life, text: &str, drivers: &[&str]) -> Conductor {
    Conductor {
        life,
        ..conductor(text, drivers)
    }
}
