//! What a section is, and how the program handles sections of any type.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// One section of the settings: a struct whose doc comments are its help.
///
/// Derive the traits it asks for, with `#[serde(default, deny_unknown_fields)]`; the defaults are those of `Default`.
pub trait Section:
    Serialize + DeserializeOwned + JsonSchema + Default + PartialEq + Send + Sync + fmt::Debug + 'static
{
    /// Its name: `numbers` for `[numbers]` in the file.
    const NAME: &'static str;

    /// Variables of the environment with names of their own, and the keys they stand for: `("JWT_KEY", "jwt_key")`.
    const ENVIRONMENT: &'static [(&'static str, &'static str)] = &[];

    /// Whether the values make sense together: everything that is wrong with them.
    fn check(&self) -> Vec<Problem> {
        Vec::new()
    }

    /// Whether a running program can change from these values to `new`: everything that it can't change.
    ///
    /// Asked of all sections before any is changed, so it must only compare.
    fn can_change(&self, new: &Self) -> Vec<NeedsRestart> {
        let _ = new;
        Vec::new()
    }
}

/// A value that will not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key within its section, `rate_per_minute`.
    pub key: String,
    /// What it must be.
    pub text: String,
}

impl Problem {
    /// The value of this key will not do, since `text`: "must be above 0".
    pub fn new(key: &str, text: impl Into<String>) -> Self {
        Self { key: key.to_owned(), text: text.into() }
    }
}

/// A key within its section that changes only when the program starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeedsRestart(pub &'static str);

impl NeedsRestart {
    /// Those of the keys whose values differ: `[(self.bind != new.bind, "bind")]`.
    pub fn where_changed(keys: impl IntoIterator<Item = (bool, &'static str)>) -> Vec<Self> {
        keys.into_iter().filter(|(changed, _)| *changed).map(|(_, key)| Self(key)).collect()
    }
}

/// The values of a section, whatever its type.
pub(super) trait Values: Any + Send + Sync + fmt::Debug {
    fn can_change(&self, new: &dyn Values) -> Vec<NeedsRestart>;
    fn is_same(&self, new: &dyn Values) -> bool;
    fn json(&self) -> Value;
}

impl<T: Section> Values for T {
    fn can_change(&self, new: &dyn Values) -> Vec<NeedsRestart> {
        let new: &dyn Any = new;
        let ask = || new.downcast_ref::<T>().map(|new| Section::can_change(self, new)).unwrap_or_default();
        catch_unwind(AssertUnwindSafe(ask)).unwrap_or_else(|_| vec![NeedsRestart("*")])
    }

    fn is_same(&self, new: &dyn Values) -> bool {
        let new: &dyn Any = new;
        new.downcast_ref() == Some(self)
    }

    fn json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// The values of a section, or what is wrong with them.
pub(super) type Parsed = Result<Arc<dyn Values>, Vec<Problem>>;

/// A type of section.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) environment: &'static [(&'static str, &'static str)],
    /// The schema of each of its keys.
    pub(super) properties: Map<String, Value>,
    pub(super) defaults: fn() -> Value,
    pub(super) parse: fn(toml::Table) -> Parsed,
}

impl Kind {
    pub(super) fn of<T: Section>() -> Self {
        Self {
            name: T::NAME,
            environment: T::ENVIRONMENT,
            properties: match schemars::schema_for!(T).get("properties") {
                Some(Value::Object(properties)) => properties.clone(),
                _ => Map::new(),
            },
            defaults: || T::default().json(),
            parse: |table| {
                let values: T = serde_path_to_error::deserialize(table)
                    .map_err(|error| vec![Problem::new(&error.path().to_string(), error.inner().message())])?;
                // A check that panics must not take a running program with it.
                match catch_unwind(AssertUnwindSafe(|| values.check())) {
                    Ok(problems) if problems.is_empty() => Ok(Arc::new(values)),
                    Ok(problems) => Err(problems),
                    Err(_) => Err(vec![Problem::new("*", "the check of this section panicked, which is a bug")]),
                }
            },
        }
    }
}
