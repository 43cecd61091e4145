//! The events on the wire: stored examples, byte for byte.

use common::events::{
    Event, ExpirationComplete, OrderCancelled, OrderCreated, PaymentCreated, Subject, TicketCreated, TicketUpdated,
};

fn reads_and_writes<E: Event>(subject: &str, json: &str) {
    assert_eq!(E::SUBJECT.as_str(), subject);
    let event: E = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&event).unwrap(), json.trim_end());
}

#[test]
fn every_event_reads_and_writes_what_the_course_sends() {
    reads_and_writes::<TicketCreated>("ticket:created", include_str!("wire/ticket-created.json"));
    reads_and_writes::<TicketUpdated>("ticket:updated", include_str!("wire/ticket-updated.json"));
    reads_and_writes::<OrderCreated>("order:created", include_str!("wire/order-created.json"));
    reads_and_writes::<OrderCancelled>("order:cancelled", include_str!("wire/order-cancelled.json"));
    reads_and_writes::<ExpirationComplete>("expiration:complete", include_str!("wire/expiration-complete.json"));
    reads_and_writes::<PaymentCreated>("payment:created", include_str!("wire/payment-created.json"));
}

#[test]
fn a_free_ticket_has_no_order_id_on_the_wire() {
    let mut event: TicketUpdated = serde_json::from_str(include_str!("wire/ticket-updated.json")).unwrap();
    event.order_id = None;
    assert!(!serde_json::to_string(&event).unwrap().contains("orderId"));
}

#[test]
fn an_id_that_is_none_is_refused_with_the_reason() {
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
