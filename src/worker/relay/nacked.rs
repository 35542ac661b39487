//! [`Nacking`]: what is known while the broker refuses announcements.

use crate::domain::time::Mono;

/// The broker refuses announcements.
#[derive(Default)]
pub(super) struct Nacking {
    /// Since when fresh ones refuse the first in line, with nothing taken and no way lost in between.
    pub(super) refused_since: Option<Mono>,
    /// The first in line was refused by fresh ones too: one message at a time until one is taken.
    pub(super) alone: bool,
    /// Whether anything fresh was refused since the last whole window.
    pub(super) fresh_too: bool,
    /// Since when fresh ones answer nothing.
    pub(super) silent_since: Option<Mono>,
    /// What the last fresh one said that did more than nack.
    pub(super) why: Option<String>,
    pub(super) passed_by: u64,
}

impl Nacking {
    /// Something was taken: the patience for what is refused next begins with that.
    pub(super) fn goes_on(&mut self) {
        (self.refused_since, self.silent_since) = (None, None);
    }

    /// What keeps announcements back, for people; nothing as long as nothing fresh was refused.
    pub(super) fn sentence(&self) -> Option<String> {
        if !self.fresh_too {
            return None;
        }
        Some(match (self.passed_by, &self.why) {
            (0, Some(why)) => format!("announcements wait: {why}"),
            (0, None) => "the broker refuses announcements on fresh connections too".to_owned(),
            (1, _) => "the broker refuses announcements: 1 message was passed by".to_owned(),
            (many, _) => {
                format!("the broker refuses announcements: {many} messages were passed by")
            }
        })
    }
}
