//! One message that is under way to its confirm, while the work goes on.

use std::time::Duration;

use futures_util::future::FutureExt;
use lapin::{Confirmation, PublisherConfirm};

use super::BrokerError;
use super::error::no_answer;
use crate::clock::SystemClock;

/// How often a publish that is not written yet is asked whether the broker blocks us.
const LOOK: Duration = Duration::from_millis(20);

/// Waits until the library has written a message, at most `limit`. `None`: the broker blocks us, and
/// the library writes nothing until that is over. It says so as an answer to what was published just
/// before, so no look beforehand can rule it out; the message is let go, and no doubt of the session.
pub(super) async fn written<T>(
    what: &str,
    limit: Duration,
    mut blocked: impl FnMut() -> bool,
    publish: impl Future<Output = T>,
) -> Result<Option<T>, BrokerError> {
    let mut publish = std::pin::pin!(publish);
    let began = SystemClock::start();
    loop {
        if let Ok(written) = tokio::time::timeout(LOOK.min(limit), &mut publish).await {
            return Ok(Some(written));
        }
        if blocked() {
            return Ok(None);
        }
        if began.mono().0 >= limit {
            return Err(no_answer(what, limit));
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of a message that is never written, if the broker says after so many looks that it blocks us.
    async fn stuck(blocked_after: u32) -> Result<Option<()>, BrokerError> {
        let mut looks = 0;
        let blocked = || {
            looks += 1;
            looks > blocked_after
        };
        let limit = Duration::from_millis(200);
        written("sending a tick", limit, blocked, std::future::pending()).await
    }

    #[tokio::test]
    async fn l4_an_alarm_that_is_told_while_a_message_goes_out_ends_no_session() {
        assert_eq!(stuck(0).await.unwrap(), None);
        assert_eq!(stuck(2).await.unwrap(), None, "told a moment later");
        let silent = stuck(u32::MAX).await.unwrap_err();
        assert_eq!(
            silent.to_string(),
            "broker session lost: sending a tick: no answer within 200ms"
        );
    }
}
