//! Who may speak for which conductor: `security.allowed_publishers`.

use std::collections::BTreeMap;

use super::refusal::{Reason, Refusal, excerpt};

/// Broker user → patterns of the conductor names that it may speak for; `*` stands for any text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Publishers(BTreeMap<String, Vec<String>>);

impl Publishers {
    /// The map as configured. With an empty one no login may speak.
    #[must_use]
    pub fn new(allowed: BTreeMap<String, Vec<String>>) -> Self {
        Self(allowed)
    }

    /// Whether `user` may speak for `conductor`. Both are compared exactly.
    #[must_use]
    pub fn allow(&self, user: &str, conductor: &str) -> bool {
        self.0
            .get(user)
            .is_some_and(|patterns| patterns.iter().any(|pattern| fits(pattern, conductor)))
    }

    /// Refuses a message for `conductor` that carries no `user_id`, or that of another login. The
    /// broker has checked that a `user_id` is the publisher's own login.
    pub(super) fn check(&self, user_id: Option<&str>, conductor: &str) -> Result<(), Refusal> {
        let detail = match user_id {
            Some(user) if self.allow(user, conductor) => return Ok(()),
            Some(user) => format!(
                "user {} may not speak for conductor {}",
                excerpt(user),
                excerpt(conductor)
            ),
            None => format!(
                "security.allowed_publishers is set, and the message about conductor {} has no user_id",
                excerpt(conductor)
            ),
        };
        Err(Refusal::new(Reason::ForeignPublisher, detail))
    }
}

/// Whether `pattern` describes all of `text`. Greedy with one point of return, so that no pattern
/// costs more than the product of both lengths.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where the last `*` was, and the text up to which it reaches so far.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, reach)) = star {
            star = Some((at, reach + 1));
            p = at + 1;
            t = reach + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_stands_for_any_text_and_nothing_else_is_special() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "a"),
            ("cond-*", "cond-"),
            ("cond-*", "cond-7"),
            ("*-a", "x-a-a"),
            ("a*b*c", "a--b-b-c"),
            ("a.c", "a.c"),
            ("*ä*", "xäy"),
        ] {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("cond-*", "cond"),
            ("a.c", "abc"),
            ("a?c", "abc"),
            ("a*b*c", "a--b-b-"),
            ("cond-a", "cond-ab"),
            ("cond-a", "COND-A"),
        ] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }
}
