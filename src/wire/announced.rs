//! What schedulers hear, read back: for the subscribers that are part of nodewarden.

use super::out::{NodeBackInService, NodeOutOfService, NodePosition};
use crate::domain::announcement::AnnouncementType;
use crate::message::Delivery;
use crate::words::Word;

/// One announcement as a subscriber reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announced {
    /// Nodes went out of service.
    Out(NodeOutOfService),
    /// Our hold on nodes ended.
    Back(NodeBackInService),
    /// How far the stream is.
    Position(NodePosition),
}

impl Announced {
    /// The history that it belongs to.
    #[must_use]
    pub fn stream(&self) -> &str {
        match self {
            Self::Out(message) => &message.stream,
            Self::Back(message) => &message.stream,
            Self::Position(message) => &message.stream,
        }
    }

    /// Reads `delivery`; `None` for a message of another type, which a subscriber ignores.
    /// Errors: A sentence: its type is one of ours and its body is not.
    pub fn read(delivery: &Delivery) -> Result<Option<Self>, String> {
        let Some(announcement) = AnnouncementType::parse(delivery.effective_type()) else {
            return Ok(None);
        };
        let body = &delivery.body[..];
        let read = match announcement {
            AnnouncementType::OutOfService => rmp_serde::from_slice(body).map(Self::Out),
            AnnouncementType::BackInService => rmp_serde::from_slice(body).map(Self::Back),
            AnnouncementType::Position => rmp_serde::from_slice(body).map(Self::Position),
        };
        read.map(Some).map_err(|fault| {
            format!(
                "a message {} cannot be read: {fault}",
                announcement.as_str()
            )
        })
    }
}
