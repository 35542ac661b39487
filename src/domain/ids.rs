//! Names and numbers that travel in messages, checked once at the edge.

use std::fmt;
use std::sync::Arc;

/// The longest name in bytes of UTF-8; the bound of the outside contract, and of an AMQP short string.
pub const NAME_BYTES: usize = 255;

/// The highest incarnation: 2⁶³−1, so that every database's signed 64-bit integer holds it.
pub const INCARNATION_MAX: u64 = i64::MAX as u64;

/// Why a text is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// No bytes at all where the name must say something.
    #[error("is empty")]
    Empty,
    /// More than [`NAME_BYTES`].
    #[error("is {0} bytes long; at most {NAME_BYTES} are allowed")]
    TooLong(usize),
    /// A control character (Unicode category Cc), which would corrupt logs and terminals.
    #[error("holds a control character")]
    ControlCharacter,
}

fn check(text: &str, may_be_empty: bool) -> Result<(), NameFault> {
    if text.is_empty() && !may_be_empty {
        return Err(NameFault::Empty);
    }
    if text.len() > NAME_BYTES {
        return Err(NameFault::TooLong(text.len()));
    }
    if text.chars().any(char::is_control) {
        return Err(NameFault::ControlCharacter);
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, empty: $empty:expr, normal: $normal:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Keeps `text` in its normal form, if it is 1 to 255 bytes (a group may be empty) of
            /// UTF-8 without control characters.
            pub fn parse(text: &str) -> Result<Self, NameFault> {
                check(text, $empty)?;
                let normal: fn(&str) -> Arc<str> = $normal;
                Ok(Self(normal(text)))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    };
}

name!(
    /// The name of a conductor, compared exactly.
    ConductorName, empty: false, normal: |text| text.into()
);
name!(
    /// A conductor group, in ASCII lower case; the default group is the empty text.
    Group, empty: true, normal: |text| text.to_ascii_lowercase().into()
);
name!(
    /// The name of a driver (Ironic: hardware type), compared exactly.
    Driver, empty: false, normal: |text| text.into()
);
name!(
    /// The name of a subscriber to the announcements, compared exactly.
    SubscriberName, empty: false, normal: |text| text.into()
);
name!(
    /// The `message_id` of an event; unique among the events of one conductor.
    EventId, empty: false, normal: |text| text.into()
);

/// The one form of a node's id, for every way in: without white space around it, and one in the form of
/// a UUID (with or without hyphens, in braces, as a URN, in either case) in lower case with hyphens.
#[must_use]
pub fn node_id(text: &str) -> String {
    let text = text.trim();
    uuid_form(text).unwrap_or_else(|| text.to_owned())
}

/// `text` as a UUID is written, if it is one.
#[must_use]
pub fn uuid_form(text: &str) -> Option<String> {
    let bare = match text.get(..9) {
        Some(urn) if urn.eq_ignore_ascii_case("urn:uuid:") => &text[9..],
        _ => text
            .strip_prefix('{')
            .and_then(|text| text.strip_suffix('}'))
            .unwrap_or(text),
    };
    let bytes = bare.as_bytes();
    let hyphens = [8, 13, 18, 23];
    let hyphenated = bytes.len() == 36 && hyphens.iter().all(|at| bytes[*at] == b'-');
    let digits = bare.replace('-', "").to_ascii_lowercase();
    let hex = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !hex || (bytes.len() != 32 && !hyphenated) {
        return None;
    }
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &digits[part]);
    Some(parts.join("-"))
}

/// A conductor group and a driver: what a node needs, and what a conductor serves.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pair {
    /// The conductor group.
    pub group: Group,
    /// The driver.
    pub driver: Driver,
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.as_str().is_empty() {
            write!(f, "driver {}", self.driver)
        } else {
            write!(f, "driver {} in group {}", self.driver, self.group)
        }
    }
}

/// Which start of a conductor: higher at each start, 0 to 2⁶³−1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(u64);

impl Incarnation {
    /// `None` above 2⁶³−1.
    #[must_use]
    pub fn new(number: u64) -> Option<Self> {
        (number <= INCARNATION_MAX).then_some(Self(number))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
