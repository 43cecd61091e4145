//! All payments.

use std::sync::Arc;

use anyhow::Context;
use common::events::{OrderId, PaymentCreated, PaymentRefunded};
use common::{Outbox, Store, Tx};
use mongodb::bson::{Bson, DateTime, Document, RawDocumentBuf, deserialize_from_document, doc, serialize_to_bson};
use mongodb::error::Error;
use mongodb::options::{IndexOptions, ReturnDocument};
use mongodb::{Collection, IndexModel};
use store::{Projection, in_time, is_duplicate, save};
use tokio::sync::Notify;

use super::Order;
use super::payment::{LEASE, Payment, Settled, State, after};

const PAYMENTS: &str = "payments";

/// Nobody knows then whether the order is cancelled, so nothing is decided until a replay has rebuilt the copy.
pub(crate) const NO_COPY: &str = "the copy of the order is missing: rebuild it with a replay";

/// All payments. Cloning it is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Payments {
    store: Store,
    records: Collection<Payment>,
    orders: Projection<Order>,
    created: Outbox<PaymentCreated>,
    refunded: Outbox<PaymentRefunded>,
    /// Somebody has learned that a payment is due.
    woken: Arc<Notify>,
}

/// A payment that was to be taken.
#[derive(Debug)]
pub(crate) enum Taken {
    /// It belongs to the caller until the end of the lease.
    Payment(Box<Payment>),
    /// Its document is not readable, which is reported.
    Unreadable,
    /// None is due.
    Nothing,
}

impl Payments {
    /// The payments in the service's own database.
    pub(crate) fn of(
        store: &Store,
        orders: &Projection<Order>,
        (created, refunded): (Outbox<PaymentCreated>, Outbox<PaymentRefunded>),
    ) -> Self {
        let (store, records, orders) = (store.clone(), store.collection(PAYMENTS), orders.clone());
        Self { store, records, orders, created, refunded, woken: Arc::default() }
    }

    /// Creates the index that allows one payment for an order, and those that find what is due and what the provider reports.
    pub(crate) async fn create_indexes(&self) -> Result<(), anyhow::Error> {
        let unique = IndexOptions::builder().unique(true).build();
        for index in [
            IndexModel::builder().keys(doc! { "orderId": 1 }).options(unique).build(),
            IndexModel::builder().keys(doc! { "state": 1, "dueAt": 1 }).build(),
            IndexModel::builder().keys(doc! { "intent": 1 }).build(),
        ] {
            self.store.ensure_index(PAYMENTS, index).await?;
        }
        Ok(())
    }

    pub(crate) async fn find(&self, order: OrderId) -> Result<Option<Payment>, Error> {
        in_time(self.records.find_one(of(order))).await
    }

    pub(crate) async fn find_in(&self, tx: &mut Tx, order: OrderId) -> Result<Option<Payment>, Error> {
        self.records.find_one(of(order)).session(tx).await
    }

    /// Saves an attempt that begins: the first one is a new payment.
    pub(crate) async fn save_begun(&self, tx: &mut Tx, payment: &Payment) -> Result<(), anyhow::Error> {
        if !payment.is_repeated() {
            self.records.insert_one(payment).session(tx).await?;
            return Ok(());
        }
        Ok(save(&self.records, payment, tx).await??)
    }

    /// Saves what the payment was changed to, unless somebody else has changed it; the answer is whether it was saved.
    pub(crate) async fn save(&self, payment: &Payment) -> Result<bool, Error> {
        let (records, payment) = (self.records.clone(), payment.clone());
        let work = async move |tx: &mut Tx| Ok::<_, Error>(save(&records, &payment, tx).await?.is_ok());
        self.store.transaction(work).await
    }

    /// Saves how an attempt has ended, with the event that reports it, and returns the payment as it is now: somebody else
    /// may have been faster. If they have ended it without a charge and there is one, the provider is asked again.
    pub(crate) async fn settle(&self, payment: &Payment, outcome: Settled) -> Result<Payment, anyhow::Error> {
        let is_charged = matches!(outcome, Settled::Charged(_));
        let (this, begun) = (self.clone(), payment.clone());
        let work = async move |tx: &mut Tx| {
            // A cancellation that is committed at the same time would find nothing to refund.
            let order = this.orders.find_for_update(tx, begun.order()).await?.context(NO_COPY)?;
            let is_cancelled = order.is_cancelled();
            let (settled, event) = begun.clone().settled(outcome.clone(), is_cancelled);
            if save(&this.records, &settled, tx).await?.is_err() {
                return Ok::<_, anyhow::Error>(None);
            }
            if let Some(event) = event {
                this.created.record(tx, &event).await?;
            }
            Ok(Some(settled))
        };
        let settled = self.store.transaction(work).await?;
        let mut current = self.or_current(payment, settled).await?;
        if is_charged && matches!(current.state(), State::Declined | State::Closed) {
            current = self.doubt(current).await?;
        }
        self.woken.notify_waiters();
        Ok(current)
    }

    /// Saves that the money went back, with the event that reports it.
    pub(crate) async fn save_refunded(&self, payment: &Payment, refund: &str) -> Result<(), anyhow::Error> {
        let (this, payment, refund) = (self.clone(), payment.clone(), refund.to_owned());
        let work = async move |tx: &mut Tx| {
            let (refunded, event) = payment.clone().refunded(&refund);
            if save(&this.records, &refunded, tx).await?.is_ok() {
                this.refunded.record(tx, &event).await?;
            }
            Ok::<_, anyhow::Error>(())
        };
        self.store.transaction(work).await
    }

    /// The order of a payment was cancelled.
    pub(crate) async fn order_cancelled(&self, tx: &mut Tx, order: OrderId) -> Result<(), anyhow::Error> {
        let changed = self.find_in(tx, order).await?.and_then(Payment::order_cancelled);
        if let Some(payment) = changed {
            save(&self.records, &payment, tx).await??;
        }
        Ok(())
    }

    /// Takes the most overdue payment of the provider that is in a state: nobody else takes it before the lease is over.
    pub(crate) async fn take(&self, state: State, provider: &str) -> Result<Taken, anyhow::Error> {
        let due = doc! { "state": text_of(state)?, "provider": provider, "dueAt": { "$lte": DateTime::now() } };
        // `$inc` fails for a version that is not a number, and nothing but that payment would be looked at any more.
        let next = doc! { "$cond": [{ "$isNumber": "$version" }, { "$add": ["$version", 1_i64] }, "$version"] };
        let lease = vec![doc! { "$set": { "dueAt": after(LEASE), "isLeased": true, "version": next } }];
        let records = self.records.clone_with_type::<Document>();
        let taken = records.find_one_and_update(due, lease).sort(doc! { "dueAt": 1 });
        let Some(document) = in_time(taken.return_document(ReturnDocument::After)).await? else {
            return Ok(Taken::Nothing);
        };
        let id = document.get("_id").cloned().unwrap_or(Bson::Null);
        Ok(match deserialize_from_document(document) {
            Ok(payment) => Taken::Payment(Box::new(payment)),
            Err(error) => {
                self.store.report_unreadable(PAYMENTS, &id, &error);
                Taken::Unreadable
            }
        })
    }

    /// Somebody says that something has happened to an intent: its payment is looked at now, unless somebody has it.
    ///
    /// If the intent is said to have succeeded, and the payment is one of which nothing was charged, that is looked at too.
    pub(crate) async fn hint(&self, intent: &str, has_succeeded: bool) -> Result<(), anyhow::Error> {
        let open = Bson::Array(vec![text_of(State::Begun)?, text_of(State::RefundDue)?]);
        let waiting = doc! { "intent": intent, "state": { "$in": open }, "isLeased": false };
        in_time(self.records.update_one(waiting, doc! { "$set": { "dueAt": DateTime::now() } })).await?;
        if has_succeeded
            && let Some(payment) = self.find_by_intent(intent).await?
            && matches!(payment.state(), State::Declined | State::Closed)
        {
            self.doubt(payment).await?;
        }
        self.woken.notify_waiters();
        Ok(())
    }

    /// Waits until somebody has learned that a payment is due.
    pub(crate) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// The payment that an intent belongs to. One that is not readable is reported, and not found.
    pub(crate) async fn find_by_intent(&self, intent: &str) -> Result<Option<Payment>, Error> {
        let records = self.records.clone_with_type::<RawDocumentBuf>();
        let found = in_time(records.find(doc! { "intent": intent }).limit(1)).await?;
        Ok(self.store.read(PAYMENTS, found, 1).await?.pop())
    }

    /// The next payments in the order of their ids, at most this many of those after an id and in one of the states. One that is
    /// not readable is reported.
    pub(crate) async fn page(
        &self,
        after: Option<&str>,
        state: Option<State>,
        limit: usize,
    ) -> Result<Vec<Payment>, anyhow::Error> {
        let mut filter = Document::new();
        if let Some(state) = state {
            filter.insert("state", text_of(state)?);
        }
        Ok(self
            .store
            .read_page(PAYMENTS, filter, store::Direction::OldestFirst, after.map(str::to_owned), limit)
            .await?)
    }

    /// Adds the payment of an order that the provider has charged, unless the order has one; the answer is whether it was added.
    pub(crate) async fn adopt(&self, payment: &Payment) -> Result<bool, Error> {
        match in_time(self.records.insert_one(payment)).await {
            Ok(_) => Ok(true),
            Err(error) if is_duplicate(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The provider says that a payment was charged of which nothing was charged as far as is known here.
    async fn doubt(&self, payment: Payment) -> Result<Payment, Error> {
        tracing::warn!(order_id = %payment.order(), "the provider reports a payment that was said to have failed");
        let doubted = payment.doubted();
        self.save(&doubted).await?;
        Ok(doubted)
    }

    async fn or_current(&self, payment: &Payment, saved: Option<Payment>) -> Result<Payment, anyhow::Error> {
        match saved {
            Some(saved) => Ok(saved),
            None => Ok(self.find(payment.order()).await?.unwrap_or_else(|| payment.clone())),
        }
    }
}

fn of(order: OrderId) -> Document {
    doc! { "orderId": order.to_string() }
}

fn text_of(state: State) -> Result<Bson, anyhow::Error> {
    Ok(serialize_to_bson(&state)?)
}
