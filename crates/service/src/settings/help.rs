//! What there is to set.

use std::fmt;

use serde_json::Value;

use super::Sections;

/// One setting, as its section describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its key: `numbers.rate_per_minute`.
    pub key: String,
    /// Its type, in the words of JSON Schema.
    pub kind: String,
    /// Its default, as JSON.
    pub default: String,
    /// Its doc comment.
    pub about: String,
}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, kind, default, about } = self;
        write!(f, "{key} ({kind}, default {default})\n    {about}")
    }
}

impl Sections {
    /// Every setting, section by section.
    pub fn describe(&self) -> Vec<Described> {
        let mut all = Vec::new();
        for kind in &self.0 {
            let defaults = (kind.defaults)();
            for (key, property) in &kind.properties {
                let text = |name: &str| property.get(name).and_then(Value::as_str).unwrap_or_default();
                all.push(Described {
                    default: defaults.get(key).unwrap_or(&Value::Null).to_string(),
                    key: format!("{}.{key}", kind.name),
                    kind: match text("type") {
                        "" => "see its documentation".to_owned(),
                        kind => kind.to_owned(),
                    },
                    about: text("description").replace('\n', " "),
                });
            }
        }
        all
    }
}
