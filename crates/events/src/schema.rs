//! The events as JSON Schema, field by field.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

use crate::{
    Event, ExpirationComplete, OrderCancelled, OrderCreated, PaymentCreated, PaymentRefunded, Subject, TicketCreated,
    TicketUpdated,
};

/// The payload of every subject as a self-contained JSON Schema (draft 7, which AsyncAPI builds on).
pub fn schemas() -> [(Subject, Schema); Subject::ALL.len()] {
    [
        of::<TicketCreated>(),
        of::<TicketUpdated>(),
        of::<OrderCreated>(),
        of::<OrderCancelled>(),
        of::<ExpirationComplete>(),
        of::<PaymentCreated>(),
        of::<PaymentRefunded>(),
    ]
}

fn of<E: Event + JsonSchema>() -> (Subject, Schema) {
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.meta_schema = None;
        settings.inline_subschemas = true;
    });
    (E::SUBJECT, settings.into_generator().into_root_schema_for::<E>())
}
