//! The layers of the settings, one over the other, and where each value came from.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::{DeTable, ValueDeserializer};
use toml::{Table, Value};

use super::refused::{NOT_SET, Refusal};
use super::required::NOT_A_TEXT;
use super::section::Kind;
use super::sections::{Moved, Place, Sections};

/// Where settings come from. Environment variables override the file, and flags override both.
#[derive(Clone, Default)]
pub struct Sources {
    /// The TOML file, if there is one.
    pub file: Option<PathBuf>,
    /// The environment: `NUMBERS__RATE_PER_MINUTE` is `rate_per_minute` of the section `numbers`.
    pub environment: BTreeMap<String, String>,
    /// Flags: `numbers.rate_per_minute=600`.
    pub flags: Vec<String>,
}

impl fmt::Debug for Sources {
    /// The values are left out, since some are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, environment, flags } = self;
        let flags: Vec<_> = flags.iter().map(|flag| key_of(flag)).collect();
        f.debug_struct("Sources")
            .field("file", file)
            .field("environment", &environment.keys())
            .field("flags", &flags)
            .finish()
    }
}

/// The key that a flag sets: what is before the `=`, or before whatever was written instead of it.
fn key_of(flag: &str) -> &str {
    let end = flag.find(|c: char| !c.is_alphanumeric() && !"._-".contains(c));
    &flag[..end.unwrap_or(flag.len())]
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is not set.
    Default,
    /// The file.
    File {
        /// The file.
        path: PathBuf,
        /// The line; 1 is the first. `None` if there is no line, since the file can't be read.
        line: Option<usize>,
    },
    /// A variable of the environment.
    Environment(String),
    /// A flag: the key it sets. Not its value, which may be a secret.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str(NOT_SET),
            Self::File { path, line: None } => write!(f, "{}", path.display()),
            Self::File { path, line: Some(line) } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(key) => write!(f, "--set {key}"),
        }
    }
}

/// The values of all layers together.
pub(super) struct Layers<'a> {
    sections: &'a Sections,
    pub(super) values: BTreeMap<&'static str, Table>,
    /// By dotted key: `numbers.rate_per_minute`.
    pub(super) origins: BTreeMap<String, Origin>,
    pub(super) refusals: Vec<Refusal>,
    /// What is set by a former name, by that name.
    moved: BTreeMap<Place, (&'a Moved, Value, Origin)>,
    pub(super) warnings: Vec<String>,
}

/// A value as it was written.
enum Written<'a> {
    /// In a file, with its type.
    Typed(Value),
    /// In a variable or flag: as text.
    Text(&'a str),
}

impl<'a> Layers<'a> {
    pub(super) fn read(sections: &'a Sections, sources: &Sources) -> Self {
        let mut layers = Self {
            sections,
            values: BTreeMap::new(),
            origins: BTreeMap::new(),
            refusals: Vec::new(),
            moved: BTreeMap::new(),
            warnings: Vec::new(),
        };
        if let Some(path) = &sources.file {
            layers.add_file(path);
        }
        layers.add_environment(&sources.environment);
        sources.flags.iter().for_each(|flag| layers.add_flag(flag));
        layers.settle_moved();
        layers
    }

    fn add_file(&mut self, path: &Path) {
        let at = |line| Origin::File { path: path.to_owned(), line };
        let first = at(Some(1));
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return self.refuse("", &format!("can't be read: {error}"), &at(None)),
        };
        let line = |span: Range<usize>| at(Some(text[..span.start].matches('\n').count() + 1));
        let document = match DeTable::parse(&text) {
            Ok(document) => document.into_inner(),
            Err(error) => return self.refuse("", error.message(), &error.span().map_or(first, line)),
        };
        for (section, values) in document {
            let origin = line(section.span());
            let section = section.get_ref();
            if !self.sections.knows(section) {
                if self.sections.foreign.contains(&section.as_ref()) {
                    continue;
                }
                self.refuse(section, &self.sections.unknown(), &origin);
                continue;
            }
            let toml::de::DeValue::Table(values) = values.into_inner() else {
                self.refuse(section, &format!("must be a section: [{section}]"), &origin);
                continue;
            };
            for (key, value) in values {
                let origin = line(key.span());
                match Value::deserialize(ValueDeserializer::from(value)) {
                    Ok(value) => self.set(section, key.get_ref(), Written::Typed(value), origin),
                    Err(error) => self.refuse(&format!("{section}.{}", key.get_ref()), error.message(), &origin),
                }
            }
        }
    }

    fn add_environment(&mut self, environment: &BTreeMap<String, String>) {
        let sections = self.sections;
        for kind in &sections.kinds {
            for (name, key) in kind.environment {
                if let Some(text) = environment.get(*name) {
                    self.set(kind.name, key, Written::Text(text), Origin::Environment((*name).to_owned()));
                }
            }
        }
        for (name, text) in environment {
            let Some((section, key)) = name.split_once("__") else { continue };
            let (section, key) = (section.to_lowercase(), key.to_lowercase());
            // Variables of other programs have two underscores too.
            if sections.find(&section).is_some() || sections.find_moved(&section, &key).is_some() {
                self.set(&section, &key, Written::Text(text), Origin::Environment(name.clone()));
            }
        }
    }

    fn add_flag(&mut self, flag: &str) {
        let name = key_of(flag);
        let text = flag[name.len()..].strip_prefix('=');
        let origin = Origin::Flag(name.to_owned());
        match (name.split_once('.'), text) {
            (Some((section, key)), Some(text)) => self.set(section, key, Written::Text(text), origin),
            _ => self.refuse("", "a flag has the form section.key=value", &origin),
        }
    }

    /// Sets a value over those of the layers before.
    fn set(&mut self, section: &str, key: &str, written: Written<'_>, origin: Origin) {
        let sections = self.sections;
        if let Some(moved) = sections.find_moved(section, key) {
            match sections.find(&moved.to.section) {
                None => self.refuse(&moved.to.section, &sections.unknown(), &origin),
                Some(kind) => {
                    let value = written.value(kind, &moved.to.key);
                    self.moved.insert(moved.from.clone(), (moved, value, origin));
                }
            }
            return;
        }
        match sections.find(section) {
            None if sections.knows(section) => {
                self.refuse(&format!("{section}.{key}"), &sections.unknown(), &origin);
            }
            None => self.refuse(section, &sections.unknown(), &origin),
            Some(kind) => {
                let value = written.value(kind, key);
                self.insert(kind, key, value, origin);
            }
        }
    }

    fn insert(&mut self, kind: &Kind, key: &str, value: Value, origin: Origin) {
        let dotted = format!("{}.{key}", kind.name);
        if !kind.properties.contains_key(key) {
            let keys: Vec<_> = kind.properties.keys().map(String::as_str).collect();
            return self.refuse(&dotted, &format!("unknown; [{}] has {}", kind.name, keys.join(", ")), &origin);
        }
        if kind.is_text(key) && !value.is_str() {
            // Before the section's own type refuses it and quotes it: it may be a secret. Or takes it: a date becomes a text.
            return self.refuse(&dotted, NOT_A_TEXT, &origin);
        }
        self.origins.insert(dotted, origin);
        self.values.entry(kind.name).or_default().insert(key.to_owned(), value);
    }

    /// Takes what is set by former names, with a warning; refuses it if the present name is set to another value.
    fn settle_moved(&mut self) {
        for (Moved { from, to }, value, origin) in std::mem::take(&mut self.moved).into_values() {
            let Some(kind) = self.sections.find(&to.section) else { continue };
            let renamed = match &origin {
                Origin::Environment(name) => format!("environment variable {name} is now {}", to.variable()),
                Origin::Flag(name) => format!("--set {name} is now --set {}", to.dotted()),
                Origin::File { .. } | Origin::Default => format!("{origin}: {} is now {}", from.dotted(), to.dotted()),
            };
            self.warnings.push(format!("{renamed}; the next release does not know the old name"));
            let (from, dotted) = (from.dotted(), to.dotted());
            let present = self.values.get(kind.name).filter(|values| values.contains_key(&to.key)).cloned();
            let Some(values) = present else {
                self.insert(kind, &to.key, value, origin);
                continue;
            };
            let mut former = values.clone();
            former.insert(to.key.clone(), value);
            if !kind.changed(&values, &former).is_empty() {
                let place = self.origins.get(&dotted).unwrap_or(&Origin::Default);
                let problem = format!("differs from {from}, its old name, which is set too ({origin}): remove {from}");
                self.refuse(&dotted, &problem, &place.clone());
            }
        }
    }

    fn refuse(&mut self, key: &str, problem: &str, origin: &Origin) {
        self.refusals.push(Refusal { key: key.to_owned(), problem: problem.to_owned(), origin: origin.to_string() });
    }
}

impl Written<'_> {
    /// The value, with the type that the key has.
    fn value(self, kind: &Kind, key: &str) -> Value {
        let text = match self {
            Self::Typed(value) => return value,
            Self::Text(text) => text.trim(), // a Secret of Kubernetes that was made from a file ends with a newline
        };
        if kind.types(key).contains(&"string") {
            return Value::String(text.to_owned());
        }
        let table = format!("value = {text}").parse::<Table>().ok().filter(|table| table.len() == 1);
        // Text that is not TOML is a string: an address, a path.
        table.and_then(|mut table| table.remove("value")).unwrap_or_else(|| Value::String(text.to_owned()))
    }
}
