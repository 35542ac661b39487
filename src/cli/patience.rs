//! [`patience`]: a command tries a busy database a few times before it fails.

use std::time::Duration;

use super::Failure;
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::retry::Pauses;
use crate::store::StoreError;

/// How often a command tries a busy database again: each try waits for its lock by itself.
const TRIES: u32 = 5;

/// After that long there is no other try.
const LONG: Duration = Duration::from_secs(30);

/// Does `work`, which may be done twice, and again if the database was busy.
pub(super) async fn patience<T>(
    settings: &Settings,
    mut work: impl AsyncFnMut() -> Result<T, StoreError>,
) -> Result<T, Failure> {
    let mut pauses = Pauses::up_to(Duration::from_secs(1));
    let clock = SystemClock::start();
    for _ in 1..TRIES {
        match work().await {
            Err(fault) if fault.is_transient() && clock.mono().0 < LONG => {
                tokio::time::sleep(pauses.pause()).await
            }
            done => return done.map_err(Failure::of(settings)),
        }
    }
    work().await.map_err(Failure::of(settings))
}
