//! Closed words: enums written as fixed texts in tables, messages, metrics and answers. Text
//! becomes a word in one place, where an unknown one is an error.

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

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::PathBuf;

    use super::Word;

    fn is_read_as_it_is_written<W: Word>() {
        let texts: BTreeSet<&str> = W::ALL.iter().map(|word| word.as_str()).collect();
        assert_eq!(texts.len(), W::ALL.len(), "{} is written twice", W::WHAT);
        for word in W::ALL {
            assert_eq!(W::parse(word.as_str()), Some(*word));
            assert_eq!(W::parse(&word.as_str().to_ascii_uppercase()), None);
        }
        assert_eq!(W::parse(""), None);
    }

    macro_rules! each {
        ($($word:ty),* $(,)?) => {{
            $(is_read_as_it_is_written::<$word>();)*
            [$(stringify!($word)),*].len()
        }};
    }

    #[test]
    fn every_word_is_read_as_it_is_written() {
        let tried = each!(
            crate::bridge::State,
            crate::broker::Kept,
            crate::config::Mode,
            crate::domain::announcement::AnnouncementType,
            crate::domain::announcement::BackReason,
            crate::domain::announcement::OutReason,
            crate::domain::change::CauseWord,
            crate::domain::change::PairState,
            crate::domain::change::Standing,
            crate::domain::change::Verdict,
            crate::domain::conductor::ConductorState,
            crate::domain::conductor::Outcome,
            crate::domain::event::EventType,
            crate::placement::aggregate::Outcome,
            crate::store::RequestKind,
            crate::store::ServiceState,
            crate::wire::Reason,
            crate::worker::Role,
        );
        assert_eq!(tried, declared(), "a list of words is missing above");
    }

    /// How many lists of words the sources declare.
    fn declared() -> usize {
        let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
        let mut declared = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let text = fs::read_to_string(path).unwrap();
                    declared += text.lines().filter(|line| *line == "words! {").count();
                }
            }
        }
        declared
    }
}
