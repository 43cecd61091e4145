//! The layers of the settings, one over the other, and where each value came from.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use super::section::Kind;
use super::{Refusal, Sections};

/// Where settings come from; each layer goes over the one before.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The TOML file, if there is one.
    pub file: Option<PathBuf>,
    /// The environment: `NUMBERS__RATE_PER_MINUTE` is `rate_per_minute` of the section `numbers`.
    pub environment: BTreeMap<String, String>,
    /// Flags: `numbers.rate_per_minute=600`.
    pub flags: Vec<String>,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody has set it.
    Default,
    /// A line of the file.
    File {
        /// Which file.
        path: PathBuf,
        /// Its line; 1 is the first.
        line: usize,
    },
    /// A variable of the environment.
    Environment(String),
    /// A flag: the key it sets. Not its value, which may be a secret.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(key) => write!(f, "--set {key}"),
        }
    }
}

/// The values of all layers together.
#[derive(Debug, Default)]
pub(super) struct Layers {
    pub(super) values: BTreeMap<&'static str, Table>,
    /// By dotted key, sections included: `numbers.rate_per_minute`.
    pub(super) origins: BTreeMap<String, Origin>,
    pub(super) refusals: Vec<Refusal>,
}

impl Layers {
    pub(super) fn read(sections: &Sections, sources: &Sources) -> Self {
        let mut layers = Self::default();
        if let Some(path) = &sources.file {
            layers.add_file(sections, path);
        }
        for kind in &sections.0 {
            for (name, key) in kind.environment {
                if let Some(text) = sources.environment.get(*name) {
                    layers.add(kind, key, text, Origin::Environment((*name).to_owned()));
                }
            }
        }
        for (name, text) in &sources.environment {
            let Some((section, key)) = name.split_once("__") else { continue };
            // Other programs' variables have two underscores too.
            if let Some(kind) = sections.find(&section.to_lowercase()) {
                layers.add(kind, &key.to_lowercase(), text, Origin::Environment(name.clone()));
            }
        }
        for flag in &sources.flags {
            let origin = Origin::Flag(flag.split('=').next().unwrap_or_default().to_owned());
            match flag.split_once('=').and_then(|(key, text)| Some((key.split_once('.')?, text))) {
                None => layers.refuse("", "a flag looks like section.key=value", origin),
                Some(((section, key), text)) => match sections.find(section) {
                    None => layers.refuse(section, &sections.unknown(), origin),
                    Some(kind) => layers.add(kind, key, text, origin),
                },
            }
        }
        layers
    }

    fn refuse(&mut self, key: &str, problem: &str, origin: Origin) {
        self.refusals.push(Refusal { key: key.to_owned(), problem: problem.to_owned(), origin: origin.to_string() });
    }

    fn add_file(&mut self, sections: &Sections, path: &Path) {
        let at = |line| Origin::File { path: path.to_owned(), line };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return self.refuse("", &format!("can't be read: {error}"), at(1)),
        };
        let line = |span: Range<usize>| at(text[..span.start].matches('\n').count() + 1);
        let document = match toml::de::DeTable::parse(&text) {
            Ok(document) => document,
            Err(error) => return self.refuse("", error.message(), error.span().map_or(at(1), line)),
        };
        for (section, table) in document.get_ref() {
            let name: &str = section.get_ref();
            let Some(kind) = sections.find(name) else {
                self.refuse(name, &sections.unknown(), line(section.span()));
                continue;
            };
            let Some(table) = table.get_ref().as_table() else {
                self.refuse(name, &format!("must be a section: [{name}]"), line(section.span()));
                continue;
            };
            for key in table.keys() {
                self.origins.insert(format!("{name}.{}", key.get_ref()), line(key.span()));
                self.know(kind, key.get_ref());
            }
        }
        let values = match Table::deserialize(toml::de::Deserializer::from(document)) {
            Ok(values) => values,
            Err(error) => return self.refuse("", error.message(), at(1)),
        };
        for (name, values) in values {
            if let (Some(kind), Value::Table(values)) = (sections.find(&name), values) {
                self.values.insert(kind.name, values);
            }
        }
    }

    /// Adds a value that is written as text, in the way the section wants it.
    fn add(&mut self, kind: &Kind, key: &str, text: &str, origin: Origin) {
        let wanted = kind.properties.get(key).and_then(|property| property.get("type"));
        let value = match wanted {
            Some(wanted) if wanted == "string" => Value::String(text.to_owned()),
            // What is no TOML is text: an address, a path.
            _ => format!("value = {text}")
                .parse::<Table>()
                .ok()
                .filter(|table| table.len() == 1)
                .and_then(|mut table| table.remove("value"))
                .unwrap_or_else(|| Value::String(text.to_owned())),
        };
        self.origins.insert(format!("{}.{key}", kind.name), origin);
        self.know(kind, key);
        self.values.entry(kind.name).or_default().insert(key.to_owned(), value);
    }

    /// Refuses a key that the section does not have.
    fn know(&mut self, kind: &Kind, key: &str) {
        if !kind.properties.contains_key(key) {
            let key = format!("{}.{key}", kind.name);
            let origin = self.origins.get(&key).cloned().unwrap_or(Origin::Default);
            let keys: Vec<_> = kind.properties.keys().map(String::as_str).collect();
            self.refuse(&key, &format!("unknown; [{}] has {}", kind.name, keys.join(", ")), origin);
        }
    }
}

impl Sections {
    fn find(&self, name: &str) -> Option<&Kind> {
        self.0.iter().find(|kind| kind.name == name)
    }

    fn unknown(&self) -> String {
        let names: Vec<_> = self.0.iter().map(|kind| format!("[{}]", kind.name)).collect();
        format!("unknown; the sections are {}", names.join(", "))
    }
}
