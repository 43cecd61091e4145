//! The books of the bank at the end of a run: where the money is.

use std::collections::BTreeMap;

use mongodb::bson::Document;
use store::Store;

use crate::documents::{all, number, text};

/// What the bank knows of an order: an intent with its charges and their refunds.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) cents: i64,
    pub(crate) status: String,
    /// Those that succeeded and those that were declined.
    pub(crate) charges: Vec<Charge>,
    pub(crate) refunds: Vec<Refund>,
}

#[derive(Clone, Debug)]
pub(crate) struct Charge {
    pub(crate) cents: i64,
    pub(crate) is_paid: bool,
    pub(crate) refunded_cents: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Refund {
    pub(crate) cents: i64,
    pub(crate) status: String,
}

/// The intents of each order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Books(pub(crate) BTreeMap<String, Vec<Intent>>);

impl Books {
    pub(crate) async fn read(bank: &Store) -> Self {
        let mut charges = by_intent(&all(bank, "charges").await, |charge| Charge {
            cents: number(charge, "amount"),
            is_paid: charge.get_bool("isPaid").unwrap(),
            refunded_cents: number(charge, "amountRefunded"),
        });
        let mut refunds = by_intent(&all(bank, "refunds").await, |refund| Refund {
            cents: number(refund, "amount"),
            status: text(refund, "status"),
        });
        let mut of_orders: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for intent in all(bank, "intents").await {
            let (id, order) = (text(&intent, "_id"), text(intent.get_document("metadata").unwrap(), "order_id"));
            let (charges, refunds) = (charges.remove(&id).unwrap_or_default(), refunds.remove(&id).unwrap_or_default());
            let (cents, status) = (number(&intent, "amount"), text(&intent, "status"));
            of_orders.entry(order).or_default().push(Intent { cents, status, charges, refunds });
        }
        Self(of_orders)
    }

    /// The intents of an order.
    pub(crate) fn of(&self, order: &str) -> &[Intent] {
        self.0.get(order).map(Vec::as_slice).unwrap_or_default()
    }

    /// What was charged and not refunded, in cents.
    pub(crate) fn balance(&self) -> i64 {
        let charges = self.0.values().flatten().flat_map(|intent| &intent.charges).filter(|charge| charge.is_paid);
        charges.map(|charge| charge.cents - charge.refunded_cents).sum()
    }
}

impl Intent {
    pub(crate) fn has_succeeded(&self) -> bool {
        self.status == "succeeded"
    }
}

fn by_intent<T>(documents: &[Document], of: impl Fn(&Document) -> T) -> BTreeMap<String, Vec<T>> {
    let mut by_intent: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for document in documents {
        by_intent.entry(text(document, "paymentIntent")).or_default().push(of(document));
    }
    by_intent
}
