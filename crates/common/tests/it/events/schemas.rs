//! The schema of an event takes what the program takes.

use common::events::Subject;
use serde_json::{Value, json};

use super::examples::examples;
use super::{again, now};

/// Good for some fields, and not for others. (What JSON Schema can't tell apart or the schema says in words only is not
/// among them: 1.0 from 1, and prices with three decimals.)
fn odd() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!({}),
        json!(""),
        json!("concert"),
        json!("507f1f77bcf86cd799439011"),
        json!("507F1F77BCF86CD799439011"),
        json!("507f1f77bcf86cd7994390111"),
        json!("awaiting:payment"),
        json!("2026-11-21"),
        json!("2026-11-21T04:00:00Z"),
        json!("2026-11-21T04:00:00.120+02:00"),
        json!("2026-13-21T04:00:00Z"),
        json!(-1),
        json!(0),
        json!(0.01),
        json!(19.5),
        json!(20),
        json!(999_999.99),
        json!(1_000_000),
    ]
}

/// The places of everything inside it.
fn places(value: &Value) -> Vec<String> {
    let of_field = |(name, inside): (&String, &Value)| {
        let deeper = places(inside).into_iter().map(move |place| format!("/{name}{place}"));
        [format!("/{name}")].into_iter().chain(deeper).collect::<Vec<_>>()
    };
    value.as_object().into_iter().flatten().flat_map(of_field).collect()
}

/// The same with each thing inside it removed, or replaced by something odd.
fn altered(event: &Value) -> Vec<Value> {
    let mut all = vec![event.clone()];
    for place in places(event) {
        let (parent, name) = place.rsplit_once('/').unwrap();
        let mut without = event.clone();
        without.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        all.push(without);
        all.extend(odd().into_iter().map(|odd| {
            let mut other = event.clone();
            *other.pointer_mut(&place).unwrap() = odd;
            other
        }));
    }
    let mut more = event.clone();
    more["unheardOf"] = json!(1); // which a later version may say
    all.push(more);
    all
}

#[test]
fn the_schemas_take_what_the_program_takes_and_nothing_else() {
    for (subject, schema) in now() {
        let schema = jsonschema::draft7::options().should_validate_formats(true).build(&schema).unwrap();
        for example in examples(subject) {
            for said in altered(&serde_json::from_str(&example.json).unwrap()) {
                let read = again(subject, &said.to_string());
                assert_eq!(schema.is_valid(&said), read.is_ok(), "{subject}: {said}: {read:?}");
            }
        }
    }
}

#[test]
fn there_is_a_schema_for_every_subject() {
    assert!(now().map(|(subject, _)| subject).eq(Subject::ALL));
}
