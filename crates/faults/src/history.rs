//! The history of a run: every operation that was acknowledged to a client of the workload.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use time::OffsetDateTime;

/// An acknowledged operation. An operation without an answer may have taken effect or not, so it is not recorded.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    SignedUp { email: String },
    TicketCreated { ticket: String },
    PriceChanged { ticket: String, price: u64 },
    OrderCreated { order: String, ticket: String },
    OrderCancelled { order: String },
    OrderPaid { order: String },
}

/// An operation, and when the client received its acknowledgement.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) at: OffsetDateTime,
    pub(crate) operation: Operation,
}

/// The history while the workload runs, shared by its clients.
#[derive(Clone, Debug, Default)]
pub(crate) struct History(Arc<Mutex<Vec<Entry>>>);

impl History {
    pub(crate) fn record(&self, operation: Operation) {
        let entry = Entry { at: OffsetDateTime::now_utc(), operation };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }

    /// All entries so far, in the order of their times.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The number of operations of each kind, as one line.
pub(crate) fn summary(history: &[Entry]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in history {
        let kind = match entry.operation {
            Operation::SignedUp { .. } => "sign-ups",
            Operation::TicketCreated { .. } => "tickets",
            Operation::PriceChanged { .. } => "price changes",
            Operation::OrderCreated { .. } => "orders",
            Operation::OrderCancelled { .. } => "cancellations",
            Operation::OrderPaid { .. } => "payments",
        };
        *counts.entry(kind).or_default() += 1;
    }
    counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect::<Vec<_>>().join(", ")
}
