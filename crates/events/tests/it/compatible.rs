//! An event may get optional fields, and nothing else: it is stored for years, and services of two versions run
//! side by side.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::now;

/// What a field of an event may be.
#[derive(Debug, PartialEq)]
pub(super) struct Field {
    /// Whether it is in every event.
    pub(super) required: bool,
    /// Its schema without what is in the fields inside it, and without words.
    takes: Value,
}

/// The name of the event among its fields.
pub(super) const ITSELF: &str = "the event itself";

/// All fields of an event, those inside others as `ticket.price`, and [`ITSELF`].
pub(super) fn fields(schema: &Value) -> BTreeMap<String, Field> {
    let mut all = BTreeMap::new();
    collect(ITSELF.to_owned(), true, schema, &mut all);
    all
}

fn collect(path: String, required: bool, schema: &Value, all: &mut BTreeMap<String, Field>) {
    for (name, inside) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path == ITSELF { name.clone() } else { format!("{path}.{name}") };
        let required = schema["required"].as_array().is_some_and(|names| names.iter().any(|one| one == name));
        collect(path, required, inside, all);
    }
    let mut takes = without_words(schema);
    if let Value::Object(takes) = &mut takes {
        takes.retain(|name, _| name != "properties" && name != "required");
    }
    all.insert(path, Field { required, takes });
}

/// Without titles and descriptions. (A field of that name is no text.)
fn without_words(schema: &Value) -> Value {
    match schema {
        Value::Object(parts) => {
            let is_word = |name: &str, part: &Value| matches!(name, "title" | "description") && part.is_string();
            let parts = parts.iter().filter(|(name, part)| !is_word(name, part));
            Value::Object(parts.map(|(name, part)| (name.clone(), without_words(part))).collect::<Map<_, _>>())
        }
        Value::Array(parts) => parts.iter().map(without_words).collect(),
        other => other.clone(),
    }
}

/// Why an event may not become what it is now, with how to fix it.
fn refused(subject: &str, kept: &Value, now: &Value) -> Vec<String> {
    const OPTIONAL: &str = r#"make it an `Option` with `#[serde(default, skip_serializing_if = "Option::is_none")]`"#;
    let other_event = format!(
        "Or make another event of it, a type with a `Subject` of its own, and send {subject} beside it as long as \
         anybody listens to that"
    );
    let (kept, now) = (fields(kept), fields(now));
    let of_kept = kept.iter().filter_map(|(path, was)| match now.get(path) {
        None => Some(format!("`{path}` is gone, and others need it: put it back. {other_event}")),
        Some(is) if is.takes != was.takes => Some(format!(
            "`{path}` was {} and is {}: put it back as it was, and add an optional field beside it for the new form. \
             {other_event}",
            was.takes, is.takes
        )),
        Some(is) if is.required && !was.required => {
            Some(format!("`{path}` must be there now, and what was sent before may be without: {OPTIONAL}"))
        }
        Some(is) if was.required && !is.required => Some(format!(
            "`{path}` may be absent now, and others need it: let it be there always, as it was. {other_event}"
        )),
        Some(_) => None,
    });
    let added = now.iter().filter(|(path, is)| is.required && !kept.contains_key(*path) && is_in_kept(path, &kept));
    let added = added.map(|(path, _)| format!("`{path}` is new, and what was sent before has none: {OPTIONAL}"));
    of_kept.chain(added).map(|why| format!("{subject}: {why}")).collect()
}

/// Whether what a field is in was there before.
fn is_in_kept(path: &str, kept: &BTreeMap<String, Field>) -> bool {
    kept.contains_key(path.rsplit_once('.').map_or(ITSELF, |(parent, _)| parent))
}

#[test]
fn no_event_has_become_what_those_before_it_are_not() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../asyncapi.json");
    let kept: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let now: BTreeMap<_, _> = now().map(|(subject, schema)| (subject.to_string(), schema)).collect();
    let mut all = Vec::new();
    for (name, channel) in kept["channels"].as_object().unwrap() {
        let subject = channel["address"].as_str().unwrap();
        match now.get(subject) {
            Some(now) => all.extend(refused(subject, &kept["components"]["schemas"][name], now)),
            None => all.push(format!("{subject} was removed, but streams contain it: restore it")),
        }
    }
    assert!(all.is_empty(), "an event may get optional fields, and nothing else:\n{}", all.join("\n"));
}

/// The schema that a field is a part of, and its name there.
fn parent<'a, 'b>(schema: &'a mut Value, path: &'b str) -> (&'a mut Value, &'b str) {
    let mut steps = path.split('.');
    let name = steps.next_back().unwrap();
    (steps.fold(schema, |schema, step| &mut schema["properties"][step]), name)
}

fn altered(schema: &Value, path: &str, alter: impl FnOnce(&mut Value, &str)) -> Value {
    let mut altered = schema.clone();
    let (parent, name) = parent(&mut altered, path);
    alter(parent, name);
    altered
}

fn remove(parent: &mut Value, name: &str) {
    parent["properties"].as_object_mut().unwrap().remove(name).unwrap();
    no_longer_require(parent, name);
}

fn no_longer_require(parent: &mut Value, name: &str) {
    parent["required"].as_array_mut().unwrap().retain(|one| one != name);
}

fn require(parent: &mut Value, name: &str) {
    parent["required"].as_array_mut().unwrap().push(json!(name));
}

fn add(parent: &mut Value, name: &str) {
    parent["properties"][name] = json!({ "type": ["string", "null"] });
}

#[test]
fn whatever_breaks_an_event_is_refused_with_the_name_of_the_field() {
    let mut enumerations = 0;
    for (subject, schema) in now() {
        let is_refused = |now: Value, path: &str| {
            let refused = refused(subject.as_str(), &schema, &now);
            assert!(!refused.is_empty(), "{now}");
            let names = |why: &String| why.starts_with(&format!("{subject}: `{path}` "));
            assert!(refused.iter().any(names), "{path}: {refused:?}");
        };
        for (path, field) in fields(&schema).iter().filter(|(path, _)| *path != ITSELF) {
            is_refused(altered(&schema, path, remove), path);
            let retyped = json!({ "type": "boolean" });
            is_refused(altered(&schema, path, |parent, name| parent["properties"][name] = retyped), path);
            let flip = if field.required { no_longer_require } else { require };
            is_refused(altered(&schema, path, flip), path);
            for value in 0..field.takes["oneOf"].as_array().map_or(0, Vec::len) {
                enumerations += 1;
                let fewer = |parent: &mut Value, name: &str| {
                    parent["properties"][name]["oneOf"].as_array_mut().unwrap().remove(value);
                };
                is_refused(altered(&schema, path, fewer), path);
            }
        }
        let add_required = |parent: &mut Value, name: &str| {
            add(parent, name);
            require(parent, name);
        };
        is_refused(altered(&schema, "seat", add_required), "seat");
        let mut closed = schema.clone();
        closed["additionalProperties"] = json!(false); // what later versions add would not be read
        is_refused(closed, ITSELF);
    }
    assert_eq!(enumerations, 4, "the four statuses of an order");
}

#[test]
fn an_optional_field_may_be_added_and_words_may_change() {
    for (subject, schema) in now() {
        let mut more = altered(&schema, "seat", add);
        more["description"] = json!("Said better.");
        assert_eq!(refused(subject.as_str(), &schema, &more), Vec::<String>::new());
    }
}
