//! An event: what has happened to an object, for a webhook.

use mongodb::bson::DateTime;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Entry, new_id, now};

/// What has happened to an object.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event {
    #[serde(rename = "_id")]
    pub(crate) id: String,
    #[serde(rename = "type")]
    kind: String,
    /// The object as it was then, as JSON.
    object: String,
    created: i64,
    is_delivered: bool,
    /// How often it was sent without success.
    pub(crate) attempts: u32,
    /// When it is sent next.
    next_at: DateTime,
}

impl Entry for Event {
    const COLLECTION: &'static str = "events";
    const NAME: &'static str = "event";

    fn id(&self) -> &str {
        &self.id
    }
}

impl Event {
    pub(crate) fn new(kind: &str, object: &Value) -> Self {
        Self {
            id: new_id("evt"),
            kind: kind.to_owned(),
            object: object.to_string(),
            created: now(),
            is_delivered: false,
            attempts: 0,
            next_at: DateTime::now(),
        }
    }

    pub(crate) fn shown(&self) -> Value {
        let object: Value = serde_json::from_str(&self.object).unwrap_or_default();
        json!({
            "id": self.id,
            "object": "event",
            "api_version": crate::app::API_VERSION,
            "created": self.created,
            "data": { "object": object },
            "livemode": false,
            "pending_webhooks": u8::from(!self.is_delivered),
            "request": { "id": null, "idempotency_key": null },
            "type": self.kind,
        })
    }
}
