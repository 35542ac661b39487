//! Why announcements did not go out, in the kinds that the relay treats differently.

use super::BrokerError;

/// Why the broker did not take a window of messages. It may have some of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unpublished {
    /// The broker closed the channel over one of them: too large, for one.
    #[error("{0}")]
    Refused(String),
    /// No answer over a connection that stands: a queue that has lost its majority withholds its confirm.
    #[error("{0}")]
    Unanswered(String),
    /// We may not write to the exchange: no other message goes through either.
    #[error("{0}")]
    Forbidden(String),
    /// The exchange is gone: a new session makes it again.
    #[error("{0}")]
    NoExchange(String),
    /// The connection has ended.
    #[error("{0}")]
    Disconnected(String),
}

impl Unpublished {
    /// `code`: what the broker closed the channel with. `stands`: whether the connection does.
    pub(super) fn from(fault: BrokerError, code: Option<u16>, stands: bool) -> Self {
        let unanswered = matches!(fault, BrokerError::Lost(_));
        let why = fault.text();
        match code {
            Some(403) => Self::Forbidden(why),
            Some(404) => Self::NoExchange(why),
            Some(_) if stands => Self::Refused(why),
            None if stands && unanswered => Self::Unanswered(why),
            None if stands => Self::Refused(why),
            Some(_) | None => Self::Disconnected(why),
        }
    }
}
