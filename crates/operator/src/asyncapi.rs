//! The bus as an [AsyncAPI](https://www.asyncapi.com/docs/reference/specification/v3.0.0) document.

use bus::EVENT_ID;
use common::Declaration;
use events::{Subject, schemas};
use serde_json::{Map, Value, json};
use telemetry::{CORRELATION_ID, TRACEPARENT};

use crate::services::{listeners, publishers};

/// The name of the headers' schema.
const HEADERS: &str = "Headers";

/// One channel and one message for each event, and one operation for each service that sends or receives it.
pub(crate) fn document(services: &[Declaration]) -> Value {
    let (mut channels, mut operations) = (Map::new(), Map::new());
    let (mut messages, mut payloads) = (Map::new(), Map::new());
    for (subject, payload) in schemas() {
        let payload = Value::from(payload);
        let name = payload["title"].as_str().unwrap_or(subject.as_str()).to_owned();
        channels.insert(name.clone(), channel(subject, &name));
        messages.insert(name.clone(), message(&payload["description"], &name));
        payloads.insert(name.clone(), payload);
        for service in publishers(services, subject) {
            operations.insert(format!("{service}.send.{name}"), send(service, &name));
        }
        for listening in listeners(services, subject) {
            let operation = receive(listening.service, listening.queue_group, &name);
            operations.insert(format!("{}.receive.{name}", listening.service), operation);
        }
    }
    payloads.insert(HEADERS.to_owned(), headers());
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Ticketing",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The events that the services of the ticketing system exchange. A service publishes an \
                event after it has committed the change that the event reports. An event may be delivered more than \
                once, and before an earlier event of the same record: recognise repeated events by the header \
                `Event-Id`, and apply the events of a ticket or an order in the order of `version`. A later release \
                may add optional fields to an event: ignore fields that you do not know.",
        },
        "defaultContentType": "application/json",
        "servers": { "nats": server() },
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages, "schemas": payloads },
    })
}

fn server() -> Value {
    json!({
        "host": "{host}",
        "protocol": "nats",
        "description": "A NATS server, version 2.12 or newer, with JetStream. All addresses are subjects of one stream, \
            which is named after the cluster id (the setting NATS_CLUSTER_ID, for example `ticketing`). Each queue \
            group has a durable pull consumer for each subject that it listens to, and acknowledges an event after it \
            has handled it. An event that a queue group can't handle is moved to a second stream, the dead letters.",
        "variables": {
            "host": {
                "description": "The host and port of the server, as in the setting NATS_URL.",
                "default": "127.0.0.1:4222",
            },
        },
    })
}

fn channel(subject: Subject, name: &str) -> Value {
    json!({
        "address": subject.as_str(),
        "messages": { name: { "$ref": format!("#/components/messages/{name}") } },
    })
}

fn message(summary: &Value, name: &str) -> Value {
    json!({
        "name": name,
        "summary": summary,
        "headers": { "$ref": format!("#/components/schemas/{HEADERS}") },
        "correlationId": { "location": format!("$message.header#/{CORRELATION_ID}") },
        "payload": { "$ref": format!("#/components/schemas/{name}") },
    })
}

fn send(service: &str, name: &str) -> Value {
    json!({
        "action": "send",
        "channel": { "$ref": format!("#/channels/{name}") },
        "messages": [{ "$ref": format!("#/channels/{name}/messages/{name}") }],
        "tags": [{ "name": service }],
    })
}

fn receive(service: &str, queue_group: &str, name: &str) -> Value {
    json!({
        "action": "receive",
        "channel": { "$ref": format!("#/channels/{name}") },
        "messages": [{ "$ref": format!("#/channels/{name}/messages/{name}") }],
        "tags": [{ "name": service }],
        "bindings": { "nats": { "queue": queue_group, "bindingVersion": "0.1.0" } },
    })
}

fn headers() -> Value {
    json!({
        "type": "object",
        "properties": {
            EVENT_ID: {
                "type": "string",
                "description": "The id of the event. It stays the same when the event is published or delivered again, so a \
                    listener recognises the events that it has handled.",
            },
            TRACEPARENT: {
                "type": "string",
                "description": "The W3C trace context of the step that published the event. Without this header, the listener \
                    begins a new trace.",
            },
            CORRELATION_ID: {
                "type": "string",
                "description": "The correlation id of the request that led to the event, as its caller sent it. Without this \
                    header, the trace id takes its place.",
            },
        },
        "required": [EVENT_ID],
    })
}
