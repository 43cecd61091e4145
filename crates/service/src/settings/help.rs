//! The description of the settings.

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use toml::Table;

use super::secret::HIDDEN;
use super::section::{Kind, Problem};
use super::sections::Sections;

/// One setting, as its section describes it. As JSON, it is an element of what `config help --json` prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Described {
    /// The section: `numbers`.
    pub section: &'static str,
    /// The key within the section: `rate_per_minute`.
    pub key: String,
    /// The type in the words of JSON Schema: `string`, `number`; `null` next to another one if it may be missing.
    /// Empty if the schema names none.
    #[serde(rename = "type")]
    pub types: Vec<String>,
    /// The default: `null` or an empty text if there is none. A secret has none.
    pub default: Value,
    /// Whether it must be set, since the section is refused with its default.
    pub required: bool,
    /// The doc comment.
    pub help: String,
    /// The environment variables that set it: first the one that every setting has, then those with names of their own.
    pub variables: Vec<String>,
    /// Whether it may change while the program runs.
    pub live: bool,
}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { section, key, types, default, required, help, variables, live } = self;
        let types = if types.is_empty() { "any type".to_owned() } else { types.join(" or ") };
        let default = match default {
            _ if *required => "must be set".to_owned(),
            Value::Null => "no default".to_owned(),
            Value::String(text) if text.is_empty() => "no default".to_owned(),
            value => format!("default {value}"),
        };
        let live = if *live { ", changes on reload" } else { "" };
        let plural = if variables.len() > 1 { "s" } else { "" };
        let variables = variables.join(", ");
        write!(f, "{section}.{key} ({types}, {default}{live})\n    {help}\n    variable{plural} {variables}")
    }
}

impl Described {
    fn of(kind: &Kind, key: &str, property: &Value, defaults: &Value, refused: &[Problem]) -> Self {
        let own = kind.environment.iter().filter(|(_, sets)| *sets == key).map(|(name, _)| (*name).to_owned());
        let help = property.get("description").and_then(Value::as_str).unwrap_or_default();
        Self {
            section: kind.name,
            key: key.to_owned(),
            types: kind.types(key).into_iter().map(str::to_owned).collect(),
            default: defaults.get(key).filter(|value| *value != HIDDEN).cloned().unwrap_or_default(),
            required: refused.iter().any(|problem| problem.key == key),
            help: help.replace('\n', " "),
            variables: std::iter::once(format!("{}__{key}", kind.name).to_uppercase()).chain(own).collect(),
            live: kind.live.contains(&key),
        }
    }
}

impl Sections {
    /// Describes every setting, section by section. Former names are not described.
    pub fn describe(&self) -> Vec<Described> {
        let mut described = Vec::new();
        for kind in &self.kinds {
            let defaults = (kind.defaults)();
            let refused = kind.parse.read(Table::new()).err().unwrap_or_default();
            let keys = kind.properties.iter();
            described.extend(keys.map(|(key, property)| Described::of(kind, key, property, &defaults, &refused)));
        }
        described
    }
}
