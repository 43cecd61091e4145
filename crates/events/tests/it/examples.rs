//! What was ever sent is read for ever.
//!
//! In `tests/it/wire` each event has a folder, and each version of it that was ever sent a file, numbered in their order.
//! They are never changed, only added to.

use std::fs;
use std::path::Path;

use events::Subject;
use serde_json::Value;

use super::compatible::{Field, ITSELF, fields};
use super::{again, now};

/// An event as it was sent once.
pub(super) struct Example {
    file: String,
    pub(super) json: String,
}

/// All of a subject, the oldest first.
pub(super) fn examples(subject: Subject) -> Vec<Example> {
    let name = folder(subject);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/wire").join(&name);
    let files = fs::read_dir(&folder).unwrap_or_else(|_| panic!("{subject} has no examples in {}", folder.display()));
    let mut examples: Vec<_> = files
        .map(|file| {
            let path = file.unwrap().path();
            let file = format!("{name}/{}", path.file_name().unwrap().display());
            Example { file, json: fs::read_to_string(path).unwrap().trim_end().to_owned() }
        })
        .collect();
    examples.sort_by(|one, other| one.file.cmp(&other.file));
    examples
}

fn folder(subject: Subject) -> String {
    subject.as_str().replace(':', "-")
}

#[test]
fn everything_that_was_ever_sent_is_read_and_nothing_of_it_is_lost() {
    for subject in Subject::ALL {
        for Example { file, json } in examples(subject) {
            let remedy = "streams contain such events, so it must stay readable: see events/compatible.rs";
            let again = again(subject, &json).unwrap_or_else(|error| panic!("{file} is not read: {error}\n{remedy}"));
            assert_eq!(again, json, "{file} is written back otherwise than it was sent\n{remedy}");
        }
    }
}

#[test]
fn every_field_is_in_an_example_and_every_optional_one_is_absent_from_another() {
    for (subject, schema) in now() {
        let examples = examples(subject);
        let said: Vec<Value> = examples.iter().map(|example| serde_json::from_str(&example.json).unwrap()).collect();
        for (path, Field { required, .. }) in fields(&schema).into_iter().filter(|(path, _)| path != ITSELF) {
            let pointer = format!("/{}", path.replace('.', "/"));
            let having = said.iter().filter(|said| said.pointer(&pointer).is_some()).count();
            let folder = folder(subject);
            assert!(
                having > 0,
                "no example of {subject} has `{path}`: add crates/events/tests/it/wire/{folder}/{}-{path}.json, one \
                 line as it is sent now, and leave the others as they are",
                examples.len() + 1
            );
            assert!(
                required || having < said.len(),
                "no example of {subject} is without `{path}`: add one to {folder}"
            );
        }
    }
}
