//! Saying once what goes on for long.

use std::fmt::Display;

/// What was said last.
#[derive(Debug, Default)]
pub(crate) struct Told(String);

impl Told {
    /// Warns, unless that is what was said last.
    pub(crate) fn warn(&mut self, text: &dyn Display) {
        let text = text.to_string();
        if text == self.0 {
            tracing::debug!("{text}");
        } else {
            tracing::warn!("{text}");
            self.0 = text;
        }
    }
}
