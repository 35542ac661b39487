//! What can go wrong with a broker, in the three kinds that callers treat differently.

use std::error::Error;
use std::fmt::Write;
use std::future::Future;
use std::time::Duration;

use lapin::ErrorKind;
use lapin::types::ShortString;

/// Why the broker could not do it: the whole chain of causes, never a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// No answer, or none in time: trying again later may help.
    #[error("broker unreachable: {0}")]
    Unreachable(String),
    /// The broker, or our own check, said no (login, permission, topology); the text says what to do.
    #[error("broker refused: {0}")]
    Refused(String),
    /// The broker has no such exchange or queue.
    #[error("broker refused: {0}")]
    Missing(String),
    /// The broker did not let us in: login, virtual host, TLS. Trying again helps once somebody changed it.
    #[error("broker refused: {0}")]
    Denied(String),
    /// The session is over, and what was under way may or may not have reached the broker.
    #[error("broker session lost: {0}")]
    Lost(String),
}

impl BrokerError {
    /// What all brokers of a list said; one that may answer later is reason enough to try again.
    pub(super) fn together(mut faults: Vec<Self>) -> Self {
        if faults.len() == 1 {
            return faults.remove(0);
        }
        let denied = faults.iter().all(|fault| matches!(fault, Self::Denied(_)));
        let texts: Vec<String> = faults.into_iter().map(Self::text).collect();
        let text = texts.join("; ");
        match denied {
            true => Self::Denied(text),
            false => Self::Unreachable(text),
        }
    }

    /// What happened, without the kind.
    pub(super) fn text(self) -> String {
        match self {
            Self::Unreachable(text)
            | Self::Refused(text)
            | Self::Missing(text)
            | Self::Denied(text)
            | Self::Lost(text) => text,
        }
    }

    /// The same error, met while no session existed yet.
    pub(super) fn before_session(self) -> Self {
        match self {
            Self::Lost(text) => Self::Unreachable(text),
            other @ (Self::Unreachable(_)
            | Self::Refused(_)
            | Self::Missing(_)
            | Self::Denied(_)) => other,
        }
    }
}

/// The AMQP reply code behind an error, if the broker sent one.
pub(super) fn reply_code(fault: &lapin::Error) -> Option<u16> {
    if let ErrorKind::ProtocolError(fault) = fault.kind() {
        Some(fault.get_id())
    } else {
        None
    }
}

/// Classifies `fault`, met while doing `what`.
pub(super) fn classify(what: &str, fault: &lapin::Error) -> BrokerError {
    let text = format!("{what}: {}", chain(fault));
    match reply_code(fault) {
        Some(404) => BrokerError::Missing(text),
        // invalid-path, access-refused, resource-locked, precondition-failed, not-allowed:
        // all of them wait for somebody to change a permission, a name or a setting.
        Some(402..=406 | 530) => BrokerError::Refused(text),
        _ => BrokerError::Lost(text),
    }
}

/// An error that ended a session, whatever its kind.
pub(super) fn lost(what: &str, fault: &lapin::Error) -> BrokerError {
    BrokerError::Lost(format!("{what}: {}", chain(fault)))
}

/// The channel was found closed while doing `what`.
pub(super) fn ended(what: &str) -> BrokerError {
    BrokerError::Lost(format!("{what}: the channel has ended"))
}

/// Within a session every refusal ends it.
pub(super) fn over(fault: BrokerError) -> BrokerError {
    BrokerError::Lost(fault.text())
}

/// Waits for `answer` at most `limit`.
pub(super) async fn within<T>(
    limit: Duration,
    what: &str,
    answer: impl Future<Output = lapin::Result<T>>,
) -> Result<T, BrokerError> {
    match tokio::time::timeout(limit, answer).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(fault)) => Err(classify(what, &fault)),
        Err(_) => Err(no_answer(what, limit)),
    }
}

/// The broker did not answer in time.
pub(super) fn no_answer(what: &str, limit: Duration) -> BrokerError {
    // What is left of a limit is said as people say it.
    let limit = match limit.as_secs_f64() {
        seconds if seconds < 1.0 => Duration::from_millis(limit.as_millis() as u64),
        seconds => Duration::from_secs(seconds.round() as u64),
    };
    BrokerError::Lost(format!(
        "{what}: no answer within {}",
        humantime::format_duration(limit)
    ))
}

/// `text` as AMQP's short string, which holds 255 bytes. The library's own conversion panics.
pub(super) fn short(text: &str) -> Result<ShortString, BrokerError> {
    ShortString::try_new(text).map_err(|fault| BrokerError::Refused(format!("{text:?}: {fault}")))
}

/// The error and its causes in one line; a cause that its parent already printed is not repeated.
pub(super) fn chain(fault: &dyn Error) -> String {
    let mut text = fault.to_string();
    let mut next = fault.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            // Writing to a String cannot fail.
            let _ = write!(text, ": {cause_text}");
        }
        next = cause.source();
    }
    text
}
