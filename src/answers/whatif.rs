//! What would be lost: the driver map as recorded, and the rule of [`crate::domain::whatif`].

use std::time::Duration;

use crate::domain::change::{PairState, Standing};
use crate::domain::conductor::{Conductor, ConductorState, Life};
use crate::domain::ids::{ConductorName, Driver, Group, Incarnation, NameFault, Pair};
use crate::domain::map::DriverMap;
use crate::domain::time::Mono;
use crate::store::{ConductorView, DriverView};

/// The driver map as it is recorded.
/// Errors: [`NameFault`] if what is recorded is no name.
pub fn map(conductors: &[ConductorView], drivers: &[DriverView]) -> Result<DriverMap, NameFault> {
    let conductors = conductors.iter().map(conductor);
    let standings = drivers.iter().filter_map(standing);
    Ok(DriverMap::load(
        conductors.collect::<Result<Vec<_>, _>>()?,
        standings.collect::<Result<Vec<_>, _>>()?,
    ))
}

fn conductor(view: &ConductorView) -> Result<Conductor, NameFault> {
    let drivers = view.drivers.iter().map(|driver| Driver::parse(driver));
    Ok(Conductor {
        name: ConductorName::parse(&view.conductor)?,
        incarnation: Incarnation::new(view.incarnation)
            .or(Incarnation::new(0))
            .expect("0 is one"),
        group: Group::parse(&view.conductor_group)?,
        drivers: drivers.collect::<Result<_, _>>()?,
        heartbeat_timeout: view.heartbeat_timeout_ms.map(Duration::from_millis),
        life: match view.state {
            ConductorState::Active => Life::Active,
            ConductorState::Leaving => Life::Leaving {
                until: Mono::default(),
            },
            ConductorState::Left => Life::Left,
            ConductorState::TimedOut => Life::TimedOut,
        },
        last_sent_at_ms: None,
        last_sign_at_ms: view.last_sign_at_ms,
        since_ms: view.since_ms,
        heard: Mono::default(),
    })
}

/// A pair that never had a conductor has none.
fn standing(view: &DriverView) -> Option<Result<(Pair, Standing), NameFault>> {
    let standing = match view.state {
        PairState::Active | PairState::Holding => Standing::Active,
        PairState::Lost => Standing::Lost,
        PairState::Unknown => view.decision.as_ref().map(|_| Standing::Lost)?,
    };
    Some(pair(view).map(|pair| (pair, standing)))
}

fn pair(view: &DriverView) -> Result<Pair, NameFault> {
    Ok(Pair {
        group: Group::parse(&view.conductor_group)?,
        driver: Driver::parse(&view.driver)?,
    })
}
