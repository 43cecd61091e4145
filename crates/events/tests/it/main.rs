//! The events on the wire.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod compatible;
mod examples;

use events::{
    Event, ExpirationComplete, OrderCancelled, OrderCreated, PaymentCreated, PaymentRefunded, Subject, TicketCreated,
    TicketUpdated, schemas,
};
use serde_json::{Error, Value};

/// What is written once it was read.
fn again(subject: Subject, json: &str) -> Result<String, Error> {
    fn again<E: Event>(json: &str) -> Result<String, Error> {
        serde_json::to_string(&serde_json::from_str::<E>(json)?)
    }
    match subject {
        Subject::TicketCreated => again::<TicketCreated>(json),
        Subject::TicketUpdated => again::<TicketUpdated>(json),
        Subject::OrderCreated => again::<OrderCreated>(json),
        Subject::OrderCancelled => again::<OrderCancelled>(json),
        Subject::ExpirationComplete => again::<ExpirationComplete>(json),
        Subject::PaymentCreated => again::<PaymentCreated>(json),
        Subject::PaymentRefunded => again::<PaymentRefunded>(json),
    }
}

/// What each subject carries now.
fn now() -> impl Iterator<Item = (Subject, Value)> {
    schemas().into_iter().map(|(subject, schema)| (subject, schema.into()))
}

#[test]
fn there_is_a_schema_for_every_subject() {
    assert!(now().map(|(subject, _)| subject).eq(Subject::ALL));
}

#[test]
fn an_invalid_id_is_refused_with_the_reason() {
    for id in [r#""123""#, r#"{"$ne":null}"#, r#""507F1F77BCF86CD799439011""#, "12"] {
        let error = serde_json::from_str::<ExpirationComplete>(&format!(r#"{{"orderId":{id}}}"#)).unwrap_err();
        assert!(error.is_data(), "{error}");
    }
}

#[test]
fn a_subject_is_read_back_and_an_unknown_one_names_those_there_are() {
    for subject in Subject::ALL {
        assert_eq!(subject.as_str().parse(), Ok(subject));
    }
    let error = "ticket:*".parse::<Subject>().unwrap_err().to_string();
    assert!(error.starts_with("\"ticket:*\" is not a subject of this system; they are ticket:created, "), "{error}");
}
