//! What a section is, and how sections of different types are handled alike.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use toml::Table;

/// One section of the settings: a struct whose doc comments are its help.
///
/// Derive the supertraits, with `#[serde(default, deny_unknown_fields)]`; the defaults are those of `Default`.
pub trait Section:
    Serialize + DeserializeOwned + JsonSchema + Default + PartialEq + Send + Sync + fmt::Debug + 'static
{
    /// The name of the section: `numbers` for `[numbers]` in the file.
    const NAME: &'static str;

    /// Environment variables with names of their own, and the keys that they set: `("JWT_KEY", "jwt_key")`.
    const ENVIRONMENT: &'static [(&'static str, &'static str)] = &[];

    /// The keys that may change while the program runs. A reload that changes any other key, also a secret one, is
    /// refused: it needs a restart.
    ///
    /// Whoever uses such a key reads it through [`Live`](super::Live), not once at the start.
    const LIVE: &'static [&'static str] = &[];

    /// Checks whether the values make sense together. Returns everything that is wrong with them.
    fn check(&self) -> Vec<Problem> {
        Vec::new()
    }
}

/// An invalid value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key within its section: `rate_per_minute`.
    pub key: String,
    /// What the value must be.
    pub text: String,
}

impl Problem {
    /// The value of this key is invalid because of `text`: "must be above 0".
    pub fn new(key: &str, text: impl Into<String>) -> Self {
        Self { key: key.to_owned(), text: text.into() }
    }
}

/// The values of a section of any type.
pub(super) trait Values: Any + Send + Sync + fmt::Debug {
    fn json(&self) -> Value;
}

impl<T: Section> Values for T {
    fn json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// The values of a section, or what is wrong with them.
type Parsed = Result<Arc<dyn Values>, Vec<Problem>>;

/// Reads and checks the values of a section.
#[derive(Clone)]
pub(super) struct Parse(Arc<dyn Fn(Table) -> Parsed + Send + Sync>);

impl Parse {
    pub(super) fn read(&self, table: Table) -> Parsed {
        (self.0)(table)
    }
}

impl fmt::Debug for Parse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parse")
    }
}

/// A type of section.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) environment: &'static [(&'static str, &'static str)],
    pub(super) live: &'static [&'static str],
    /// The schema of each of its keys.
    pub(super) properties: Map<String, Value>,
    pub(super) defaults: fn() -> Value,
    pub(super) parse: Parse,
    /// Whether two tables are the same values of this section.
    are_same: fn(&Table, &Table) -> bool,
}

impl Kind {
    /// A type that a program checks further than the section itself.
    pub(super) fn of<T: Section>(check: fn(&T) -> Vec<Problem>) -> Self {
        Self {
            name: T::NAME,
            environment: T::ENVIRONMENT,
            live: T::LIVE,
            properties: match schemars::schema_for!(T).get("properties") {
                Some(Value::Object(properties)) => properties.clone(),
                _ => Map::new(),
            },
            defaults: || T::default().json(),
            parse: Parse(Arc::new(move |table| parse(table, check))),
            are_same: |a, b| match (T::deserialize(a.clone()), T::deserialize(b.clone())) {
                (Ok(a), Ok(b)) => a == b,
                _ => a == b,
            },
        }
    }

    /// The types that the schema of a key allows, in the words of JSON Schema.
    pub(super) fn types(&self, key: &str) -> Vec<&str> {
        match self.properties.get(key).and_then(|property| property.get("type")) {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether a key is a text, and nothing else.
    pub(super) fn is_text(&self, key: &str) -> bool {
        let types = self.types(key);
        types.contains(&"string") && types.iter().all(|name| ["string", "null"].contains(name))
    }

    /// The keys whose values differ between two tables of this section; a key that a table does not have is at its
    /// default.
    ///
    /// The values themselves are compared, not what is shown of them: of two secrets the same is shown.
    pub(super) fn changed(&self, old: &Table, new: &Table) -> Vec<&str> {
        let differs = |key: &&str| {
            let mut changed = old.clone();
            match new.get(*key) {
                Some(value) => changed.insert((*key).to_owned(), value.clone()),
                None => changed.remove(*key),
            };
            !(self.are_same)(old, &changed)
        };
        self.properties.keys().map(String::as_str).filter(differs).collect()
    }
}

/// Reads and checks the values of a section.
fn parse<T: Section>(table: Table, check: fn(&T) -> Vec<Problem>) -> Parsed {
    let values: T = serde_path_to_error::deserialize(table)
        .map_err(|error| vec![Problem::new(&error.path().to_string(), error.inner().message())])?;
    // A check that panics must not end a running program.
    match catch_unwind(AssertUnwindSafe(|| [values.check(), check(&values)].concat())) {
        Ok(problems) if problems.is_empty() => Ok(Arc::new(values)),
        Ok(problems) => Err(problems),
        Err(_) => Err(vec![Problem::new("*", "the check of this section panicked, which is a bug")]),
    }
}
