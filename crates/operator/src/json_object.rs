//! A JSON object that is printed while its lists grow, so that they need not be in memory.

use serde::Serialize;
use serde_json::Value;
use service::Error;

use crate::console::say;

/// A JSON object on stdout. Lists are printed with one item on each line.
#[derive(Debug)]
pub(crate) struct JsonObject {
    is_empty: bool,
    items: u64,
}

impl JsonObject {
    /// Begins the object.
    pub(crate) fn begin() -> Result<Self, Error> {
        say("{")?;
        Ok(Self { is_empty: true, items: 0 })
    }

    /// Begins a list.
    pub(crate) fn begin_list(&mut self, name: &str) -> Result<(), Error> {
        self.items = 0;
        say(format_args!("{}\"{name}\": [", self.comma()))
    }

    /// Prints an item of the list.
    pub(crate) fn item(&mut self, item: &impl Serialize) -> Result<(), Error> {
        let comma = if self.items == 0 { "" } else { "," };
        self.items += 1;
        say(format_args!("{comma}{}", serde_json::to_string(item)?))
    }

    /// Ends the list.
    pub(crate) fn end_list(&mut self) -> Result<(), Error> {
        say("]")
    }

    /// Prints another field.
    pub(crate) fn field(&mut self, name: &str, value: &Value) -> Result<(), Error> {
        say(format_args!("{}\"{name}\": {value}", self.comma()))
    }

    /// Ends the object.
    pub(crate) fn end(self) -> Result<(), Error> {
        say("}")
    }

    fn comma(&mut self) -> &'static str {
        if std::mem::take(&mut self.is_empty) { "" } else { "," }
    }
}
