//! One message that is under way to its confirm, while the work goes on.

use std::time::Duration;

use futures_util::future::FutureExt;
use lapin::{Confirmation, PublisherConfirm};

use crate::clock::SystemClock;

/// A message whose confirm is looked at now and then.
pub(super) struct InFlight {
    confirm: PublisherConfirm,
    /// Since it was sent, or since the broker last blocked publishers.
    since: SystemClock,
}

/// What is known of it.
pub(super) enum Fate {
    /// Nothing yet.
    Waiting,
    /// Nothing for longer than the limit.
    Overdue,
    /// Answered: whether the broker returned it, because no queue wanted it.
    Answered { returned: bool },
    /// The channel has ended.
    Failed(lapin::Error),
}

impl InFlight {
    pub(super) fn new(confirm: PublisherConfirm) -> Self {
        Self {
            confirm,
            since: SystemClock::start(),
        }
    }

    /// The broker takes nothing and confirms nothing at the moment: the time begins again.
    pub(super) fn blocked(&mut self) {
        self.since = SystemClock::start();
    }

    /// Looks once. What is known is told once, and the message is done with.
    pub(super) fn look(&mut self, limit: Duration) -> Fate {
        match (&mut self.confirm).now_or_never() {
            Some(Ok(confirmation)) => Fate::Answered {
                returned: Confirmation::take_message(confirmation).is_some(),
            },
            Some(Err(fault)) => Fate::Failed(fault),
            None if self.since.mono().0 > limit => Fate::Overdue,
            None => Fate::Waiting,
        }
    }
}
