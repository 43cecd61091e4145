//! A payment method: a card.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Entry, new_id, now};
use crate::cards::{Behaviour, Card};

/// A card that can be charged.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Method {
    #[serde(rename = "_id")]
    pub(crate) id: String,
    brand: String,
    last4: String,
    pub(crate) behaviour: Behaviour,
    created: i64,
    metadata: BTreeMap<String, String>,
}

impl Entry for Method {
    const COLLECTION: &'static str = "methods";
    const NAME: &'static str = "payment_method";

    fn id(&self) -> &str {
        &self.id
    }
}

impl Method {
    pub(crate) fn new(card: Card, metadata: BTreeMap<String, String>) -> Self {
        Self {
            id: new_id("pm"),
            brand: card.brand.to_owned(),
            last4: card.last4.to_owned(),
            behaviour: card.behaviour,
            created: now(),
            metadata,
        }
    }

    pub(crate) fn shown(&self) -> Value {
        json!({
            "id": self.id,
            "object": "payment_method",
            "billing_details": { "address": null, "email": null, "name": null, "phone": null },
            "card": {
                "brand": self.brand,
                "country": "US",
                "exp_month": 12,
                "exp_year": 2034,
                "funding": "credit",
                "last4": self.last4,
            },
            "created": self.created,
            "customer": null,
            "livemode": false,
            "metadata": self.metadata,
            "type": "card",
        })
    }
}
