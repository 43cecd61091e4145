//! Logging a condition that lasts once.

use std::fmt::Display;

/// Warns of a condition that lasts, once, and again only when its text has changed.
#[derive(Debug, Default)]
pub struct WarnOnce {
    last: String,
}

impl WarnOnce {
    /// Logs the text as a warning, or at the debug level if it is the text of the last call.
    pub fn warn(&mut self, text: &dyn Display) {
        let text = text.to_string();
        if text == self.last {
            tracing::debug!("{text}");
        } else {
            tracing::warn!("{text}");
            self.last = text;
        }
    }
}
