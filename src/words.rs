//! Closed words: an enum whose values are written as fixed texts in tables, messages, metrics and
//! answers. Text becomes a word in one place, a row or a message that is read, where an unknown one
//! is an error; a word becomes text wherever it is shown.

use std::fmt;

/// A closed list of words.
pub trait Word: Copy + Eq + fmt::Debug + 'static {
    /// What the words are about, for an error.
    const WHAT: &'static str;
    /// Every word there is.
    const ALL: &'static [Self];
    /// The word as text.
    fn as_str(self) -> &'static str;
    /// The word that is written so.
    #[must_use]
    fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|word| word.as_str() == text)
    }
}

/// Declares an enum of [`Word`]s.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$word_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$word_doc])* $variant,)*
        }

        impl $name {
            /// Every one there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// As written in tables, messages and answers.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl $crate::words::Word for $name {
            const WHAT: &'static str = $what;
            const ALL: &'static [Self] = Self::ALL;
            fn as_str(self) -> &'static str {
                Self::as_str(self)
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use words;
