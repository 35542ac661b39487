//! The only place that knows the AMQP client library; names of queues and exchanges are settings.
//!
//! A session is two connections, one to consume and one to publish: a broker short of memory or disk stops reading
//! from those that publish. Any doubt ends a session, and the caller opens a new one.

mod announcements;
mod confirmed;
mod consumer;
mod contract;
mod dead_letters;
mod deliveries;
mod emitter;
mod error;
mod in_flight;
mod link;
mod probes;
mod publisher;
mod session;
mod subscriber;
mod ticks;
mod topology;
mod unpublished;
mod url;
mod values;

pub use announcements::Announcements;
pub use consumer::Consumer;
pub use contract::{Announcer, Fresh, Line, Queue};
pub use dead_letters::{
    DeadLetter, DeadLetterContent, DeadLetters, Foreign, Kept, Requeued, Which,
};
pub use emitter::{Emitter, publish_event};
pub use error::BrokerError;
pub use publisher::Publisher;
pub use session::Session;
pub use subscriber::Subscriber;
pub use unpublished::Unpublished;
pub use url::{UrlFault, check_url};

/// `app_id` of everything that is published here.
const APP_ID: &str = "nodewarden";
